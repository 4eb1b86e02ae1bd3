"""Sequential as a container: composition, shapes, nesting, what it shows of itself."""

import copy
import pickle
import threading

import numpy as np
import pytest

from tinyframe import Dense, Flatten, Layer, ReLU, Rescale, Sequential, Softmax


def network():
    return Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()])


def test_it_is_a_sequence_of_layers():
    model = network()
    assert len(model) == 4
    assert [type(layer) for layer in model] == [Dense, ReLU, Dense, Softmax]
    assert model[-1] is model.layers[3]
    with pytest.raises(IndexError):
        model[4]


def test_a_slice_is_a_model_of_the_same_layers(rng):
    model = network()
    x = rng.random((3, 784))
    hidden = model[:2].predict(x)
    assert hidden.shape == (3, 10)
    assert (hidden >= 0).all()
    np.testing.assert_allclose(model[2:].predict(hidden), model.predict(x), rtol=1e-6)


def test_shapes_are_known_at_construction_where_the_first_layer_knows_its_input():
    assert (network().input_shape, network().output_shape) == ((784,), (10,))
    assert Sequential([Dense(10)]).input_shape is None


def test_a_lone_or_nested_model_gives_the_same(rng):
    inner = [Dense(5, 4), ReLU()]
    model = Sequential([Sequential(inner), Dense(4, 2)])
    x = rng.random((3, 5), np.float32)
    assert model.forward(x).shape == (3, 2)
    assert [type(layer) for layer in model._chain()] == [Dense, ReLU, Dense]


def test_widths_that_do_not_fit_are_refused_at_construction():
    with pytest.raises(
        ValueError, match=r"Dense\(20, 5\) expected \(batch, 20\), got \(batch, 10\)"
    ):
        Sequential([Dense(784, 10), ReLU(), Dense(20, 5)])


def test_a_failed_build_leaves_no_trace():
    first = Dense(10)
    model = Sequential([Flatten(), first, Dense(20, 5)])
    with pytest.raises(ValueError, match="Dense"):
        model.forward(np.zeros((2, 4, 4), np.float32))
    assert first.input_shape is None
    assert first.parameters == ()
    assert model.input_shape is None
    assert [layer.input_shape for layer in model] == [None, None, (20,)]


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([], ValueError, "at least one layer"),
        ([Dense(2), ReLU], TypeError, r"got the class ReLU at 1; make one: ReLU\(\)"),
        ([Dense(2), "relu"], TypeError, "expected layers, got 'relu' at 1"),
        ([Dense(2), np.tanh], TypeError, "expected layers"),
        (ReLU, TypeError, r"got the class ReLU at 0; make one: ReLU\(\)"),
        ("relu", TypeError, "expected layers, got 'relu' at 0"),
        ([None], TypeError, "expected layers, got None at 0"),
    ],
)
def test_only_layers_are_taken(layers, error, message):
    with pytest.raises(error, match=message):
        Sequential(layers)


def test_a_model_is_no_layer_of_itself():
    model = Sequential([Dense(3)])
    assert repr(Sequential()) == "Sequential()"
    with pytest.raises(ValueError, match="add expected another layer, got one that this model is"):
        model.add(model)
    with pytest.raises(ValueError, match="got one that is a layer of another"):
        model.add(Sequential([model]))


def test_a_layer_used_twice_is_refused_also_across_nested_models():
    layer = Dense(3, 3)
    for layers in ([layer, layer], [layer, Sequential([layer])]):
        with pytest.raises(ValueError, match=r"each layer once, got Dense\(3, 3\) twice; make two"):
            Sequential(layers)


def test_repr_is_a_tree():
    model = Sequential([Flatten(), Sequential([Dense(4, 3), ReLU()])], dtype=np.float64)
    assert repr(model) == (
        "Sequential([\n"
        "    Flatten(),\n"
        "    Sequential([\n"
        "        Dense(4, 3),\n"
        "        ReLU(),\n"
        "    ]),\n"
        "], dtype=float64)"
    )


def test_summary_counts():
    text = network().summary()
    assert "0: Dense(784, 10)  (batch, 10)        7,850          7,840" in text
    assert text.splitlines()[-2].split() == ["total", "7,960", "7,940"]
    assert text.endswith("float32: 31.8 kB of parameters, 160 B of outputs a row")
    nested = Sequential([Sequential([Dense(3, 2), ReLU()]), Dense(1)]).summary()
    assert "  0: Dense(3, 2)" in nested
    assert nested.splitlines()[-2].split() == ["total", "11", "8"]


def test_summary_before_the_shapes_are_known():
    text = Sequential([Flatten(), Dense(10)]).summary()
    assert "?" in text
    assert "known after build" in text


