"""Products and sums of matrices, in the order and the pieces in which BLAS is fastest.

Each function has a mathematical name and one result; how it comes about depends on shapes alone, so
that the same shapes give the same bits.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from tinyframe.types import Array, stands_in

Result = TypeVar("Result")


def whole(function: Callable[..., Result]) -> Callable[..., Result]:
    """Let a function be one call in a recorded step, whatever it does inside.

    It takes arrays, and its last argument is `out`, which it fills.
    """

    @wraps(function)
    def call(*arguments: Any, out: Any) -> Result:
        for argument in (*arguments, out):
            if stands_in(argument):
                noted: Result = argument.__array_function__(call, (), arguments, {"out": out})
                return noted
        return function(*arguments, out=out)

    call.is_whole = True  # type: ignore[attr-defined] # the mark
    return call


SMALL_PRODUCT = 1_000_000
"""Up to this many multiplications OpenBLAS has kernels that skip the packing of its operands."""

SMALL_RESULT = 1200
"""Numbers that the result may have, too, where rows of one meet rows of the other ("dots")."""

# What that is worth, GFLOP/s whole / in pieces, one thread and two of an AMD EPYC (Zen 5), OpenBLAS
# 0.3.31, its kernels for AVX-512; `python tests/benchmarks/products.py` measures another machine.
#
#   product                  b lies   pieces       one thread   two threads
#   (10, 784) @ (784, 1024)  dots     64           42 / 162     67 / 176
#   (10, 300) @ (300, 256)   dots     64           41 / 159     59 / 156
#   (16, 640) @ (640, 150)   dots     75           68 / 182     95 / 189
#   (32, 784) @ (784, 128)   dots     32           103 / 207    165 / 217
#   (64, 64) @ (64, 128)     dots     whole        131 / 109    153 / 109
#   (16, 150) @ (150, 640)   rows     320          133 / 176    149 / 175
#   (150, 16) @ (16, 640)    rows     320          177 / 206    198 / 204
#   (10, 128) @ (128, 784)   rows     400          92 / 163     102 / 163
#   (512, 784) @ (784, 128)  rows     whole        235 / 220    428 / 391
#   (10, 1024) @ (1024, 784) rows     sums of 64   78 / 180     106 / 180
#   (16, 256) @ (256, 784)   rows     sums of 64   138 / 187    153 / 191
#   (32, 1024) @ (1024, 784) rows     whole        162 / 159    251 / 213

NARROWEST_DOTS, NARROWEST_ROWS = 32, 64
"""Columns below which a piece is not worth its call."""

EVEN = 16
"""What numbers of columns are a multiple of, if they can: a register's width."""

FEW, SHORT = 16, 64
"""Rows of a result up to which its sum is cut where it is long, and the length of each piece.

A piece reads rows of b whole, one after the other. Adding up what comes of the pieces costs as much
as reading FEW rows of b for every SHORT.
"""

