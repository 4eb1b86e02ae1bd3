"""Activations: functions applied to each element on its own, y = f(x), so that dx = f'(x) dy."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array


class ReLU(Layer):
    """y = max(x, 0), of any shape (document, equations 1 and 8).

    f'(x) = 1{x > 0}: the document's indicator. At the kink x = 0 it is 0.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            y: Array = np.maximum(x, 0)
            return y
        # y = maximum(x, 0)
        zero = self._reused("0", np.zeros_like, x)
        y = np.maximum(x, zero, out=self._buffer_like("y", x))
        self._saved = y  # y > 0 where x > 0
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        # dx = dy * (y > 0)
        zero = self._reused("0", np.zeros_like, y)
        positive = np.greater(y, zero, self._buffer_like("positive", y, bool))
        dx: Array = np.multiply(dy, positive, self._buffer_like("dx", y))
        return dx


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), of any shape.

    f'(x) = e⁻ˣ / (1 + e⁻ˣ)² = y (1 − y).

    Computed as e^min(x, 0) / (1 + e^−|x|), in which nothing overflows: for x ≥ 0 that is
    1 / (1 + e⁻ˣ), and for x < 0 it is eˣ / (1 + eˣ), the same number.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y_out = self._buffer_like("y", x) if training else None
        e_out = self._buffer_like("e", x) if training else None
        # y = exp(minimum(x, 0)) / (1 + exp(-abs(x)))
        y: Array = np.exp(np.minimum(x, 0, out=y_out), out=y_out)
        e: Array = np.exp(np.multiply(np.abs(x, out=e_out), -1.0, out=e_out), out=e_out)
        e += 1
        y /= e
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        # dx = dy * y * (1 - y)
        dx: Array = np.subtract(1, y, out=self._buffer_like("dx", y))
        dx *= y
        dx *= dy
        return dx


class Tanh(Layer):
    """y = tanh(x), of any shape.

    f'(x) = 1 − tanh²(x) = 1 − y².
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.tanh(x, out=self._buffer_like("y", x) if training else None)
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        # dx = dy * (1 - y**2)
        dx: Array = np.multiply(y, y, out=self._buffer_like("dx", y))
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx
