"""Metrics of classes: how often, and in which way, the right one is predicted."""

from typing import Literal, TypeAlias

import numpy as np

from tinyframe.checks import positive_integer
from tinyframe.targets import are_labels, dense_target
from tinyframe.types import Array

Average: TypeAlias = Literal["macro", "micro"]


def classes_of(prediction: Array, target: Array) -> tuple[Array, Array]:
    """Return the predicted and the true classes, one integer a position, both flat.

    The predicted class is that of the largest output; of a single output, 1 where it is ≥ ½.

    Parameters
    ----------
    prediction
        Shape (rows, …, outputs).
    target
        Labels (rows, …), one-hot rows, or for a single output 0 or 1.

    Raises
    ------
    ValueError
        If the target's shape does not fit.
    """
    if prediction.shape[-1] == 1:
        target = dense_target(target, prediction)
        half = 0.5
        return (prediction >= half).ravel().astype(np.intp), (target >= half).ravel().astype(
            np.intp
        )
    if not are_labels(target, prediction.shape):
        target = np.argmax(dense_target(target, prediction), axis=-1)
    return np.argmax(prediction, axis=-1).ravel(), target.ravel()


def accuracy(prediction: Array, target: Array, weight: Array | None = None) -> float:
    """Return the share of positions whose class is predicted right, in [0, 1].

    Parameters
    ----------
    prediction
        Shape (rows, …, outputs).
    target
        Labels (rows, …), one-hot rows, or for a single output 0 or 1.
    weight
        Shape (rows,): what each row counts.

    Raises
    ------
    ValueError
        If the target's shape does not fit the prediction's.
    """
    predicted, true = classes_of(prediction, target)
    return mean(predicted == true, weight)


def top_k_accuracy(
    prediction: Array, target: Array, weight: Array | None = None, *, k: int = 5
) -> float:
    """Return the share of positions whose class is among the k largest outputs, in [0, 1].

    Parameters
    ----------
    prediction, target, weight
        As in `accuracy`, with more than one output.
    k
        How many; with as many as there are outputs, or more, the answer is 1.

    Raises
    ------
    ValueError
        If there is but one output, or k < 1.
    """
    k = positive_integer("k", k)
    outputs = prediction.shape[-1]
    if outputs == 1:
        raise ValueError("top_k_accuracy expected more than one output, got one")
    if not are_labels(target, prediction.shape):
        target = np.argmax(dense_target(target, prediction), axis=-1)
    of_class = np.take_along_axis(prediction, target[..., np.newaxis], axis=-1)
    better = np.sum(prediction > of_class, axis=-1)
    return mean((better < k).ravel(), weight)


def confusion_matrix(prediction: Array, target: Array, weight: Array | None = None) -> Array:
    """Return how often each class (row) was taken for each (column).

    Parameters
    ----------
    prediction, target, weight
        As in `accuracy`.

    Returns
    -------
    Array
        Shape (classes, classes): counts, or with weights sums of them.

    Raises
    ------
    ValueError
        If the target's shape does not fit the prediction's.
    """
    predicted, true = classes_of(prediction, target)
    classes = max(2, prediction.shape[-1])
    counts = np.bincount(
        true * classes + predicted,
        None if weight is None else per_position(weight, len(true)),
        classes * classes,
    )
    return counts.reshape(classes, classes)


def precision(
    prediction: Array, target: Array, weight: Array | None = None, *, average: Average = "macro"
) -> float:
    """Return the share of a class's predictions that are right, in [0, 1]; 0 where there are none.

    Of a single output it is that of class 1. Of more, `average="macro"` is the mean over the
    classes that occur in the target or the prediction, and "micro" that of all predictions, which
    equals the accuracy.

    Parameters
    ----------
    prediction, target, weight
        As in `accuracy`.
    average
        "macro" or "micro".

    Raises
    ------
    ValueError
        If `average` is something else.
    """
    right, predicted, _, keep = _counts(prediction, target, weight, average)
    return float(np.mean(_ratio(right, predicted)[keep]))


def recall(
    prediction: Array, target: Array, weight: Array | None = None, *, average: Average = "macro"
) -> float:
    """Return the share of a class's rows that are predicted right, in [0, 1]; 0 if it has none.

    Parameters, averages and errors are those of `precision`.
    """
    right, _, true, keep = _counts(prediction, target, weight, average)
    return float(np.mean(_ratio(right, true)[keep]))


def f1(
    prediction: Array, target: Array, weight: Array | None = None, *, average: Average = "macro"
) -> float:
    """Return the harmonic mean of precision and recall of a class, in [0, 1].

    Parameters, averages and errors are those of `precision`.
    """
    right, predicted, true, keep = _counts(prediction, target, weight, average)
    return float(np.mean(_ratio(2 * right, predicted + true)[keep]))


def _counts(
    prediction: Array, target: Array, weight: Array | None, average: Average
) -> tuple[Array, Array, Array, Array]:
    """Return, a class: right predictions, predictions, true rows, and whether it is averaged."""
    if average not in ("macro", "micro"):
        raise ValueError(f'average expected "macro" or "micro", got {average!r}')
    table = confusion_matrix(prediction, target, weight).astype(np.float64)
    right, predicted, true = table.diagonal(), table.sum(axis=0), table.sum(axis=1)
    if prediction.shape[-1] == 1:
        return right[1:], predicted[1:], true[1:], np.array([True])
    if average == "micro":
        right, predicted, true = (x.sum(keepdims=True) for x in (right, predicted, true))
    return right, predicted, true, predicted + true > 0


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def mean(values: Array, weight: Array | None) -> float:
    """Return the mean of one value a position, by the weights of their rows."""
    if weight is None:
        return float(np.mean(values))
    return float(np.average(values, weights=per_position(weight, len(values))))


def per_position(weight: Array, positions: int) -> Array:
    """Return the weight of each position, where rows have several."""
    return np.repeat(weight, positions // len(weight))