NARROW = 32
"""Columns up to which a product with a square of ones is faster than a sum and a broadcast."""


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return a @ b for a of shape (m, k) and b of shape (k, n), in `out` (m, n) if given.

    It is computed as (bᵀ aᵀ)ᵀ, so that the result, and `out`, lie column by column: where a holds a
    batch in its rows, the batch comes last in memory, along which everything after runs fastest.
    """
    left, right, room = b.T, a.T, None if out is None else out.T
    if not _is_cut(left, right):
        return quiet_dot(left, right, room).T
    if room is None:
        room = np.empty((len(left), right.shape[1]), a.dtype, like=a)
    return matmul_in_pieces(left, right, room).T


def columns_at_once(a: Array, b: Array) -> int:
    """Return how many columns of b a product with a takes at a time: all, or a small product's."""
    n, rows, size = b.shape[1], len(a), a.size
    dots = _are_dots(b)
    most = SMALL_PRODUCT // max(1, size)
    if dots:
        most = min(most, SMALL_RESULT // max(1, rows))
    narrowest = NARROWEST_DOTS if dots else NARROWEST_ROWS
    if most >= n or most < narrowest:
        return max(1, n)
    # Pieces of one length, if there is one, and in any case about as few as can be.
    shortest = max(narrowest, most // 2)
    alike = (c for c in range(most // EVEN * EVEN, shortest - 1, -EVEN) if n % c == 0)
    even = -(-n // -(-n // most) // EVEN) * EVEN
    return next(alike, min(even, most))


def matmul_in_pieces(a: Array, b: Array, out: Array) -> Array:
    """Write a @ b to `out`, which may be a part of a larger array, and return it.

    Pieces of one length are one call, of a stack of them: each spares 1 µs.
    """
    if _cuts_the_sum(a, b):
        return _in_pieces_of_the_sum(a, b, out)
    columns = columns_at_once(a, b)
    n = b.shape[1]
    whole = n - n % columns

    def stacked(x: Array) -> Array:
        return x[:, :whole].reshape(len(x), whole // columns, columns).swapaxes(0, 1)

    quiet_matmul(a, stacked(b), stacked(out))
    if whole < n:
        quiet_matmul(a, b[:, whole:], out[:, whole:])
    return out


def _in_pieces_of_the_sum(a: Array, b: Array, out: Array) -> Array:
    """Write a @ b to `out` as the sum of products of some columns of a and as many rows of b."""
    m, k, n = *a.shape, b.shape[1]
    pieces, left = divmod(k, SHORT)
    some = a[:, : k - left].reshape(m, pieces, SHORT).swapaxes(0, 1)
    products = quiet_matmul(some, b[: k - left].reshape(pieces, SHORT, n))  # (pieces, m, n)
    np.add.reduce(products, axis=0, out=out)
    if left:
        out += quiet_matmul(a[:, k - left :], b[k - left :])
    return out


def _is_cut(a: Array, b: Array) -> bool:
    """Whether a @ b is computed in pieces."""
    return _cuts_the_sum(a, b) or columns_at_once(a, b) < b.shape[1]


def _cuts_the_sum(a: Array, b: Array) -> bool:
    """Whether it is the sum of a product that is cut, and not its columns."""
    m, k, n = *a.shape, b.shape[1]
    small = m * SHORT * n <= SMALL_PRODUCT < m * k * n
    return small and m <= FEW and k >= 3 * SHORT and not _are_dots(b)


def _are_dots(b: Array) -> bool:
    """Whether b lies column by column: then rows of a product's operands meet in it."""
    return b.strides[0] < b.strides[1]


def quiet_dot(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return np.dot(a, b, out), of matrices and vectors, as quiet as `quiet_matmul`."""
    with np.errstate(all="ignore"):
        product: Array = np.dot(a, b, out=out)
    return product


def quiet_matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return np.matmul(a, b, out), of matrices or stacks of them, without its warnings.

    OpenBLAS's kernels compute in parts of registers that hold no operand, too: now and then the
    processor's flag for an invalid operation is up though all that was given and came is finite.
    """
    with np.errstate(all="ignore"):
        product: Array = np.matmul(a, b, out=out)
    return product


def sums(x: Array, axis: int, out: Array | None = None) -> Array:
    """Return the sums of a matrix along an axis, as a product with ones.

    For 32 rows of 10 that takes 0.3 µs where a reduction takes 0.9 (measured).
    """
    ones = np.ones(x.shape[axis], x.dtype)
    return quiet_dot(ones, x, out) if axis == 0 else quiet_dot(x, ones, out)


def sums_along(x: Array, axis: int = -1) -> Array:
    """Return the sums along an axis, of a shape that goes with x.

    The rows of a narrow matrix are summed by a product with a square of ones, which gives each sum
    as often as it is needed: for 32 rows of 10, 0.4 µs and a division of equal shapes in place of
    0.9 µs and one of a column (measured).
    """
    if x.ndim != 2 or axis not in (-1, 1) or x.shape[1] > NARROW:  # noqa: PLR2004 - a matrix
        return x.sum(axis=axis, keepdims=True)
    return matmul(x, np.ones((x.shape[1], x.shape[1]), x.dtype))


def sum_of_squares(x: Array) -> Any:
    """Return Σ x² over all of x, also where the squares overflow in float32 and their sum fits."""
    flat = x.ravel("K")
    total = quiet_dot(flat, flat)
    return total if np.isfinite(total) else np.square(flat, dtype=np.float64).sum()


@whole
def sums_by_label(labels: Array, rows: Array, *, out: Array) -> Array:
    """Write to out[k] the sum of the rows whose label is k, of shape (labels, width).

    Rows are sorted by label and summed in stretches: six times as fast as `np.add.at` for 4,096
    rows of 64 (measured).
    """
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])[: len(ranked)]
    starts = np.flatnonzero(first)
    out.fill(0)
    out[ranked[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return out
