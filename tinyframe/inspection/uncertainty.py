"""How sure a trained network can be: error bars from the curvature of its loss."""

import copy
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.data.targets import dense_target
from tinyframe.inspection.copies import differentiable_copy
from tinyframe.inspection.laplace import Evidence, Laplace, block_rows
from tinyframe.inspection.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from tinyframe.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, LossLike, MSELoss
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.training.data_spec import DataSpec, as_source
from tinyframe.training.jacobian import weight_jacobian
from tinyframe.training.objective import Objective
from tinyframe.training.settings import chosen_loss
from tinyframe.types import Array
from tinyframe.utils.checks import batched, real_number

if TYPE_CHECKING:
    from tinyframe.data.source import Block
    from tinyframe.model import Model

LIMIT = 5_000
"""Weights up to which their covariance is computed: with 1.1 GB, in half a minute (measured)."""

KINDS: dict[type[Loss], type[Gaussian | Bernoulli | Categorical]] = {
    MSELoss: Gaussian,
    CrossEntropyLoss: Categorical,
    BinaryCrossEntropyLoss: Bernoulli,
}
"""What each loss takes observations for. A subclass may compute something else."""


def uncertainty(
    model: "Model",
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    loss: LossLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    prior_precision: float | None = None,
    noise: npt.ArrayLike | None = None,
) -> Laplace:
    """Return the error bars of a trained network: `.predict(X_new)` has mean and deviation.

    Many weights fit the data about as well as those that training found. Near these the network is
    taken for linear in its weights, and the weights for normally distributed (Laplace):

        z(x; θ') ≈ z(x; θ) + J(x) (θ' − θ)      θ' ~ 𝒩(θ, A⁻¹)      A = Σᵣ Jᵣᵀ Λᵣ Jᵣ + λ I

    z are the scores, J = ∂z/∂θ is exact, Λ the information of an observation on its scores, and λ
    the precision of a prior 𝒩(0, 1/λ) of each weight. So the scores of a new row have covariance
    J A⁻¹ Jᵀ: of a linear model exactly Bayesian regression. The loss says what z and Λ are:

    - `MSELoss`: z are the outputs, Λ = 1/σ² with noise σ of each output, from the residuals, their
      degrees of freedom less γ, the weights that the data determine;
    - `CrossEntropyLoss`, `BinaryCrossEntropyLoss`: z comes before a final Softmax or Sigmoid, or is
      the output where the loss is `from_logits`. The probabilities predicted are averages over z.

    The weights should be near a minimum of that loss: train to the end. Layers behave as in
    `predict`. Frozen weights count as known: with all layers but the last ones frozen, large
    networks have error bars, too. Time grows with rows · outputs · weights² + 10 weights³, memory
    with 40 weights² bytes: 1.1 GB for 5,000 weights.

    Sources: MacKay, "Bayesian Interpolation", 1992; Immer, Korzepa and Bauer, "Improving
    predictions of Bayesian neural nets via local linearization", 2021.

    Parameters
    ----------
    model
        A trained model with a single axis of outputs and at most 5,000 weights that are not frozen.
    X, y, sample_weight
        The training rows, as in `fit`.
    loss
        By default that of the last fit, at first `MSELoss()`.
    prior_precision
        λ > 0. By default that which makes the data most likely (the marginal likelihood).
    noise
        σ > 0 of the observations, where it is known: a number, or one an output. For `MSELoss`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, another loss is given, the network is larger, a layer of
        one's own mixes rows or is random, or there are fewer rows than weights they determine.
    """
    if prior_precision is not None:
        prior_precision = real_number("prior_precision", prior_precision, above=0)
    twin, trained = differentiable_copy(model, np.float64)
    weights = _checked_size(twin, trained)
    layers = twin._chain()  # noqa: SLF001 - as training sees it
    objective = Objective(layers, chosen_loss(copy.deepcopy(loss), twin.loss, layers[-1]))
    kind = _kind(objective, given=noise is not None)
    feed, _ = as_source(DataSpec(twin, twin, objective.given), X, y, sample_weight)
    rows = feed.rows or 1
    block = next(feed.blocks(rows, rows))
    loss_value = objective.forward(block.x, block.target, block.weight)
    count = float(objective.loss.weight_sum or rows)
    if kind is Gaussian:
        squares = _squared_residuals(objective.prediction, block)
        likelihood: Likelihood = Gaussian(_first_noise(squares, count, noise))
        count *= len(squares)
    else:
        likelihood = kind()
    curvature = _curvature(objective, trained, likelihood, block)
    eigenvalues, vectors = np.linalg.eigh(curvature)
    theta = ParameterVector(trained).value
    evidence = Evidence(
        np.maximum(eigenvalues, 0), float(theta @ theta), count, prior_precision,
        estimate_noise=kind is Gaussian and noise is None,
    )  # fmt: skip
    log_likelihood = -count * float(loss_value)
    if isinstance(likelihood, Gaussian):
        likelihood = Gaussian(likelihood.noise / math.sqrt(evidence.noise_factor))
        log_likelihood = likelihood.log_density(squares, count)
    wanted = evidence.prior_precision
    return Laplace(
        twin, objective.layers, trained,
        likelihood=likelihood,
        evidence=evidence,
        root=vectors / np.sqrt(evidence.precision),
        log_evidence=log_likelihood
        + (weights * math.log(wanted) - wanted * float(theta @ theta)) / 2
        - float(np.log(evidence.precision).sum()) / 2,
        dtype=model.dtype,
    )  # fmt: skip


