"""Recorded steps have the bits of plain ones, whatever a layer does."""

from types import SimpleNamespace

import numpy as np
import pytest
from cases import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
from own_layers import OWN

from tinyframe import (
    SGD,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Layer,
    Loss,
    MSELoss,
    Parameter,
    Sequential,
    Softmax,
    Tanh,
    recording,
)
from tinyframe.inspection import recording_report
from tinyframe.recording.recorder import Recorded
from tinyframe.testing.recordings import check_recording
from tinyframe.training.objective import Objective


def trained(layers, *, recorded, loss=MSELoss, rows=70, fits=1, dtype="float32", **options):
    """Return the model, after a fit with steps recorded or plain, and all that it has learned."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 6)).astype(dtype)
    y = rng.integers(0, 3, rows)
    options = {"epochs": 3, "batch_size": 16, "rng": 0, "verbose": 0, **options}
    before = recording.enabled
    recording.enabled = recorded
    try:
        model = Sequential(layers(), dtype=dtype)
        for _ in range(fits):
            model.fit(X, y, loss=loss(), optimizer=SGD(0.05, momentum=0.5), **options)
    finally:
        recording.enabled = before
    found = {name: p.value for name, p in model.named_parameters().items()}
    for number, layer in enumerate(model.walk()):
        for name, value in vars(layer).items():
            if isinstance(value, np.ndarray) or type(value) in (int, float):
                found[f"{number} {name}"] = np.asarray(value)
    return model, found, model.history


def assert_same_bits(layers, **options):
    _, plain, history = trained(layers, recorded=False, **options)
    model, replayed, again = trained(layers, recorded=True, **options)
    assert plain.keys() == replayed.keys()
    for name, value in plain.items():
        assert value.tobytes() == replayed[name].tobytes(), name
    for name, figures in history.items():
        if name != "seconds":
            assert figures == again[name], name
    return model


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("loss", [MSELoss, CrossEntropyLoss])
def test_own_layers_are_trained_alike(own, loss):
    def layers():
        return [Dense(6, 5), own(), Tanh(), Dense(5, 3), Softmax()]

    report = recording_report(assert_same_bits(layers, loss=loss, validation_split=0.2))
    reasons = {line.part.partition(":")[0]: line.reason for line in report.parts}
    assert reasons.pop("1").startswith(OWN[own])
    assert not OWN[own] or not report.complete
    assert set(reasons.values()) == {""}
    assert OWN[own] or report.complete


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=10)
@given(data=st.data())
def test_all_layers_are_recorded(name, data):
    layers, shapes = LAYERS[name]
    layer, shape = data.draw(layers), data.draw(shapes)
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    layer.build(shape, rng=rng, dtype=dtype)
    x = rng.uniform(-1, 1, (data.draw(st.integers(1, 4)), *shape)).astype(dtype)
    assert check_recording(layer, x, rng) == {}


class Floor(Layer):
    """max(x, t), of which t is a parameter that begins at 0."""

    def setup(self, input_shape):
        self.t = Parameter((1,), dtype=self.dtype)
        return input_shape

    def forward(self, x, training=False):
        self._saved = x
        return np.maximum(x, self.t.value)

    def backward(self, dy):
        above = self._saved > self.t.value
        self.t.grad[...] = (dy * ~above).sum()
        return dy * above


class AboveMean(Layer):
    """max(x, the mean of x), which lies in memory that is not written yet when calls are bound."""

    def forward(self, x, training=False):
        self._saved = x > x.mean(keepdims=True)
        return np.maximum(x, x.mean(keepdims=True))

    def backward(self, dy):
        return dy * self._saved


@pytest.mark.parametrize("own", [Floor, AboveMean])
def test_a_maximum_with_a_number_that_changes_is_that_of_each_step(own):
    def layers():
        return [Dense(6, 5), own(), Dense(5, 3), Softmax()]

    assert_same_bits(layers, epochs=6)
    assert_same_bits(layers, rows=2500, batch_size=2100, epochs=6)


def test_a_prediction_follows_a_parameter_that_was_zero(rng):
    model, x = Sequential([Dense(4, 4), Floor()]), rng.standard_normal((8, 4)).astype("f")
    for _ in range(4):
        model.predict(x)
    model[1].t.value = [0.5]
    assert model.predict(x).min() == 0.5


class MeanLoss(Loss):
    """The mean of the predictions, whose gradient is always the same."""

    def forward(self, prediction, target, weight=None):
        self._saved = prediction.shape, prediction.dtype
        return prediction.sum() / len(prediction)

    def backward(self):
        shape, dtype = self._recall()
        return np.full(shape, 1 / shape[0], dtype)


class KeepsADict(Layer):
    """A dense layer that runs as it is, as it keeps what may change unseen."""

    def setup(self, input_shape):
        self.w = Parameter((input_shape[0], 3), dtype=self.dtype)
        self.kept = {}
        return (3,)

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return x @ self.w.value

    def backward(self, dy):
        self.w.grad[...] = self._recall().T @ dy
        return dy @ self.w.value.T


def test_layers_that_run_as_they_are_go_backward_by_a_constant_gradient_too():
    assert_same_bits(lambda: [KeepsADict()], loss=MeanLoss)


def test_a_place_bound_in_training_serves_inference_anew():
    """The same arrays at the same place, now without training: Dropout must not drop."""
    rng = np.random.default_rng(0)
    model = Sequential([Dense(6), Dropout(0.5), Dense(2)])
    model.build((4,), rng=0)
    objective = Recorded(Objective(model._chain(), MSELoss()))
    place = SimpleNamespace(bound=None)
    x, target = rng.random((8, 4), np.float32), rng.random((8, 2), np.float32)
    for _ in range(4):
        objective.forward(x, target, None, training=True, place=place)
        objective.backward()
    assert place.bound is not None
    for _ in range(4):
        value = objective.forward(x, target, None, training=False, place=place)
        assert value == pytest.approx(model.evaluate(x, target, loss=MSELoss())["loss"])
        np.testing.assert_array_equal(objective.prediction, model.predict(x))


class Simple(Layer):
    """y = f(x), whose derivative is taken to be 1."""

    random = True

    def __init__(self, f):
        self.f = f

    def forward(self, x, training=False):
        return self.f(self, x)

    def backward(self, dy):
        return dy * 1


class AndItsUnits(Layer):
    """A container that asks the layer in it for something."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, x, training=False):
        return self.inner.forward(x, training) * self.inner.units

    def backward(self, dy):
        return self.inner.backward(dy) * 2


