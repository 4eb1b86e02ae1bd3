"""Stream: single steps on batches that come one by one, for `train_on_batch`."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.data.batch_feed import BatchFeed
from tinyframe.data.source import BLOCK, Block
from tinyframe.layers.build import restored_on_error
from tinyframe.losses import Loss
from tinyframe.optimizers import FullBatchOptimizer, Optimizer
from tinyframe.training.callbacks import Run
from tinyframe.training.data_spec import DataSpec, as_source
from tinyframe.training.settings import chosen_loss, chosen_optimizer, seed
from tinyframe.training.trainer import Trainer
from tinyframe.types import Array, RandomSeed
from tinyframe.utils.checks import random_generator

if TYPE_CHECKING:
    from tinyframe.model import Model


class Stream:
    """Takes steps of one model by one loss and one optimizer, and keeps what they have in common.

    Parameters
    ----------
    model
        Built, and its weights drawn.
    loss, optimizer
        In use by the model.
    trainer
        What takes the steps, of any feed.
    asked
        The loss and the optimizer as the user gave them: None, by name, …
    """

    def __init__(
        self, model: "Model", loss: Loss, optimizer: Optimizer, trainer: Trainer, asked: Any
    ) -> None:
        self.loss, self.optimizer, self._asked = loss, optimizer, asked
        self._spec = DataSpec(model, model._entry, loss, learns=True)  # noqa: SLF001 - of the same floor
        self._trainer = trainer
        self._run = Run(model, optimizer, ("loss",), 1, 1)
        self._block: Block | None = None

    @classmethod
    def begun(
        cls, model: "Model", data: tuple[Any, Any, Any], loss: Any, optimizer: Any, rng: RandomSeed
    ) -> "Stream":
        """Return a stream of steps on data such as this, for which the model is built if need be.

        Parameters
        ----------
        model
            What takes the steps.
        data
            X, y and sample_weight.
        loss, optimizer, rng
            As in `Model.train_on_batch`.
        """
        asked = loss, optimizer
        loss = chosen_loss(loss, model.loss, model._chain())  # noqa: SLF001 - of the same floor
        optimizer = chosen_optimizer(optimizer, model.optimizer)
        if isinstance(optimizer, FullBatchOptimizer):
            raise TypeError(f"train_on_batch expected an optimizer of steps, got {optimizer!r}")
        weights_rng, _, layers_rng = random_generator(rng).spawn(3)
        with restored_on_error(model):
            feed, _ = as_source(DataSpec(model, model._entry, loss, learns=True), *data, build=True)  # noqa: SLF001
        seed(model, weights_rng, None if rng is None else layers_rng)
        parameters = model._begin(loss, optimizer)  # noqa: SLF001 - of the same floor
        trainer = Trainer(model._objective(loss), optimizer, parameters, feed, 1, {})  # noqa: SLF001
        return cls(model, loss, optimizer, trainer, asked)

    def goes_on(self, model: "Model", loss: Any, optimizer: Any) -> bool:
        """Whether a step by this loss and optimizer is of this stream, and nothing changed."""
        return (
            (loss is None or loss is self.loss or loss == self._asked[0])
            and (optimizer is None or optimizer is self.optimizer or optimizer == self._asked[1])
            and model.loss is self.loss
            and model.optimizer is self.optimizer
            and self._trainer.objective.is_of(model._chain())  # noqa: SLF001 - as above
        )

    def step(self, X: Any, y: Any, sample_weight: Any) -> float:
        """Take a step on these rows and return the loss before it; see `Model.train_on_batch`."""
        x, target, weight = self._spec.batch((X, y, sample_weight))
        if weight is not None and not weight.any():
            raise ValueError("sample_weight expected a weight above 0, got zeros alone")
        trainer, run, epoch = self._trainer, self._run, self.optimizer.epoch
        run.batch = 0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if len(x) <= min(BLOCK, trainer.block):
                trainer.take(run, self._laid(x, target, weight))
            else:
                trainer.feed = BatchFeed([(x, target, weight)], lambda batch: batch)
                trainer.begin(draws=False)
                trainer.epoch(run)
        self.optimizer.epoch = epoch  # a batch is no epoch
        return run.loss

    def _laid(self, x: Array, target: Array, weight: Array | None) -> Block:
        """Return the rows where rows of their shape lay before, as steps are bound to places."""
        block, new = self._block, (x, target, weight)
        if block is None or not all(map(_fits, (block.x, block.target, block.weight), new)):
            kept = None if weight is None else weight.copy()
            self._block = block = Block(x.copy(), target.copy(), kept, ends_batch=True)
            return block
        for place, array in zip((block.x, block.target, block.weight), new, strict=True):
            if place is not None and array is not None:
                np.copyto(place, array)
        return block


def _fits(place: Array | None, array: Array | None) -> bool:
    """Whether an array has the shape and dtype of a place."""
    if place is None or array is None:
        return place is array
    return place.shape == array.shape and place.dtype == array.dtype
