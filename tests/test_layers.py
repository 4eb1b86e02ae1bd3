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
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
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
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.testing import check_layer
from tinyframe.testing.strategies import arrays, batches, shapes

every_layer = pytest.mark.parametrize("name", LAYERS)


def apart(x):
    """Return numbers in the same order, evenly apart and off zero."""
    return 0.1 * (np.argsort(np.argsort(x, axis=None)).reshape(x.shape) - x.size / 2 + 0.25)


@every_layer
@given(data=st.data())
@settings(max_examples=60)
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
    needs_nothing = (Rescale, Reshape, Permute, PositionalEmbedding, Sequential)
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


@given(arrays((4, 3), 1e4))
def test_softmax_rows_are_probabilities(x):
    y = Softmax().forward(x)
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-12)


def test_sigmoid_keeps_its_tails():
    x = np.array([[-40.0, -700.0, 40.0]])
    expected = [[np.exp(-40) / (1 + np.exp(-40)), np.exp(-700), 1 / (1 + np.exp(-40))]]
    np.testing.assert_allclose(Sigmoid().forward(x), expected, rtol=1e-15)


def test_relu_has_slope_zero_at_its_kink():
    layer = ReLU()
    layer.forward(np.array([[-1.0, 0.0, 2.0]]), training=True)
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3))), [[0, 0, 1]])


def test_rescale_takes_pixels_to_float32():
    pixels = np.array([[0, 51, 255]], np.uint8)
    y = Rescale(1 / 255).forward(pixels)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [[0, 0.2, 1]], rtol=1e-6)


def test_dense_is_the_affine_map(rng):
    layer = Dense(3, 2)
    x = rng.standard_normal((5, 3)).astype(np.float32)
    layer.bias.value = [1, 2]
    np.testing.assert_allclose(
        layer.forward(x), x @ layer.weight.value + np.array([1, 2]), rtol=1e-5
    )


def test_dense_computes_in_its_own_dtype_whatever_comes(rng):
    layer = Dense(3, 2)
    x, dy = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    assert layer.forward(x, training=True).dtype == np.float32
    assert layer.backward(dy).dtype == np.float32
    np.testing.assert_allclose(layer.weight.grad, x.T @ dy, rtol=1e-4, atol=1e-6)


def test_dense_starts_with_he_weights_and_zero_bias():
    layer = Dense(1000, 300)
    layer.build(1000, rng=0)
    assert layer.weight.value.std() == pytest.approx(np.sqrt(2 / 1000), rel=0.01)
    assert not layer.bias.value.any()


@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_recurrent_layers_carry_their_state_over_padding(kind, sequence, rng):
    """A sequence filled up gives what the sequence gives, and the same gradients."""
    short, long = (kind(3, return_sequences=sequence, padding=0.0) for _ in range(2))
    short.build((3, 2), rng=0, dtype=np.float64)
    long.build((6, 2), rng=0, dtype=np.float64)
    x = rng.standard_normal((4, 3, 2))
    filled = np.zeros((4, 6, 2))
    places = [0, 2, 3]  # padding in between, and at the end
    filled[:, places] = x
    y, y_long = short.forward(x, training=True), long.forward(filled, training=True)
    dy = rng.standard_normal(y.shape)
    dy_long = dy
    if sequence:
        np.testing.assert_allclose(y_long[:, [0, 0, 2, 3, 3, 3]], y_long)
        y_long = y_long[:, places]
        dy_long = np.zeros((4, 6, 3))
        dy_long[:, places] = dy
    np.testing.assert_allclose(y_long, y)
    dx, dx_long = short.backward(dy), long.backward(dy_long)
    np.testing.assert_allclose(dx_long[:, places], dx)
    assert not dx_long[:, [1, 4, 5]].any()
    for one, other in zip(short.parameters, long.parameters, strict=True):
        np.testing.assert_allclose(other.grad, one.grad, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_takes_nothing_from_padding(causal, rng):
    short, long = (MultiHeadAttention(2, causal=causal, padding=0.0) for _ in range(2))
    short.build((3, 4), rng=0, dtype=np.float64)
    long.build((5, 4), rng=0, dtype=np.float64)
    x = rng.standard_normal((2, 3, 4))
    filled = np.zeros((2, 5, 4))
    filled[:, :3] = x
    y, y_long = short.forward(x, training=True), long.forward(filled, training=True)
    np.testing.assert_allclose(y_long[:, :3], y)
    np.testing.assert_allclose(y_long[:, 3:], 0, atol=1e-15)  # b' = 0
    dy = rng.standard_normal((2, 5, 4))
    dy[:, 3:] = 0
    dx, dx_long = short.backward(dy[:, :3]), long.backward(dy)
    np.testing.assert_allclose(dx_long[:, :3], dx)
    assert not dx_long[:, 3:].any()
    for one, other in zip(short.parameters, long.parameters, strict=True):
        np.testing.assert_allclose(other.grad, one.grad, atol=1e-12)
    assert np.isfinite(long.forward(np.zeros((2, 5, 4)))).all()


def test_an_embedding_of_padding_is_and_stays_zero(rng):
    layer = Embedding(5, 3, padding=0)
    tokens = np.array([[0, 1, 0, 4]])
    y = layer.forward(tokens, training=True)
    assert not y[0, [0, 2]].any()
    assert y[0, [1, 3]].all()
    layer.backward(np.ones_like(y))
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [0, 1, 0, 0, 1])
    with pytest.raises(ValueError, match="tokens from 0 to 4, got 5"):
        layer.forward(np.array([[0, 5, 1, 1]]))
    with pytest.raises(TypeError, match="integer tokens, got float64 with fractions"):
        layer.forward(np.array([[0, 0.5, 1, 1]]))


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
        (Concatenate([Flatten(), Dense(3)]), (4, 2), "differ along axis 1 alone|expected an axis"),
    ],
    ids=repr,
)
def test_shapes_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.build(shape)
    assert not layer.parameters


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv2D(0, 3), lambda: Conv2D(2, (3, 3, 3)), lambda: Conv2D(2, 3, padding="full"),
        lambda: Conv2D(2, 3, padding=-1), lambda: Conv2D(3, 3, groups=2), lambda: Dropout(1.0),
        lambda: Softmax(0), lambda: Permute(1, 3), lambda: Reshape(-1, -1), lambda: LSTM(2.5),
        lambda: Embedding(3, 2, padding=3), lambda: Residual("x"), lambda: Residual(*[]),
        lambda: Concatenate(Dense(3)), lambda: BatchNorm(momentum=2), lambda: LayerNorm(epsilon=0),
        lambda: LeakyReLU(-1), lambda: ELU(0), lambda: MaxPool2D("2"),
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


