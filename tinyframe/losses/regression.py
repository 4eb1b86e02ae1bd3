"""Losses for numbers: how far the predictions are from the targets."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.losses.loss import Loss, PointwiseLoss
from tinyframe.types import Array
from tinyframe.utils.checks import real_number
from tinyframe.utils.products import sum_of_squares


class MSELoss(Loss):
    """L = 1/n Σᵣ Σᵢ (aᵣᵢ − yᵣᵢ)²: the document's squared error, summed over the outputs.

    Prediction a and target y are (n, outputs); the mean runs over the n rows of the batch alone.

        ∂L/∂aᵣᵢ = 2 (aᵣᵢ − yᵣᵢ) / n
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
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = real_number("HuberLoss's delta", delta, above=0)

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        difference = prediction - target
        slope = np.clip(difference, -self.delta, self.delta)
        # h = slope * (difference - slope / 2), which is both cases in one
        return slope * (difference - slope / 2), slope
