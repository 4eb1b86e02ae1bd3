"""Numbers near the largest of float32: right where the result has a place, else an error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import (
    AveragePool2D,
    BatchNorm,
    Dense,
    GlobalAveragePool2D,
    LayerNorm,
    MaxPool2D,
    RMSNorm,
    Sequential,
)

LARGEST = float(np.finfo(np.float32).max)
seeds = st.integers(0, 2**32 - 1)


# ---------------------------------------------------------------- optimizers


# ---------------------------------------------------------------- losses and weights


# ---------------------------------------------------------------- layers


def images(rng, size, shape):
    return (rng.uniform(-1, 1, shape) * size).astype(np.float32)


@given(
    seed=seeds,
    constant=st.booleans(),
    kind=st.sampled_from(
        [(AveragePool2D, (2,)), (AveragePool2D, (3, 1, 1)), (AveragePool2D, (3, 2, "same")),
         (GlobalAveragePool2D, ())]
    ),
)  # fmt: skip
@np.errstate(over="ignore", invalid="ignore")  # as in fit
def test_means_of_pixels_are_right_up_to_the_largest(seed, constant, kind):
    rng = np.random.default_rng(seed)
    x = images(rng, 3.3e38, (2, 3, 6, 5))
    if constant:
        x = np.full_like(x, 3.3e38)
    layer, wide = (kind[0](*kind[1]) for _ in range(2))
    wide.dtype = np.dtype(np.float64)
    for training in (False, True):
        expected = wide.forward(x.astype(np.float64), training)
        y = layer.forward(x, training)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e33)


@given(seed=seeds, size=st.sampled_from([1e18, 1e30, 3.3e38]), features=st.integers(2, 5))
@np.errstate(over="ignore", invalid="ignore")  # as in fit
def test_normalising_the_largest_numbers_gives_ordinary_ones(seed, size, features):
    rng = np.random.default_rng(seed)
    u = rng.uniform(-1, 1, (6, features))
    u[0], u[1] = 1, -1  # of either sign: differences overflow too
    u[2:, :2] = rng.uniform(0.5, 1, (4, 2))  # far from equal, which would leave rounding alone
    u[:, :2] *= 1, -1
    dy = rng.standard_normal(u.shape).astype(np.float32)
    for kind in (BatchNorm, LayerNorm, RMSNorm):
        options = {"epsilon": 1e-30} | ({"momentum": 1.0} if kind is BatchNorm else {})
        layer, twin = kind(**options), kind(**options)
        twin.dtype = np.dtype(np.float64)
        for each in (layer, twin):
            each.build((features,))
        found = layer.forward((u * size).astype(np.float32), training=True)
        expected = twin.forward(u, training=True)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        slope = layer.backward(dy) * np.float32(size)
        np.testing.assert_allclose(slope, twin.backward(dy.astype(float)), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(
            layer.forward((u * size).astype(np.float32)), twin.forward(u), rtol=1e-3, atol=1e-3
        )


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm, RMSNorm])
def test_what_no_format_holds_is_an_error_in_place_of_zeros(kind, rng):
    """In float64 the squares of 1e200 overflow, and there is no wider format."""
    X = rng.standard_normal((8, 3)) * 1e200
    model = Sequential([kind(), Dense(3, 2)], dtype=np.float64)
    with pytest.raises(FloatingPointError, match=kind.__name__):
        model.fit(X, rng.random((8, 2)), verbose=0)


@given(seed=seeds, pool=st.sampled_from([(3, 1, 1), (2, 2, 1), (3, 2, "same"), (3, 1, (1, 0))]))
def test_no_gradient_is_lost_in_the_padding(seed, pool):
    """Where pixels are −∞ themselves, dy goes to one of them, the first, never to the padding."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((2, 2, 5, 4)) < 0.7, -np.inf, rng.random((2, 2, 5, 4)))
    x = x.astype(np.float32)
    layer = MaxPool2D(*pool)
    y = layer.forward(x, training=True)
    dy = rng.random(y.shape).astype(np.float32)
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx.sum(axis=(2, 3)), dy.sum(axis=(2, 3)), rtol=1e-5)
    assert dx[~np.isneginf(x)].sum() == pytest.approx(dy[~np.isneginf(y)].sum(), rel=1e-5)
