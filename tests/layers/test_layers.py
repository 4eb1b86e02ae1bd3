"""Every layer keeps the contract: derivative, purity, memory, dtype, messages."""

import copy
import pickle

import numpy as np
import pytest
from cases import COMPARED, LAYERS, SATURATING, TOKENS
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import (
    ELU,
    GELU,
    LSTM,
    Add,
    BatchNorm,
    Concatenate,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    MultiHeadAttention,
    Permute,
    PositionalEmbedding,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Reverse,
    Select,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.testing import check_layer
from tinyframe.testing.strategies import batches, shapes

every_layer = pytest.mark.parametrize("name", LAYERS)


def apart(x):
    """Return numbers in the same order, evenly apart and off zero."""
    return 0.1 * (np.argsort(np.argsort(x, axis=None)).reshape(x.shape) - x.size / 2 + 0.25)


@every_layer
@given(data=st.data())
def test_jacobians_match_central_differences(name, data):
    layers, sample_shapes = LAYERS[name]
    layer = data.draw(layers)
    x = data.draw(batches(sample_shapes, largest=2.0 if name in SATURATING else 10.0))
    if name in COMPARED:
        x = apart(x)
    check_layer(layer, x.shape[1:], x=x, rng=data.draw(st.integers(0, 2**32 - 1)))


@every_layer
@given(data=st.data())
@settings(max_examples=20)
def test_jacobians_match_for_inputs_up_to_ten_thousand(name, data):
    layers, sample_shapes = LAYERS[name]
    x = data.draw(batches(sample_shapes, largest=1e4))
    if name in COMPARED:
        x = 1e3 * apart(x)
    layer = data.draw(layers)
    if name in SATURATING:
        y = layer.forward(x, training=True)
        assert np.isfinite(y).all()
        assert np.isfinite(layer.backward(np.ones_like(y))).all()
        return
    check_layer(layer, x.shape[1:], x=x)


@pytest.mark.parametrize("name", TOKENS)
@given(data=st.data())
def test_jacobians_of_layers_of_tokens(name, data):
    layer = data.draw(TOKENS[name])
    shape = data.draw(shapes())
    tokens = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 5, (3, *shape))
    check_layer(layer, shape, x=tokens)


@every_layer
@given(data=st.data())
@settings(max_examples=10)
def test_a_layer_survives_copy_and_pickle_between_forward_and_backward(name, data):
    layers, sample_shapes = LAYERS[name]
    layer = data.draw(layers)
    x = data.draw(batches(sample_shapes))
    layer.forward(x, training=True)
    y = layer.forward(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.named_parameters().keys() == layer.named_parameters().keys()
        np.testing.assert_array_equal(twin.forward(x), y)
    layer.backward(np.ones_like(y))


@every_layer
@given(data=st.data())
@settings(max_examples=10)
def test_backward_before_a_training_forward_says_so(name, data):
    layer = data.draw(LAYERS[name][0])
    x = data.draw(batches(LAYERS[name][1]))
    y = layer.forward(x)
    needs_nothing = (
        Rescale, Reshape, Permute, Reverse, Select, PositionalEmbedding, Sequential,
    )  # fmt: skip
    if all(isinstance(part, needs_nothing) for part in layer.walk()):
        return
    with pytest.raises(RuntimeError, match="forward pass with training=True"):
        layer.backward(y)


@pytest.mark.parametrize(
    "layer",
    [
        Sigmoid(),
        Softmax(),
        Tanh(),
        ReLU(),
        ELU(),
        GELU(),
        LeakyReLU(),
        LogSoftmax(),
        SiLU(),
        Softplus(),
    ],
)
def test_nothing_overflows_at_1e38_in_float32(layer):
    x = np.array([[-1e38, 1e38, 1e4, -1e4, 0.0]], np.float32)
    y = layer.forward(x, training=True)
    assert np.isfinite(y).all()
    assert np.isfinite(layer.backward(np.ones_like(y))).all()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv2D(2, 3), (28, 28), r"\(batch, channels, height, width\), got \(batch, 28, 28\); put"),
        (Conv2D(2, 5), (1, 4, 9), "images of at least 5×5 with their padding, got 4×9"),
        (Conv2D(4, 3, groups=2), (3, 8, 8), "a multiple of 2 channels, got 3"),
        (MaxPool2D(2, padding=2), (1, 8, 8), "less padding than the window has pixels"),
        (LSTM(3), (7,), r"\(batch, time, features\), got \(batch, 7\)"),
        (MultiHeadAttention(3), (5, 8), "a multiple of 3 features"),
        (Softmax(3), (5, 8), "samples with that axis"),
        (Permute(2, 1), (5,), "samples of 2 axes"),
        (Reshape(5, -1), (8,), "samples of 5 elements|expected samples"),
        (Residual(Dense(3)), (4,), r"keep the shape \(batch, 4\), got \(batch, 3\)"),
        (Conv2D(2, (5, 3)), (1, 4, 9), "images of at least 5×3 with their padding, got 4×9"),
        (
            ConvTranspose2D(2, 1, padding=(0, 1)),
            (1, 2, 2),
            "expected less padding, got nothing left",
        ),
        (
            ConvTranspose2D(2, 1, padding=(1, 0)),
            (1, 2, 2),
            "expected less padding, got nothing left",
        ),
        (Add([Dense(2), Dense(3)]), (4,), r"one output shape, got \(2,\), \(3,\)|of one output"),
        (Concatenate([Dense(2)], axis=5), (4,), "an axis of samples, got 5"),
        (ConvTranspose2D(2, 1, padding=3), (1, 2, 2), "expected less padding, got nothing left"),
        (Concatenate([Flatten(), Dense(3)]), (4, 2), "differ along axis 1 alone|expected an axis"),
    ],
    ids=repr,
)
def test_shapes_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.build(shape)
    assert not layer.parameters