class ReadsIntoPython(Layer):
    units = 2

    def forward(self, x, training=False):
        return x * float(x.max())

    def backward(self, dy):
        return dy * 1


def draws_otherwise(rng):
    return 1 + rng.bit_generator.state["has_uint32"]


def in_place(self, x):
    y = x * 1
    y **= 2
    return y


def writes(self, x):
    x += 1
    return x * 1


def keeps_a_shape(self, x):
    self.seen = x.shape[1:]
    return x * 1


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: Simple(lambda self, x: x * x[x > 0].sum()), "x[mask], whose shape depends on the"),
        (
            lambda: Simple(lambda self, x: x * np.power(np.float64(2), x.max())),
            "a number to the power",
        ),
        (
            lambda: Simple(lambda self, x: x * len(np.array_repr(x))),
            "np.array_repr, whose answer may",
        ),
        (lambda: Simple(lambda self, x: x * draws_otherwise(self.rng)), "the generator's .bit_gen"),
        (lambda: AndItsUnits(ReadsIntoPython()), "reading .units of ReadsIntoPython(), which is"),
        (lambda: Simple(lambda self, x: x * x.max() ** 2), ""),
        (lambda: Simple(lambda self, x: x * 2.0 ** x.max()), ""),
        (lambda: Simple(lambda self, x: x * np.ndim(x) * np.shape(x)[1]), ""),
        (lambda: Simple(lambda self, x: x * np.size(x, 1)), ""),
        (lambda: Simple(in_place), ""),
        (lambda: Simple(keeps_a_shape), ""),
    ],
)
def test_why_a_layer_is_not_recorded(layer, reason, rng):
    layer = layer()
    layer.build(3, rng=0)
    reasons = check_recording(layer, rng.uniform(1, 2, (4, 3)), rng)
    if reason:
        assert any(reason in why for why in reasons.values()), reasons
    else:
        assert not reasons


def test_a_layer_that_writes_to_x_is_not_recorded(rng):
    layer = Simple(writes)
    layer.build(3, rng=0)
    objective = Recorded(Objective((layer,), MSELoss()))
    for _ in range(4):
        objective.forward(rng.random((4, 3)), np.zeros((4, 3)), None, True)
        objective.backward()
    assert "writing to x, dy of the layer above" in next(iter(objective.reasons.values()))


def test_a_loss_that_returns_a_number_of_pythons_is_not_recorded(rng):
    class One(MSELoss):
        def forward(self, prediction, target, weight=None):
            super().forward(prediction, target, weight)
            return 1.0

    objective = Recorded(Objective((Dense(3, 2),), One()))
    for _ in range(4):
        objective.forward(rng.random((4, 3), "f"), np.zeros((4, 2), "f"), None, True)
        objective.backward()
    assert "returns a number of Python's" in next(iter(objective.reasons.values()))
