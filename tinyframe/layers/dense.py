"""Dense: the affine map of the document's equations 1 and 2."""

import math

import numpy as np

from tinyframe.initializers import Initializer, as_initializer, he_normal
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import boolean, positive_integer, shape_error
from tinyframe.utils.products import matmul, sums


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
        Draws W: a function, or its name, such as "he_normal".

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer, or x is not (batch, …, inputs).

    Examples
    --------
    >>> layer = Dense(2, 1)
    >>> layer.weight, layer.bias = [[1.0], [10.0]], [0.5]
    >>> layer([[1.0, 2.0]])
    array([[21.5]], dtype=float32)
    >>> Dense(10)(np.zeros((32, 784))).shape
    (32, 10)
    """

    weight: Parameter
    bias: Parameter

    def __init__(
        self, *sizes: int, use_bias: bool = True, initializer: Initializer | str = he_normal
    ) -> None:
        if len(sizes) not in (1, 2):
            raise TypeError(f"Dense expected (units) or (inputs, units), got {sizes}")
        self.sizes = tuple(positive_integer("each size of Dense", size) for size in sizes)
        self.use_bias = boolean("use_bias", use_bias)
        self.initializer = as_initializer(initializer)
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
        x = self._input(x)
        y = matmul(self._rows(x), self.weight.value)
        if self.use_bias:
            y += self.bias.value
        if training:
            self._saved = x
        return y.reshape(*x.shape[:-1], y.shape[1])

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        dx = matmul(self._rows(dy), self.weight.value.T)
        return dx.reshape(*dy.shape[:-1], dx.shape[1])

    def backward_parameters(self, dy: Array) -> None:
        x, dy = self._rows(self._recall()), self._rows(dy)
        matmul(x.T, dy, out=self.weight.grad)
        if self.use_bias:
            sums(dy, axis=0, out=self.bias.grad)

    def row_gradients(self, x: Array, dy: Array) -> Array:
        """Return ∂L/∂θ of each row apart, dWᵣ = xᵣ ⊗ dyᵣ and dbᵣ = dyᵣ, summed over its steps.

        Parameters and result are those of `Layer.row_gradients`; nothing is overwritten.
        """
        inputs, units = self.weight.shape
        steps, size = math.prod(x.shape[1:-1]), self.weight.size
        x = x.astype(self.dtype, copy=False).reshape(len(x), steps, inputs)
        dy = dy.astype(self.dtype, copy=False).reshape(len(dy), steps, units)
        gradients = np.empty((len(x), size + units * self.use_bias), self.dtype)
        weight = gradients[:, :size].reshape(len(x), units, inputs)  # a view, as W lies in memory
        if steps == 1:  # a product of numbers is faster than one of matrices of a single column
            np.multiply(dy.transpose(0, 2, 1), x, out=weight)
        else:
            np.matmul(dy.transpose(0, 2, 1), x, out=weight)
        if self.use_bias:
            dy.sum(axis=1, out=gradients[:, size:])
        return gradients

    def _rows(self, x: Array) -> Array:
        """Return (batch, …, features) as (rows, features), in the layer's dtype."""
        return x.astype(self.dtype, copy=False).reshape(math.prod(x.shape[:-1]), x.shape[-1])
