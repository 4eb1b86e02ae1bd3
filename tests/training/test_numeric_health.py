"""Numbers that are not finite: caught before a step, named, and never made from finite ones."""

import numpy as np
import pytest

from tinyframe import (
    ELU,
    GELU,
    SGD,
    Adam,
    BatchNorm,
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    Dense,
    HingeLoss,
    HuberLoss,
    KLDivergenceLoss,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MAELoss,
    MSELoss,
    ReLU,
    RMSNorm,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.layers.state import state_of

HUGE = 1e38


class Explodes(Layer):
    """Passes x on; its gradient, or its output, is not finite in some batches."""

    mixes_rows = True

    def __init__(self, where, batches):
        self.where, self.batches, self.count = where, batches, 0

    def forward(self, x, training=False):
        self.count += training
        return x * np.inf if self.where == "output" and training and self._now else x

    def backward(self, dy):
        return dy * np.nan if self.where == "gradient" and self._now else dy

    @property
    def _now(self):
        return self.count in self.batches


@pytest.fixture
def data(rng):
    return rng.random((40, 5)), rng.integers(0, 3, 40)


def network(where, batches):
    model = Sequential([Dense(5, 8), BatchNorm(), Explodes(where, batches), Dense(8, 3)])
    model.build(5, rng=0)
    return model


def loss():
    return CrossEntropyLoss(from_logits=True)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("output", r"epoch 1, batch 3: the loss is nan: the output of layer 2, Explodes"),
        ("gradient", r"epoch 1, batch 3: the loss is .*, but the gradient of layer 1, BatchNorm"),
    ],
)
def test_a_batch_is_refused_before_its_step(data, where, message):
    model, reference = network(where, {3}), network(where, ())
    with pytest.raises(FloatingPointError, match=message):
        model.fit(*data, loss=loss(), optimizer=Adam(0.01), batch_size=8, shuffle=False, verbose=0)
    for X, y in zip(*(np.split(part[:16], 2) for part in data), strict=True):
        reference.train_on_batch(X, y, loss=loss() if X is data[0][:8] else None,
                                 optimizer=reference.optimizer or Adam(0.01))  # fmt: skip
    for name, array in state_of(model).items():
        assert np.isfinite(array).all()
        if "running" not in name and where == "gradient":
            assert array.shape == state_of(reference)[name].shape
    assert model.optimizer.steps == 2


@pytest.mark.parametrize("where", ["output", "gradient"])
def test_skipping_leaves_such_batches_out(data, where):
    X, y = data
    model = network(where, {3})
    options = {"loss": loss(), "optimizer": SGD(0.1), "shuffle": False, "verbose": 0}
    model.fit(X, y, batch_size=8, epochs=2, on_nonfinite="skip", **options)
    assert model.history["skipped"] == [1.0, 0.0]
    assert model.optimizer.steps == 9
    assert np.isfinite(model.history["loss"]).all()
    # the same steps as without those rows
    kept = np.r_[0:16, 24:40]
    other = network(where, ())
    other.fit([(X[i : i + 8], y[i : i + 8]) for i in (0, 8, 24, 32)], epochs=1, **options)
    assert len(kept) == 32
    again = network(where, {3})
    options["optimizer"] = SGD(0.1)
    again.fit(X, y, batch_size=8, epochs=1, on_nonfinite="skip", **options)
    for name, array in state_of(again).items():
        if "running" not in name:
            np.testing.assert_allclose(array, state_of(other)[name], rtol=1e-5, atol=1e-7)


def test_an_epoch_of_nothing_else_is_an_error(data):
    model = network("output", set(range(100)))
    with pytest.raises(FloatingPointError, match="no batch of the epoch had a finite loss"):
        model.fit(*data, loss=loss(), batch_size=8, on_nonfinite="skip", verbose=0)


def test_what_to_do_is_said_in_one_of_two_words(data):
    with pytest.raises(ValueError, match='"raise" or "skip", got \'ignore\''):
        network("output", ()).fit(*data, on_nonfinite="ignore", verbose=0)


