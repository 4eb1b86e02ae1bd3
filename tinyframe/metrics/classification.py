"""Metrics of classes: how often, and in which way, the right one is predicted."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tinyframe.metrics.arguments import as_row_weights, as_scores, classes_of, mean
from tinyframe.types import Array
from tinyframe.utils.checks import among, positive_integer

Average: TypeAlias = Literal["macro", "micro"]

MOST_CLASSES = 10_000
"""Rows and columns of the largest confusion matrix."""


def accuracy(
    prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Return the share of positions whose class is predicted right, in [0, 1]; NaN of no rows.

    Parameters
    ----------
    prediction
        Scores (rows, …, outputs), of which the largest is taken; of a single output, whose axis
        may be missing, 1 where it is ≥ ½. Or classes: integers or booleans (rows, …), but (rows, 1)
        is a single output.
    target
        Labels (rows, …), one-hot rows, or for a single output 0 or 1.
    weight
        Shape (rows,): what each row counts.

    Raises
    ------
    TypeError, ValueError
        If one is not that, a score is NaN, or the shapes do not fit. Integers of more than one
        axis beside one-hot rows of integers are refused, as they could be either.

    Examples
    --------
    >>> from tinyframe.metrics import accuracy
    >>> accuracy([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    0.6666666666666666
    """
    found = classes_of(prediction, target)
    return mean(found.predicted == found.true, found.weights(weight))


def top_k_accuracy(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    k: int = 5,
) -> float:
    """Return the share of positions whose class is among the k largest outputs, in [0, 1].

    Parameters
    ----------
    prediction, target, weight
        As in `accuracy`, but scores alone, of more than one output.
    k
        How many; with as many as there are outputs, or more, the answer is 1.

    Raises
    ------
    TypeError, ValueError
        As `accuracy` does, if there is but one output, or k < 1.

    Examples
    --------
    >>> from tinyframe.metrics import top_k_accuracy
    >>> top_k_accuracy([[0.1, 0.5, 0.4], [0.7, 0.2, 0.1]], [2, 2], k=2)
    0.5
    """
    k = positive_integer("k", k)
    scores, true = as_scores(prediction, target)
    if scores.shape[-1] == 1:
        raise ValueError("top_k_accuracy expected scores of more than one output, got one")
    rows, scores = len(scores), scores.reshape(-1, scores.shape[-1])
    of_class = np.take_along_axis(scores, true[:, np.newaxis], axis=-1)
    better = np.sum(scores > of_class, axis=-1)
    return mean(better < k, as_row_weights(weight, rows, len(true)))


def confusion_matrix(
    prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> Array:
    """Return how often each class (row) was taken for each (column).

    Parameters
    ----------
    prediction, target, weight
        As in `accuracy`.

    Returns
    -------
    Array
        Shape (classes, classes): counts, or with weights sums of them. Where predictions are
        classes, there are as many as the largest label says, two at least.

    Raises
    ------
    TypeError, ValueError
        As `accuracy` does, or if there are more than 10,000 classes.

    Examples
    --------
    >>> from tinyframe.metrics import confusion_matrix
    >>> confusion_matrix([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    array([[1, 0],
           [1, 1]])
    """
    found = classes_of(prediction, target)
    classes = found.classes
    if classes > MOST_CLASSES:
        raise ValueError(
            f"confusion_matrix expected {MOST_CLASSES} classes at most, got label {classes - 1}"
        )
    counts = np.bincount(
        found.true * classes + found.predicted,
        found.weights(weight),
        classes * classes,
    )
    return counts.reshape(classes, classes)


def precision(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    average: Average = "macro",
) -> float:
    """Return the share of a class's predictions that are right, in [0, 1]; 0 where there are none.

    Of a single output, or of booleans, it is that of class 1. Of more, and of integer classes,
    `average="macro"` is the mean over the classes that occur in the target or the prediction, and
    "micro" that of all predictions, which equals the accuracy. NaN of no rows.

    Parameters
    ----------
    prediction, target, weight
        As in `accuracy`.
    average
        "macro" or "micro".

    Raises
    ------
    TypeError, ValueError
        As `accuracy` does, or if `average` is something else.

    Examples
    --------
    >>> from tinyframe.metrics import precision
    >>> precision([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    0.75
    """
    right, predicted, _, keep = _counts(prediction, target, weight, average)
    return mean(_ratio(right, predicted)[keep], None)


def recall(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    average: Average = "macro",
) -> float:
    """Return the share of a class's rows that are predicted right, in [0, 1]; 0 if it has none.

    Parameters, averages and errors are those of `precision`.

    Examples
    --------
    >>> from tinyframe.metrics import recall
    >>> recall([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    0.75
    """
    right, _, true, keep = _counts(prediction, target, weight, average)
    return mean(_ratio(right, true)[keep], None)


def f1(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    average: Average = "macro",
) -> float:
    """Return the harmonic mean of precision and recall of a class, in [0, 1].

    Parameters, averages and errors are those of `precision`.

    Examples
    --------
    >>> from tinyframe.metrics import f1
    >>> f1([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    0.6666666666666666
    """
    right, predicted, true, keep = _counts(prediction, target, weight, average)
    return mean(_ratio(2 * right, predicted + true)[keep], None)


def _counts(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    average: Average,
) -> tuple[Array, Array, Array, Array]:
    """Return, a class: right predictions, predictions, true rows, and whether it is averaged."""
    if not among(average, "macro", "micro"):
        raise ValueError(f'average expected "macro" or "micro", got {average!r}')
    found = classes_of(prediction, target)
    weights = found.weights(weight)
    predicted, true = found.predicted, found.true
    classes = found.classes
    if classes > MOST_CLASSES:  # count those that occur alone: a label may be any number
        occur, both = np.unique(np.concatenate([predicted, true]), return_inverse=True)
        classes, (predicted, true) = len(occur), np.split(both, 2)
    w = np.ones(len(true)) if weights is None else weights
    right, guesses, rows = (
        np.bincount(of, counted, classes).astype(np.float64)
        for of, counted in ((true, w * (predicted == true)), (predicted, w), (true, w))
    )
    if found.single:
        return right[1:], guesses[1:], rows[1:], np.array([len(true) > 0])
    if average == "micro":
        right, guesses, rows = (x.sum(keepdims=True) for x in (right, guesses, rows))
    return right, guesses, rows, guesses + rows > 0


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
