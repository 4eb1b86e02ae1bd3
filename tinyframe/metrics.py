"""Metrics: figures that people judge a model by, computed over all the rows at once."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from tinyframe.targets import are_labels, dense_target
from tinyframe.types import Array

Metric: TypeAlias = Callable[[Array, Array], float]
"""A function (prediction, target) → number, over all rows of an epoch or of a test set."""


def accuracy(prediction: Array, target: Array) -> float:
    """Return the share of rows whose class is predicted right.

    The predicted class is that of the largest output; of a single output, whether it is ≥ ½.

    Parameters
    ----------
    prediction
        Shape (n, …, outputs).
    target
        Integer labels (n, …), or one-hot rows (n, …, outputs); for a single output 0 or 1.
    """
    if prediction.shape[-1] == 1:
        target = dense_target(target, prediction)
        return float(np.mean((prediction >= 0.5) == (target >= 0.5)))  # noqa: PLR2004 - one half
    if not are_labels(target, prediction.shape):
        target = np.argmax(dense_target(target, prediction), axis=-1)
    return float(np.mean(np.argmax(prediction, axis=-1) == target))


NAMED: dict[str, Metric] = {"accuracy": accuracy}


def named_metrics(metrics: Any, target: Array, outputs: int) -> dict[str, Metric]:
    """Return the metrics by name; None means accuracy where the targets are classes.

    Raises
    ------
    TypeError, ValueError
        If one is neither a known name nor a function, or needs classes where there are none.
    """
    if metrics is None:
        return {"accuracy": accuracy} if outputs > 1 and are_classes(target, outputs) else {}
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise TypeError(f'metrics expected a list such as ["accuracy"], got {metrics!r}')
    chosen: dict[str, Metric] = {}
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in NAMED:
                raise ValueError(f"metrics expected names among {sorted(NAMED)}, got {metric!r}")
            name, function = metric, NAMED[metric]
        elif callable(metric):
            name, function = getattr(metric, "__name__", type(metric).__name__), metric
        else:
            raise TypeError(f"metrics expected names or functions, got {metric!r}")
        if name in chosen or name in ("loss", "seconds") or name.startswith("val_"):
            raise ValueError(
                f"metrics expected another name for each, got {name!r}, which is taken"
            )
        chosen[name] = function
    if accuracy in chosen.values() and not are_classes(target, outputs):
        raise ValueError(
            "the metric accuracy expected classes: integer labels, one-hot rows or a column of "
            f"0 and 1; got {target.dtype} targets of shape {target.shape}"
        )
    return chosen


def are_classes(target: Array, outputs: int) -> bool:
    """Whether the targets name one class a row: labels, one-hot rows or a column of 0 and 1."""
    if target.dtype.kind in "iu" and outputs > 1:
        return True
    binary = bool(np.all((target == 0) | (target == 1)))
    return binary and (outputs == 1 or bool(np.all(np.sum(target, axis=-1) == 1)))
