"""Matrix products, cut into pieces where BLAS is faster on small ones."""

import numpy as np

from tinyframe.types import Array

SMALL = 1_000_000
"""Up to this many multiplications OpenBLAS has kernels that skip the packing of its operands.

With few rows or columns they are two to four times as fast (measured; OpenBLAS 0.3.30, AVX-512).
"""

NARROWEST = 64
"""Columns below which a piece is not worth its call."""


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return a @ b for a of shape (m, k) and b of shape (k, n), in `out` (m, n) if given.

    `out` has to be contiguous.
    """
    if len(a) * b.size <= SMALL or a.size * NARROWEST > SMALL:
        product: Array = a.dot(b, out)
        return product
    return matmul_in_pieces(a, b, np.empty((len(a), b.shape[1]), a.dtype) if out is None else out)


def matmul_in_pieces(a: Array, b: Array, out: Array) -> Array:
    """Write the same to `out`, which may be a part of a larger array, and return it."""
    n, whole = b.shape[1], a.size
    # out = a @ b, as many columns at a time as make a small product
    columns = n if whole * NARROWEST > SMALL else SMALL // whole // 16 * 16
    for start in range(0, n, columns):
        piece = slice(start, start + columns)
        quiet_matmul(a, b[:, piece], out[:, piece])
    return out


def quiet_matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return np.matmul(a, b, out), of matrices or stacks of them, without its warnings.

    OpenBLAS's kernels compute in parts of registers that hold no operand, too: now and then the
    processor's flag for an invalid operation is up though all that was given and came is finite.
    """
    with np.errstate(all="ignore"):
        product: Array = np.matmul(a, b, out=out)
    return product
