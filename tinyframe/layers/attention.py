"""Attention: each place in a sequence looks at the others and takes a mixture of them."""

import math
from collections.abc import Iterator

import numpy as np

from tinyframe.checks import batched, boolean, positive_integer, real_number
from tinyframe.initializers import glorot_uniform, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.products import quiet_matmul
from tinyframe.scratch import anew, contiguous
from tinyframe.types import Array, Shape

BLOCK_BYTES = 512_000
"""Size of the scores that are worked on at a time."""


class MultiHeadAttention(Layer):
    """Self-attention: y = [A₁V₁, …, A_hV_h] W' + b' with A = Softmax(Q Kᵀ / √d) for each head.

    x and y are (batch, time, features). [Q, K, V] = x W + b, with W (features, 3 · features), are
    divided among h heads of d = features / h each: the queries, keys and values of a head are
    (time, d), and row t of A says how much place t takes from every place. With C = AV, P = ∂L/∂C:

        dV = Aᵀ P        dA = P Vᵀ        dS = A ⊙ (dA − Σ dA ⊙ A)  (row by row, as in `Softmax`)
        dQ = dS K / √d   dK = dSᵀ Q / √d

    and W, b, W', b' have the derivatives of `Dense`. Source: Vaswani et al., "Attention Is All You
    Need", 2017.

    Parameters
    ----------
    heads : int
        h, a divisor of the features.
    causal : bool
        Whether a place sees only itself and those before it.
    padding : float, optional
        A place whose features all equal this is padding: no place takes anything from it, and its
        own output is b'. Sequences of different lengths are filled up with it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or x is not (batch, time, features).
    """

    weight: Parameter
    bias: Parameter
    output_weight: Parameter
    output_bias: Parameter

    def __init__(self, heads: int, *, causal: bool = False, padding: float | None = None) -> None:
        self.heads = positive_integer("heads", heads)
        self.causal = boolean("causal", causal)
        self.padding = padding if padding is None else real_number("padding", padding)

    def setup(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2 or input_shape[1] % self.heads:  # noqa: PLR2004 - (time, features)
            raise ValueError(
                f"{self!r} expected (batch, time, features) with a multiple of {self.heads} "
                f"features, got {batched(input_shape)}"
            )
        features = input_shape[1]
        shape, dtype = (features, 3 * features), self.dtype
        self.weight = Parameter(shape, glorot_uniform, dtype=dtype, order="F")
        self.bias = Parameter((3 * features,), zeros, dtype=dtype)
        shape = (features, features)
        self.output_weight = Parameter(shape, glorot_uniform, dtype=dtype, order="F")
        self.output_bias = Parameter((features,), zeros, dtype=dtype)
        return input_shape

    @property
    def multiply_adds(self) -> int:
        time, features = self.input_shape or (0, 0)
        products = self.weight.size + self.output_weight.size
        return time * (products + 2 * time * features)

    def forward(self, x: Array, training: bool = False) -> Array:
        x = np.asarray(x, self.dtype)
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        batch, time, features = x.shape
        reused = self._reused if training else anew
        # The features lie first in memory: a head's Qᵀ, (d, time) of a sample, is a part of it.
        xT = contiguous(x.transpose(2, 0, 1), "x", reused).reshape(features, -1)
        qkv = reused("qkv", np.empty, (3 * features, batch * time), self.dtype)
        quiet_matmul(self.weight.value.T, xT, qkv)
        qkv += self.bias.value[:, np.newaxis]
        qkv[:features] *= self._scale
        QT, KT, VT = self._heads(qkv, batch)
        # Aᵀ = softmax(K Qᵀ / √d) along its keys: (batch, heads, key, query)
        A = reused("A", np.empty, (batch, self.heads, time, time), self.dtype)
        mixed = reused("C", np.empty, (features, batch * time), self.dtype)
        (CT,) = self._heads(mixed, batch)
        skipped = None if self.padding is None else (x == self.padding).all(axis=2)
        row = reused("row", np.empty, (self._rows(A), self.heads, 1, time), self.dtype)
        with np.errstate(all="ignore"):  # as in quiet_matmul; what overflows is computed again
            for rows in self._blocks(A):
                S, some = A[rows], None if skipped is None else skipped[rows]
                np.matmul(KT[rows].swapaxes(2, 3), QT[rows], out=S)
                highest = self._hide(S, row[: len(S)], some)
                if math.isfinite(highest.sum()):
                    S -= highest
                else:
                    S[...] = self._differences_in_double(KT[rows], QT[rows], some)
                self._softmax(S, row[: len(S)], some)
                np.matmul(VT[rows], S, out=CT[rows])
        y = reused("y", np.empty, (features, batch * time), self.dtype)
        quiet_matmul(self.output_weight.value.T, mixed, y)
        y += self.output_bias.value[:, np.newaxis]
        if training:
            self._saved = xT, qkv, A, mixed
        return y.reshape(features, batch, time).transpose(1, 2, 0)

    def _heads(self, x: Array, batch: int) -> Array:
        """Return (n · features, batch · time) as n times (batch, heads, d, time): a view."""
        n = len(x) // self.weight.shape[0]
        d = self.weight.shape[0] // self.heads
        time = (self.input_shape or (0,))[0]
        return x.reshape(n, self.heads, d, batch, time).transpose(0, 3, 1, 2, 4)

    @property
    def _scale(self) -> float:
        return 1 / math.sqrt(self.weight.shape[0] // self.heads)

    def _blocks(self, A: Array) -> Iterator[slice]:
        """Yield the batch in slices whose scores stay in cache from one operation to the next."""
        step = self._rows(A)
        return (slice(start, start + step) for start in range(0, len(A), step))

    @staticmethod
    def _rows(A: Array) -> int:
        """Return how many samples make a block."""
        return max(1, BLOCK_BYTES // (math.prod(A.shape[1:]) * A.itemsize))

    def _hide(self, A: Array, row: Array | None, skipped: Array | None) -> Array:
        """Hide scores (batch, heads, key, query) behind −∞; return the highest of each query.

        `row` is memory for a number a query; `skipped` says what is padding, (batch, time), as a
        key or as a query.
        """
        if self.causal:
            A += self._reused("causal", _causal, A.shape[2], self.dtype)
        if skipped is not None:
            pairs = skipped[:, np.newaxis, :, np.newaxis] | skipped[:, np.newaxis, np.newaxis]
            A += np.where(pairs, -np.inf, 0).astype(A.dtype)
        highest: Array = np.maximum.reduce(A, axis=2, keepdims=True, out=row)
        if skipped is not None:
            np.copyto(highest, 0, where=np.isneginf(highest))  # of what sees nothing
        return highest

    def _differences_in_double(self, KT: Array, QT: Array, skipped: Array | None) -> Array:
        """Return scores less the highest of their query, where scores overflow in float32."""
        A: Array = KT.swapaxes(2, 3).astype(np.float64) @ QT.astype(np.float64)
        A -= self._hide(A, None, skipped)
        return A

    def _softmax(self, A: Array, row: Array, skipped: Array | None) -> None:
        """Turn scores less the highest of their query into shares that sum to 1 over the keys."""
        np.exp(A, out=A)
        # total = A.sum(axis=2), as a product with ones
        total = quiet_matmul(self._reused("ones", np.ones, (1, A.shape[2]), A.dtype), A, row)
        if skipped is not None:
            np.copyto(total, 1, where=total == 0)
        A /= total

    def backward(self, dy: Array) -> Array:
        xT, qkv, A, mixed = self._recall()
        features, batch = len(xT), len(dy)
        dy = np.asarray(dy, self.dtype)
        dyT = contiguous(dy.transpose(2, 0, 1), "dy", self._reused).reshape(features, -1)
        QT, KT, VT = self._heads(qkv, batch)
        (CT,) = self._heads(mixed, batch)
        quiet_matmul(dyT, mixed.T, self.output_weight.grad.T)
        self._sum(dyT, self.output_bias.grad)
        flat = self._empty_like("dC", mixed)
        quiet_matmul(self.output_weight.value, dyT, flat)
        (dCT,) = self._heads(flat, batch)
        dqkv = self._empty_like("dqkv", qkv)
        dQT, dKT, dVT = self._heads(dqkv, batch)
        # dV = Aᵀ dC;  dA = dC Vᵀ;  dS = A * (dA - sum(dA * A)), where sum(dA * A) is sum(dC * C)
        # dQ = dS K / √d;  dK = dSᵀ Q / √d, where Q is divided already
        room = self._empty("dS", (self._rows(A), *A.shape[1:]), A.dtype)
        sums = self._empty("sums", (batch, self.heads, 1, A.shape[3]), A.dtype)
        np.einsum("bhdq,bhdq->bhq", dCT, CT, out=sums[:, :, 0])
        for rows in self._blocks(A):
            quiet_matmul(dCT[rows], A[rows].swapaxes(2, 3), dVT[rows])
            dS = room[: len(A[rows])]
            quiet_matmul(VT[rows].swapaxes(2, 3), dCT[rows], dS)
            dS -= sums[rows]
            dS *= A[rows]
            quiet_matmul(KT[rows], dS, dQT[rows])
            quiet_matmul(QT[rows], dS.swapaxes(2, 3), dKT[rows])
        dqkv[:features] *= self._scale
        quiet_matmul(dqkv, xT.T, self.weight.grad.T)
        self._sum(dqkv, self.bias.grad)
        dx = self._empty_like("dx", xT)
        quiet_matmul(self.weight.value, dqkv, dx)
        return dx.reshape(features, *dy.shape[:2]).transpose(1, 2, 0)

    def _sum(self, rows: Array, out: Array) -> None:
        """Write the sums of rows, as a product with ones."""
        rows.dot(self._reused("1", np.ones, rows.shape[1], rows.dtype), out)


def _causal(time: int, dtype: "np.dtype[np.floating]") -> Array:
    """Return −∞ for each key (row) that comes after the query (column), else 0."""
    return np.where(np.tri(time, k=-1, dtype=bool), -np.inf, 0).astype(dtype)
