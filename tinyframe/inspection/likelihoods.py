"""Likelihoods: what a loss takes observations for, and what unsure scores mean under that."""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from tinyframe.layers.activations import sigmoid
from tinyframe.layers.softmax import softmax
from tinyframe.types import Array

TINY = 1e-15
"""The least probability whose logarithm is taken."""


class Prediction(NamedTuple):
    """What a network predicts of each row, and how sure it is: three arrays (rows, outputs).

    Attributes
    ----------
    mean : array
        The numbers expected, or the probabilities.
    std : array
        Standard deviation of these as far as the weights are uncertain: more data would shrink it.
    total_std : array
        That of a new observation y around `mean`: with the noise, which no data shrinks. Of classes
        y is 0 or 1, and this is √(p (1 − p)).
    """

    mean: Array
    std: Array
    total_std: Array


class Likelihood(ABC):
    """p(y | z), y an observation of a row and z the scores that the network has for it.

    Λ = −∂² log p / ∂z², (outputs, outputs), is the information of an observation on its scores.
    """

    @abstractmethod
    def informed(self, z: Array, jacobian: Array) -> Array:
        """Return Rᵀ J with R Rᵀ = Λ, so that Jᵀ Λ J is a product of it with itself.

        Parameters
        ----------
        z
            Scores, (rows, outputs).
        jacobian
            J = ∂z/∂θ, (rows, outputs, weights).
        """

    @abstractmethod
    def prediction(self, z: Array, root: Array) -> Prediction:
        """Return what scores z mean that are uncertain by 𝒩(0, S), S = root rootᵀ.

        Parameters
        ----------
        z
            (rows, outputs).
        root
            (rows, outputs, weights).
        """


class Gaussian(Likelihood):
    """y ~ 𝒩(z, diag σ²), as the squared error has it: Λ = diag 1/σ².

    Parameters
    ----------
    noise
        σ, (outputs,).
    """

    def __init__(self, noise: Array) -> None:
        self.noise = noise

    def informed(self, z: Array, jacobian: Array) -> Array:  # noqa: ARG002 - Λ is the same everywhere
        return jacobian / self.noise[:, np.newaxis]

    def prediction(self, z: Array, root: Array) -> Prediction:
        variance = np.square(root).sum(axis=2)
        return Prediction(z, np.sqrt(variance), np.sqrt(variance + self.noise**2))


class Bernoulli(Likelihood):
    """y ~ p = σ(z), each output a yes or no of its own: Λ = diag p (1 − p).

    The mean of σ(z + 𝒩(0, s²)) is σ(z / √(1 + π s² / 8)), within 0.02 (MacKay, "The Evidence
    Framework Applied to Classification Networks", 1992). The deviation is p (1 − p) s, that of p
    linearised.
    """

    def informed(self, z: Array, jacobian: Array) -> Array:
        return jacobian * _bernoulli_std(sigmoid(z))[..., np.newaxis]

    def prediction(self, z: Array, root: Array) -> Prediction:
        variance = np.square(root).sum(axis=2)
        mean = sigmoid(z / np.sqrt(1 + math.pi / 8 * variance))
        std = _bernoulli_std(sigmoid(z)) ** 2 * np.sqrt(variance)
        return _of_probabilities(mean, std)

    def log_density(self, mean: Array, target: Array) -> Array:
        """Return log p(y) of each row, (rows,), for probabilities and yes or no (rows, outputs)."""
        p = np.clip(mean, TINY, 1 - TINY)
        each = target * np.log(p) + (1 - target) * np.log(1 - p)
        return each.sum(axis=1)  # type: ignore[no-any-return] # an array


class Categorical(Likelihood):
    """y ~ p = Softmax(z), one class a row: Λ = diag p − p pᵀ = R Rᵀ with R = diag √p − p √pᵀ.

    In Softmaxₖ(z) = 1 / Σⱼ e^−(zₖ − zⱼ) each difference, of variance v = Sₖₖ + Sⱼⱼ − 2 Sₖⱼ, is
    divided by √(1 + π v / 8), and the results by their sum: of two classes this is MacKay's
    formula (Lu, Ie and Sha, "Mean-Field Approximation to Gaussian-Softmax Integral with Application
    to Uncertainty Estimation", 2020). Of three classes with S about 1 it is off by 0.03 on average
    where Softmax(z) is by 0.09 (measured). Deviations are those of Λ S Λ: p linearised.
    """

    def informed(self, z: Array, jacobian: Array) -> Array:
        p = softmax(z)[..., np.newaxis]
        informed: Array = np.sqrt(p) * (jacobian - (p * jacobian).sum(axis=1, keepdims=True))
        return informed

    def prediction(self, z: Array, root: Array) -> Prediction:
        covariance = root @ root.transpose(0, 2, 1)
        diagonal = np.einsum("rkk->rk", covariance)
        v = diagonal[:, :, np.newaxis] + diagonal[:, np.newaxis] - 2 * covariance
        difference = z[:, :, np.newaxis] - z[:, np.newaxis]
        scaled = -difference / np.sqrt(1 + math.pi / 8 * np.maximum(v, 0))  # (rows, k, j)
        most = scaled.max(axis=2)
        mean = softmax(-most - np.log(np.exp(scaled - most[..., np.newaxis]).sum(axis=2)))
        p = softmax(z)[..., np.newaxis]
        moved = p * (root - (p * root).sum(axis=1, keepdims=True))  # Λ root
        return _of_probabilities(mean, np.sqrt(np.square(moved).sum(axis=2)))

    def log_density(self, mean: Array, target: Array) -> Array:
        """Return log p(y) of each row, (rows,), for probabilities and one-hot y (rows, outputs)."""
        each = target * np.log(np.maximum(mean, TINY))
        return each.sum(axis=1)  # type: ignore[no-any-return] # an array


def _of_probabilities(mean: Array, std: Array) -> Prediction:
    """Return the prediction; what is in [0, 1] varies by √(p (1 − p)) at most."""
    total_std = _bernoulli_std(mean)
    return Prediction(mean, np.minimum(std, total_std), total_std)


def _bernoulli_std(p: Array) -> Array:
    """Return √(p (1 − p)): that of a yes or no."""
    std: Array = np.sqrt(p * (1 - p))
    return std
