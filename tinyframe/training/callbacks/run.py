"""Run: one call of `fit`, as callbacks see it."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyframe.model import Model
    from tinyframe.optimizers import Optimizer
    from tinyframe.training.callbacks.callback import Callback


class Run:
    """One call of `fit`, as callbacks see it.

    Attributes
    ----------
    model, optimizer
        What is trained, and how.
    names : tuple of str
        The figures that each epoch will have: "loss", "accuracy", "val_loss", …, "seconds"; a
        callback that adds one to `figures` names it here before the first epoch.
    first_epoch, last_epoch : int
        The numbers of its epochs, which go on from those of earlier calls; the first one ever is 1.
    epoch : int
        Number of the epoch that runs, or ran last.
    batch, batches : int, int or None
        Batches done in this epoch, and how many it has, where that is known.
    steps : int
        Batches done in all its epochs.
    loss : float
        Loss of the last batch, before its step.
    figures : dict
        Those of the last complete epoch.
    stopped : str
        Why training ends early; empty as long as it does not.
    resumed : bool
        Whether it goes on from a checkpoint.
    finished : bool
        Whether it has ended without an exception.
    callbacks : tuple of Callback
        All of them, in their order.
    trainer
        What takes the steps.
    rank, ranks : int
        The number of this process among those that train together, and how many they are.
    """

    rank: int = 0
    ranks: int = 1

    def __init__(
        self,
        model: "Model",
        optimizer: "Optimizer",
        names: tuple[str, ...],
        epochs: int,
        batches: int | None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.names = names
        self.first_epoch = model.history.epochs + 1
        self.last_epoch = model.history.epochs + epochs
        self.epoch = model.history.epochs
        self.epochs = epochs
        self.batch = 0
        self.batches = batches
        self.steps = 0
        self.loss = math.nan
        self.figures: dict[str, float] = {}
        self.stopped = ""
        self.resumed = False
        self.finished = False
        self.callbacks: tuple[Callback, ...] = ()
        self.trainer: Any = None  # a Trainer, whose file imports this one

    def stop(self, reason: str) -> None:
        """End training after this batch; an epoch that is not complete is not recorded."""
        self.stopped = self.stopped or reason
