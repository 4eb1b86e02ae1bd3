"""Predictions of few rows are replayed, with the bits of a plain forward pass, thread by thread."""

import copy
import pickle
import threading

import numpy as np
import pytest
from cases import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
from own_layers import OWN

from tinyframe import (
    BatchNorm,
    CrossEntropyLoss,
    Dense,
    Layer,
    LeakyReLU,
    MSELoss,
    ReLU,
    Sequential,
    Softmax,
    Tanh,
)
from tinyframe.data.source import BLOCK
from tinyframe.recording.inference import ROWS, RecordedForward, rows_at_once


def network():
    model = Sequential([Dense(6, 5), BatchNorm(), ReLU(), Dense(5, 3), Softmax()])
    model.build(6, rng=0)
    return model


def assert_predicts_as_it_should(model, shape, dtype=np.float32):
    rng = np.random.default_rng(0)
    at_once = rows_at_once(model._chain())
    for rows in (1, 3, 1, 3, 1, 3, 1, 3, 3, 1, 1, ROWS + 1, 2 * ROWS, 2 * ROWS + 3, at_once + 3):
        x = rng.standard_normal((rows, *shape)).astype(dtype)
        found = model.predict(x)
        (free,) = model._inference.values()  # a pass for each thread
        step = BLOCK if free[0]._plain else at_once
        parts = [model.forward(x[start : start + step]) for start in range(0, rows, step)]
        assert found.tobytes() == np.concatenate(parts).tobytes()


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=8)
@given(data=st.data())
def test_every_layer_predicts_the_bits_of_its_forward_pass(name, data):
    layers, shapes = LAYERS[name]
    shape = data.draw(shapes)
    model = Sequential([copy.deepcopy(data.draw(layers))])
    model.build(shape, rng=0)
    assert_predicts_as_it_should(model, shape)


@pytest.mark.parametrize("own", [kind for kind in OWN if "Counts" not in kind.__name__])
def test_own_layers_predict_alike(own):
    model = Sequential([Dense(6, 5), own(), Tanh()])
    model.build(6, rng=0)
    assert_predicts_as_it_should(model, (6,))


class Centres(Layer):
    mixes_rows = True

    def forward(self, x, training=False):
        return x - np.mean(x, axis=0)

    def backward(self, dy):
        return dy - np.mean(dy, axis=0)


def test_layers_that_mix_rows_get_all_of_them(rng):
    model = Sequential([Dense(6, 3), Centres()])
    x = rng.standard_normal((3 * ROWS, 6)).astype(np.float32)
    for _ in range(4):
        np.testing.assert_array_equal(model.predict(x), model.forward(x))
    loss = model.evaluate(x, np.zeros((len(x), 3)))["loss"]
    assert loss == pytest.approx(np.square(model.forward(x)).sum(axis=1).mean(), rel=1e-5)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), MSELoss()])
def test_evaluation_is_that_of_the_forward_pass(loss, rng):
    model, y = network(), rng.integers(0, 3, 3 * ROWS)
    x = rng.standard_normal((len(y), 6)).astype(np.float32)
    expected = loss.forward(model.forward(x), y)
    for _ in range(3):
        assert model.evaluate(x, y, loss=loss)["loss"] == pytest.approx(expected, rel=1e-5)
        model[0].weight.value *= 2  # is seen by what is replayed
        expected = loss.forward(model.forward(x), y)


def test_an_output_of_another_shape_than_promised_is_refused_in_inference_too():
    class Lies(Dense):
        def forward(self, x, training=False):
            return super().forward(x, training)[:, :1]

    model = Sequential([Lies(6, 3)])
    for call in (model.predict, lambda x: model.evaluate(x, np.zeros((len(x), 3)))):
        with pytest.raises(ValueError, match=r"promised outputs of shape \(3,\)"):
            call(np.ones((5, 6)))


def prequential(model, x, y, change):
    """Test on batches that the model is then trained on, or changed by."""
    for number in range(9):
        yield x, y
        if number >= 4:
            change(model, x, y)


@pytest.mark.parametrize(
    "change",
    [
        lambda model, x, y: model.train_on_batch(x, y),
        lambda model, *_: setattr(model[0], "weight", model[0].weight.value * 2),
    ],
)
def test_batches_that_change_the_model_count_from_the_next_one_on(change):
    def model():
        made = Sequential([Dense(3)])
        made.build(6)
        made[0].weight = np.full((6, 3), 0.5)
        return made

    x, y = np.ones((50, 6), np.float32), np.ones((50, 3), np.float32)
    one, other = model(), model()
    expected = [MSELoss().forward(one.forward(a), b) for a, b in prequential(one, x, y, change)]
    found = other.evaluate(prequential(other, x, y, change))["loss"]
    assert found == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_loss_may_keep_its_prediction_and_predict_for_itself():
    model, x = network(), np.ones((50, 6), np.float32)

    class Smooth(MSELoss):
        def forward(self, prediction, target, weight=None):
            self.kept = prediction, prediction.copy()
            model.predict(x + 1)
            return super().forward(prediction, target, weight)

    loss = Smooth()
    for _ in range(6):
        model.evaluate(x, np.zeros((50, 3)), loss=loss, metrics=[])
        model.predict(2 * x)
        np.testing.assert_array_equal(*loss.kept)


def test_what_draws_in_inference_draws_as_often_as_passes_are_made():
    class Noise(Layer):
        random = True

        def forward(self, x, training=False):
            return x + self.rng.random(x.shape)

        def backward(self, dy):
            return dy

    def model():
        made = Sequential([Noise()], dtype=np.float64)
        made.build(6)
        made[0].rng = 0
        return made

    one, other, x = model(), model(), np.ones((5, 6))
    for _ in range(6):
        np.testing.assert_array_equal(one.predict(x), other.forward(x))


