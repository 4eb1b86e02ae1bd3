"""How strong the prior is, and how large the noise: by the evidence, or by rows held out."""

from collections.abc import Iterator, Sequence

import numpy as np

from tinyframe.inspection.likelihoods import Bernoulli, Categorical
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.training.jacobian import weight_jacobian
from tinyframe.types import Array

BLOCK = 2**22
"""Entries of a Jacobian that are computed at once: 32 MB."""

POWERS = np.arange(-4, 6.01, 0.25)
"""Of ten, by which the inverse mean square of the weights is multiplied to be tried as λ."""

LEAST_FREE = 1e-3
"""Share of the data, at least, that is to be left to tell their noise from."""


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
            if beta <= LEAST_FREE:
                raise ValueError(
                    f"expected more rows than the {gamma:.1f} weights that they determine; "
                    "give noise, or a larger prior_precision"
                )
            if np.allclose(before, (wanted, beta), rtol=1e-12, atol=0):
                break
        self.prior_precision, self.noise_factor = wanted, beta
        self.precision = beta * eigenvalues + wanted
        self.effective_weights = float(np.sum(beta * eigenvalues / self.precision))


class HeldOut:
    """Rows that a classifier has not seen: they say which precision of the prior is best.

    Parameters
    ----------
    eigenvalues, vectors
        Of H: e, and eigenvectors as columns.
    likelihood
        What scores mean.
    """

    def __init__(
        self, eigenvalues: Array, vectors: Array, likelihood: Bernoulli | Categorical
    ) -> None:
        self._eigenvalues, self._vectors, self._likelihood = eigenvalues, vectors, likelihood
        self._parts: list[tuple[Array, Array, Array, Array | float]] = []

    def add(self, z: Array, jacobian: Array, target: Array, weight: Array | float) -> None:
        """Take some rows: their scores, Jacobian, dense targets and weights."""
        turned = (jacobian.reshape(-1, len(self._vectors)) @ self._vectors).reshape(jacobian.shape)
        self._parts.append((z, turned, target, weight))

    def best_precision(self, squares: float) -> float:
        """Return the λ, of several a decade around weights/|θ|², of the most probable rows.

        Parameters
        ----------
        squares
            |θ|².
        """
        unit = len(self._vectors) / squares if squares else 1.0
        return float(max(unit * 10.0**POWERS, key=self._log_density))

    def _log_density(self, wanted: float) -> float:
        """Return log p of all rows, each by itself, with this precision of the prior."""
        total, scale = 0.0, 1 / np.sqrt(self._eigenvalues + wanted)
        for z, turned, target, weight in self._parts:
            mean = self._likelihood.prediction(z, turned * scale).mean
            total += float(np.sum(weight * self._likelihood.log_density(mean, target)))
        return total


def row_blocks(
    layers: Sequence[Layer], x: Array, parameters: Sequence[Parameter]
) -> Iterator[tuple[slice, Array, Array]]:
    """Yield rows of x, their scores z and ∂z/∂θ, a part of x at a time.

    Parameters
    ----------
    layers, x, parameters
        As in `weight_jacobian`.
    """
    assert layers[-1].output_shape is not None  # noqa: S101 - tells the type checker
    outputs, weights = layers[-1].output_shape[0], sum(p.size for p in parameters)
    step = max(1, BLOCK // (outputs * max(weights, outputs)))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        z, jacobian = weight_jacobian(layers, x[rows], parameters)
        yield rows, z, jacobian
