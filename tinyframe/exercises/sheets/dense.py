"""# Exercise 2: Dense

The layer with weights: each of its units adds up all inputs, each times a weight, and a bias.
For one row x of a batch,

    yⱼ = Σᵢ xᵢ Wᵢⱼ + bⱼ

and for all rows at once, with x of shape (rows, inputs), W (inputs, units), b (units,):

    y = x W + b              (rows, units)

Books that write a sample as a column have y = Wᵀx + b for it.

## Backward

dy = ∂L/∂y is given, of the shape of y. Wanted are dx = ∂L/∂x, and ∂L/∂W and ∂L/∂b, which are written
into `self.weight.grad` and `self.bias.grad`.

1. In which numbers of y is xᵣᵢ? In those of its own row r, in each of the units, with the weight Wᵢⱼ:

       dxᵣᵢ = Σⱼ dyᵣⱼ · ∂yᵣⱼ/∂xᵣᵢ = Σⱼ dyᵣⱼ Wᵢⱼ

   Which product of the matrices dy and W is that? Which of the two has to be transposed?

2. In which numbers of y is Wᵢⱼ? In those of unit j, in every row:

       ∂L/∂Wᵢⱼ = Σᵣ dyᵣⱼ · ∂yᵣⱼ/∂Wᵢⱼ = …

   Which product of matrices is that? It must come out as (inputs, units).

3. And bⱼ?

The loss is a mean over the rows already: no sum here is to be divided by anything.
"""

import numpy as np

from tinyframe import Layer, Parameter
from tinyframe.initializers import glorot_uniform, zeros


class Dense(Layer):
    def __init__(self, units):
        self.units = units

    def setup(self, input_shape):
        (inputs,) = input_shape
        self.weight = Parameter((inputs, self.units), glorot_uniform, dtype=self.dtype)
        self.bias = Parameter((self.units,), zeros, dtype=self.dtype)
        return (self.units,)

    def forward(self, x, training=False):
        x = self._input(x)  # builds the layer if need be, checks the shape
        if training:
            self._saved = x
        W, b = self.weight.value, self.bias.value
        y = ...
        return y

    def backward(self, dy):
        x = self._saved
        W = self.weight.value
        self.weight.grad = ...
        self.bias.grad = ...
        dx = ...
        return dx


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("dense", Dense))