def test_running_statistics_stay_finite(data):
    X, y = data
    model = Sequential([Explodes("output", {1}), BatchNorm(), Dense(5, 3)])
    model.fit(X, y, loss=loss(), batch_size=8, epochs=1, on_nonfinite="skip", verbose=0)
    for name, array in state_of(model).items():
        assert np.isfinite(array).all(), name


def test_weights_that_are_not_finite_are_named(data):
    model = network("output", ())
    model[3].bias.value[1] = np.nan
    with pytest.raises(FloatingPointError, match=r"the weights of layer 3, .* are not finite"):
        model.fit(*data, loss=loss(), verbose=0)


def test_large_finite_gradients_are_no_error(data):
    """Their squares overflow in float32; they themselves do not."""
    X, y = data
    model = Sequential([Dense(5, 3)])
    model.build(5, rng=0)
    targets = np.full((40, 3), 1e25, np.float32)
    model.fit(X, targets, optimizer=SGD(1e-30), epochs=1, verbose=0)
    assert np.isfinite(model[0].weight.value).all()
    assert len(y) == 40


LAYERS = [
    Softmax(), LogSoftmax(), Sigmoid(), Tanh(), Softplus(), ReLU(), LeakyReLU(), ELU(), GELU(),
    SiLU(), LayerNorm(), RMSNorm(), BatchNorm(),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("training", [False, True])
def test_no_layer_makes_nan_of_huge_numbers(layer, training):
    layer = type(layer)()
    signs = np.array([[1, -1, 1], [1, 1, 1], [-1, -1, -1], [0, 1, 0], [1e-38, -1, 0.5]])
    x = (signs * HUGE).astype(np.float32)
    with np.errstate(all="ignore"):
        y = layer.forward(x, training=training)
        assert np.isfinite(y).all(), y
        if training:
            dx = layer.backward(np.ones_like(y))
            assert np.isfinite(dx).all(), dx


def test_layer_norm_of_huge_numbers_is_exact():
    x = np.random.default_rng(0).standard_normal((4, 6))
    for kind in (LayerNorm, RMSNorm, BatchNorm):
        layer, twin = kind(epsilon=1e-12), kind(epsilon=1e-12)
        expected = twin.forward(x.astype(np.float32), training=True)
        with np.errstate(all="ignore"):
            found = layer.forward((x * 1e37).astype(np.float32), training=True)
            slope = layer.backward(np.ones_like(found) * np.arange(6, dtype=np.float32))
        assert slope.dtype == np.float32
        np.testing.assert_allclose(
            slope * np.float32(1e37),
            twin.backward(np.ones_like(found) * np.arange(6, dtype=np.float32)),
            rtol=1e-2, atol=1e-3,
        )  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


LOSSES = {
    "MSE": (MSELoss(), 3 * HUGE**2),
    "MAE": (MAELoss(), 3 * HUGE),
    "Huber": (HuberLoss(), None),
    "cross-entropy": (CrossEntropyLoss(from_logits=True), None),
    "binary": (BinaryCrossEntropyLoss(from_logits=True), None),
    "hinge": (HingeLoss(), None),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sign", [1, -1])
def test_losses_of_huge_numbers_are_finite(name, sign):
    loss, expected = LOSSES[name]
    a = np.full((2, 3), sign * HUGE, np.float32)
    a[:, 1] *= 0.5 if expected is None else 1
    target = np.zeros((2, 3), np.float32)
    target[:, 0] = 0 if expected else 1
    with np.errstate(all="ignore"):
        value = loss.forward(a, target)
        gradient = loss.backward()
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    if expected:
        assert value == pytest.approx(expected, rel=1e-6)


def test_a_divergence_of_impossible_classes_is_finite_or_infinite_never_nan():
    loss = KLDivergenceLoss()
    p = np.array([[1.0, 0.0, 0.0]], np.float32)
    value = loss.forward(p, np.array([[0.0, 0.5, 0.5]], np.float32))
    assert not np.isnan(value)
    assert not np.isnan(loss.backward()).any()
