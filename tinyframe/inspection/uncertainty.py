"""How sure a trained network can be: error bars from the curvature of its loss."""

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.data.source import BLOCK
from tinyframe.data.targets import dense_target
from tinyframe.inspection.copies import differentiable_copy
from tinyframe.inspection.evidence import Evidence, HeldOut, row_blocks
from tinyframe.inspection.laplace import Laplace
from tinyframe.inspection.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from tinyframe.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, LossLike, MSELoss
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.training.data_spec import DataSpec, as_source
from tinyframe.training.objective import Objective
from tinyframe.training.settings import chosen_loss
from tinyframe.types import Array
from tinyframe.utils.checks import batched, real_number

if TYPE_CHECKING:
    from tinyframe.data.source import Block, Source
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
    validation_data: Any = None,
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
    validation_data
        (X, y), some hundred rows that a classifier has not learned from: λ is that for which they
        are most probable. Networks that know their training rows by heart do not tell it.
    prior_precision
        λ > 0, in place of these. With `MSELoss` it is by default that which makes the training rows
        most probable (the evidence, or marginal likelihood).
    noise
        σ > 0 of the observations, where it is known: a number, or one an output. For `MSELoss`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, another loss is given, the network is larger, a layer of
        one's own mixes rows or is random, or there are fewer rows than weights they determine.

    Examples
    --------
    >>> from tinyframe.inspection import uncertainty
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 8), Tanh(), Dense(1)], dtype="float64")
    >>> bars = uncertainty(model.fit(X, X**2, optimizer=LBFGS(), rng=0, verbose=0), X, X**2)
    >>> near, far = bars.predict([[0.0], [5.0]]).std[:, 0]
    >>> bool(near < far)
    True
    """
    if prior_precision is not None:
        prior_precision = real_number("prior_precision", prior_precision, above=0)
    twin, trained = differentiable_copy(model, np.float64)
    weights = _checked_size(twin, trained)
    layers = twin._chain()  # noqa: SLF001 - as training sees it
    objective = Objective(layers, chosen_loss(copy.deepcopy(loss), twin.loss, layers))
    kind = _kind(objective, given=noise is not None)
    _check_prior(objective.given, prior_precision, validation_data)
    spec = DataSpec(twin, twin, objective.given)
    feed, _ = as_source(spec, X, y, sample_weight)
    validation = None if validation_data is None else spec.validation(validation_data)
    rows = feed.rows or 1
    block = next(feed.blocks(rows, rows))
    loss_value = objective.forward(block.x, block.target, block.weight)
    count = float(objective.loss.weight_sum or rows)
    log_likelihood = -count * float(loss_value)
    if kind is Gaussian:
        residuals = _squared_residuals(objective.prediction, block)
        likelihood: Gaussian | Bernoulli | Categorical
        likelihood = Gaussian(_first_noise(residuals, count, noise))
        count *= len(residuals)
    else:
        likelihood = Categorical() if kind is Categorical else Bernoulli()
    eigenvalues, vectors = np.linalg.eigh(_curvature(objective, trained, likelihood, block))
    rounding = len(eigenvalues) * np.finfo(np.float64).eps * max(float(eigenvalues[-1]), 0.0)
    eigenvalues = np.where(eigenvalues > rounding, eigenvalues, 0)
    outputs = objective.prediction.shape[1]  # no more than these determine weights
    eigenvalues[: max(0, weights - rows * outputs)] = 0  # they ascend
    theta = ParameterVector(trained).value
    squares = float(theta @ theta)
    if validation is not None and not isinstance(likelihood, Gaussian):
        held = HeldOut(eigenvalues, vectors, likelihood)
        _take(held, objective, trained, validation)
        prior_precision = held.best_precision(squares)
    evidence = Evidence(
        eigenvalues, squares, count, prior_precision,
        estimate_noise=kind is Gaussian and noise is None,
    )  # fmt: skip
    if isinstance(likelihood, Gaussian):
        likelihood = Gaussian(likelihood.noise / math.sqrt(evidence.noise_factor))
        variance = likelihood.noise**2
        each = count / len(variance) * np.log(2 * math.pi * variance) + residuals / variance
        log_likelihood = -float(each.sum()) / 2
    wanted = evidence.prior_precision
    occam = weights * math.log(wanted) - float(np.log(evidence.precision).sum())
    return Laplace(
        twin, objective.layers, trained,
        likelihood=likelihood,
        evidence=evidence,
        root=vectors / np.sqrt(evidence.precision),
        log_evidence=log_likelihood + (occam - wanted * squares) / 2,
        dtype=model.dtype,
    )  # fmt: skip


def _check_prior(loss: Loss, prior_precision: float | None, validation_data: Any) -> None:
    """Raise ValueError unless it is said, once, how strong the prior is."""
    given = prior_precision is not None, validation_data is not None
    if all(given):
        raise ValueError("expected prior_precision, or validation_data to choose it by, got both")
    if type(loss) is MSELoss and validation_data is not None:
        raise ValueError("validation_data is for classifiers; for MSELoss() leave it out")
    if type(loss) is not MSELoss and not any(given):
        raise ValueError(
            f"uncertainty expected validation_data=(X, y) for {loss!r}, rows that the network has "
            "not learned from, or prior_precision: a network that knows its rows by heart does "
            "not tell how sure it should be of others"
        )


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
    for rows, z, jacobian in row_blocks(objective.layers, block.x, trained):
        root = likelihood.informed(z, jacobian)
        if block.weight is not None:
            root *= np.sqrt(block.weight[rows])[:, np.newaxis, np.newaxis]
        flat = root.reshape(-1, weights)
        total += flat.T @ flat
    if not np.isfinite(total).all():
        raise ValueError("uncertainty expected a model whose derivatives are finite, got others")
    return total


def _take(
    held: HeldOut, objective: Objective, trained: tuple[Parameter, ...], source: "Source"
) -> None:
    """Give the rows of a source to `held`, as the network sees them."""
    for x, target, weight, _ in source.blocks(BLOCK, BLOCK):
        for rows, z, jacobian in row_blocks(objective.layers, x, trained):
            of_each = 1.0 if weight is None else weight[rows].copy()  # their place is used again
            held.add(z, jacobian, dense_target(target[rows], z).copy(), of_each)
