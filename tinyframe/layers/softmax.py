"""Softmax: scores to probabilities, with its true Jacobian; and its logarithm."""

from abc import abstractmethod

import numpy as np

from tinyframe.checks import batched
from tinyframe.layers.layer import Layer
from tinyframe.types import Array, Shape


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
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"axis expected an integer, got {axis!r}")
        if axis == 0:
            raise ValueError("axis expected one of a sample, got 0, that of the batch")
        self.axis = axis

    def setup(self, input_shape: Shape) -> Shape:
        if not -len(input_shape) <= self.axis <= len(input_shape):
            raise ValueError(
                f"{self!r} expected samples with that axis, got {batched(input_shape)}"
            )
        return input_shape

    def _sum(self, xT: Array) -> Array:
        """Return the sums over the first axis."""
        if self._buffers is None or xT.ndim != 2:  # noqa: PLR2004 - (classes, batch)
            total: Array = np.add.reduce(xT, axis=0)
            return total
        # sum(x) = 1 @ x, which is faster
        product: Array = self._reused("1", np.ones, len(xT), xT.dtype).dot(xT)
        return product

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
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        # y = exp(x - max(x)) / sum(exp(x - max(x))), on the transpose: the classes come first
        xT = x.swapaxes(0, self.axis)
        out = self._buffer_like("y", xT) if training else None
        y: Array = np.subtract(xT, np.maximum.reduce(xT, axis=0), out)
        np.exp(y, y)
        y /= self._sum(y)
        if training:
            self._saved = y
        return y.swapaxes(0, self.axis)

    def backward(self, dy: Array) -> Array:
        yT, dyT = self._recall(), dy.swapaxes(0, self.axis)
        # dx = y * (dy - sum(dy * y))
        dx: Array = np.multiply(dyT, yT, self._buffer_like("dx", yT))
        np.subtract(dyT, self._sum(dx), dx)
        dx *= yT
        return dx.swapaxes(0, self.axis)


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
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        xT = x.swapaxes(0, self.axis)
        y = self._empty_like("y", xT) if training else np.empty_like(xT)
        p = self._empty_like("p", xT) if training else np.empty_like(xT)
        # y = x - max(x) - log(sum(exp(x - max(x))))
        np.subtract(xT, np.maximum.reduce(xT, axis=0), out=y)
        np.exp(y, out=p)
        total = np.add.reduce(p, axis=0)
        p /= total
        y -= np.log(total)
        if training:
            self._saved = p
        return y.swapaxes(0, self.axis)

    def backward(self, dy: Array) -> Array:
        p, dyT = self._recall(), dy.swapaxes(0, self.axis)
        # dx = dy - p * sum(dy)
        dx: Array = np.multiply(p, np.add.reduce(dyT, axis=0), out=self._buffer_like("dx", p))
        np.subtract(dyT, dx, out=dx)
        return dx.swapaxes(0, self.axis)
