"""Metrics of numbers: how far the predicted ones are from the true."""

import math

import numpy as np
import numpy.typing as npt

from tinyframe.data.targets import dense_target
from tinyframe.metrics.arguments import as_outputs, as_row_weights, mean
from tinyframe.types import Array


def mse(
    prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Return the mean of (prediction − target)² over all numbers, in squared units of the target.

    (`MSELoss` sums over the outputs instead, as the document does.)

    Parameters
    ----------
    prediction, target
        Shape (rows, …, outputs); a single output may come without its axis.
    weight
        Shape (rows,): what each row counts.

    Raises
    ------
    TypeError, ValueError
        If one is not that, or the shapes do not fit.

    Examples
    --------
    >>> from tinyframe.metrics import mse
    >>> mse([[1.0], [4.0]], [[0.0], [2.0]])
    2.5
    """
    return _mean_of_rows(_errors(prediction, target)[0] ** 2, weight)


def mae(
    prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Return the mean of |prediction − target| over all numbers, in units of the target.

    Parameters
    ----------
    prediction, target, weight
        As in `mse`.

    Raises
    ------
    TypeError, ValueError
        If one is not that, or the shapes do not fit.

    Examples
    --------
    >>> from tinyframe.metrics import mae
    >>> mae([[1.0], [4.0]], [[0.0], [2.0]])
    1.5
    """
    return _mean_of_rows(np.abs(_errors(prediction, target)[0]), weight)


def r2(
    prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Return R², the share of the target's variance that is explained; the mean over outputs.

    1 is perfect, 0 as good as the mean of the targets; there is no lower bound. An output whose
    targets are all alike counts as 1 if it is predicted exactly, else as 0. NaN of fewer
    than two rows.

    Parameters
    ----------
    prediction, target, weight
        As in `mse`.

    Raises
    ------
    TypeError, ValueError
        If one is not that, or the shapes do not fit.

    Examples
    --------
    >>> from tinyframe.metrics import r2
    >>> r2([[1.0], [2.0], [3.5]], [[1.0], [2.0], [3.0]])
    0.875
    """
    errors, y = _errors(prediction, target)
    rows, outputs = len(errors), errors.shape[-1]
    y, squares = y.reshape(-1, outputs), errors.reshape(-1, outputs) ** 2
    weights = as_row_weights(weight, rows, len(y))
    weights = np.ones(len(y)) if weights is None else weights
    if len(y) < 2 or not weights.any():  # noqa: PLR2004 - the least that varies
        return math.nan
    w = weights[:, np.newaxis]
    left = np.sum(w * squares, axis=0)
    varying = np.sum(w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2, axis=0)
    shares = np.where(left > 0, 0.0, 1.0)
    np.divide(left, varying, out=left, where=varying > 0)
    return float(np.mean(np.where(varying > 0, 1 - left, shares)))


def _errors(prediction: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Array, Array]:
    """Return prediction − target, and the target in that shape, both float64."""
    a, y = as_outputs(prediction, target)
    y = dense_target(y, a).astype(np.float64)
    errors: Array = np.subtract(a, y, dtype=np.float64)
    return errors, y


def _mean_of_rows(values: Array, weight: npt.ArrayLike | None) -> float:
    rows = len(values)
    of_row = values.reshape(rows, -1).mean(axis=1) if values.size else np.empty(0)
    return mean(of_row, as_row_weights(weight, rows, len(of_row)))
