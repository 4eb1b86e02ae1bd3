"""Rescale: the document's first step, pixels divided by 255."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array
from tinyframe.utils.checks import real_number


class Rescale(Layer):
    """y = s x, of any shape: `Rescale(1/255)` takes pixels 0 … 255 to numbers in [0, 1].

    dx = s dy. Integers, such as uint8 pixels, come out as floats of the layer's dtype.

    Parameters
    ----------
    scale : float
        The factor s.

    Raises
    ------
    TypeError, ValueError
        If the scale is not a finite number.

    Examples
    --------
    >>> Rescale(0.5)(np.array([[0, 1, 255]], np.uint8))
    array([[  0. ,   0.5, 127.5]], dtype=float32)
    """

    takes_integers = True

    def __init__(self, scale: float) -> None:
        self.scale = real_number("Rescale's scale", scale)

    def forward(self, x: Array, training: bool = False) -> Array:
        dtype = x.dtype if x.dtype.kind == "f" else self.dtype
        return np.multiply(x, self.scale, dtype=dtype)

    def backward(self, dy: Array) -> Array:
        return dy * self.scale
