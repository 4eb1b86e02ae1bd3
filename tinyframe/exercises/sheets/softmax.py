"""# Exercise 3: Softmax, and why its derivative has a sum in it

Softmax makes probabilities of a row of numbers, the larger number the more probable:

    yᵢ = e^xᵢ / Σₖ e^xₖ      along the last axis of x, (rows, classes): each row by itself

## Forward

e^1000 is more than a computer's number can hold. But a number added to all xₖ of a row does not
change y (why?), so the largest of each row may be taken away first: then the largest exponent is 0.

`keepdims=True` keeps the axis that `max` or `sum` runs along, as (rows, 1), so that the result goes with
(rows, classes).

## Backward

Here every yᵢ depends on every xⱼ of its row, by way of the sum. So the chain rule has a term for
each of them, and the derivative of the layer is a matrix, its Jacobian.

1. i = j. By the quotient rule, with Σ for the sum of all e^xₖ,

       ∂yᵢ/∂xᵢ = (e^xᵢ Σ − e^xᵢ e^xᵢ) / Σ² = yᵢ (1 − yᵢ)

2. i ≠ j. Only the sum below depends on xⱼ:

       ∂yᵢ/∂xⱼ = − e^xᵢ e^xⱼ / Σ² = …

3. Put them into the chain rule, and sort:

       dxⱼ = Σᵢ dyᵢ ∂yᵢ/∂xⱼ = dyⱼ yⱼ (1 − yⱼ) − Σ_{i≠j} … = yⱼ (dyⱼ − …)

   No matrix is left, only one sum a row. That is the line to write.
"""

import numpy as np

from tinyframe import Layer


class Softmax(Layer):
    def forward(self, x, training=False):
        y = ...
        if training:
            self._saved = y
        return y

    def backward(self, dy):
        y = self._saved
        dx = ...
        return dx


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("softmax", Softmax))
