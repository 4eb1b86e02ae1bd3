"""ROC AUC: how well the outputs put rows of a class above the others."""

import math

import numpy as np

from tinyframe.metrics.classification import per_position
from tinyframe.targets import are_labels, dense_target
from tinyframe.types import Array


def roc_auc(prediction: Array, target: Array, weight: Array | None = None) -> float:
    """Return the area under the curve of true against false positives, in [0, 1].

    It is the chance that a row of the class has a larger output than one of another class, a tie
    counting half (Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", 1982). Of two outputs it is that of class 1, of more the mean over
    the classes, each against all others. A class that has no row, or no other, is left out; NaN if
    none is left.

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
    outputs = prediction.shape[-1]
    scores = prediction.reshape(-1, outputs)
    if are_labels(target, prediction.shape):
        member = target.reshape(-1, 1) == np.arange(outputs)
    else:
        half = 0.5
        member = dense_target(target, prediction).reshape(-1, outputs) >= half
    w = np.ones(len(scores)) if weight is None else per_position(weight, len(scores))
    classes = [1] if outputs == 2 else range(outputs)  # noqa: PLR2004 - each is the other's reverse
    areas = [_area(scores[:, i], member[:, i], w) for i in classes]
    found = [area for area in areas if not math.isnan(area)]
    return float(np.mean(found)) if found else math.nan


def _area(scores: Array, member: Array, weight: Array) -> float:
    """Return the area for one class: over its rows, the share of the others' weight below them."""
    _, rank = np.unique(scores, return_inverse=True)
    inside = np.bincount(rank, weight * member)  # a distinct score
    outside = np.bincount(rank, weight * ~member)
    both = inside.sum() * outside.sum()
    if not both:
        return math.nan
    below = np.cumsum(outside) - outside
    return float(np.sum(inside * (below + outside / 2)) / both)
