"""Attention: each place in a sequence looks at the others and takes a mixture of them."""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from tinyframe.initializers import glorot_uniform, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, boolean, positive_integer, real_number
from tinyframe.utils.products import matmul, quiet_matmul, sums

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

    Examples
    --------
    >>> MultiHeadAttention(4, causal=True)(np.zeros((32, 10, 16))).shape
    (32, 10, 16)
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
        x = self._input(x)
        rows = x.reshape(len(x) * x.shape[1], x.shape[2])
        qkv = matmul(rows, self.weight.value) + self.bias.value
        qkv[:, : x.shape[2]] *= self._scale
        Q, K, V = self._heads(qkv, len(x))
        mixed = np.empty_like(rows, order="F")
        (C,) = self._heads(mixed, len(x))
        skipped = None if self.padding is None else (x == self.padding).all(axis=2)
        shares = []
        for some in self._blocks(len(x)):
            A = self._shares(Q[some], K[some], None if skipped is None else skipped[some])
            quiet_matmul(V[some], A, C[some])
            shares.append(A)
        y = matmul(mixed, self.output_weight.value) + self.output_bias.value
        if training:
            self._saved = rows, qkv, shares, mixed
        return y.reshape(x.shape)

    def _shares(self, Q: Array, K: Array, skipped: Array | None) -> Array:
        """Return Aᵀ = softmax(K Qᵀ / √d) along its keys, (batch, heads, key, query)."""
        S, highest = self._scores(Q, K, skipped)
        if not np.isfinite(highest).all():  # scores overflow in float32
            S, highest = self._scores(Q.astype(np.float64), K.astype(np.float64), skipped)
        e = np.exp(S - highest).astype(self.dtype, copy=False)
        total = quiet_matmul(np.ones((1, e.shape[2]), e.dtype), e)
        if skipped is not None:
            total = np.where(total == 0, 1, total)  # of what sees nothing
        return e / total

    def _scores(self, Q: Array, K: Array, skipped: Array | None) -> tuple[Array, Array]:
        """Return the scores, −∞ for hidden keys, and the highest of each query.

        `skipped` says what is padding, (batch, time), as a key or as a query.
        """
        S = quiet_matmul(K.swapaxes(2, 3), Q)
        hidden = np.asarray(-np.inf, S.dtype)
        if self.causal:
            S = np.where(_after(S.shape[2]), hidden, S)
        if skipped is not None:
            pairs = skipped[:, np.newaxis, :, np.newaxis] | skipped[:, np.newaxis, np.newaxis]
            S = np.where(pairs, hidden, S)
        highest = S.max(axis=2, keepdims=True)
        if skipped is not None:
            highest = np.where(highest == -np.inf, 0, highest)  # of what sees nothing
        return S, highest

    def backward(self, dy: Array) -> Array:
        x, qkv, shares, mixed = self._recall()
        batch, time, features = dy.shape
        dy_ = dy.astype(self.dtype, copy=False).reshape(batch * time, features)
        matmul(mixed.T, dy_, out=self.output_weight.grad)
        sums(dy_, axis=0, out=self.output_bias.grad)
        dmixed = matmul(dy_, self.output_weight.value.T)
        dqkv = np.empty_like(qkv)
        Q, K, V = self._heads(qkv, batch)
        dQ, dK, dV = self._heads(dqkv, batch)
        (C,), (dC,) = self._heads(mixed, batch), self._heads(dmixed, batch)
        # dV = Aᵀ dC;  dA = dC Vᵀ;  dS = A * (dA - sum(dA * A)), where sum(dA * A) is sum(dC * C)
        # dQ = dS K / √d;  dK = dSᵀ Q / √d, where Q is divided already
        inner = np.einsum("bhdq,bhdq->bhq", dC, C)[:, :, np.newaxis]
        for some, A in zip(self._blocks(batch), shares, strict=True):
            quiet_matmul(dC[some], A.swapaxes(2, 3), dV[some])
            dS = A * (quiet_matmul(V[some].swapaxes(2, 3), dC[some]) - inner[some])
            quiet_matmul(K[some], dS, dQ[some])
            quiet_matmul(Q[some], dS.swapaxes(2, 3), dK[some])
        dqkv[:, :features] *= self._scale
        matmul(x.T, dqkv, out=self.weight.grad)
        sums(dqkv, axis=0, out=self.bias.grad)
        return matmul(dqkv, self.weight.value.T).reshape(dy.shape)

    def _heads(self, x: Array, batch: int) -> Array:
        """Return (batch · time, n · features) as n times (batch, heads, d, time): a view."""
        features = self.weight.shape[0]
        n, d = x.shape[1] // features, features // self.heads
        time = (self.input_shape or (0,))[0]
        return x.T.reshape(n, self.heads, d, batch, time).transpose(0, 3, 1, 2, 4)

    @property
    def _scale(self) -> float:
        return 1 / math.sqrt(self.weight.shape[0] // self.heads)

    def _blocks(self, batch: int) -> Iterator[slice]:
        """Yield the batch in slices whose scores stay in cache from one operation to the next."""
        time = (self.input_shape or (0,))[0]
        step = max(1, BLOCK_BYTES // (self.heads * time * time * self.dtype.itemsize))
        return (slice(start, start + step) for start in range(0, batch, step))


@lru_cache(maxsize=16)
def _after(time: int) -> Array:
    """Return whether a key (row) comes after the query (column)."""
    return np.tri(time, k=-1, dtype=bool)
