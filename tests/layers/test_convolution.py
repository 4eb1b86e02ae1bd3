"""Convolution: its equation, place by place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import Conv1D


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
