"""Smooth relatives of ReLU: x times a gate between 0 and 1, and the integral of such a gate."""

import math

import numpy as np

from tinyframe.layers.activations import sigmoid
from tinyframe.layers.layer import Layer
from tinyframe.scratch import pieces
from tinyframe.types import Array


class GELU(Layer):
    """y = x/2 (1 + t) with t = tanh u and u = √(2/π) (x + 0.044715 x³), of any shape.

    f'(x) = (1 + t)/2 + x/2 (1 − t²) u' with u' = √(2/π) (1 + 3 · 0.044715 x²).

    It is the approximation of x Φ(x), within 0.0005, where Φ is the normal distribution function.
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y, slope, t = (
            self._empty_like(name, x) if training else np.empty_like(x)
            for name in ("y", "slope", "t")
        )
        a, b = _GELU_SCALE, _GELU_SCALE * 0.044715
        for x_, y_, slope_, t_ in pieces(x, y, slope, t):
            np.clip(x_, -10, 10, out=t_)  # beyond, where x³ may overflow, tanh u is ±1
            # v = a + b * x**2;  gate = (1 + tanh(v * x)) / 2
            np.multiply(t_, t_, out=slope_)
            slope_ *= b
            slope_ += a
            np.multiply(slope_, t_, out=y_)
            np.tanh(y_, out=y_)
            y_ += 1
            y_ *= 0.5
            if training:
                # slope = gate + 2 * gate * (1 - gate) * x * u', where u' is 3 v - 2 a
                slope_ *= 6
                slope_ -= 4 * a
                slope_ *= t_
                slope_ *= y_
                slope_ *= np.subtract(1, y_, out=t_)
                slope_ += y_
            # y = gate * x
            y_ *= x_
        if training:
            self._saved = slope
        return y

    def backward(self, dy: Array) -> Array:
        slope = self._recall()
        dx: Array = np.multiply(dy, slope, out=self._buffer_like("dx", slope))
        return dx


_GELU_SCALE = math.sqrt(2 / math.pi)


class SiLU(Layer):
    """y = x σ(x), of any shape, also called swish.

    f'(x) = σ(x) + x σ(x) (1 − σ(x)) = σ(x) (1 + x − y). Source: Elfwing, Uchibe and Doya,
    "Sigmoid-Weighted Linear Units", 2018.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        s = sigmoid(x, self._empty_like("s", x) if training else np.empty_like(x))
        y: Array = np.multiply(x, s, out=self._buffer_like("y", x) if training else None)
        if training:
            self._saved = x, s
        return y

    def backward(self, dy: Array) -> Array:
        x, s = self._recall()
        # dx = dy * s * (1 + x * (1 - s))
        dx: Array = np.subtract(1, s, out=self._buffer_like("dx", x))
        dx *= x
        dx += 1
        dx *= s
        dx *= dy
        return dx


class Softplus(Layer):
    """y = log(1 + eˣ), of any shape: a smooth ReLU, always positive.

    f'(x) = σ(x). Computed as max(x, 0) + log(1 + e^−|x|), in which nothing overflows.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.abs(x, out=self._buffer_like("y", x) if training else None)
        np.negative(y, out=y)
        np.log1p(np.exp(y, out=y), out=y)
        # y = max(x, 0) + log(1 + exp(-abs(x)))
        y += np.maximum(x, 0, out=self._buffer_like("positive", x) if training else None)
        if training:
            self._saved = x
        return y

    def backward(self, dy: Array) -> Array:
        x = self._recall()
        dx = sigmoid(x, self._empty_like("dx", x))
        dx *= dy
        return dx
