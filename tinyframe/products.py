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
    """Return a @ b for a of shape (m, k) and b of shape (k, n), in `out` (m, n) if given."""
    whole = a.size
    if len(a) * b.size <= SMALL or whole * NARROWEST > SMALL:
        product: Array = a.dot(b, out)
        return product
    n = b.shape[1]
    if out is None:
        out = np.empty((len(a), n), np.result_type(a, b))
    # out = a @ b, as many columns at a time as make a small product
    columns = SMALL // whole // 16 * 16
    for start in range(0, n, columns):
        piece = slice(start, start + columns)
        np.matmul(a, b[:, piece], out=out[:, piece])
    return out