def test_dense_infers_its_inputs_once():
    layer = Dense(2)
    assert layer.parameters == ()
    layer.forward(np.zeros((4, 3), np.float32))
    assert layer.weight.shape == (3, 2)
    with pytest.raises(ValueError, match=r"Dense\(2\) expected \(batch, 3\), got \(4, 5\)"):
        layer.forward(np.zeros((4, 5), np.float32))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((32, 28, 28), r"expected \(batch, 784\), got \(32, 28, 28\); put Flatten\(\) before it"),
        ((784,), r"expected \(batch, 784\), got \(784,\); one row is x\[np.newaxis\]"),
        ((32, 783), r"expected \(batch, 784\), got \(32, 783\)"),
        ((), r"expected \(batch, 784\), got \(\)"),
    ],
)
def test_wrong_shapes_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        Dense(784, 10).forward(np.zeros(shape, np.float32))


@pytest.mark.parametrize("sizes", [(), (1, 2, 3), (0,), (-1, 2), (2.5,), (True,), ("3",), (None,)])
def test_dense_wants_positive_integers(sizes):
    with pytest.raises((TypeError, ValueError), match="expected"):
        Dense(*sizes)


@pytest.mark.parametrize("scale", [np.nan, np.inf, "1", None, 1j, [1]])
def test_rescale_wants_a_finite_number(scale):
    with pytest.raises((TypeError, ValueError), match="scale expected a finite number"):
        Rescale(scale)


def test_building_twice_keeps_the_weights_and_refuses_another_shape():
    layer = Dense(3, 2)
    before = layer.weight.value.copy()
    assert layer.build(3) == (2,)
    np.testing.assert_array_equal(layer.weight.value, before)
    with pytest.raises(ValueError, match=r"expected \(batch, 3\), got \(batch, 4\)"):
        layer.build(4)


def test_build_draws_from_the_seed_it_is_given():
    one, two = Dense(3), Dense(3)
    one.build(4, rng=7, dtype=np.float64)
    two.build(4, rng=7, dtype=np.float64)
    assert one.weight.value.dtype == np.float64
    np.testing.assert_array_equal(one.weight.value, two.weight.value)


def correlated(x, W, b, stride, padding, dilation):
    """Conv1D's equation, place by place: y_f(t) = b_f + Σ_ci W_fci x_c(t + i)."""
    padded = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    reach = (W.shape[2] - 1) * dilation + 1
    starts = range(0, padded.shape[1] - reach + 1, stride)
    seen = [padded[:, t : t + reach : dilation] for t in starts]  # each (batch, size, channels)
    return np.stack([np.einsum("bic,fci->bf", s, W) + b for s in seen], axis=1)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2))
def test_conv1d_is_its_equation_whatever_the_padding(size, stride, padding, dilation):
    rng = np.random.default_rng(0)
    layer = Conv1D(4, size, stride=stride, padding=padding, dilation=dilation)
    layer.build((6, 3), rng=0, dtype=np.float64)
    layer.bias.value = rng.standard_normal(4)
    x = rng.standard_normal((2, 6, 3))
    expected = correlated(x, layer.weight.value, layer.bias.value, stride, padding, dilation)
    y = layer.forward(x)
    assert y.shape[1:] == layer.output_shape
    np.testing.assert_allclose(y, expected, atol=1e-12)
    assert layer.multiply_adds == layer.weight.size * y.shape[1]


@pytest.mark.parametrize("value", [(2, 1), (1, 2), [1, 1], (1,), 1.5, "2", None, True, -1])
@pytest.mark.parametrize("name", ["kernel_size", "stride", "padding", "dilation"])
def test_conv1d_takes_single_integers(name, value):
    options = {"filters": 2, "kernel_size": 3} | {name: value}
    with pytest.raises((TypeError, ValueError), match=f"{name} expected"):
        Conv1D(**options)


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
