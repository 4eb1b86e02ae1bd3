"""What comes in: arrays of numbers, checked once before anything is done with them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyframe.data.source import BLOCK
from tinyframe.data.tables import from_table
from tinyframe.data.targets import are_labels, as_labels, check_labels
from tinyframe.types import Array, Shape, stands_in
from tinyframe.utils.checks import batched, plain_array, real_number, shape_error
from tinyframe.utils.second_thread import SecondThread

LARGEST_WEIGHT = 1e100
"""What the weights of rows have to sum to less than, so that nothing made of them overflows."""

SMALL_SQUARES = 1e38
"""Numbers whose squares sum to less are finite; float32 still holds sums three times as large."""

SHARED = 16_000_000
"""Bytes from which on two threads share the check of an array."""


def as_numbers(values: Any, name: str) -> Array:
    """Return `values` as an array of real numbers, without a copy where it is one already.

    Raises
    ------
    TypeError
        If it holds anything but real numbers, is masked, or sparse.
    ValueError
        If it is a ragged list.
    """
    if type(values) is np.ndarray and values.dtype.kind in "buif":
        return values
    array = plain_array(from_table(values, name), name)
    if array.dtype.kind not in "buif":
        hint = ""
        if name == "y" and array.dtype.kind in "OSU":
            hint = "; names of classes become labels by np.unique(y, return_inverse=True)[1]"
        elif array.dtype.kind == "O":
            hint = "; convert it first, as by .astype(float)"
        raise TypeError(f"{name} expected real numbers, got dtype {array.dtype}{hint}")
    return array


def check_finite(array: Array, name: str, dtype: np.dtype[Any], first: int = 0) -> None:
    """Raise ValueError if `array` has a NaN, an infinity, or a number too large for `dtype`.

    Its rows are numbered from `first`.
    """
    if array.dtype.kind != "f":
        return
    if array.nbytes < SHARED:
        if not (array.dtype.char in "fd" and _squares_are_small(array.ravel("K"))):
            _check_rows(array, name, dtype, first)
        return
    half = len(array) // 2
    with SecondThread() as thread:  # two threads read memory faster than one
        rest = thread.submit(_check_rows, array[half:], name, dtype, first + half)
        _check_rows(array[:half], name, dtype, first)
        rest.result()


def _check_rows(rows: Array, name: str, dtype: np.dtype[Any], first: int) -> None:
    """Check rows of which the first has this number, as many at a time as stay in cache."""
    for start in range(0, len(rows), BLOCK):
        block = rows if len(rows) <= BLOCK else rows[start : start + BLOCK]
        if rows.dtype.char in "fd" and _squares_are_small(block.ravel("K")):
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            bad = ~(np.abs(block) <= np.finfo(dtype).max)
        if bad.any():
            where = tuple(map(int, np.argwhere(bad)[0]))
            raise ValueError(
                f"{name} expected finite {dtype} numbers, got {block[where]} "
                f"in row {first + start + where[0]}"
            )


def _squares_are_small(flat: Array) -> bool:
    """Whether a sum of squares is far from overflow: then every number is finite, cheaply asked."""
    # vdot computes it without a warning, also of what is not finite.
    return bool(np.vdot(flat, flat) < SMALL_SQUARES)


def as_inputs(
    X: Any,
    input_shape: Shape | None,
    dtype: np.dtype[Any],
    expected: object,
    most: int | None = None,
) -> Array:
    """Return X as an array (rows, *input_shape) of finite numbers.

    Parameters
    ----------
    X
        Anything that NumPy reads as numbers.
    input_shape
        Sample shape, or None where any shape will do.
    dtype
        What the numbers must fit into.
    expected
        Who expects the shape: named in the message.
    most
        Rows up to which it is checked that they are finite; of more the caller does so.

    Raises
    ------
    TypeError, ValueError
        If X is not that.
    """
    array = as_numbers(X, "X")
    if array.ndim < 2 or (input_shape is not None and array.shape[1:] != input_shape):  # noqa: PLR2004
        raise shape_error(repr(expected), input_shape, array.shape)
    if array.size == 0:
        raise ValueError(f"X expected at least one row and one feature, got shape {array.shape}")
    if most is None or len(array) <= most:
        check_finite(array, "X", dtype)
    return array


def as_targets(
    y: Any, rows: int, output_shape: Shape, dtype: np.dtype[Any], ignored: int | None = None
) -> Array:
    """Return y as integer labels (rows, …), or as numbers of `dtype` (rows, *output_shape).

    Integers of the shape of the outputs without their last axis are class labels, where there is
    more than one output. A single column may come without its axis. `ignored` is a label that is
    no class.

    Raises
    ------
    TypeError, ValueError
        If y is not that, has another length than X, or a label is no class.
    """
    array = as_numbers(y, "y")
    if array.ndim == 0 or len(array) != rows:
        got = "a single number" if array.ndim == 0 else f"{len(array)} rows"
        raise ValueError(f"y expected {rows} rows, as many as X, got {got}")
    shape = (rows, *output_shape)
    if array.dtype.kind in "bui" and array.shape == (*shape[:-1], 1) and shape[-1] > 1:
        array = array[..., 0]  # a column of labels
    if array.dtype.kind == "b" and array.shape == shape[:-1]:
        array = array.astype(np.intp)
    if are_labels(array, shape):
        check_labels(array, shape[-1], ignored)
        return array.astype(np.intp, copy=False)
    check_finite(array, "y", dtype)
    if array.shape == shape:
        return array.astype(dtype, copy=False)
    if (*array.shape, 1) == shape:
        return array[..., np.newaxis].astype(dtype, copy=False)
    expected = f"{batched(output_shape)} numbers"
    if shape[-1] > 1:
        expected += f" or {batched(output_shape[:-1])} integer labels"
    hint = ""
    if array.shape == shape[:-1]:
        hint = "; labels become integers by y.astype(int)"
    elif array.ndim < len(shape) - 1:
        hint = "; outputs keep the axes of X: put Flatten() before the layers"
    raise ValueError(f"y expected {expected}, got {array.dtype} of shape {array.shape}{hint}")


def as_weights(weight: Any, rows: int, name: str = "sample_weight") -> Array:
    """Return the weights of rows as float64 (rows,).

    Raises
    ------
    TypeError, ValueError
        If they are not one finite number ≥ 0 a row, or sum to 10¹⁰⁰ or more: losses are multiplied
        by such sums.
    """
    if stands_in(weight):
        return weight  # type: ignore[no-any-return] # checked already
    weights = as_numbers(weight, name).astype(np.float64)
    if weights.shape != (rows,):
        raise ValueError(f"{name} expected one number a row, ({rows},), got {weights.shape}")
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{name} expected finite numbers ≥ 0, got {weights[row]} in row {row}")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total >= LARGEST_WEIGHT:
        raise ValueError(
            f"{name} expected numbers that sum to less than {LARGEST_WEIGHT:g}, got a sum of "
            f"{total:g}"
        )
    return weights


def as_class_weights(class_weight: Any, y: Array, outputs: int) -> Array:
    """Return the weight of each row by its class, float64 (rows,).

    Parameters
    ----------
    class_weight
        {label: weight}, in which other labels have weight 1; one number a class; or "balanced":
        rows / (classes · rows of the class), as scikit-learn has it.
    y
        Labels (rows,), one-hot rows, or a column of 0 and 1.
    outputs
        Number of outputs.

    Raises
    ------
    TypeError, ValueError
        If it is not that, or y does not name one class a row.
    """
    labels = as_labels(y, outputs)
    if labels is None:
        raise ValueError(
            "class_weight expected y to name one class a row, got "
            f"{y.dtype} of shape {y.shape}; in sequences, CrossEntropyLoss(class_weights=…)"
        )
    classes = max(2, outputs)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f'class_weight expected "balanced", got {class_weight!r}')
        counts = np.bincount(labels, minlength=classes)
        return as_weights(len(labels) / (np.count_nonzero(counts) * counts[labels]), len(labels))
    of_class = np.ones(classes)
    if isinstance(class_weight, Mapping):
        for label, weight in class_weight.items():
            if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
                raise TypeError(f"class_weight expected integer labels, got {label!r}")
            if not 0 <= label < classes:
                raise ValueError(f"class_weight expected labels below {classes}, got {label}")
            of_class[label] = real_number(f"class_weight[{label}]", weight, at_least=0)
    else:
        of_class = as_weights(class_weight, classes, "class_weight")
    return as_weights(of_class[labels], len(labels), "class_weight")
