"""Training: right steps, right weights for each row, reproducible, honest about itself."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Reference

from tinyframe import (
    SGD,
    CrossEntropyLoss,
    Dense,
    Flatten,
    Layer,
    MSELoss,
    ParameterVector,
    ReLU,
    Rescale,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    one_hot,
    recording,
)


def network(inputs=20, hidden=10, classes=4, dtype=np.float32):
    return Sequential([Dense(inputs, hidden), ReLU(), Dense(hidden, classes), Softmax()], dtype)


def data(rows=100, inputs=20, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows)
    return rng.random((rows, inputs)) + rng.random((classes, inputs))[labels], labels


def weights(model):
    return ParameterVector(model.parameters).value.copy()


def reference_of(model):
    return Reference(*(parameter.value for parameter in model.parameters))


# -------------------------------------------------------------------- the steps


@pytest.mark.parametrize("batch_size", [1, 7, 32, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_hundred_steps_equal_the_network_written_by_hand(batch_size, dtype):
    """Losses fall identically with the hand-written network from the same weights and batches."""
    x, labels = data()
    model = network(dtype=dtype)
    model.build(20, rng=3)
    reference = reference_of(model)
    size = batch_size or len(x)
    epochs = max(2, -(-100 * size // len(x)))  # a hundred steps at least
    expected = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            total += reference.loss(x[rows], one_hot(labels[rows], 4)) * len(x[rows])
            reference.step(x[rows], one_hot(labels[rows], 4), 0.1)
        expected.append(total / len(x))
    model.fit(
        x, labels, optimizer=SGD(0.1), epochs=epochs, batch_size=batch_size, shuffle=False,
        verbose=False,
    )  # fmt: skip
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(model.history["loss"], expected, rtol=tolerance)
    if dtype == np.float64:
        for parameter, other in zip(model.parameters, vars(reference).values(), strict=False):
            np.testing.assert_allclose(parameter.value, other, rtol=1e-10, atol=1e-12)
    assert expected[-1] < expected[0]


def test_shuffled_batches_equal_the_network_written_by_hand():
    x, labels = data(rows=50)
    model = network(dtype=np.float64)
    model.build(20, rng=3)
    reference = reference_of(model)
    order_rng = np.random.default_rng(5).spawn(2)[1]
    for _ in range(3):
        order = order_rng.permutation(50)
        for start in range(0, 50, 8):
            rows = order[start : start + 8]
            reference.step(x[rows], one_hot(labels[rows], 4), 0.1)
    model.fit(x, labels, epochs=3, batch_size=8, rng=5, verbose=False)
    np.testing.assert_allclose(model[0].weight.value, reference.W1, rtol=1e-11)


def test_a_batch_walked_in_blocks_takes_the_same_step(monkeypatch):
    x, labels = data(rows=103)
    models = [network(dtype=np.float64), network(dtype=np.float64)]
    for model, block in zip(models, (1000, 10), strict=True):
        model.build(20, rng=0)
        monkeypatch.setattr("tinyframe.training.blocks.BLOCK", block)
        model.fit(x, labels, epochs=5, batch_size=None, verbose=False)
    np.testing.assert_allclose(weights(models[0]), weights(models[1]), rtol=1e-12)
    np.testing.assert_allclose(models[0].history["loss"], models[1].history["loss"], rtol=1e-12)
    assert models[0].history["accuracy"] == models[1].history["accuracy"]


def test_a_layer_that_mixes_rows_gets_its_batches_whole(monkeypatch):
    seen = set()

    class Center(Layer):
        mixes_rows = True

        def forward(self, x, training=False):
            seen.add(len(x))
            return x - x.mean(axis=0)

        def backward(self, dy):
            return dy - dy.mean(axis=0)

    monkeypatch.setattr("tinyframe.training.blocks.BLOCK", 10)
    x, labels = data(rows=45)
    Sequential([Dense(20, 4), Center()]).fit(x, labels, epochs=1, batch_size=None, verbose=False)
    assert seen == {45}


def test_the_last_smaller_batch_counts_with_its_rows():
    """11 rows in batches of 4, 4, 3: with no learning to speak of, the loss is that of all rows."""
    x, labels = data(rows=11)
    model = network(dtype=np.float64)
    expected = model.evaluate(x, labels)
    model.fit(x, labels, optimizer=SGD(1e-300), epochs=1, batch_size=4, verbose=False)
    assert model.history["loss"][0] == pytest.approx(expected["loss"], rel=1e-12)
    assert model.history["accuracy"][0] == expected["accuracy"]


def test_cross_entropy_trains_through_the_fused_gradient():
    x, labels = data()
    model = network()
    model.fit(
        x, labels, loss=CrossEntropyLoss(), optimizer=SGD(0.1), epochs=50, rng=0, verbose=False
    )
    assert model.history["loss"][-1] < model.history["loss"][0] / 2
    assert model.evaluate(x, labels)["accuracy"] > 0.9


def test_the_lowest_layer_is_never_asked_for_its_input_gradient(monkeypatch):
    monkeypatch.setattr(recording, "enabled", False)  # which asks copies, too
    asked = []
    right = Dense.backward
    monkeypatch.setattr(Dense, "backward", lambda self, dy: asked.append(self) or right(self, dy))
    model = Sequential([Rescale(1.0), Flatten(), Dense(20, 5), Dense(5, 4), Softmax()])
    model.fit(*data(), epochs=1, verbose=False)
    assert set(asked) == {model[3]}


def test_what_training_hands_out_is_never_overwritten():
    x, labels = data()
    model = network().fit(x, labels, epochs=1, verbose=False)
    first = model.predict(x)
    kept = first.copy()
    model.fit(x, labels, epochs=2, verbose=False)
    np.testing.assert_array_equal(first, kept)
    assert all(layer._saved is None for layer in model)


# -------------------------------------------------------------------- targets


def test_labels_and_one_hot_rows_train_the_same():
    x, labels = data()
    for loss in (MSELoss(), CrossEntropyLoss()):
        models = [
            network(dtype=np.float64).fit(x, y, loss=loss, rng=0, epochs=3, verbose=False)
            for y in (
                labels,
                one_hot(labels, 4),
                labels[:, None],
                labels.tolist(),
                labels.astype("u1"),
            )
        ]
        for other in models[1:]:
            np.testing.assert_allclose(weights(other), weights(models[0]), rtol=1e-12)
            np.testing.assert_allclose(other.history["loss"], models[0].history["loss"], rtol=1e-12)
            assert other.history["accuracy"] == models[0].history["accuracy"]


@pytest.mark.parametrize("columns", [1, 3])
def test_regression_targets_of_one_or_more_columns(columns, rng):
    x = rng.standard_normal((200, 5))
    y = x @ rng.standard_normal((5, columns)) + 1
    model = Sequential([Dense(5, columns)]).fit(
        x, y, optimizer=SGD(0.05), epochs=60, rng=0, verbose=False
    )
    assert model.history["loss"][-1] < 1e-6
    assert "accuracy" not in model.history
    if columns == 1:
        flat = Sequential([Dense(5, 1)]).fit(
            x, y[:, 0], optimizer=SGD(0.05), epochs=60, rng=0, verbose=False
        )
        np.testing.assert_array_equal(weights(flat), weights(model))


def test_a_single_sigmoid_learns_two_classes(rng):
    x = rng.standard_normal((200, 2))
    y = x[:, 0] > 0
    model = Sequential([Dense(2, 1), Sigmoid()]).fit(
        x, y, epochs=20, metrics=["accuracy"], rng=0, verbose=False
    )
    assert model.evaluate(x, y, metrics=["accuracy"])["accuracy"] > 0.95


def test_inputs_of_any_dtype_and_order_train_the_same():
    x = np.random.default_rng(0).integers(0, 9, (60, 20))
    labels = np.arange(60) % 4
    expected = weights(network().fit(x.astype(np.float32), labels, rng=0, epochs=2, verbose=False))
    spread = np.zeros((120, 40))
    spread[::2, ::2] = x
    read_only = x.astype(np.float32)
    read_only.flags.writeable = False
    for same in (
        x, x.astype(np.uint8), x.astype(">f8"), x.astype(np.float16), np.asfortranarray(x * 1.0),
        spread[::2, ::2], x.tolist(), read_only,
    ):  # fmt: skip
        model = network().fit(same, labels, rng=0, epochs=2, verbose=False)
        np.testing.assert_array_equal(weights(model), expected)


def test_pixels_reach_rescale_as_they_are():
    seen = []

    class Spy(Rescale):
        def forward(self, x, training=False):
            seen.append(x.dtype)
            return super().forward(x, training)

    x = np.random.default_rng(0).integers(0, 256, (30, 4, 5)).astype(np.uint8)
    model = Sequential([Spy(1 / 255), Flatten(), Dense(3), Softmax()])
    model.fit(x, np.arange(30) % 3, epochs=1, validation_data=(x, np.arange(30) % 3), verbose=False)
    model.predict(x)
    assert set(seen) == {np.dtype(np.uint8)}


def test_memory_mapped_inputs(tmp_path):
    x, labels = data()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    one = network().fit(x, labels, rng=0, epochs=2, verbose=False)
    two = network().fit(mapped, labels, rng=0, epochs=2, verbose=False)
    np.testing.assert_array_equal(weights(one), weights(two))


# -------------------------------------------------------------------- randomness


def test_the_same_seed_gives_the_same_bits():
    x, labels = data()
    runs = [network().fit(x, labels, rng=seed, epochs=3, verbose=False) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(weights(runs[0]), weights(runs[1]))
    assert not np.array_equal(weights(runs[0]), weights(runs[2]))
    generators = [np.random.default_rng(1) for _ in range(2)]
    again = [network().fit(x, labels, rng=g, epochs=3, verbose=False) for g in generators]
    np.testing.assert_array_equal(weights(again[0]), weights(runs[0]))
    np.testing.assert_array_equal(weights(again[1]), weights(runs[0]))


def test_without_a_seed_runs_differ():
    x, labels = data()
    one, two = (network().fit(x, labels, epochs=1, verbose=False) for _ in range(2))
    assert not np.array_equal(weights(one), weights(two))


def test_the_global_generator_is_left_alone():
    np.random.seed(0)  # noqa: NPY002 - the global state is the point
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    network().fit(*data(), epochs=1, verbose=False)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# -------------------------------------------------------------------- what is recorded and shown


def test_fit_returns_the_model_and_records():
    x, labels = data()
    model = network()
    assert model.fit(x, labels, epochs=4, validation_data=(x, labels), verbose=False) is model
    assert model.history.keys() == ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert all(len(figures) == 4 for figures in model.history.values())
    final = model.evaluate(x, labels)
    assert model.history["val_loss"][-1] == pytest.approx(final["loss"])
    assert model.history["val_accuracy"][-1] == final["accuracy"]


def test_fitting_again_goes_on():
    x, labels = data()
    whole = network().fit(x, labels, epochs=6, shuffle=False, rng=0, verbose=False)
    model = network()
    assert "no epochs yet" in repr(model.history)
    for _ in range(2):
        model.fit(x, labels, epochs=3, shuffle=False, rng=0, verbose=False)
    np.testing.assert_array_equal(weights(model), weights(whole))
    assert model.history["loss"] == whole.history["loss"]
    model.fit(x, labels, epochs=1, metrics=[], verbose=False)
    assert model.history.epochs == 7
    assert np.isnan(model.history["accuracy"][-1])
    with pytest.raises(KeyError, match="no 'val_loss' recorded; there is loss, accuracy, seconds"):
        model.history["val_loss"]


def test_the_loss_and_optimizer_of_the_last_fit_are_kept():
    x, labels = data()
    loss, optimizer = CrossEntropyLoss(), SGD(0.01, momentum=0.9)
    model = network().fit(x, labels, loss=loss, optimizer=optimizer, epochs=1, verbose=False)
    model.fit(x, labels, epochs=1, verbose=False)
    assert model.loss is loss
    assert model.optimizer is optimizer
    expected = model.evaluate(x, labels, loss=CrossEntropyLoss())
    assert model.evaluate(x, labels) == expected
    assert pickle.loads(pickle.dumps(model)).evaluate(x, labels) == expected


def test_one_plain_line_an_epoch(capsys):
    x, labels = data()
    network().fit(x, labels, epochs=2, validation_data=(x, labels))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  loss ")
    assert "  val_accuracy " in lines[1]
    assert lines[1].endswith(" s")
    network().fit(x, labels, epochs=2, verbose=False)
    assert capsys.readouterr() == ("", "")


def test_a_metric_sees_a_whole_epoch_at_once():
    x, labels = data(rows=50)
    shapes = []

    def worst(prediction, target):
        shapes.append((prediction.shape, target.shape))
        return np.abs(prediction[np.arange(len(target)), target] - 1).max()

    model = network().fit(
        x, labels, epochs=1, batch_size=8, metrics=["accuracy", worst], verbose=False
    )
    assert shapes == [((50, 4), (50,))]
    assert model.history.keys() == ["loss", "accuracy", "worst", "seconds"]


@given(st.integers(1, 40), st.integers(1, 50), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_any_number_of_rows_and_batch_size(rows, batch_size, shuffle, labelled):
    x, labels = data(rows=rows, inputs=3)
    y = labels if labelled else one_hot(labels, 4)
    model = network(inputs=3).fit(
        x, y, epochs=2, batch_size=batch_size, shuffle=shuffle, verbose=False
    )
    assert np.isfinite(model.history["loss"]).all()
    assert model.predict(x).shape == (rows, 4)


# -------------------------------------------------------------------- when it goes wrong


def test_a_loss_that_is_not_finite_stops_before_the_update():
    x, labels = data()
    model = Sequential([Dense(20, 10), ReLU(), Dense(10, 4)])
    model.build(20, rng=0)
    before = []

    class Watched(SGD):
        def step(self, parameters):
            super().step(parameters)
            before[:] = [parameters.value.copy()]

    with pytest.raises(
        FloatingPointError, match=r"epoch 1, batch \d+: the loss is (nan|inf)"
    ) as stop:
        model.fit(x, labels, optimizer=Watched(1e30), batch_size=10, verbose=False)
    np.testing.assert_array_equal(weights(model), before[0])
    assert "layer" in str(stop.value)
    assert all(layer._saved is None for layer in model)


def test_the_first_layer_that_is_not_finite_is_named():
    model = Sequential([Dense(2, 2), ReLU(), Dense(2, 2)])
    model[2].weight.value = np.full((2, 2), 3e38)
    model[0].weight.value = np.full((2, 2), 3.0)
    before = weights(model)
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, batch 1: .*layer 2, Dense\(2, 2\), is the"
    ):
        model.fit(np.ones((4, 2)), np.zeros((4, 2)), verbose=False)
    np.testing.assert_array_equal(weights(model), before)


def test_an_overflowing_loss_of_finite_outputs_is_told_apart():
    model = Sequential([Dense(1, 1)], dtype=np.float64)
    model[0].weight.value = [[1e200]]
    with pytest.raises(FloatingPointError, match="every layer's output is finite, the loss"):
        model.fit(np.ones((4, 1)), np.zeros(4), verbose=False)


def test_an_error_in_a_layer_releases_what_training_held():
    class Fails(Layer):
        def forward(self, x, training=False):
            if training:
                raise OSError("disk on fire")
            return x

        def backward(self, dy):
            return dy

    model = Sequential([Dense(20, 4), Fails()])
    before = weights(model)
    with pytest.raises(OSError, match="disk on fire"):
        model.fit(*data(), verbose=False)
    np.testing.assert_array_equal(weights(model), before)
    assert model[0]._saved is None
    copy.deepcopy(model)


def test_a_frozen_layer_stays_and_passes_gradients_through():
    rng = np.random.default_rng(0)
    model = Sequential([Dense(4, 3), Tanh(), Dense(3, 3), Tanh(), Dense(3, 2)])
    model.build(4, rng=0)
    model[2].trainable = False
    before = [p.value.copy() for p in model.parameters]
    x, y = rng.standard_normal((32, 4)), rng.standard_normal((32, 2))
    optimizer = SGD(0.1, momentum=0.9, weight_decay=0.1)
    model.fit(x, y, optimizer=optimizer, epochs=2, verbose=False)
    changed = [
        bool((p.value != old).all()) for p, old in zip(model.parameters, before, strict=True)
    ]
    assert changed == [True, True, False, False, True, True]
    model[2].trainable = True
    model.fit(x, y, epochs=1, verbose=False)
    assert (model[2].weight.value != before[2]).all()
    model.trainable = False
    with pytest.raises(ValueError, match="parameters to train, got none"):
        model.fit(x, y)
