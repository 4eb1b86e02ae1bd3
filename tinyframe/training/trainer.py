"""Trainer: the steps of an epoch, one batch after the other."""

import math
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from typing import TypeVar

import numpy as np

from tinyframe.data.source import Block, Source, in_pairs
from tinyframe.metrics import Metric, Scores
from tinyframe.optimizers import Optimizer
from tinyframe.optimizers.optimizer import GradientError
from tinyframe.parameters import ParameterVector
from tinyframe.training.augmentation import Augment, augmented
from tinyframe.training.blocks import are_long, block_rows, runs_code_of_the_user
from tinyframe.training.callbacks import Run
from tinyframe.training.evaluation import evaluate
from tinyframe.training.numeric_health import nonfinite_error, refused_gradient
from tinyframe.training.objective import Objective
from tinyframe.types import Array
from tinyframe.utils.threads import helping

Failure = TypeVar("Failure", bound=Exception)

SMALL_MODEL = 50_000
"""Parameters below which products run on one core, and another can fetch data (measured)."""


class Trainer:
    """Takes the parameters down the gradient of an objective, one batch a step.

    A large batch is walked in blocks whose gradients are summed: see `tinyframe.training.blocks`.

    Parameters
    ----------
    objective, optimizer, parameters
        What to make small, by which rule, and over which parameters. The objective mostly is a
        `Recorded` one, which replays its steps.
    feed
        The training data.
    batch_size
        Rows a step.
    metrics
        Functions of all predictions of an epoch, each made before its own step, and their targets.
    augment
        Function (x, rng) that changes each block of training rows; None leaves them.
    rng
        What `augment` draws from.
    order_rng
        What shuffles the rows before each epoch; None leaves them in order.
    skips_nonfinite
        Whether a batch whose loss or gradient is not finite takes no step, in place of an error.

    Attributes
    ----------
    order : array or None
        What decides the order of this epoch's rows: see `Source.draw_order`.
    total, weight_sum : float
        Σ loss · w and Σ w over this epoch's batches, w a batch's Σᵣ wᵣ.
    base : float
        `optimizer.epoch` when it began.
    skipped : int
        How many of its batches took no step.
    examined : Objective
        What is evaluated where there is validation: the chain and the loss, not recorded.
    seconds : float
        How long it took before it was taken up again from a checkpoint.
    """

    examined: Objective

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        parameters: ParameterVector,
        feed: Source,
        batch_size: int,
        metrics: Mapping[str, Metric],
        augment: Augment | None = None,
        rng: "np.random.Generator | None" = None,
        order_rng: "np.random.Generator | None" = None,
        *,
        skips_nonfinite: bool = False,
    ) -> None:
        self.objective = objective
        self.backward: Callable[[], None] = objective.backward
        self.optimizer = optimizer
        self.parameters = parameters
        self.feed = feed
        self.batch_size = batch_size
        self.scores = Scores(metrics, objective.loss.ignore_index)
        self.augment, self.rng, self.order_rng = augment, rng, order_rng
        self.skips_nonfinite = skips_nonfinite
        self.block = block_rows(objective.layers, batch_size)
        several = batch_size > self.block and are_long(objective.layers, self.block)
        self._shares_blocks = several and augment is None
        self._sum = np.empty(0, parameters.grad.dtype)  # Σ w · gradient over a batch's blocks
        # A larger model keeps all cores busy by itself.
        self.ahead = len(parameters) < SMALL_MODEL and (os.cpu_count() or 1) > 1
        self.begin(draws=False)

    def begin(self, *, draws: bool = True) -> None:
        """Begin an epoch: count from 0, and draw an order of the rows if there is to be one."""
        self.total = self.weight_sum = self.seconds = 0.0
        self.skipped = 0
        self.base = self.optimizer.epoch
        self.scores.clear()
        self.order: Array | None = None
        if draws and self.order_rng is not None:
            self.order = self.feed.draw_order(self.order_rng, self.batch_size)

    def epoch(
        self, run: Run, after_batch: Sequence[Callable[[Run], None]] = ()
    ) -> dict[str, float] | None:
        """Go through the rows that are left; return the mean loss and the metrics, None if stopped.

        Parameters
        ----------
        run
            What is told of each batch, and may stop the epoch. Its batches so far are left out.
        after_batch
            Functions to call after each step.

        Raises
        ------
        FloatingPointError
            If a loss or gradient is NaN or infinite, before the step that would have followed.
        ValueError
            If no row of the epoch counted.
        """
        objective, optimizer, joins = self.objective, self.optimizer, self.joins
        self._claim()
        count = self.feed.batches(self.batch_size) or math.inf
        batch_total = batch_weight = 0.0
        split = False  # whether the batch has had a block already
        watched = runs_code_of_the_user(self.feed, optimizer)
        shares = self._shares_blocks and not watched and self.scale is None
        with (
            helping(objective, self.parameters.grad, wanted=shares) as helped,
            closing(self._blocks(run, helped)) as blocks,
        ):
            for block in blocks:
                if watched:
                    objective.check_unchanged()
                loss, weight = self._descend(run, block)
                batch_total += loss * weight
                batch_weight += weight
                if joins or split or not block.ends_batch:
                    self._join(weight, batch_weight, first=not split, last=block.ends_batch)
                split = not block.ends_batch
                if split:
                    continue
                self._step(run, batch_total, batch_weight)
                run.batch += 1
                run.steps += 1
                optimizer.epoch = self.base + run.batch / count
                batch_total = batch_weight = 0.0
                for hook in after_batch:
                    hook(run)
                if after_batch:
                    self._claim()
                if run.stopped and run.batch < count:
                    return None
        optimizer.epoch = self.base + 1.0
        self._check_that_rows_counted(run)
        figures = {"loss": self.total / self.weight_sum, **self._metrics()}
        return figures | {"skipped": float(self.skipped)} if self.skips_nonfinite else figures

    def _claim(self) -> None:
        """Make the objective, which others may have used, as this training needs it."""
        self.objective.predicts, self.objective.scale = bool(self.scores.metrics), self.scale
        self.objective.check_unchanged()

    def _descend(self, run: Run, block: Block) -> tuple[float, float]:
        """Run a block forward and, if its loss is finite, backward; return loss and Σᵣ wᵣ."""
        objective = self.objective
        if self.augment is not None:
            x = augmented(block.x, self.augment, self.rng, self.parameters.value.dtype)
            block = Block(x, block.target, block.weight, block.ends_batch)
            objective.check_unchanged()
        loss = float(objective.forward(block.x, block.target, block.weight, True, block))
        if math.isfinite(loss):
            if self.scores.metrics and objective.weight_sum:
                self.scores.add(objective.prediction, block.target, block.weight)
            self.backward()
        else:
            self._meet_nonfinite(run, loss)
        return loss, float(objective.weight_sum)

    def take(self, run: Run, block: Block) -> None:
        """Take the step of a batch that is one block."""
        loss, weight = self._descend(run, block)
        self._step(run, loss * weight, weight)

    def _check_that_rows_counted(self, run: Run) -> None:
        """Raise an error if no row of the epoch was learned from."""
        if not self.weight_sum and self.skipped:
            raise self.raised(
                nonfinite_error(run, "no batch of the epoch had a finite loss and gradient")
            )
        if not self.weight_sum:
            what = "weights of zero, or labels that are ignored"
            raise self.raised(
                ValueError(f"epoch {run.epoch} expected a row that counts, got {what}, alone")
            )

    # What training on several processes does otherwise: see tinyframe.distributed.

    scale: Array | None = None
    """What gradients are multiplied by: see `Objective`."""

    joins = False
    """Whether `_join` is told of every block, and not only where a batch has several."""

    def evaluate(self, source: Source) -> dict[str, float]:
        """Return the mean loss and the metrics on other rows."""
        return evaluate(self.examined, source, self.scores.metrics)

    def agreed(self, figures: dict[str, float]) -> dict[str, float]:
        """Return an epoch's figures as all processes record them."""
        return figures

    def raised(self, error: Failure) -> Failure:
        """Return an error that all processes raise now."""
        return error

    def end_epoch(self, run: Run) -> None:
        """Do what is left when all callbacks have seen the epoch."""

    def gathered(self) -> dict[str, Array] | None:
        """Return what metrics need of the epoch so far; None where it is not kept."""
        return self.scores.gathered

    def _blocks(self, run: Run, helped: bool) -> Generator[Block, None, None]:
        """Return the blocks that are left; where two threads take them, none is left to fetch."""
        ahead = self.ahead and not helped
        blocks = self.feed.blocks(
            self.batch_size, self.block, self.order, skip=run.batch, ahead=ahead, pairs=helped
        )
        return in_pairs(blocks, self.objective.begin, across=False) if helped else blocks

    def _metrics(self) -> dict[str, float]:
        return self.scores.figures()

    def _meet_nonfinite(self, run: Run, loss: float) -> None:
        """Raise FloatingPointError for a block whose loss is not finite, unless it is skipped."""
        if not self.skips_nonfinite:
            found = self.objective.origin_of_nonfinite()
            raise self.raised(nonfinite_error(run, f"the loss is {loss}: {found}"))

    def _step(self, run: Run, total: float, weight_sum: float) -> None:
        """Take the step of a batch, if its loss and gradient are finite.

        Raises
        ------
        FloatingPointError
            If they are not, unless such batches are skipped.
        """
        run.loss = total / (weight_sum or 1.0)
        if not math.isfinite(run.loss):
            why = f"the loss is {run.loss}"
        else:
            try:
                self.optimizer.step(self.parameters)
            except GradientError as error:
                why = refused_gradient(self.objective.layers, self.parameters, run.loss, error)
            else:
                self.total += total
                self.weight_sum += weight_sum
                return
        if not self.skips_nonfinite:
            raise self.raised(nonfinite_error(run, why))
        self.skipped += 1

    def _join(self, weight_sum: float, batch_weight: float, *, first: bool, last: bool) -> None:
        """Add w · gradient of a block, w = Σᵣ wᵣ, to the batch's earlier ones; at last, divide.

        Sums are in units of the first block's w, as mostly all have the same.
        """
        place = self.parameters.grad
        gradient = place if self.objective.apart is None else self.objective.apart
        self.objective.apart = None
        if first:
            self._unit = weight_sum or 1.0
        if weight_sum != self._unit:
            np.multiply(gradient, weight_sum / self._unit, out=gradient)
        if not first:
            self._sum += gradient
        elif len(self._sum):
            np.copyto(self._sum, gradient)
        else:
            self._sum = gradient.copy()
        if last:
            np.multiply(self._sum, self._unit / (batch_weight or 1.0), out=place)
