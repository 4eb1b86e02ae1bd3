import copy

import numpy as np
import pytest
from cases import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
from own_layers import OWN

from tinyframe import SGD, Dense, Embedding, Layer, ReLU, Rescale, Sequential, Softmax


def network():
    model = Sequential([Dense(6, 5), ReLU(), Dense(5, 3), Softmax()])
    model.build(6, rng=0)
    return model


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=5)
@given(data=st.data(), rows=st.integers(1, 3))
def test_it_has_the_bits_of_the_forward_pass(name, data, rows):
    layers, shapes = LAYERS[name]
    model = Sequential([copy.deepcopy(data.draw(layers))])
    model.build(data.draw(shapes), rng=0)
    frozen, rng = model.predictor(rows, dtype=np.float32), np.random.default_rng(0)
    for _ in range(3):
        x = rng.standard_normal((rows, *model.input_shape)).astype(np.float32)
        y = frozen(x)
        assert y.dtype == np.float32
        assert y.tobytes() == model.forward(x).astype(np.float32).tobytes()


@pytest.mark.parametrize("own", [kind for kind in OWN if "Counts" not in kind.__name__])
def test_layers_of_ones_own_are_taken_as_they_are(own, rng):
    model = Sequential([Dense(6, 5), own()])
    model.build(6, rng=0)
    frozen = model.predictor(2)
    for _ in range(3):
        x = rng.standard_normal((2, 6)).astype(np.float32)
        assert frozen(x).tobytes() == model.forward(x).tobytes()


def test_a_branch_that_goes_another_way_is_followed():
    class Branches(Layer):
        def forward(self, x, training=False):
            return 2 * x if x.sum() > 0 else 3 * x

        def backward(self, dy):
            return dy

    model = Sequential([Branches()])
    model.build(2)
    frozen = model.predictor()
    for number in (1, -1, 1):
        x = np.full((1, 2), number, np.float32)
        assert frozen(x).tolist() == model.forward(x).tolist()


def test_it_keeps_the_weights_that_the_model_had(rng):
    model, x = network(), rng.random((1, 6), np.float32)
    frozen = model.predictor()
    before = model.predict(x)
    model.fit(rng.random((20, 6)), rng.integers(0, 3, 20), optimizer=SGD(1.0), verbose=0)
    assert frozen(x).tobytes() == before.tobytes() != model.predict(x).tobytes()


def test_each_call_returns_the_same_array_and_x_may_be_written_in_place(rng):
    model = network()
    frozen = model.predictor(2)
    x = rng.random((2, 6), np.float32)
    y = frozen(x)
    frozen.x[...] = 2 * x
    assert frozen(frozen.x) is y
    assert y.tobytes() == model.predict(2 * x).tobytes()


@pytest.mark.parametrize("rows", [200, 1500])
def test_many_rows_are_replayed_too(rows, rng):
    model, x = network(), rng.random((rows, 6), np.float32)
    frozen = model.predictor(rows)
    assert len(frozen._calls) > 1
    assert frozen(x).tobytes() == model.forward(x).tobytes()


def test_it_warns_of_nothing(rng):
    model = network()
    frozen = model.predictor()
    with np.errstate(all="raise"):
        frozen(np.full((1, 6), 1e38, np.float32))


def test_weights_that_were_not_drawn_are_drawn_for_both(rng):
    model, x = Sequential([Dense(6, 4)]), rng.random((1, 6), np.float32)
    frozen = model.predictor()
    assert frozen(x).tobytes() == model.predict(x).tobytes()


def test_another_shape_or_kind_of_numbers_is_named(rng):
    frozen = network().predictor(2)
    for x in (rng.random((1, 6)), rng.random(6), 0.5, [[1, 2]]):
        with pytest.raises(ValueError, match=r"expected shape \(2, 6\), got"):
            frozen(x)
    with pytest.raises(TypeError, match="expected numbers that become float32, got complex"):
        frozen(np.ones((2, 6), complex))
    assert repr(frozen) == "FrozenPredictor(x float32 (2, 6), y float32 (2, 3))"


def test_it_takes_what_the_model_takes(rng):
    words = Sequential([Embedding(10, 4)])
    words.build((3,), rng=0)
    assert words.predictor()([[1, 2, 3]]).tobytes() == words.predict([[1, 2, 3]]).tobytes()
    pixels = Sequential([Rescale(1 / 255), Dense(2)])
    pixels.build((3,), rng=0)
    image = np.array([[0, 100, 255]], np.uint8)
    frozen = pixels.predictor(dtype=np.uint8)
    assert frozen(image).tobytes() == pixels.predict(image).tobytes()


def test_what_it_cannot_be_made_of_is_named():
    with pytest.raises(ValueError, match="expected a model that is built"):
        Sequential([Dense(3)]).predictor()
    with pytest.raises(ValueError, match="rows expected"):
        network().predictor(0)
    with pytest.raises(TypeError, match="rows expected"):
        network().predictor(1.5)
