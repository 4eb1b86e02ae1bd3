"""Softmax: scores to probabilities, with its true Jacobian; and its logarithm."""

from abc import abstractmethod

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import check_axis, sample_axis
from tinyframe.utils.products import sums_along


class _AlongAxis(Layer):
    """What works along one axis of x: by default the last, never that of the batch.

    Parameters
    ----------
    axis : int
        The axis, that of the batch counted: 1 is the channels of images.

    Raises
    ------
    TypeError, ValueError
        If it is no axis of x, or that of the batch.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = sample_axis(axis)

    def setup(self, input_shape: Shape) -> Shape:
        check_axis(self.axis, input_shape, repr(self))
        return input_shape

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array: ...


class Softmax(_AlongAxis):
    """yᵢ = e^xᵢ / Σⱼ e^xⱼ along an axis: positive numbers that sum to 1.

    Subtracting max x changes nothing in exact arithmetic and keeps the exponentials from
    overflowing.

    The Jacobian of one row is not diagonal:

        ∂yᵢ/∂xⱼ = yᵢ (δᵢⱼ − yⱼ)        that is  J = diag(y) − y yᵀ

    so that dxⱼ = Σᵢ dyᵢ yᵢ (δᵢⱼ − yⱼ) = yⱼ (dyⱼ − Σᵢ dyᵢ yᵢ). The document leaves out this
    Jacobian; see docs/document.md.

    Parameters
    ----------
    axis : int
        By default the last, as in (batch, classes). The batch is axis 0.

    Raises
    ------
    TypeError, ValueError
        If it is no axis of x, or that of the batch.

    Examples
    --------
    >>> Softmax()(np.array([[0.0, 1.0, 1.0]])).round(3)
    array([[0.155, 0.422, 0.422]])
    >>> Softmax()(np.array([[1e4, 0.0, -1e4]]))
    array([[1., 0., 0.]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        y = softmax(x, self.axis)
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        return y * (dy - sums_along(dy * y, self.axis))


def softmax(x: Array, axis: int = -1) -> Array:
    """Return e^xᵢ / Σⱼ e^xⱼ along an axis."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / sums_along(e, axis)


class LogSoftmax(_AlongAxis):
    """yᵢ = xᵢ − log Σⱼ e^xⱼ along an axis: the logarithm of `Softmax`, exact where that is 0.

    ∂yᵢ/∂xⱼ = δᵢⱼ − pⱼ with p = Softmax(x) = e^y, so that dxⱼ = dyⱼ − pⱼ Σᵢ dyᵢ. Train it with
    `CrossEntropyLoss(from_logits=True)`, which leaves it as it is: log Σ e^y = 0.

    Parameters
    ----------
    axis : int
        By default the last, as in (batch, classes). The batch is axis 0.

    Raises
    ------
    TypeError, ValueError
        If it is no axis of x, or that of the batch.

    Examples
    --------
    >>> LogSoftmax()(np.array([[0.0, 1.0, 1.0]])).round(3)
    array([[-1.862, -0.862, -0.862]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        z = x - x.max(axis=self.axis, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=self.axis, keepdims=True)
        if training:
            self._saved = e / total
        return z - np.log(total)

    def backward(self, dy: Array) -> Array:
        p = self._recall()
        return dy - p * dy.sum(axis=self.axis, keepdims=True)