def _checked_size(model: "Model", trained: tuple[Parameter, ...]) -> int:
    """Return how many weights are trained; raise ValueError for what this is not made for."""
    assert model.output_shape is not None  # noqa: S101 - it is built
    if len(model.output_shape) != 1:
        raise ValueError(
            f"uncertainty expected outputs (rows, outputs), got {batched(model.output_shape)}"
        )
    weights = sum(parameter.size for parameter in trained)
    if not 0 < weights <= LIMIT:
        raise ValueError(
            f"uncertainty expected 1 to {LIMIT:,} weights that are not frozen, got {weights:,}"
            + f", whose covariance takes {8 * weights**2 / 2**30:.1f} GiB; freeze the lower "
            "layers, model[0].trainable = False, and the upper ones have error bars"
            * (weights > LIMIT)
        )
    if not all(np.isfinite(parameter.value).all() for parameter in model.parameters):
        raise ValueError("uncertainty expected a model whose weights are finite")
    return weights


def _kind(objective: Objective, *, given: bool) -> type[Likelihood]:
    """Return what the loss takes observations for; `given` says that their noise was given."""
    loss = objective.given
    kind = KINDS.get(type(loss))
    if kind is None:
        names = ", ".join(f"{one.__name__}()" for one in KINDS)
        raise ValueError(f"uncertainty expected one of {names} as the loss, got {loss!r}")
    if kind is not Gaussian:
        if given:
            raise ValueError(f"noise is for MSELoss(), got {loss!r}: classes have none")
        if not getattr(objective.loss, "from_logits", False):
            raise ValueError(
                f"uncertainty expected scores, or a model that ends in Softmax() or Sigmoid(), for "
                f"{loss!r}, got one that ends in {objective.chain[-1]!r}"
            )
        if getattr(loss, "class_weights", None) or getattr(loss, "ignore_index", None) is not None:
            raise ValueError(f"uncertainty expected weights in sample_weight, got {loss!r}")
    return kind


def _squared_residuals(prediction: Array, block: "Block") -> Array:
    """Return Σᵣ wᵣ (aᵣₖ − yᵣₖ)² for each output k."""
    squares: Array = np.square(prediction - dense_target(block.target, prediction))
    return squares.sum(axis=0) if block.weight is None else block.weight @ squares


def _first_noise(squares: Array, count: float, noise: npt.ArrayLike | None) -> Array:
    """Return σ of each output: the one given, or the root of the mean squared residual."""
    if noise is None:
        if not squares.all():
            raise ValueError(
                "the model fits y without error: give noise, which residuals do not tell"
            )
        return np.sqrt(squares / count)
    given = as_numbers(noise, "noise").astype(np.float64)
    if given.shape not in ((), squares.shape) or not (np.isfinite(given) & (given > 0)).all():
        raise ValueError(
            f"noise expected a number above 0, or one for each of {len(squares)} outputs, got "
            f"{noise!r}"
        )
    return np.broadcast_to(given, squares.shape).copy()


def _curvature(
    objective: Objective, trained: tuple[Parameter, ...], likelihood: Likelihood, block: "Block"
) -> Array:
    """Return Σᵣ wᵣ Jᵣᵀ Λᵣ Jᵣ, the generalised Gauss-Newton matrix, (weights, weights)."""
    weights = sum(parameter.size for parameter in trained)
    total = np.zeros((weights, weights))
    step = block_rows(weights * objective.outputs[-1].shape[1])
    for start in range(0, len(block.x), step):
        rows = slice(start, start + step)
        z, jacobian = weight_jacobian(objective.layers, block.x[rows], trained)
        root = likelihood.informed(z, jacobian)
        if block.weight is not None:
            root *= np.sqrt(block.weight[rows])[:, np.newaxis, np.newaxis]
        flat = root.reshape(-1, weights)
        total += flat.T @ flat
    if not np.isfinite(total).all():
        raise ValueError("uncertainty expected a model whose derivatives are finite, got others")
    return total
