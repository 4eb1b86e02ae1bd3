"""# Exercise 6: a convolution

A small kernel slides over an image; at each place it is multiplied number by number with what lies
below it, and the products are added up. Here for sequences, with stride 1 and no padding: x is
(rows, channels, length), the weight (units, channels, width), y (rows, units, length − width + 1):

    yᵣᵤₚ = bᵤ + Σ_c Σₖ x_{r, c, p+k} W_{u, c, k}          k = 0 … width − 1

It is a Dense layer that looks through a window. `windows(x, width)` gives what lies in each of them:

    V_{r, c, p, k} = x_{r, c, p+k}                        (rows, channels, places, width)

    yᵣᵤₚ = bᵤ + Σ_c Σₖ V_{r, c, p, k} W_{u, c, k}

Sums like this are what `np.einsum` writes: "the letters of each array -> the letters that stay";
`np.einsum("ri,iu->ru", x, W)` is x @ W.

## Backward

1. Where is W_{u, c, k}? In unit u, at every place p of every row r, with V_{r, c, p, k}:

       ∂L/∂W_{u, c, k} = Σᵣ Σₚ dyᵣᵤₚ V_{r, c, p, k}

2. And bᵤ? It is in y of unit u, at every place of every row.

3. Where is x_{r, c, i}? In every window that i lies in: those at p = i − k, for each k.

       dx_{r, c, i} = Σᵤ Σₖ dy_{r, u, i−k} W_{u, c, k}       where 0 ≤ i − k < places

   A way that needs no index gymnastics: the kernel's number k saw x[:, :, k : k + places]. So start with
   zeros of the shape of x, and for each k add what comes back, to the numbers that it saw.
"""

import numpy as np

from tinyframe import Layer, Parameter
from tinyframe.initializers import glorot_uniform, zeros


def windows(x, width):
    """Return (rows, channels, places, width): at place p x[:, :, p : p + width]."""
    return np.lib.stride_tricks.sliding_window_view(x, width, axis=2)


class Conv1D(Layer):
    def __init__(self, units, width):
        self.units, self.width = units, width

    def setup(self, input_shape):
        channels, length = input_shape
        shape = (self.units, channels, self.width)
        self.weight = Parameter(shape, glorot_uniform, dtype=self.dtype)
        self.bias = Parameter((self.units,), zeros, dtype=self.dtype)
        return (self.units, length - self.width + 1)

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        W, b = self.weight.value, self.bias.value
        V = windows(x, self.width)
        y = ...
        return y

    def backward(self, dy):
        x = self._saved
        W, V = self.weight.value, windows(x, self.width)
        places = dy.shape[2]
        self.weight.grad = ...
        self.bias.grad = ...
        dx = np.zeros_like(x)
        for k in range(self.width):
            dx[:, :, k : k + places] += ...
        return dx


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("convolution", Conv1D))
