"""Recorded steps have the bits of plain ones, whatever a layer does."""

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
    MSELoss,
    Sequential,
    Softmax,
    Tanh,
    recording,
)
from tinyframe.inspection import recording_report
from tinyframe.testing.recordings import check_recording


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
    for name in history:
        if name != "seconds":
            assert history[name] == again[name], name
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
