"""Activations: functions applied to each element on its own, y = f(x), so that dx = f'(x) dy."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array
from tinyframe.utils.checks import real_number


class ReLU(Layer):
    """y = max(x, 0), of any shape (document, equations 1 and 8).

    f'(x) = 1{x > 0}: the document's indicator. At the kink x = 0 it is 0.

    Examples
    --------
    >>> ReLU()(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.maximum(x, 0)
        if training:
            self._saved = y  # y > 0 where x > 0
        return y

    def backward(self, dy: Array) -> Array:
        return dy * (self._recall() > 0)


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), of any shape.

    f'(x) = e⁻ˣ / (1 + e⁻ˣ)² = y (1 − y).

    Examples
    --------
    >>> Sigmoid()(np.array([[-1.0, 0.0, 100.0]])).round(3)
    array([[0.269, 0.5  , 1.   ]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y = sigmoid(x)
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        return dy * (y * (1 - y))


class Tanh(Layer):
    """y = tanh(x), of any shape.

    f'(x) = 1 − tanh²(x) = 1 − y².

    Examples
    --------
    >>> Tanh()(np.array([[-1.0, 0.0, 100.0]])).round(3)
    array([[-0.762,  0.   ,  1.   ]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.tanh(x)
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        return dy * (1 - y * y)


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

    Examples
    --------
    >>> LeakyReLU(0.1)(np.array([[-1.0, 2.0]]))
    array([[-0.1,  2. ]])
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = real_number("LeakyReLU's slope", slope, at_least=0)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._saved = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dy: Array) -> Array:
        x = self._recall()
        return np.where(x > 0, dy, self.slope * dy)


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

    Examples
    --------
    >>> ELU()(np.array([[-1.0, 2.0]])).round(3)
    array([[-0.632,  2.   ]])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real_number("ELU's alpha", alpha, above=0)

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.maximum(x, 0) + self.alpha * np.expm1(np.minimum(x, 0))
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        return dy * np.where(y > 0, 1, y + self.alpha)


def sigmoid(x: Array) -> Array:
    """Return σ(x) = 1 / (1 + e⁻ˣ).

    Computed as e^min(x, 0) / (1 + e^−|x|), in which nothing overflows: for x ≥ 0 that is
    1 / (1 + e⁻ˣ), and for x < 0 it is eˣ / (1 + eˣ), the same number.
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
