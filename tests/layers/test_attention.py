"""Attention: padding, and scores of any size."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinyframe import MultiHeadAttention


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


LARGEST = float(np.finfo(np.float32).max)


seeds = st.integers(0, 2**32 - 1)


def attention(size, dtype=np.float32, **options):
    """Attention whose queries and keys are the features, times a size."""
    layer = MultiHeadAttention(1, **options)
    layer.dtype = np.dtype(dtype)
    layer.build((4, 3), rng=0)
    identity = np.eye(3)
    layer.weight.value = np.hstack([identity * size, identity * size, identity])
    layer.output_weight.value = identity
    return layer


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"padding": 0.0}])
@given(seed=seeds, exponent=st.integers(15, 37))
@example(0, 25)
def test_attention_to_large_scores_is_that_of_a_wider_format(options, seed, exponent):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (2, 4, 3)).astype(np.float32)
    x[1] *= 1e-20 / 10.0**exponent * 10.0 ** (38 - exponent) if exponent < 30 else 1
    x[0, 3] = 0
    layer, wide = (
        attention(10.0**exponent, **options),
        attention(10.0**exponent, np.float64, **options),
    )
    found = layer.forward(x, training=True)
    expected = wide.forward(x.astype(np.float64), training=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(layer.forward(x), found)


@given(seed=seeds, exponent=st.integers(10, 30))
@example(0, 25)
def test_attention_to_large_features_is_that_of_a_wider_format(seed, exponent):
    rng = np.random.default_rng(seed)
    x = (rng.uniform(-1, 1, (2, 4, 3)) * 10.0**exponent).astype(np.float32)
    layer, wide = attention(1.0), attention(1.0, np.float64)
    found = layer.forward(x, training=True)
    np.testing.assert_allclose(
        found / np.float32(10.0**exponent),
        wide.forward(x.astype(np.float64)) / 10.0**exponent,
        rtol=1e-3,
        atol=1e-4,
    )
    if exponent < 20:  # beyond, what a rounding error leaves of 0 may overflow: an error in fit
        dx = layer.backward(rng.standard_normal(x.shape).astype(np.float32))
        assert np.isfinite(dx).all()


def test_attention_beyond_the_widest_format_is_not_finite_and_so_an_error(rng):
    layer = attention(1e200, np.float64)
    with np.errstate(all="ignore"):
        assert not np.isfinite(layer.forward(rng.random((2, 4, 3)))).all()
