"""Laplace: the weights that fit the data almost as well, and what they would predict."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.inspection.copies import prepared
from tinyframe.inspection.evidence import Evidence, row_blocks
from tinyframe.inspection.likelihoods import Gaussian, Likelihood, Prediction
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array


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
        log p(y | X), the data's likelihood over all weights. Of two networks for the same data,
        each with the prior that makes it largest, that with the larger one is to be preferred.
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
        shape = len(x), self._model.output_shape[0]
        parts = [np.empty(shape, self._dtype) for _ in Prediction._fields]
        for rows, z, jacobian in row_blocks(self._layers, x, self._trained):
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
