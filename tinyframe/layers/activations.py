"""Activations: functions applied to each element on its own, y = f(x), so that dx = f'(x) dy."""

import numpy as np

from tinyframe.checks import real_number
from tinyframe.layers.layer import Layer
from tinyframe.scratch import pieces
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
        zero = self._reused_like("0", np.zeros_like, x)
        y = np.maximum(x, zero, out=self._buffer_like("y", x))
        self._saved = y, zero  # y > 0 where x > 0
        return y

    def backward(self, dy: Array) -> Array:
        y, zero = self._recall()
        # dx = dy * (y > 0)
        positive = np.greater(y, zero, self._buffer_like("positive", y, bool))
        dx = self._empty_like("dx", y)
        np.copyto(dx, positive)  # as numbers: a product with them as they are takes longer
        dx *= dy
        return dx


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), of any shape.

    f'(x) = e⁻ˣ / (1 + e⁻ˣ)² = y (1 − y).
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y = sigmoid(x, self._empty_like("y", x) if training else np.empty_like(x))
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


class LeakyReLU(Layer):
    """y = max(x, 0) + α min(x, 0), of any shape.

    f'(x) = 1 for x > 0, else α. Source: Maas et al., "Rectifier Nonlinearities Improve Neural
    Network Acoustic Models", 2013.

    Parameters
    ----------
    slope : float
        α ≥ 0, the slope left of zero.

    Raises
    ------
    TypeError, ValueError
        If the slope is not a finite number ≥ 0.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = real_number("LeakyReLU's slope", slope, at_least=0)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._saved = x
        # y = where(x > 0, x, slope * x)
        y: Array = np.multiply(x, self.slope, out=self._buffer_like("y", x) if training else None)
        (np.maximum if self.slope <= 1 else np.minimum)(y, x, out=y)
        return y

    def backward(self, dy: Array) -> Array:
        x = self._recall()
        positive = np.greater(x, 0, out=self._buffer_like("positive", x, bool))
        # dx = dy * where(x > 0, 1, slope)
        dx: Array = np.multiply(
            positive, 1 - self.slope, out=self._buffer_like("dx", x), dtype=x.dtype
        )
        dx += self.slope
        dx *= dy
        return dx


class ELU(Layer):
    """y = x for x > 0, else α (eˣ − 1), of any shape.

    f'(x) = 1 for x > 0, else α eˣ = y + α. Source: Clevert, Unterthiner and Hochreiter, "Fast and
    Accurate Deep Network Learning by Exponential Linear Units", 2016.

    Parameters
    ----------
    alpha : float
        α > 0: y approaches −α.

    Raises
    ------
    TypeError, ValueError
        If alpha is not a finite number above 0.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real_number("ELU's alpha", alpha, above=0)

    def forward(self, x: Array, training: bool = False) -> Array:
        # y = max(x, 0) + alpha * expm1(min(x, 0))
        y: Array = np.minimum(x, 0, out=self._buffer_like("y", x) if training else None)
        np.expm1(y, out=y)
        y *= self.alpha
        y += np.maximum(x, 0, out=self._buffer_like("x", x) if training else None)
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        # dx = dy * where(y > 0, 1, y + alpha)
        positive = np.greater(y, 0, out=self._buffer_like("positive", y, bool))
        dx: Array = np.multiply(
            positive, 1 - self.alpha, out=self._buffer_like("dx", y), dtype=y.dtype
        )
        dx += self.alpha
        dx += np.minimum(y, 0, out=self._buffer_like("x", y))
        dx *= dy
        return dx


def sigmoid(x: Array, out: Array) -> Array:
    """Write 1 / (1 + e⁻ˣ) to `out` and return it.

    Computed as e^min(x, 0) / (1 + e^−|x|), in which nothing overflows: for x ≥ 0 that is
    1 / (1 + e⁻ˣ), and for x < 0 it is eˣ / (1 + eˣ), the same number.
    """
    for x_, out_ in pieces(x, out, size=8_192):  # which needs memory of its own
        _sigmoid(x_, out_)
    return out


def _sigmoid(x: Array, out: Array) -> None:
    # out = exp(minimum(x, 0)) / (1 + exp(-abs(x)))
    e = np.abs(x)
    np.negative(e, out=e)
    np.exp(e, out=e)
    e += 1
    np.exp(np.minimum(x, 0, out=out), out=out)
    out /= e
