"""Functions: which of NumPy's can be recorded, as the shape of what they return is known.

Below them, operators that a tape notes by a name of ours.
"""

from typing import Any

import numpy as np

from tinyframe.recording.tape import Refused
from tinyframe.types import Array

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

CONSTANTS = {np.arange, np.eye, np.full, np.identity, np.ones, np.tri, np.zeros}
"""Functions that return the same numbers each time, where they are given no others."""

METHODS = (
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "copy", "cumprod", "cumsum",
    "diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "reshape",
    "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "transpose", "var",
)  # fmt: skip


def has_mask(index: Any) -> bool:
    """Whether an index picks elements by truth values."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(getattr(part, "dtype", None) == np.bool_ for part in parts) or any(
        isinstance(part, bool)
        or (isinstance(part, list) and any(isinstance(i, bool) for i in part))
        for part in parts
    )


def getitem(x: Array, index: Any) -> Any:
    """Return x[index]."""
    return x[index]


def setitem(x: Array, index: Any, value: Any) -> None:
    """Do x[index] = value."""
    x[index] = value


def power_of_numbers(base: Any, exponent: Any) -> Any:
    """Return base ** exponent for two numbers: other bits than those of np.power, now and then."""
    base, exponent = (a[()] if isinstance(a, np.ndarray) else a for a in (base, exponent))
    return base**exponent


def expect(value: Array, answer: bool, part: Any) -> None:
    """Raise `Refused` if the truth of a value is another one than when it was recorded."""
    if bool(value) is not answer:
        raise Refused("a branch, which went now this way, now that", part)
