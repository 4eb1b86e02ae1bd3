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
        y_out = self._buffer_like("y", x) if training else None
        row_out = self._buffer("row", (*x.shape[:-1], 1), x.dtype) if training else None
        # y = exp(x - max(x)) / sum(exp(x - max(x)))
        highest = np.maximum.reduce(x, axis=-1, keepdims=True, out=row_out)
        y: Array = np.subtract(x, highest, out=y_out)
        np.exp(y, out=y)
        y /= np.add.reduce(y, axis=-1, keepdims=True, out=row_out)
        if training:
            self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        y = self._recall()
        row_out = self._buffer("row", (*y.shape[:-1], 1), y.dtype)
        # dx = y * (dy - sum(dy * y))
        dx: Array = np.multiply(dy, y, out=self._buffer_like("dx", y))
        inner = np.add.reduce(dx, axis=-1, keepdims=True, out=row_out)
        np.subtract(dy, inner, out=dx)
        dx *= y
        return dx
