"""Laplace: the weights that fit the data almost as well, and what they would predict."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.inspection.copies import prepared
from tinyframe.inspection.likelihoods import Gaussian, Likelihood, Prediction
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.training.jacobian import weight_jacobian
from tinyframe.types import Array

BLOCK = 2**22
"""Entries of a Jacobian that are computed at once: 32 MB."""


class Evidence:
    """MacKay's evidence: which prior, and how much noise, make the data most likely.

    With eigenvalues e of H = Σᵣ Jᵣᵀ Λᵣ Jᵣ, the weights θ have the posterior precision A with
    eigenvalues β e + λ. Of these, γ = Σ β e / (β e + λ) weights are determined by the data. Where
    the derivatives of the evidence vanish,

        λ = γ / |θ|²        β = (N − γ) / N

    which is iterated. λ is the precision of the prior 𝒩(0, 1/λ) of each weight, β by how much
    less the noise's precision is than residuals show. Source: MacKay, "Bayesian Interpolation",
    1992.

    Parameters
    ----------
    eigenvalues
        e ≥ 0.
    squares
        |θ|².
    count
        N: how many numbers were observed.
    prior_precision
        λ, where it is given.
    estimate_noise
        Whether β is to be found; else it is 1.

    Attributes
    ----------
    prior_precision, noise_factor, effective_weights : float
        λ, β and γ.
    precision : array
        β e + λ.

    Raises
    ------
    ValueError
        If all weights are zero, which leaves λ open, or the data are fewer than γ.
    """

    def __init__(
        self,
        eigenvalues: Array,
        squares: float,
        count: float,
        prior_precision: float | None,
        *,
        estimate_noise: bool,
    ) -> None:
        if prior_precision is None and not squares:
            raise ValueError("all weights are zero: give prior_precision")
        wanted, beta = prior_precision or 1.0, 1.0
        for _ in range(10_000):
            before = wanted, beta
            gamma = float(np.sum(beta * eigenvalues / (beta * eigenvalues + wanted)))
            if prior_precision is None:
                wanted = max(gamma / squares, 1e-300)
            if estimate_noise:
                beta = (count - gamma) / count
            if beta <= 0:
                raise ValueError(
                    f"expected more rows than the {gamma:.1f} weights that they determine; "
                    "give noise, or a larger prior_precision"
                )
            if np.allclose(before, (wanted, beta), rtol=1e-12, atol=0):
                break
        self.prior_precision, self.noise_factor = wanted, beta
        self.precision = beta * eigenvalues + wanted
        self.effective_weights = float(np.sum(beta * eigenvalues / self.precision))


class Laplace:
    """Error bars of a trained network: `inspection.uncertainty` makes it, and tells the theory.

    It keeps a copy of the model, so that training goes on without it. One thread at a time.

    Parameters
    ----------
    model, layers, trained
        A copy of the model in float64, those of its layers that lead to the scores, and the
        parameters that are uncertain.
    likelihood
        What the scores mean.
    evidence
        Prior and noise.
    root
        C with C Cᵀ = A⁻¹, the covariance of the weights.
    log_evidence
        See below.
    dtype
        Of predictions.

    Attributes
    ----------
    weights : int
        How many weights are uncertain.
    effective_weights : float
        γ, how many of them the data determine.
    prior_precision : float
        λ: each weight has the prior 𝒩(0, 1/λ).
    noise : array (outputs,), or None
        σ of the observations of each output; None of classifiers.
    log_evidence : float
        log p(y | X), the data's likelihood over all weights: of two networks for the same data that
        with the larger one is to be preferred.
    """

    def __init__(
        self,
        model: Any,
        layers: Sequence[Layer],
        trained: tuple[Parameter, ...],
        *,
        likelihood: Likelihood,
        evidence: Evidence,
        root: Array,
        log_evidence: float,
        dtype: "np.dtype[Any]",
    ) -> None:
        self._model, self._layers, self._trained = model, tuple(layers), trained
        self._likelihood, self._root, self._dtype = likelihood, root, dtype
        self.weights = len(root)
        self.effective_weights = evidence.effective_weights
        self.prior_precision = evidence.prior_precision
        self.noise = likelihood.noise.copy() if isinstance(likelihood, Gaussian) else None
        self.log_evidence = log_evidence

    def predict(self, X: npt.ArrayLike) -> Prediction:
        """Return mean, std and total_std of each row's outputs: see `Prediction`.

        Of numbers the mean is that of `model.predict`. Of classes it is calibrated: probabilities
        come nearer to each other where the scores are uncertain.

        Parameters
        ----------
        X : array of shape (rows, *input_shape)
            As in `Model.predict`.

        Raises
        ------
        TypeError, ValueError
            If X is not that.
        """
        x = prepared(self._model, X)
        outputs = self._model.output_shape[0]
        parts = [np.empty((len(x), outputs), self._dtype) for _ in Prediction._fields]
        step = block_rows(outputs * max(self.weights, outputs))
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            z, jacobian = weight_jacobian(self._layers, x[rows], self._trained)
            root = (jacobian.reshape(-1, self.weights) @ self._root).reshape(jacobian.shape)
            found = self._likelihood.prediction(z, root)
            for part, block in zip(parts, found, strict=True):
                part[rows] = block
        return Prediction(*parts)

    def __repr__(self) -> str:
        noise = "" if self.noise is None else f", noise={np.array2string(self.noise, precision=3)}"
        return (
            f"Laplace(weights={self.weights}, effective_weights={self.effective_weights:.1f}, "
            f"prior_precision={self.prior_precision:.3g}{noise}, "
            f"log_evidence={self.log_evidence:.1f})"
        )


def block_rows(entries: int) -> int:
    """Return how many rows of so many entries to compute at once."""
    return max(1, math.floor(BLOCK / entries))
