"""Layer normalisation: each position to mean 0 and variance 1 over its features."""

import math

import numpy as np

from tinyframe.initializers import ones, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, real_number
from tinyframe.utils.products import sums


class _FeatureNorm(Layer):
    """What normalises each position over its features, the last axis: (batch, …, features)."""

    gain: Parameter
    centred: bool  # whether the mean is taken away, and a bias added

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        self.epsilon = real_number(f"{type(self).__name__}'s epsilon", epsilon, above=0)

    def setup(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ValueError(f"{self!r} expected (batch, …, features), got {batched(input_shape)}")
        self.gain = Parameter((input_shape[-1],), ones, dtype=self.dtype)
        if self.centred:
            self.bias = Parameter((input_shape[-1],), zeros, dtype=self.dtype)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        x = self._input(x)
        xhat, scale = self._normalised(x)
        if not np.isfinite(scale).all():  # squares overflow in float32
            wide, exact = self._normalised(x.astype(np.float64))
            mark = np.where(np.isfinite(exact), 1, np.nan)  # where x / ∞ = 0 would not tell
            xhat, scale = (wide * mark).astype(x.dtype), (exact * mark).astype(x.dtype)
        y = xhat * self.gain.value
        if self.centred:
            y += self.bias.value
        if training:
            self._saved = xhat, scale
        return y

    def _normalised(self, x: Array) -> tuple[Array, Array]:
        """Return x̂ and √(mean((x − μ)²) + ε)."""
        if self.centred:
            x = x - _mean(x)
        scale = np.sqrt(_mean(x * x) + self.epsilon)
        return x / scale, scale

    def backward(self, dy: Array) -> Array:
        xhat, scale = self._recall()
        dy = dy.astype(self.dtype, copy=False)
        shape = math.prod(dy.shape[:-1]), dy.shape[-1]
        sums((dy * xhat).reshape(shape), axis=0, out=self.gain.grad)
        h = dy * self.gain.value
        dx = h - xhat * _mean(h * xhat)
        if self.centred:
            sums(dy.reshape(shape), axis=0, out=self.bias.grad)
            dx -= _mean(h)
        dx /= scale
        return dx


def _mean(x: Array) -> Array:
    """Return the mean over the features, (batch, …, 1)."""
    return x.sum(axis=-1, keepdims=True) / x.shape[-1]


class LayerNorm(_FeatureNorm):
    """y = g x̂ + b with x̂ = (x − μ) / √(σ² + ε): each position over its features, the last axis.

    x is (batch, …, features), g and b (features,); μ and σ² are the mean and variance of the
    features of one position. With h = g dy, and means over the features,

        dg = Σ dy x̂        db = Σ dy        dx = (h − mean(h) − x̂ mean(h x̂)) / √(σ² + ε)

    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.

    Parameters
    ----------
    epsilon : float
        ε > 0.

    Raises
    ------
    TypeError, ValueError
        If epsilon is not a finite number above 0.

    Examples
    --------
    >>> LayerNorm()(np.array([[1.0, 2.0, 3.0]])).round(2)
    array([[-1.22,  0.  ,  1.22]], dtype=float32)
    """

    bias: Parameter
    centred = True


class RMSNorm(_FeatureNorm):
    """y = g x̂ with x̂ = x / √(mean(x²) + ε): each position over its features, the last axis.

    x is (batch, …, features), g (features,). With h = g dy, and means over the features,

        dg = Σ dy x̂        dx = (h − x̂ mean(h x̂)) / √(mean(x²) + ε)

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

    Parameters
    ----------
    epsilon : float
        ε > 0.

    Raises
    ------
    TypeError, ValueError
        If epsilon is not a finite number above 0.

    Examples
    --------
    >>> RMSNorm()(np.array([[3.0, 4.0]])).round(2)
    array([[0.85, 1.13]], dtype=float32)
    """

    centred = False
