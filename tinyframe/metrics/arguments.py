"""What metrics take: predictions as scores or as classes, targets, weights; lists or arrays."""

from typing import Any, NamedTuple

import numpy as np

from tinyframe.data.arrays import as_numbers, as_weights
from tinyframe.data.targets import check_labels, dense_target
from tinyframe.types import Array, Shape

ROUNDING = 1e-3
"""How far the sum of a target's shares may be from 1."""


class Classes(NamedTuple):
    """Which class was predicted and which is true, one integer a position, both flat.

    `rows` is how many rows they come from, `classes` how many there are; `single`
    says that the prediction is a yes or a no: one output, or booleans.
    """

    predicted: Array
    true: Array
    rows: int
    classes: int
    single: bool

    def weights(self, weight: Any) -> Array | None:
        """Return the weight of each position, given that of each row."""
        return as_row_weights(weight, self.rows, len(self.true))


def as_pair(prediction: Any, target: Any) -> tuple[Array, Array]:
    """Return both as arrays of real numbers with rows.

    Raises
    ------
    TypeError, ValueError
        If one is none, or they have different numbers of rows.
    """
    prediction, target = as_numbers(prediction, "prediction"), as_numbers(target, "target")
    for name, array in (("prediction", prediction), ("target", target)):
        if array.ndim == 0:
            raise ValueError(f"{name} expected one row at least, got a single number")
    if len(prediction) != len(target):
        raise ValueError(f"target expected {len(prediction)} rows, got {len(target)}")
    return prediction, target


def as_outputs(prediction: Any, target: Any) -> tuple[Array, Array]:
    """Return numbers (rows, …, outputs) and the target; a single output may come without its axis.

    Raises
    ------
    TypeError, ValueError
        As `as_pair` does.
    """
    prediction, target = as_pair(prediction, target)
    return prediction[:, np.newaxis] if prediction.ndim == 1 else prediction, target


def as_scores(prediction: Any, target: Any) -> tuple[Array, Array]:
    """Return scores (rows, …, outputs) and the true class of each position, flat.

    Raises
    ------
    TypeError, ValueError
        As `as_pair` does, if a score is NaN, or if the target does not name one class a position.
    """
    scores, target = as_outputs(prediction, target)
    if np.isnan(scores).any():
        raise ValueError("prediction expected numbers, got NaN")
    if scores.shape[-1] == 0:
        raise ValueError(f"prediction expected one output at least, got shape {scores.shape}")
    return scores, _true_classes(target, scores.shape)


def classes_of(prediction: Any, target: Any) -> Classes:
    """Return the predicted and the true classes.

    Parameters
    ----------
    prediction
        Scores (rows, …, outputs): the predicted class is that of the largest output; of a single
        output, whose axis may be missing, 1 where it is ≥ ½. Or classes: integers or booleans of
        the shape of the target's labels.
    target
        Labels (rows, …), one-hot rows, or for a single output 0 or 1.

    Raises
    ------
    TypeError, ValueError
        If they are not that, do not fit each other, or could be read either way.
    """
    prediction, target = as_pair(prediction, target)
    labels = _true_labels(prediction, target)
    if labels is None:
        scores, true = as_scores(prediction, target)
        rows, outputs = len(scores), scores.shape[-1]
        if outputs == 1:
            half = 0.5
            return Classes((scores >= half).ravel().astype(np.intp), true, rows, 2, single=True)
        return Classes(np.argmax(scores, axis=-1).ravel(), true, rows, outputs, single=False)
    predicted, true = _as_labels(prediction, "prediction"), _as_labels(labels, "target")
    single = prediction.dtype.kind == "b"
    if single and true.max(initial=0) > 1:
        raise ValueError(f"target expected 0 or 1, as the prediction, got {true.max()}")
    count = 1 + max(predicted.max(initial=1), true.max(initial=1))
    return Classes(predicted, true, len(prediction), int(count), single)


def as_row_weights(weight: Any, rows: int, positions: int) -> Array | None:
    """Return the weight of each position, where rows have several; None if all count alike.

    Raises
    ------
    TypeError, ValueError
        If they are not one finite number ≥ 0 a row.
    """
    if weight is None:
        return None
    return np.repeat(as_weights(weight, rows, "weight"), positions // max(rows, 1))


def mean(values: Array, weight: Array | None) -> float:
    """Return the mean of one value a position; NaN if none counts."""
    if not len(values) or (weight is not None and not weight.any()):
        return float("nan")
    return float(np.average(values, weights=weight))


def _true_labels(prediction: Array, target: Array) -> Array | None:
    """Return the true labels, of the prediction's shape, where that is made of classes; or None."""
    if prediction.dtype.kind not in "biu":
        return None
    shape = prediction.shape
    labels: Array
    if target.shape == (*shape, 1):
        labels = target[..., 0]
        return labels
    if target.shape[:-1] == shape and _are_shares(target):  # one-hot rows
        labels = np.argmax(target, axis=-1)
        return labels
    if target.shape != shape or (len(shape) > 1 and (shape[-1] == 1 or target.dtype.kind == "f")):
        return None
    if len(shape) > 1 and _are_shares(target):
        raise ValueError(
            f"integers of shape {shape} could be labels, or scores and one-hot rows: give scores "
            "as floats, or labels flat"
        )
    return target


def _as_labels(labels: Array, name: str) -> Array:
    """Return labels as integers ≥ 0, flat."""
    with np.errstate(invalid="ignore"):  # of what is no integer, which is found
        whole = labels.astype(np.intp)
    if not np.array_equal(whole, labels):
        raise ValueError(f"{name} expected integer labels, got others")
    if whole.min(initial=0) < 0:
        raise ValueError(f"{name} expected labels ≥ 0, got {whole.min()}")
    flat: Array = whole.ravel()
    return flat


def _true_classes(target: Array, shape: Shape) -> Array:
    """Return the class of each position for scores of a shape (rows, …, outputs), flat."""
    outputs, positions = shape[-1], shape[:-1]
    labels: Array
    if outputs == 1:
        shares = dense_target(target, np.empty(shape, np.float32))
        if not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError("target expected 0 or 1 for a single output, got others")
        half = 0.5
        return (shares >= half).ravel().astype(np.intp)
    if target.dtype.kind in "biu" and target.shape in (positions, (*positions, 1)):
        labels = target.reshape(positions).astype(np.intp, copy=False)
        check_labels(labels, outputs)
        return np.ravel(labels)
    if target.shape != shape:
        raise ValueError(
            f"the target expected shape {shape} or integer labels {positions}, "
            f"got {target.dtype} {target.shape}"
        )
    if not _are_shares(target):
        raise ValueError("target expected one-hot rows, or shares that sum to 1, got others")
    labels = np.argmax(target, axis=-1)
    return np.ravel(labels)


def _are_shares(target: Array) -> bool:
    """Whether each row is one-hot, or made of shares ≥ 0 that sum to 1."""
    if target.ndim < 2 or target.shape[-1] < 2 or not len(target):  # noqa: PLR2004 - rows of several
        return False
    sums = target.sum(axis=-1, dtype=np.float64)
    return bool((target >= 0).all() and (np.abs(sums - 1) <= ROUNDING).all())
