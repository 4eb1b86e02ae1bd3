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

from tinyframe import BatchNorm, Dense, LeakyReLU, ReLU, Sequential, Softmax, Tanh
from tinyframe.recording.inference import ROWS, RecordedForward


def network():
    model = Sequential([Dense(6, 5), BatchNorm(), ReLU(), Dense(5, 3), Softmax()])
    model.build(6, rng=0)
    return model


def assert_predicts_as_it_should(model, shape, dtype=np.float32):
    rng = np.random.default_rng(0)
    for rows in (1, 3, 1, 3, 1, 3, 1, 3, ROWS + 1):
        x = rng.standard_normal((rows, *shape)).astype(dtype)
        expected = model.forward(x)
        found = model.predict(x)
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


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


def test_passes_are_replayed_from_the_fourth_on(monkeypatch):
    model, x = network(), np.ones((2, 6), np.float32)
    calls = []
    plain = RecordedForward._forward
    monkeypatch.setattr(
        RecordedForward, "_forward", lambda self, x: calls.append(len(x)) or plain(self, x)
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
