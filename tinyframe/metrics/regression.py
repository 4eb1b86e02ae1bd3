"""Metrics of numbers: how far the predicted ones are from the true."""

import math

import numpy as np

from tinyframe.targets import dense_target
from tinyframe.types import Array


def mse(prediction: Array, target: Array, weight: Array | None = None) -> float:
    """Return the mean of (prediction − target)² over all numbers, in squared units of the target.

    (`MSELoss` sums over the outputs instead, as the document does.)

    Parameters
    ----------
    prediction, target
        Shape (rows, …, outputs).
    weight
        Shape (rows,): what each row counts.

    Raises
    ------
    ValueError
        If the target's shape does not fit the prediction's.
    """
    return _mean(_errors(prediction, target) ** 2, weight)


def mae(prediction: Array, target: Array, weight: Array | None = None) -> float:
    """Return the mean of |prediction − target| over all numbers, in units of the target.

    Parameters
    ----------
    prediction, target, weight
        As in `mse`.

    Raises
    ------
    ValueError
        If the target's shape does not fit the prediction's.
    """
    return _mean(np.abs(_errors(prediction, target)), weight)


def r2(prediction: Array, target: Array, weight: Array | None = None) -> float:
    """Return R², the share of the target's variance that is explained; the mean over outputs.

    1 is perfect, 0 as good as the mean of the targets; there is no lower bound. An output whose
    targets are all alike counts as 1 if it is predicted exactly, else as 0. NaN of a single row.

    Parameters
    ----------
    prediction, target, weight
        As in `mse`.

    Raises
    ------
    ValueError
        If the target's shape does not fit the prediction's.
    """
    outputs = prediction.shape[-1]
    y = dense_target(target, prediction).astype(np.float64).reshape(-1, outputs)
    squares = _errors(prediction, target).reshape(-1, outputs) ** 2
    if len(y) < 2:  # noqa: PLR2004 - the least that varies
        return math.nan
    if weight is None:
        weight = np.ones(len(prediction))
    w = np.repeat(weight, len(y) // len(weight))[:, np.newaxis]
    left = np.sum(w * squares, axis=0)
    varying = np.sum(w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2, axis=0)
    shares = np.where(left > 0, 0.0, 1.0)
    np.divide(left, varying, out=left, where=varying > 0)
    return float(np.mean(np.where(varying > 0, 1 - left, shares)))


def _errors(prediction: Array, target: Array) -> Array:
    errors: Array = np.subtract(prediction, dense_target(target, prediction), dtype=np.float64)
    return errors


def _mean(values: Array, weight: Array | None) -> float:
    of_row = values.reshape(len(values), -1).mean(axis=1)
    return float(np.average(of_row, weights=weight))
