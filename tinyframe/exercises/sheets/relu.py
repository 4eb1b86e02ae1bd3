"""# Exercise 1: ReLU

A layer is a function that knows its own derivative. ReLU is the shortest one: it lets what is
positive pass and stops the rest,

    y = max(x, 0)            number by number, so that y has the shape of x.

## Backward

Somewhere above this layer a loss L is computed. `backward` is told how L changes with each number of
y, dy = ∂L/∂y, and has to answer how it changes with each number of x, dx = ∂L/∂x.

1. xᵢ is in yᵢ and in no other number of y. So the chain rule has one term:

       dxᵢ = dyᵢ · ∂yᵢ/∂xᵢ

2. What is the slope ∂yᵢ/∂xᵢ where xᵢ > 0? And where xᵢ < 0? (At 0 there is a corner: either will do.)

3. `backward` is not given x. What it needs of x, `forward` has to keep for it, in `self._saved`.

Replace each `...`. In NumPy one line each is enough, and no loop.
"""

import numpy as np

from tinyframe import Layer


class ReLU(Layer):
    def forward(self, x, training=False):
        if training:
            self._saved = x
        y = ...
        return y

    def backward(self, dy):
        x = self._saved
        dx = ...
        return dx


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("relu", ReLU))
