"""ROC AUC: how well the outputs put rows of a class above the others."""

import math

import numpy as np
import numpy.typing as npt

from tinyframe.metrics.arguments import as_row_weights, as_scores
from tinyframe.types import Array


def roc_auc(
    prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Return the area under the curve of true against false positives, in [0, 1].

    It is the chance that a row of the class has a larger output than one of another class, a tie
    counting half (Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", 1982). Of two outputs it is that of class 1, of more the mean over
    the classes, each against all others. A class that has no row, or no other, is left out; NaN if
    none is left.

    Parameters
    ----------
    prediction
        Scores (rows, …, outputs); a single output may come without its axis.
    target
        Labels (rows, …), one-hot rows, or for a single output 0 or 1.
    weight
        Shape (rows,): what each row counts.

    Raises
    ------
    TypeError, ValueError
        If one is not that, a score is NaN, or the shapes do not fit.

    Examples
    --------
    >>> from tinyframe.metrics import roc_auc
    >>> roc_auc([[0.1], [0.4], [0.35], [0.8]], [0, 0, 1, 1])
    0.75
    """
    scores, true = as_scores(prediction, target)
    rows, outputs = len(scores), scores.shape[-1]
    scores = scores.reshape(-1, outputs)
    member = true[:, np.newaxis] == (1 if outputs == 1 else np.arange(outputs))
    w = as_row_weights(weight, rows, len(true))
    w = np.ones(len(true)) if w is None else w
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