def test_a_reshape_takes_no_other_shape_of_as_many_numbers():
    layer = Reshape(3, 2)
    assert layer(np.zeros((5, 6))).shape == (5, 3, 2)
    for x in (np.zeros((5, 2, 3)), np.zeros((5, 3, 2)), np.zeros((4, 7))):
        with pytest.raises(ValueError, match=r"expected \(batch, 6\)"):
            layer(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv2D(0, 3), lambda: Conv2D(2, (3, 3, 3)), lambda: Conv2D(2, 3, padding="full"),
        lambda: Conv2D(2, 3, padding=-1), lambda: Conv2D(3, 3, groups=2), lambda: Dropout(1.0),
        lambda: Softmax(0), lambda: Permute(1, 3), lambda: Reshape(-1, -1), lambda: LSTM(2.5),
        lambda: Embedding(3, 2, padding=3), lambda: Residual("x"), lambda: Residual(*[]),
        lambda: Concatenate(Dense(3), axis=0), lambda: BatchNorm(momentum=2),
        lambda: LayerNorm(epsilon=0), lambda: LeakyReLU(-1), lambda: ELU(0), lambda: MaxPool2D("2"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(make):
    with pytest.raises((TypeError, ValueError), match="expected"):
        make()


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Dense(784, 10), "Dense(784, 10)"),
        (Dense(10), "Dense(10)"),
        (ReLU(), "ReLU()"),
        (Rescale(0.5), "Rescale(0.5)"),
        (Flatten(), "Flatten()"),
    ],
)
def test_repr_is_the_call_that_made_it(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize("name", [*LAYERS, *TOKENS])
@given(data=st.data())
@settings(max_examples=10)
def test_a_batch_of_no_rows_gives_none(name, data):
    """Forward, with or without training, and backward where rows are not mixed."""
    layer = copy.deepcopy(data.draw(TOKENS[name] if name in TOKENS else LAYERS[name][0]))
    shape = data.draw(st.just((2, 3)) if name in TOKENS else LAYERS[name][1])
    layer.build(shape, rng=0)
    x = np.zeros((0, *shape), int if name in TOKENS else np.float32)
    assert layer.forward(x).shape == (0, *layer.output_shape)
    if any(part.mixes_rows for part in layer.walk()):
        return
    y = layer.forward(x, training=True)
    assert y.shape == (0, *layer.output_shape)
    assert layer.backward(np.zeros_like(y)).shape == x.shape
    for parameter in layer.parameters:
        assert not parameter.grad.any()
