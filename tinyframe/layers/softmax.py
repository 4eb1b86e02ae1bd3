"""Softmax: scores to probabilities, with its true Jacobian."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array


class Softmax(Layer):
    """yᵢ = e^xᵢ / Σⱼ e^xⱼ along the last axis: positive numbers that sum to 1.

    x and y are (batch, …, classes). Subtracting max x changes nothing in exact arithmetic and
    keeps the exponentials from overflowing.

    The Jacobian of one row is not diagonal:

        ∂yᵢ/∂xⱼ = yᵢ (δᵢⱼ − yⱼ)        that is  J = diag(y) − y yᵀ

    so that dxⱼ = Σᵢ dyᵢ yᵢ (δᵢⱼ − yⱼ) = yⱼ (dyⱼ − Σᵢ dyᵢ yᵢ). The document leaves out this
    Jacobian; see docs/document.md.
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        # y = exp(x - max(x)) / sum(exp(x - max(x))), on the transpose: the classes come first
        xT = x.T
        y_out = row_out = None
        if training:
            y_out, row_out = self._buffer_like("y", xT), self._buffer_like("row", xT[0])
        y: Array = np.subtract(xT, np.maximum.reduce(xT, axis=0, out=row_out), y_out)
        np.exp(y, y)
        y /= self._sum(y, row_out)
        y = y.T
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        yT, dyT = self._recall().T, dy.T
        # dx = y * (dy - sum(dy * y))
        dx: Array = np.multiply(dyT, yT, self._buffer_like("dx", yT))
        np.subtract(dyT, self._sum(dx, self._buffer_like("row", yT[0])), dx)
        dx *= yT
        return dx.T

    def _sum(self, xT: Array, out: Array | None) -> Array:
        """Return the sums over the classes."""
        if self._buffers is None or xT.ndim != 2:  # noqa: PLR2004 - (classes, batch)
            total: Array = np.add.reduce(xT, axis=0, out=out)
            return total
        # sum(x) = 1 @ x, which is faster
        product: Array = self._reused("1", np.ones, len(xT), xT.dtype).dot(xT, out)
        return product
