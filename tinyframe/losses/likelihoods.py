"""Losses that are negative log-likelihoods of numbers: how improbable the targets are."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.losses.loss import Loss, PointwiseLoss
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import boolean, real_number


class GaussianNLLLoss(Loss):
    """L = 1/2n Σᵣ Σᵢ [log vᵣᵢ + (yᵣᵢ − μᵣᵢ)² / vᵣᵢ]: numbers, and how sure the model is of them.

    The model has 2k outputs for k targets: k means μ, then k logarithms of variances s, with

        v = e^s + ε        ∂ℓ/∂μ = (μ − y) / v        ∂ℓ/∂s = ½ (1 − (y − μ)² / v) e^s / v

    Prediction (n, …, 2k), target y (n, …, k); the standard deviations are the roots of v. Outputs
    of any size are a variance, so that the model ends in `Dense(2 * k)`; log v is computed as it
    stands, without e^s, and never overflows. ε keeps v from 0 where μ is exact. The constant
    ½ log 2π is left out, as in PyTorch's loss of this name, which takes v beside μ.

    Sources: Nix and Weigend, "Estimating the Mean and Variance of the Target Probability
    Distribution", 1994; the logarithm from Kendall and Gal, "What Uncertainties Do We Need in
    Bayesian Deep Learning for Computer Vision?", 2017.

    Parameters
    ----------
    epsilon : float
        ε > 0, the smallest variance, in squared units of y.

    Raises
    ------
    TypeError, ValueError
        If epsilon is not a finite number above 0, or the number of outputs is odd.

    Examples
    --------
    >>> round(GaussianNLLLoss()([[1.0, 0.0]], [[3.0]]), 4)  # of a mean 1 and a variance e⁰
    2.0
    """

    def __init__(self, epsilon: float = 1e-6) -> None:
        self.epsilon = real_number("GaussianNLLLoss's epsilon", epsilon, above=0)

    def target_shape(self, output_shape: Shape) -> Shape:
        targets, odd = divmod(output_shape[-1], 2)
        if odd:
            raise ValueError(
                f"{self!r} expected an even number of outputs, a mean and a logarithm of the "
                f"variance for each target, got {output_shape[-1]}"
            )
        return (*output_shape[:-1], targets)

    def forward(self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None) -> Any:
        y = self._dense(target, prediction)
        k = y.shape[-1]
        s = prediction[..., k:]
        log_v = np.logaddexp(s, math.log(self.epsilon))
        difference = prediction[..., :k] - y
        slope = difference * np.exp(-log_v)
        squares = slope * difference
        shares = self._shares(weight, prediction)
        by_s = (1 - squares) * np.exp(s - log_v) / 2
        self._saved = np.concatenate([slope, by_s], axis=-1) * shares
        return ((log_v + squares) * shares).sum() / 2

    def backward(self) -> Array:
        return self._recall()


LEAST = 1e-7
"""ε, what is added to a rate whose logarithm is taken, as in Keras."""


class PoissonLoss(PointwiseLoss):
    """L = 1/n Σᵣ Σᵢ [λᵣᵢ − yᵣᵢ log λᵣᵢ]: how improbable the counts y are at the rates λ.

    Prediction and target are (n, …, outputs), y ≥ 0. The prediction is made of logarithms
    z = log λ, which may be any numbers, so that the model ends in `Dense`; the rates are
    `np.exp(model.predict(X))`. With `log_rates=False` it is made of the rates, as of a model that
    ends in `Softplus`.

        ∂ℓ/∂z = λ − y        ∂ℓ/∂λ = 1 − y / (λ + ε), where log λ is log (λ + ε), ε = 10⁻⁷

    The constant log y! is left out, as in PyTorch and Keras.

    Parameters
    ----------
    log_rates : bool
        Whether predictions are logarithms of rates. `loss="poisson"` chooses by the last layer:
        after Softplus (and ReLU) they are rates.

    Raises
    ------
    TypeError, ValueError
        If log_rates is no bool, or a target, or a prediction that should be a rate, is negative.

    Examples
    --------
    >>> PoissonLoss()([[0.0]], [[2]])  # of a rate e⁰
    1.0
    """

    def __init__(self, log_rates: bool = True) -> None:
        self.log_rates = boolean("log_rates", log_rates)

    def check_target(self, target: Array) -> None:
        if target.size and target.min() < 0:
            raise ValueError(f"PoissonLoss expected counts ≥ 0, got {target.min()}")

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        if self.log_rates:
            rates = np.exp(prediction)
            return rates - target * prediction, rates - target
        if (lowest := prediction.min()) < 0:
            raise ValueError(
                f"PoissonLoss(log_rates=False) expected rates ≥ 0, got {lowest}; let the model "
                "end in Softplus(), or predict logarithms of rates, with PoissonLoss()"
            )
        rates = prediction + LEAST  # of which a last ReLU makes many 0
        return prediction - target * np.log(rates), 1 - target / rates
