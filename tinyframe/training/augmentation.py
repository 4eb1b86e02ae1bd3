"""Augmentation: training rows that a function of the user's changes at random."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tinyframe.data.arrays import as_numbers, check_finite
from tinyframe.types import Array
from tinyframe.utils.checks import fitting

Augment: TypeAlias = Callable[[Array, Any], Array]
"""A function (x, rng) → x of the same shape, that changes a batch at random."""


def check_augment(augment: Any) -> None:
    """Raise TypeError if it is neither None nor a function."""
    if augment is not None and not callable(augment):
        raise TypeError(f"augment expected a function (x, rng), got {augment!r}")


def augmented(x: Array, augment: Augment, rng: Any, dtype: np.dtype[Any]) -> Array:
    """Return what `augment` makes of a copy of x, in x's dtype or, from integers, in `dtype`.

    Parameters
    ----------
    x, augment, rng
        The rows, the function, and what it draws from.
    dtype
        That of the model, which numbers have to fit.

    Raises
    ------
    TypeError, ValueError
        If it returns no real numbers, others than fit, or another shape.
    """
    what = "the result of augment"
    changed = as_numbers(augment(x.copy(), rng), what)
    if changed.shape != x.shape:
        raise ValueError(f"augment expected to return shape {x.shape}, got {changed.shape}")
    if x.dtype.kind in "bui" and changed.dtype.kind in "bui":
        return fitting(changed, what, x.dtype)
    check_finite(changed, what, dtype)
    return changed.astype(dtype, copy=False)
