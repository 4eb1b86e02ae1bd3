"""Metrics: figures that people judge a model by, exact over all rows.

Each is a function (prediction, target, weight=None) → number, of the model's outputs (rows, …,
outputs) and of labels (rows, …), one-hot rows, a column of 0 and 1, or numbers; arrays or lists.
Those of classes take predicted labels (rows, …) in place of outputs too. `fit` and
`evaluate` take them by name, as functions, or with options:
`metrics=["accuracy", Metric(f1, average="micro")]`.
"""

from tinyframe.metrics.classification import (
    accuracy,
    confusion_matrix,
    f1,
    precision,
    recall,
    top_k_accuracy,
)
from tinyframe.metrics.metric import NAMED, Metric, Scores, named_metrics
from tinyframe.metrics.ranking import roc_auc
from tinyframe.metrics.regression import mae, mse, r2

__all__ = [
    "NAMED",
    "Metric",
    "Scores",
    "accuracy",
    "confusion_matrix",
    "f1",
    "mae",
    "mse",
    "named_metrics",
    "precision",
    "r2",
    "recall",
    "roc_auc",
    "top_k_accuracy",
]
