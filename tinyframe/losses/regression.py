"""Losses for numbers: how far the predictions are from the targets."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.losses.loss import Loss, PointwiseLoss
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import iterable, real_number
from tinyframe.utils.products import sum_of_squares


class MSELoss(Loss):
    """L = 1/n Σᵣ Σᵢ (aᵣᵢ − yᵣᵢ)²: the document's squared error, summed over the outputs.

    Prediction a and target y are (n, outputs); the mean runs over the n rows of the batch alone.

        ∂L/∂aᵣᵢ = 2 (aᵣᵢ − yᵣᵢ) / n

    Examples
    --------
    >>> loss = MSELoss()
    >>> prediction, target = np.array([[0.25, 0.75]]), np.array([1])
    >>> float(loss.forward(prediction, target))
    0.125
    >>> loss.backward()
    array([[ 0.5, -0.5]])
    """

    def forward(self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None) -> Any:
        difference = prediction - self._dense(target, prediction)
        shares = self._shares(weight, prediction)
        self._saved = difference * (2 * shares)
        if weight is None:
            return sum_of_squares(difference) / len(prediction)
        # either factor may overflow in float32
        return np.multiply(difference * shares, difference, dtype=np.float64).sum()

    def backward(self) -> Array:
        return self._recall()


class MAELoss(PointwiseLoss):
    """L = 1/n Σᵣ Σᵢ |aᵣᵢ − yᵣᵢ|: absolute errors, summed over the outputs.

    Prediction a and target y are (n, outputs). Its best constant prediction is the median.

        ∂L/∂aᵣᵢ = sign(aᵣᵢ − yᵣᵢ) / n,  0 where they are equal

    Examples
    --------
    >>> MAELoss()([[1.0], [4.0]], [[0.0], [2.0]])
    1.5
    """

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        difference = prediction - target
        return np.abs(difference), np.sign(difference)


class HuberLoss(PointwiseLoss):
    """L = 1/n Σᵣ Σᵢ h(aᵣᵢ − yᵣᵢ): squared errors where small, absolute ones where large.

        h(d) = d² / 2 for |d| ≤ δ, else δ (|d| − δ/2)        h'(d) = d between −δ and δ, else ±δ

    Prediction a and target y are (n, outputs). Source: Huber, "Robust Estimation of a Location
    Parameter", 1964.

    Parameters
    ----------
    delta : float
        δ > 0.

    Raises
    ------
    TypeError, ValueError
        If delta is not a finite number above 0.

    Examples
    --------
    >>> HuberLoss()([[0.5], [10.0]], [[0.0], [0.0]])
    4.8125
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = real_number("HuberLoss's delta", delta, above=0)

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        difference = prediction - target
        slope = np.clip(difference, -self.delta, self.delta)
        # h = slope * (difference - slope / 2), which is both cases in one
        return slope * (difference - slope / 2), slope


class QuantileLoss(PointwiseLoss):
    """L = 1/n Σᵣ Σᵢ max(q dᵣᵢ, (q − 1) dᵣᵢ), d = y − a: its best constant is the q-quantile of y.

    Prediction a and target y are (n, …, outputs). With several quantiles q₁ … q_k, as an interval
    has, the model has k outputs, (n, …, k), which are those of one target, (n, …, 1) or (n, …).
    They may cross, as each is learned on its own: `np.sort(model.predict(X))` puts them in order.

        ∂ℓ/∂a = −q where d > 0, 1 − q where d < 0, 0 where d = 0

    It is half of `MAELoss` at q = ½, and known as pinball loss. Source: Koenker and Bassett,
    "Regression Quantiles", 1978.

    Parameters
    ----------
    quantile : float or sequence of float
        q, in (0, 1), or several of them.

    Raises
    ------
    TypeError, ValueError
        If it is not that, or there are not as many outputs as quantiles.

    Examples
    --------
    >>> QuantileLoss(0.9)([[1.0], [1.0]], [[3.0], [0.0]])
    0.95
    """

    def __init__(self, quantile: float | Iterable[float] = 0.5) -> None:
        name = "QuantileLoss's quantile"
        self.quantile: float | tuple[float, ...]
        if isinstance(quantile, Iterable) and iterable(quantile):
            self.quantile = tuple(real_number(name, q, above=0, below=1) for q in quantile)
            if not self.quantile:
                raise ValueError(f"{name} expected one at least, got none")
        else:
            self.quantile = real_number(name, quantile, above=0, below=1)

    def target_shape(self, output_shape: Shape) -> Shape:
        if not isinstance(self.quantile, tuple):
            return output_shape
        if output_shape[-1] != len(self.quantile):
            raise ValueError(
                f"{self!r} expected {len(self.quantile)} outputs, one a quantile, got "
                f"{output_shape[-1]}"
            )
        return (*output_shape[:-1], 1)

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        q: Any = self.quantile
        if isinstance(q, tuple):
            q = np.array(q, prediction.dtype)
        difference = target - prediction
        slope = (1 - q) * (difference < 0) - q * (difference > 0)
        return -slope * difference, slope.astype(prediction.dtype, copy=False)
