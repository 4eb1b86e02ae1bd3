"""Convolution: its equation, place by place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import Conv1D, Conv2D, ConvTranspose2D
from tinyframe.layers import correlation
from tinyframe.layers.correlation import Correlation


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


@pytest.mark.parametrize("layer", [
    Conv2D(4, 3, padding="same"), Conv2D(4, (5, 2), stride=2, groups=2), Conv2D(4, 2, dilation=2),
    ConvTranspose2D(4, 3, stride=2),
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_images_are_gone_through_so_many_rows_at_a_time(layer, rows, monkeypatch, rng):
    """Larger ones than the cache holds patches of: the same sums, in other pieces."""
    x = rng.standard_normal((3, 2, 9, 8))
    layer.build(x.shape[1:], rng=0, dtype=np.float64)
    seen = []

    def passes():
        y = layer.forward(x, training=True)
        dx = layer.backward(np.cos(np.arange(y.size)).reshape(y.shape))
        return y, dx, layer.weight.grad.copy()

    def counted(self, length, n, itemsize):
        a_row = length * self.windows.output[1] * n * itemsize
        monkeypatch.setattr(correlation, "BLOCK_BYTES", rows * a_row)
        blocks = list(right(self, length, n, itemsize))
        seen.append(len(blocks) - -(-self.windows.output[0] // rows))
        return iter(blocks)

    whole, right = passes(), Correlation._blocks
    monkeypatch.setattr(Correlation, "_blocks", counted)
    for one, other in zip(passes(), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert seen
    assert not any(seen)
