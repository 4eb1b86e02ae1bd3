"""Functions: which of NumPy's can be recorded, as the shape of what they return is known."""

import numpy as np

ABOUT_SHAPES = {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj}
"""Functions whose answer does not depend on the numbers."""

WRITERS = {np.copyto, np.put, np.putmask, np.fill_diagonal, np.put_along_axis}
"""Functions that write into their first argument."""

FUNCTIONS = {
    np.all, np.amax, np.amin, np.any, np.arange, np.argmax, np.argmin, np.argsort, np.around,
    np.array_split, np.atleast_1d, np.atleast_2d, np.broadcast_arrays, np.broadcast_to, np.clip,
    np.column_stack, np.concatenate, np.copy, np.cumprod, np.cumsum, np.diag, np.diagonal, np.diff,
    np.dot, np.einsum, np.empty, np.empty_like, np.expand_dims, np.eye, np.flip, np.full,
    np.full_like, np.hstack, np.identity, np.inner, np.kron, np.max, np.mean, np.median, np.min,
    np.moveaxis, np.nan_to_num, np.ones, np.ones_like, np.outer, np.pad, np.prod, np.ravel,
    np.repeat, np.reshape, np.roll, np.round, np.sort, np.split, np.squeeze, np.stack, np.std,
    np.sum, np.swapaxes, np.take, np.take_along_axis, np.tensordot, np.tile, np.trace, np.transpose,
    np.tri, np.tril, np.triu, np.var, np.vstack, np.where, np.zeros, np.zeros_like,
    np.linalg.inv, np.linalg.norm, np.linalg.solve, np.lib.stride_tricks.sliding_window_view,
}  # fmt: skip
"""Functions that return arrays whose shape does not depend on the numbers."""

METHODS = (
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "copy", "cumprod", "cumsum",
    "diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "reshape",
    "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "transpose", "var",
)  # fmt: skip
