"""Training by optimizers that see all rows at once: an epoch is one of their iterations."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyframe.data.batch_feed import BatchFeed
from tinyframe.data.source import NOTHING, Source
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.optimizers import FullBatchOptimizer, Optimizer
from tinyframe.optimizers.optimizer import GradientError
from tinyframe.training.blocks import all_ours
from tinyframe.training.callbacks import Run
from tinyframe.training.jacobian import weight_jacobian
from tinyframe.training.trainer import Trainer
from tinyframe.types import Array


def check_full_batch(
    who: Optimizer, model: Layer, loss: Loss, feed: Source, augment: Any, *, skips: bool
) -> None:
    """Raise ValueError if the loss over all rows would not be the same each time it is asked for.

    Parameters
    ----------
    who, model, loss, feed
        The optimizer, a built model, what it trains with, and the training rows.
    augment, skips
        What `fit` was asked for: whether batches that are not finite are skipped.
    """
    assert isinstance(who, FullBatchOptimizer)  # noqa: S101 - tells the type checker
    who.check(loss, model.dtype, sum(p.size for p in model.trainable_parameters))
    expected = f"{type(who).__name__} expected"
    if isinstance(feed, BatchFeed):
        what = "arrays or Shards, whose rows are one batch, got batches"
        raise ValueError(f"{expected} {what}")  # noqa: TRY004 - an iterable is fine elsewhere
    if augment is not None:
        raise ValueError(f"{expected} the same rows each time, got augment={augment!r}")
    if skips:
        raise ValueError(f'{expected} on_nonfinite="raise"; there is no batch to skip')
    for layer in model.walk():
        if layer.random and getattr(layer, "rate", 1) > 0:
            raise ValueError(f"{expected} the same loss each time; {layer!r} draws at random")
        if layer.mixes_rows and layer.trainable:
            raise ValueError(
                f"{expected} rows that do not depend on each other; {layer!r} has statistics of "
                "the batch, unless it is frozen: layer.trainable = False"
            )


NUMBERS = 100_000
"""Derivatives that are held at a time: few enough to stay in cache, if the curvature does."""


class FullBatchTrainer(Trainer):
    """Lets an optimizer take its iterations: a `Problem`, the loss over all rows in blocks."""

    optimizer: FullBatchOptimizer

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.skips_nonfinite = True  # where the loss is infinite, the optimizer goes less far
        self._within = False  # an iteration
        self._is_constant = all_ours(self.objective.layers)  # as was checked beforehand
        self._run: Any = None
        self._why = ""
        self.optimizer.begin()

    def epoch(
        self, run: Run, after_batch: Sequence[Callable[[Run], None]] = ()
    ) -> dict[str, float] | None:
        """Take an iteration; return its loss, metrics and evaluations.

        Parameters
        ----------
        run, after_batch
            As in `Trainer.epoch`.

        Raises
        ------
        FloatingPointError
            If the loss or the gradient is not finite where the iteration begins.
        ValueError
            If no row counted.
        """
        self._run = run
        if not run.batch:  # else it was taken up again after its end
            self._iterate(run)
        run.loss = self.total / (self.weight_sum or 1.0)
        self.optimizer.epoch = self.base + 1.0
        if self.optimizer.converged:
            run.stop(f"converged: {self.optimizer.converged}")
        for hook in after_batch:
            hook(run)
        evaluations = float(self.optimizer.evaluations)
        return {"loss": run.loss, **self._metrics(), "evaluations": evaluations}

    def _iterate(self, run: Run) -> None:
        """Take an iteration, and leave the scores of the weights that it ends with."""
        steps, value, self._within = run.steps, self.parameters.value, True
        before = value.copy()
        try:
            if not self._is_constant:
                self._check_constant()
            self.optimizer.iterate(self.parameters, self)
            if not self.weight_sum:  # it began where there is nothing left to do
                self.evaluate_all()
        except BaseException as error:
            np.copyto(value, before)  # not those of a trial
            if isinstance(error, GradientError):
                why = self._why or "scale X and y to about 1, or begin with smaller weights"
                raise self.raised(
                    FloatingPointError(f"epoch {run.epoch}: {error} where it begins: {why}")
                ) from None
            raise
        finally:
            self._within = False
        run.batch, run.steps = 1, steps + 1

    def _check_constant(self) -> None:
        """Raise ValueError if layers of the user's make another loss each time it is asked for."""
        self._is_constant = True
        first, again = self.evaluate_all(), self.evaluate_all()
        if first != again and not math.isnan(first):
            raise ValueError(
                f"{type(self.optimizer).__name__} expected the same loss each time, got {first} "
                f"and {again}: a layer of one's own that draws at random says random = True"
            )

    def evaluate_all(self) -> float:
        """Return the loss over all rows, infinite where it is no number; see `Problem`."""
        self._run.batch, self._why = 0, ""
        self.total = self.weight_sum = 0.0
        self.scores.clear()
        super().epoch(self._run)
        return self.total / (self.weight_sum or 1.0)

    def gauss_newton(self) -> Array:
        """Return the curvature without second derivatives of the outputs; see `Problem`."""
        total, weights = self.squares()
        total *= 2 / weights
        return total

    def squares(self) -> tuple[Array, Array]:
        """Return Σᵣ wᵣ JᵣᵀJᵣ, (size, size), and Σᵣ wᵣ, (1,), over the rows there are here."""
        objective, size = self.objective, len(self.parameters)
        outputs = math.prod(objective.layers[-1].output_shape or ())
        some = max(1, NUMBERS // (outputs * size), size // (4 * outputs))  # rows at a time
        self._run.batch = 0
        total, weights = np.zeros((size, size)), np.zeros(1)
        for block in self._blocks(self._run, helped=False):
            if block.weight is NOTHING:  # the rows of other processes go on
                continue
            weight = block.weight
            for start in range(0, len(block.x), some):
                rows = slice(start, start + some)
                _, jacobian = weight_jacobian(
                    objective.layers, block.x[rows], self.parameters.parameters
                )
                if weight is not None:
                    jacobian *= np.sqrt(weight[rows])[:, np.newaxis, np.newaxis]
                flat = jacobian.reshape(-1, size)
                total += flat.T @ flat
            weights += len(block.x) if weight is None else weight.sum()
        objective.check_unchanged()
        return total, weights

    def _metrics(self) -> dict[str, float]:
        return {} if self._within else super()._metrics()

    def _meet_nonfinite(self, run: Run, loss: float) -> None:  # noqa: ARG002 - the contract
        self._why = self.objective.origin_of_nonfinite()

    def _step(self, run: Run, total: float, weight_sum: float) -> None:  # noqa: ARG002 - likewise
        """Note the loss: where to go is the optimizer's affair."""
        finite = math.isfinite(total)
        self.total, self.weight_sum = (total, weight_sum) if finite else (math.inf, 1.0)
