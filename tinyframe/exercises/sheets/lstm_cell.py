"""# Exercise 7: an LSTM cell, backward

One step in time of an LSTM (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Gers et al.,
2000). The cell gets an input x, its own last output h and its memory c, and makes new ones, h' and c':

    [i f g o] = [x h] W + b          four blocks of `units` columns each
    i, f, o ← σ(i), σ(f), σ(o)       input gate, forget gate, output gate: 0 … 1
    g ← tanh(g)                      what may be added to the memory
    c' = f c + i g
    h' = o tanh(c')

As a layer has one input and one output here, x, h and c lie side by side: the input is [x h c], of shape
(rows, features + 2 units), the output [h' c'], (rows, 2 units). `forward` is there.

## Backward

dy holds dh' and dc', side by side. Go back line by line; every product has two sides.

1. h' = o tanh(c'):  do = dh' tanh(c'), and c' gets a share besides dc':

       dc' ← dc' + dh' o (1 − tanh²(c'))

2. c' = f c + i g, by the product rule, from this new dc':

       df = dc' c         dc = …         di = …         dg = …

3. Through the four activations; with s = σ(z), ∂s/∂z = s (1 − s), and with t = tanh(z), ∂t/∂z = 1 − t²:

       dz = [di i (1 − i)    df f (1 − f)    dg …    do …]       (rows, 4 units)

4. z = [x h] W + b is Dense: the gradients of W and b, and d[x h], are Exercise 2.

5. dx of the whole is [d[x h]  dc].
"""

import numpy as np

from tinyframe import Layer, Parameter
from tinyframe.initializers import glorot_uniform, zeros


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class LSTMCell(Layer):
    def __init__(self, units):
        self.units = units

    def setup(self, input_shape):
        inputs = input_shape[0] - self.units  # features and units: of x and h
        self.weight = Parameter((inputs, 4 * self.units), glorot_uniform, dtype=self.dtype)
        self.bias = Parameter((4 * self.units,), zeros, dtype=self.dtype)
        return (2 * self.units,)

    def forward(self, x, training=False):
        x = self._input(x)
        xh, c = x[:, : -self.units], x[:, -self.units :]
        z = xh @ self.weight.value + self.bias.value
        i, f, g, o = np.split(z, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_new = f * c + i * g
        t = np.tanh(c_new)
        if training:
            self._saved = xh, c, i, f, g, o, t
        return np.concatenate([o * t, c_new], axis=1)

    def backward(self, dy):
        xh, c, i, f, g, o, t = self._saved
        W = self.weight.value
        dh, dc_new = np.split(dy, 2, axis=1)
        do = ...
        dc_new = dc_new + ...
        df = ...
        dc = ...
        di = ...
        dg = ...
        dz = np.concatenate([..., ..., ..., ...], axis=1)
        self.weight.grad = ...
        self.bias.grad = ...
        dxh = ...
        return np.concatenate([dxh, dc], axis=1)


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("lstm_cell", LSTMCell))
