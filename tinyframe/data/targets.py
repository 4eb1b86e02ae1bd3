"""What y may be: class labels, rows of one number an output, or a single column of numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.types import Array, Shape, stands_in
from tinyframe.utils.checks import check_unmasked, plain_array, positive_integer

ROUNDING = 1e-3
"""How far the sum of a row's shares of the classes may be from 1."""


MANY_CLASSES = 100
"""Up to as many, rows of the unit matrix are taken: for ten classes in a quarter of the time."""


def are_labels(target: Array, shape: Shape) -> bool:
    """Whether `target` holds integer labels for predictions of `shape` (batch, …, classes)."""
    return target.dtype.kind in "iu" and target.shape == shape[:-1] and shape[-1] > 1


def as_labels(target: Array, outputs: int) -> Array | None:
    """Return one label a row, of labels (rows,), one-hot rows or 0 and 1; None where it is not so.

    Parameters
    ----------
    target
        As `tinyframe.data.arrays.as_targets` returns it.
    outputs
        Number of outputs of the model.
    """
    if target.dtype.kind in "iu" and outputs > 1:
        return target if target.ndim == 1 else None
    if target.ndim != 2 or not are_classes(target, outputs):  # noqa: PLR2004 - (rows, outputs)
        return None
    return target[:, 0].astype(np.intp) if outputs == 1 else np.argmax(target, axis=1)


def are_classes(target: Array, outputs: int) -> bool:
    """Whether the targets name one class a row: labels, one-hot rows or a column of 0 and 1."""
    if target.dtype.kind in "iu" and outputs > 1:
        return True
    binary = bool(np.all((target == 0) | (target == 1)))
    return binary and (outputs == 1 or bool(np.all(np.sum(target, axis=-1) == 1)))


def check_labels(labels: Array, classes: int, ignored: int | None = None) -> None:
    """Raise ValueError if a label is neither in 0 … classes − 1 nor the one that is ignored."""
    check_unmasked(labels, "labels")
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        place = np.argwhere(wrong)[0]
        where = int(place[0]) if len(place) == 1 else tuple(map(int, place))
        raise ValueError(
            f"labels expected integers from 0 to {classes - 1}, "
            f"got {labels[tuple(place)]} at index {where}"
        )


def label_index(labels: Array, classes: int) -> tuple[Array, ...]:
    """Return the index of each row's own class in an array of shape (*labels.shape, classes).

    Raises
    ------
    ValueError
        If a label is not in 0 … classes − 1.
    """
    check_labels(labels, classes)
    if labels.ndim == 1:
        return np.arange(len(labels)), labels
    return (*np.indices(labels.shape, sparse=True), labels)


def one_hot(labels: npt.ArrayLike, classes: int, dtype: npt.DTypeLike = np.float32) -> Array:
    """Return rows with 1 at the label and 0 elsewhere: the document's target vectors.

    Parameters
    ----------
    labels
        Integers in 0 … classes − 1, of shape (batch, …).
    classes
        Number of classes.
    dtype
        dtype of the result, whose shape is (batch, …, classes).

    Raises
    ------
    TypeError
        If the labels or the classes are not integers, or dtype is none.
    ValueError
        If a label is negative or too large.

    Examples
    --------
    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = plain_array(labels, "labels")
    if labels.dtype.kind == "b":
        labels = labels.astype(np.intp)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels expected integers, got dtype {labels.dtype}")
    classes = positive_integer("classes", classes)
    try:
        rows: Array = np.zeros((*labels.shape, classes), dtype)
    except TypeError:
        raise TypeError(f"dtype expected one of numbers, got {dtype!r}") from None
    rows[label_index(labels, classes)] = 1
    return rows


def check_distributions(who: object, target: Array) -> None:
    """Raise ValueError if rows (batch, …, classes) are not shares of the classes, with sum 1.

    Parameters
    ----------
    who
        Who expects them, for the message.
    target
        One-hot rows or others, rounded to 1e-3.
    """
    sums = np.sum(target, axis=-1, dtype=np.float64)
    wrong = (np.abs(sums - 1) > ROUNDING) | (target < 0).any(axis=-1)
    if wrong.any():
        row = target[wrong][0]
        raise ValueError(
            f"{who!r} expected class labels, or rows of shares ≥ 0 of the classes that sum to 1, "
            f"got {row} in row {int(np.argwhere(wrong)[0][0])}; where a row has several classes or "
            "none, that is BinaryCrossEntropyLoss()"
        )


def check_prediction(prediction: Any) -> None:
    """Raise TypeError or ValueError if it is no array of floats (batch, …, outputs) with rows."""
    check_unmasked(prediction, "the prediction")
    expected = "the prediction expected an array of floats, as layers make it, got"
    if not isinstance(prediction, np.ndarray):
        raise TypeError(f"{expected} a {type(prediction).__name__}")
    if prediction.dtype.kind != "f":
        raise TypeError(f"{expected} dtype {prediction.dtype}")
    if prediction.ndim < 2 or not prediction.size:  # noqa: PLR2004 - (batch, outputs)
        raise ValueError(
            "the prediction expected (batch, …, outputs) with at least one row, got shape "
            f"{prediction.shape}"
        )


def checked_target(target: Any, prediction: Any) -> Array:
    """Return the target as an array; raise TypeError or ValueError where the two are none."""
    if stands_in(prediction):
        return target  # type: ignore[no-any-return] # checked where it was recorded
    check_prediction(prediction)
    return plain_array(target, "the target")


def dense_target(target: Array, prediction: Array) -> Array:
    """Return `target` in the shape of `prediction`: labels one-hot encoded, a lost axis restored.

    Raises
    ------
    TypeError, ValueError
        If it holds no real numbers, or the shapes do not fit; nothing is ever broadcast.
    """
    if target.dtype.kind not in "buif":
        raise TypeError(f"the target expected real numbers, got dtype {target.dtype}")
    if target.shape == prediction.shape:
        return target
    if (*target.shape, 1) == prediction.shape:
        return target[..., np.newaxis]
    if are_labels(target, prediction.shape):
        classes = prediction.shape[-1]
        if not stands_in(target):
            check_labels(target, classes)
        if classes <= MANY_CLASSES:
            labels = target if target.dtype == np.intp else target.astype(np.intp)
            rows = np.eye(classes, dtype=prediction.dtype, like=prediction)
            one_hot = np.take(rows, labels, axis=1, mode="clip")
        else:
            every = np.arange(classes).reshape(-1, *[1] * target.ndim)
            one_hot = (target == every).astype(prediction.dtype)
        return np.moveaxis(one_hot, 0, -1)  # the classes first in memory, as after a product
    raise ValueError(
        f"the target expected shape {prediction.shape} or integer labels {prediction.shape[:-1]}, "
        f"got {target.dtype} {target.shape}"
    )


def laid_like(y: Array, prediction: Array) -> Array:
    """Return y in the prediction's order in memory: what is computed of both then lies alike."""
    if any(y.flags[order] and prediction.flags[order] for order in ("C", "F")):
        return y
    copy = np.empty_like(prediction, y.dtype)
    copy[...] = y
    return copy