def test_predict_returns_a_fresh_row_major_array(rng):
    x = rng.random((5, 3)).astype(np.float32)
    model = Sequential([Rescale(1.0), Flatten()])
    model.build(3)
    prediction = model.predict(x)
    assert prediction.flags.c_contiguous
    assert prediction.flags.owndata
    assert not np.shares_memory(prediction, x)


def test_predict_walks_large_inputs_in_blocks(rng):
    model = Sequential([Dense(4, 3), Softmax()])
    x = rng.random((3000, 4))
    np.testing.assert_allclose(
        model.predict(x), np.concatenate([model.predict(row[None]) for row in x]), rtol=1e-5
    )


def test_predict_takes_one_row_lists_and_integers():
    model = Sequential([Dense(3, 2)])
    assert model.predict([[1, 2, 3]]).shape == (1, 2)
    np.testing.assert_allclose(
        model.predict(np.array([[1, 2, 3]], np.uint8)), model.predict([[1.0, 2.0, 3.0]])
    )


def test_predict_on_an_unbuilt_model_says_what_to_do():
    for call in (lambda m: m.predict([[1.0, 2.0]]), lambda m: m.evaluate([[1.0]], [0])):
        model = Sequential([ReLU(), Dense(10)])
        with pytest.raises(ValueError, match=r"not built.*fit or build\(input_shape\)"):
            call(model)
        assert model.input_shape is None


def test_inference_changes_nothing(rng):
    model = network()
    x = rng.random((4, 784))
    model.predict(x)
    before = pickle.dumps(model)
    model.predict(x[:2])
    model.evaluate(x, [0, 1, 2, 3])
    assert pickle.dumps(model) == before


def test_threads_predict_the_same_bits(rng):
    model, x = network(), rng.random((64, 784))
    expected = model.predict(x)
    wrong = []

    def work():
        wrong.extend(
            i for i in range(64) if not np.array_equal(model.predict(x[i : i + 1]), one[i])
        )

    one = [model.predict(x[i : i + 1]) for i in range(64)]
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    np.testing.assert_array_equal(model.predict(x), expected)


def test_a_copy_predicts_the_same_and_trains_apart(rng):
    model = network()
    x, y = rng.random((20, 784)), rng.integers(0, 10, 20)
    other = copy.deepcopy(model.fit(x, y, epochs=1, verbose=False))
    before = model.predict(x)
    np.testing.assert_array_equal(other.predict(x), before)
    other.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_array_equal(model.predict(x), before)


def test_a_subclass_with_a_forward_of_its_own_trains_as_it_predicts(rng):
    class Skip(Sequential):
        def forward(self, x, training=False):
            return x + super().forward(x, training)

        def backward(self, dy):
            return dy + super().backward(dy)

    x = rng.standard_normal((30, 4))
    for model in (Skip([Dense(4, 4)]), Sequential([Skip([Dense(4, 4)])])):
        model.fit(x, 2 * x, epochs=100, rng=0, verbose=False)
        loss = np.sum((model.predict(x) - 2 * x) ** 2) / len(x)
        assert model.evaluate(x, 2 * x)["loss"] == pytest.approx(loss, rel=1e-2)
        assert model.history["loss"][-1] < model.history["loss"][0] / 100


def test_a_layer_that_breaks_its_promise_in_fit_is_named():
    class Half(Layer):
        def forward(self, x, training=False):
            return x[:, ::2]

        def backward(self, dy):
            return np.repeat(dy, 2, axis=1)

    model = Sequential([Dense(3, 4), Half(), Dense(4, 1)])
    with pytest.raises(
        ValueError, match=r"Half\(\) promised outputs of shape \(4,\).* returned \(2,\)"
    ):
        model.fit(np.ones((3, 3)), np.ones(3), verbose=False)


def test_build_and_fit_draw_the_same_weights_from_the_same_seed():
    x, y = np.ones((4, 3)), np.ones((4, 2))
    one, two = (Sequential([Dense(3), ReLU(), Dense(2)]) for _ in range(2))
    one.build(3, rng=0)
    one.fit(x, y, rng=0, epochs=1, verbose=False)
    two.fit(x, y, rng=0, epochs=1, verbose=False)
    np.testing.assert_array_equal(one[0].weight.value, two[0].weight.value)


def test_a_layer_of_ones_own_with_forward_and_backward_alone():
    class Double(Layer):
        def forward(self, x, training=False):
            return 2 * x

        def backward(self, dy):
            return 2 * dy

    model = Sequential([Dense(3, 2), Double()])
    assert repr(model[1]) == "Double()"
    assert model.predict([[1, 2, 3]]).shape == (1, 2)
