"""Dense: the affine map of the document's equations 1 and 2."""

import math

import numpy as np

from tinyframe.checks import boolean, function, positive_integer, shape_error
from tinyframe.initializers import Initializer, he_normal
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.products import matmul
from tinyframe.types import Array, Shape


class Dense(Layer):
    """y = x W + b: each output is a weighted sum of all inputs, plus a bias.

    x is (batch, inputs), W (inputs, units), b (units,), y (batch, units). A row of x W is the
    document's column Wᵀa (equations 1 and 2). W is drawn from 𝒩(0, 2 / inputs), b starts at zero.
    Of sequences (batch, time, inputs) each step is such a row, and so for any axes in between.

    With dy = ∂L/∂y, the chain rule (equations 3 to 10) gives

        yᵣⱼ = Σᵢ xᵣᵢ Wᵢⱼ + bⱼ        ∂L/∂Wᵢⱼ = Σᵣ xᵣᵢ dyᵣⱼ      that is  dW = xᵀ dy
                                     ∂L/∂bⱼ  = Σᵣ dyᵣⱼ                  db = Σᵣ dyᵣ
                                     ∂L/∂xᵣᵢ = Σⱼ dyᵣⱼ Wᵢⱼ              dx = dy Wᵀ

    Parameters
    ----------
    *sizes : int
        `Dense(inputs, units)`, or `Dense(units)`, which takes its inputs from what comes first.
    use_bias : bool
        Whether there is a b.
    initializer
        Draws W.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, or x is not (batch, …, inputs).
    """

    weight: Parameter
    bias: Parameter

    def __init__(
        self, *sizes: int, use_bias: bool = True, initializer: Initializer = he_normal
    ) -> None:
        if len(sizes) not in (1, 2):
            raise TypeError(f"Dense expected (units) or (inputs, units), got {sizes}")
        self.sizes = tuple(positive_integer("each size of Dense", size) for size in sizes)
        self.use_bias = boolean("use_bias", use_bias)
        self.initializer = function("initializer", initializer)
        if len(sizes) == 2:  # noqa: PLR2004 - (inputs, units)
            self.build(self.sizes[0])

    def setup(self, input_shape: Shape) -> Shape:
        *inputs, units = self.sizes
        if not input_shape or (inputs and input_shape[-1] != inputs[0]):
            raise shape_error(repr(self), tuple(inputs) or None, input_shape, whole=False)
        # Kept transposed in memory, (units, inputs): both products below run faster that way.
        shape = (input_shape[-1], units)
        self.weight = Parameter(shape, self.initializer, dtype=self.dtype, order="F")
        if self.use_bias:
            self.bias = Parameter((units,), dtype=self.dtype)
        return (*input_shape[:-1], units)

    @property
    def multiply_adds(self) -> int:
        return self.weight.size * math.prod((self.output_shape or ())[:-1])

    def forward(self, x: Array, training: bool = False) -> Array:
        if self._buffers is None:  # inside `fit` the shapes are known to fit
            x = np.asarray(x, self.dtype)
            if x.shape[1:] != self.input_shape:
                self._check_input(x)
        rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])  # noqa: PLR2004 - (rows, inputs)
        W = self.weight.value
        out = self._buffer("y", (W.shape[1], len(rows)), self.dtype) if training else None
        # y = x @ W + b, computed as yᵀ = Wᵀ @ xᵀ + b: batch last in memory.
        y = matmul(W.T, rows.T, out)
        if self.use_bias:
            y += self.bias.value[:, np.newaxis]
        if training:
            self._saved = rows
        return y.T if rows is x else y.T.reshape(*x.shape[:-1], W.shape[1])

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        dy_ = self._rows(dy)
        W = self.weight.value
        # dx = dy @ W.T, computed as dxᵀ = W @ dyᵀ
        dx = matmul(W, dy_.T, self._buffer("dx", (len(W), len(dy_)), self.dtype)).T
        return dx if dy_ is dy else dx.reshape(*dy.shape[:-1], len(W))

    def backward_parameters(self, dy: Array) -> None:
        x, dy = self._recall(), self._rows(dy)
        # dW = x.T @ dy, computed as dWᵀ = dyᵀ @ x
        matmul(dy.T, x, self.weight.grad.T)
        if self.use_bias:
            # db = dy.sum(axis=0), computed as 1 @ dy
            self._reused("1", np.ones, len(dy), dy.dtype).dot(dy, self.bias.grad)

    def _rows(self, dy: Array) -> Array:
        """Return dy as (rows, units), in the layer's dtype."""
        if self._buffers is None:
            dy = np.asarray(dy, self.dtype)
        return dy if dy.ndim == 2 else dy.reshape(-1, dy.shape[-1])  # noqa: PLR2004 - (rows, units)
