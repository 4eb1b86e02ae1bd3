"""Dropout: noise in training, so that no unit relies on another."""

import numpy as np

from tinyframe.checks import real_number
from tinyframe.layers.layer import Layer
from tinyframe.types import Array


class Dropout(Layer):
    """y = x m / (1 − p) in training, with m = 0 at random with probability p, else 1. Any shape.

    dx = dy m / (1 − p), with the same m. The division keeps the mean of y at x; in inference y = x.
    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
    2014.

    Parameters
    ----------
    rate : float
        p, 0 ≤ p < 1.

    Raises
    ------
    TypeError, ValueError
        If the rate is out of its range.
    """

    random = True

    def __init__(self, rate: float) -> None:
        self.rate = real_number("Dropout's rate", rate, at_least=0, below=1)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        # mask = (uniform(0, 1) >= rate) / (1 - rate), drawn in the order in which x lies in memory
        order = np.argsort(x.strides)[::-1]
        drawn = self._empty("mask", tuple(x.shape[axis] for axis in order), x.dtype)
        self.rng.random(out=drawn, dtype=x.dtype.type)
        mask = drawn.transpose(np.argsort(order))
        kept = np.greater_equal(mask, self.rate, out=self._buffer_like("kept", x, bool))
        np.multiply(kept, 1 / (1 - self.rate), out=mask, dtype=mask.dtype)
        self._saved = mask
        y: Array = np.multiply(x, mask, out=self._buffer_like("y", x))
        return y

    def backward(self, dy: Array) -> Array:
        mask = self._recall()
        dx: Array = np.multiply(dy, mask, out=self._buffer_like("dx", mask))
        return dx
