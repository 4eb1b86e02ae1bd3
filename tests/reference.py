"""The document's network written out by hand, with one line for each of its equations."""

import numpy as np

from tinyframe.types import Array


class Reference:
    """784 → 10 (ReLU) → 10 (Softmax) or any such chain of two, squared error, gradient descent."""

    def __init__(self, W1: Array, b1: Array, W2: Array, b2: Array) -> None:
        self.W1, self.b1, self.W2, self.b2 = (
            np.array(p, dtype=np.float64) for p in (W1, b1, W2, b2)
        )

    def forward(self, x: Array) -> Array:
        self.a0 = x
        self.z1 = x @ self.W1 + self.b1
        self.a1 = np.maximum(self.z1, 0)
        self.z2 = self.a1 @ self.W2 + self.b2
        e = np.exp(self.z2 - self.z2.max(axis=1, keepdims=True))
        self.a2 = e / e.sum(axis=1, keepdims=True)
        return self.a2

    def loss(self, x: Array, y: Array) -> float:
        return float(((self.forward(x) - y) ** 2).sum()) / len(x)

    def gradients(self, x: Array, y: Array) -> tuple[Array, ...]:
        da2 = 2 * (self.forward(x) - y) / len(x)
        # the Jacobian of each row's softmax, written out
        jacobians = np.stack([np.diag(a) - np.outer(a, a) for a in self.a2])
        dz2 = np.einsum("ri,rij->rj", da2, jacobians)
        dz1 = (dz2 @ self.W2.T) * (self.z1 > 0)
        return x.T @ dz1, dz1.sum(0), self.a1.T @ dz2, dz2.sum(0)

    def step(self, x: Array, y: Array, learning_rate: float) -> None:
        dW1, db1, dW2, db2 = self.gradients(x, y)
        self.W1 -= learning_rate * dW1
        self.b1 -= learning_rate * db1
        self.W2 -= learning_rate * dW2
        self.b2 -= learning_rate * db2
