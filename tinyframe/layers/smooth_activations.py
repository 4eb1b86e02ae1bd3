"""Smooth relatives of ReLU: x times a gate between 0 and 1, and the integral of such a gate."""

import math

import numpy as np

from tinyframe.layers.activations import sigmoid
from tinyframe.layers.layer import Layer
from tinyframe.types import Array


class GELU(Layer):
    """y = x/2 (1 + t) with t = tanh u and u = √(2/π) (x + 0.044715 x³), of any shape.

    f'(x) = (1 + t)/2 + x/2 (1 − t²) u' with u' = √(2/π) (1 + 3 · 0.044715 x²).

    It is the approximation of x Φ(x), within 0.0005, where Φ is the normal distribution function.
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    Examples
    --------
    >>> GELU()(np.array([[-1.0, 2.0]])).round(3)
    array([[-0.159,  1.955]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        a, b = _GELU_SCALE, _GELU_SCALE * 0.044715
        near = np.clip(x, -10, 10)  # beyond, where x³ may overflow, t is ±1
        v = a + b * near * near  # u = v x
        gate = (1 + np.tanh(v * near)) * 0.5
        if training:
            # with gate = (1 + t)/2 is (1 − t²)/2 = 2 gate (1 − gate), and u' = 3 v − 2 a
            self._saved = gate + gate * (1 - gate) * near * (6 * v - 4 * a)
        return gate * x

    def backward(self, dy: Array) -> Array:
        return dy * self._recall()


_GELU_SCALE = math.sqrt(2 / math.pi)


class SiLU(Layer):
    """y = x σ(x), of any shape, also called swish.

    f'(x) = σ(x) + x σ(x) (1 − σ(x)) = σ(x) (1 + x − y). Source: Elfwing, Uchibe and Doya,
    "Sigmoid-Weighted Linear Units", 2018.

    Examples
    --------
    >>> SiLU()(np.array([[-1.0, 2.0]])).round(3)
    array([[-0.269,  1.762]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        s = sigmoid(x)
        if training:
            self._saved = x, s
        return x * s

    def backward(self, dy: Array) -> Array:
        x, s = self._recall()
        return dy * (s * (1 + x * (1 - s)))


class Softplus(Layer):
    """y = log(1 + eˣ), of any shape: a smooth ReLU, always positive.

    f'(x) = σ(x). Computed as max(x, 0) + log(1 + e^−|x|), in which nothing overflows.

    Examples
    --------
    >>> Softplus()(np.array([[-1.0, 0.0, 100.0]])).round(3)
    array([[  0.313,   0.693, 100.   ]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._saved = x
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def backward(self, dy: Array) -> Array:
        return dy * sigmoid(self._recall())
