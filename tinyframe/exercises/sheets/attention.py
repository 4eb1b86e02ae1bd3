"""# Exercise 8: attention

Every place of a sequence asks all places, and gets a mixture of their answers (Vaswani et al.,
"Attention Is All You Need", 2017). Each place has a query q, a key k and a value v, of d numbers:

    S = q kᵀ / √d            (time, time): how well each query goes with each key
    P = softmax(S)           along the keys: each row adds up to 1
    y = P v                  (time, d): each place's mixture of the values

As a layer has one input and one output here, q, k and v lie side by side: x is (rows, time, 3 d). There
are no weights. For a stack of matrices, a @ b is the product of each pair, and `np.swapaxes(a, 1, 2)`
transposes each.

## Backward

1. y = P v is a product of matrices, as in Exercise 2:

       dP = dy vᵀ            dv = …

2. P = softmax(S) is Exercise 3, for each row of P:

       dS = P ⊙ (dP − …)

3. S = q kᵀ / √d is a product of matrices again, and a factor:

       dq = dS k / √d        dk = …
"""

import numpy as np

from tinyframe import Layer


def transposed(a):
    return np.swapaxes(a, 1, 2)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Attention(Layer):
    def setup(self, input_shape):
        time, width = input_shape
        return (time, width // 3)

    def forward(self, x, training=False):
        x = self._input(x)
        q, k, v = np.split(x, 3, axis=2)
        root = float(np.sqrt(q.shape[2]))  # a NumPy number would make float64 of float32
        P = softmax(...)
        y = ...
        if training:
            self._saved = q, k, v, P, root
        return y

    def backward(self, dy):
        q, k, v, P, root = self._saved
        dP = ...
        dv = ...
        dS = ...
        dq = ...
        dk = ...
        return np.concatenate([dq, dk, dv], axis=2)


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("attention", Attention))
