"""Dropout: noise in training, so that no unit relies on another."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array
from tinyframe.utils.checks import real_number


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

    Examples
    --------
    >>> layer = Dropout(0.5)
    >>> layer(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    >>> layer.rng = np.random.default_rng(0)
    >>> layer.forward(np.ones((1, 4)), training=True)
    array([[2., 0., 0., 0.]])
    """

    random = True

    def __init__(self, rate: float) -> None:
        self.rate = real_number("Dropout's rate", rate, at_least=0, below=1)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        mask = (self._uniform(x) >= self.rate).astype(x.dtype) * (1 / (1 - self.rate))
        self._saved = mask
        return x * mask

    def backward(self, dy: Array) -> Array:
        return dy * self._recall()

    def _uniform(self, x: Array) -> Array:
        """Return random numbers in [0, 1) of x's shape, drawn in the order in which x lies."""
        order = np.argsort(x.strides)[::-1]
        shape = tuple(x.shape[axis] for axis in order)
        return self.rng.random(shape, x.dtype.type).transpose(np.argsort(order))