def test_inference_is_no_training_whatever_the_default():
    class Doubles(Layer):
        def forward(self, x, training=True):
            return 2 * x if training else x

        def backward(self, dy):
            return dy

    model, x = Sequential([Doubles()]), np.ones((5, 6), np.float32)
    model.build(6)
    for _ in range(5):
        np.testing.assert_array_equal(model.predict(x), x)
    assert model.evaluate(x, x, metrics=[])["loss"] == 0


def test_a_replay_warns_of_nothing():
    class Inverts(Layer):
        def forward(self, x, training=False):
            return 1 / x

        def backward(self, dy):
            return dy

    model, x = Sequential([Inverts()]), np.ones((5, 6), np.float32)
    model.build(6)
    for _ in range(5):
        model.predict(x)
    assert np.isinf(model.predict(0 * x)).all()  # and no warning: BLAS raises flags for nothing


def test_passes_are_replayed_from_the_fourth_on(monkeypatch):
    model, x = network(), np.ones((2, 6), np.float32)
    calls = []
    plain = RecordedForward.plain
    monkeypatch.setattr(
        RecordedForward, "plain", lambda self, x: calls.append(len(x)) or plain(self, x)
    )
    for _ in range(6):
        model.predict(x)
    assert calls == [2, 2, 2]


def test_what_changes_between_predictions_is_seen():
    model, x = network(), np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    for _ in range(5):
        before = model.predict(x)
    model[0].weight.value *= 2
    model[1].running_mean[:] = 0.5
    changed = model.predict(x)
    assert not np.array_equal(changed, before)
    np.testing.assert_array_equal(changed, model.forward(x))
    slope = Sequential([LeakyReLU(0.1)])
    slope.build(6)
    for _ in range(5):
        slope.predict(x)
    slope[0].slope = 0.5
    np.testing.assert_array_equal(slope.predict(x), slope.forward(x))
    model.fit(x, [0, 1], epochs=1, verbose=0)
    np.testing.assert_array_equal(model.predict(x), model.forward(x))


def test_predictions_are_ones_own_and_change_nothing():
    model, x = network(), np.ones((2, 6), np.float32)
    kept = [model.predict(x * k) for k in range(6)]
    for k, found in enumerate(kept):
        np.testing.assert_array_equal(found, model.forward(x * np.float32(k)))
        found[:] = -1
    assert all(layer._saved is None for layer in model)
    size = len(pickle.dumps(network()))
    assert abs(len(pickle.dumps(model)) - size) < 200
    assert copy.deepcopy(model)._inference is None


def test_many_threads_predict_at_once():
    model = network()
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((1 + k % 3, 6)).astype(np.float32) for k in range(60)]
    expected = [model.forward(x).tobytes() for x in batches]
    found = [None] * 8

    def predict(number):
        found[number] = [model.predict(x).tobytes() for x in batches * 5]

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one == expected * 5 for one in found)


def test_of_several_rows_that_are_not_finite_the_first_is_named():
    model, x = network(), np.ones((5000, 6))
    x[4000, 1], x[2500, 0] = np.nan, np.inf
    for _ in range(3):
        with pytest.raises(ValueError, match=r"X expected finite .* got inf in row 2500"):
            model.predict(x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [1, 4])
def test_what_is_not_finite_is_refused_where_passes_are_replayed_too(rows, bad):
    model, good = network(), np.ones((rows, 6), np.float32)
    for _ in range(4):
        expected = model.predict(good)
    x = good.copy()
    x[-1, 2] = bad
    with pytest.raises(ValueError, match=f"X expected finite .* in row {rows - 1}"):
        model.predict(x)
    assert model.predict(good).tobytes() == expected.tobytes()
    (free,) = model._inference.values()
    assert free[0].at_once(good) is not None  # what was learned is kept


@pytest.mark.parametrize(
    ("dtype", "large"), [(np.float32, 1e30), (np.float64, 1e30), (np.float16, 6e4), (np.int8, 127)]
)
def test_rows_whose_squares_overflow_are_finite_all_the_same(dtype, large):
    """In other dtypes, too, of which some numbers are too large for the model's."""
    model = Sequential([Dense(2, 2), Tanh()])
    model.build(2, rng=0)
    for _ in range(4):
        model.predict(np.ones((1, 2), np.float32))
    x = np.full((1, 2), large, dtype)
    assert model.predict(x).tobytes() == model.forward(x.astype(np.float32)).tobytes()
    if dtype is np.float64:
        with pytest.raises(ValueError, match="X expected finite float32 numbers, got 1e\\+300"):
            model.predict(np.full((1, 2), 1e300))


def test_a_layer_that_was_another_one_while_a_pass_was_learned_is_learned_anew(rng):
    model, x = Sequential([Dense(4, 4), LeakyReLU()]), rng.standard_normal((8, 4)).astype("f")
    model.build(4, rng=0)
    forward, slope = model._taken(model._chain()), model[1].slope
    model[1].slope = 0.9
    for _ in range(4):
        forward(x)
    model[1].slope = slope
    model._give_back(model._chain(), forward)
    for _ in range(4):
        assert model.predict(x).tobytes() == model.forward(x).tobytes()


def test_all_threads_find_the_same_passes():
    model = network()
    layers = model._chain()
    assert model._free(layers) is model._free(layers)
    assert model._free(layers) is not model._free(layers[:-1])
