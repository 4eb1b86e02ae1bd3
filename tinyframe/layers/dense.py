"""Dense: the affine map of the document's equations 1 and 2."""

import numpy as np

from tinyframe.checks import positive_integer, shape_error
from tinyframe.initializers import he_normal
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.products import matmul
from tinyframe.types import Array, Shape


class Dense(Layer):
    """y = x W + b: each output is a weighted sum of all inputs, plus a bias.

    x is (batch, inputs), W (inputs, units), b (units,), y (batch, units). A row of x W is the
    document's column Wᵀa (equations 1 and 2). W is drawn from 𝒩(0, 2 / inputs), b starts at zero.

    With dy = ∂L/∂y, the chain rule (equations 3 to 10) gives

        yᵣⱼ = Σᵢ xᵣᵢ Wᵢⱼ + bⱼ        ∂L/∂Wᵢⱼ = Σᵣ xᵣᵢ dyᵣⱼ      that is  dW = xᵀ dy
                                     ∂L/∂bⱼ  = Σᵣ dyᵣⱼ                  db = Σᵣ dyᵣ
                                     ∂L/∂xᵣᵢ = Σⱼ dyᵣⱼ Wᵢⱼ              dx = dy Wᵀ

    Parameters
    ----------
    *sizes : int
        `Dense(inputs, units)`, or `Dense(units)`, which takes its inputs from what comes first.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, or x is not (batch, inputs).
    """

    weight: Parameter
    bias: Parameter

    def __init__(self, *sizes: int) -> None:
        if len(sizes) not in (1, 2):
            raise TypeError(f"Dense expected (units) or (inputs, units), got {sizes}")
        self.sizes = tuple(positive_integer("each size of Dense", size) for size in sizes)
        if len(sizes) == 2:  # noqa: PLR2004 - (inputs, units)
            self.build(self.sizes[0])

    def setup(self, input_shape: Shape) -> Shape:
        *inputs, units = self.sizes
        if len(input_shape) != 1 or (inputs and input_shape != tuple(inputs)):
            raise shape_error(repr(self), tuple(inputs) or None, input_shape, whole=False)
        # Kept transposed in memory, (units, inputs): both products below run faster that way.
        self.weight = Parameter((input_shape[0], units), he_normal, dtype=self.dtype, order="F")
        self.bias = Parameter((units,), dtype=self.dtype)
        return (units,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if self._buffers is None:  # inside `fit` the shapes are known to fit
            x = np.asarray(x, self.dtype)
            if x.shape[1:] != self.input_shape:
                self._check_input(x)
        W, b = self.weight.value, self.bias.value
        out = self._buffer("y", (len(b), len(x)), self.dtype) if training else None
        # y = x @ W + b, computed as yᵀ = Wᵀ @ xᵀ + b: batch last in memory.
        y = matmul(W.T, x.T, out)
        y += b[:, np.newaxis]
        if training:
            self._saved = x
        return y.T

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        if self._buffers is None:
            dy = np.asarray(dy, self.dtype)
        W = self.weight.value
        # dx = dy @ W.T, computed as dxᵀ = W @ dyᵀ
        return matmul(W, dy.T, self._buffer("dx", (len(W), len(dy)), self.dtype)).T

    def backward_parameters(self, dy: Array) -> None:
        x = self._recall()
        if self._buffers is None:
            dy = np.asarray(dy, self.dtype)
        # dW = x.T @ dy, computed as dWᵀ = dyᵀ @ x
        matmul(dy.T, x, self.weight.grad.T)
        # db = dy.sum(axis=0), computed as 1 @ dy
        self._reused("1", np.ones, len(dy), dy.dtype).dot(dy, self.bias.grad)
