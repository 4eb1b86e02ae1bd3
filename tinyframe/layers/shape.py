"""Layers that only rearrange: the numbers stay, their shape changes."""

import math

from tinyframe.layers.layer import Layer
from tinyframe.types import Array, Shape


class Flatten(Layer):
    """(batch, a, b, …) → (batch, a·b·…), in row-major order: 28×28 images become rows of 784.

    dx is dy in the shape of x.
    """

    def setup(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._saved = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        return dy.reshape(self._recall())
