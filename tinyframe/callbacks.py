"""Callbacks: watch a model train, keep its best state, stop it in time."""

import math
import os
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tinyframe.checks import boolean, iterable, positive_integer, real_number
from tinyframe.direction import Mode, direction
from tinyframe.reprs import constructor_call
from tinyframe.schema import check_schema, integer, number
from tinyframe.state import check_state, restore_state, state_of

if TYPE_CHECKING:
    from tinyframe.model import Model
    from tinyframe.optimizers import Optimizer
    from tinyframe.types import Array


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
        self.trainer: Any = None  # of training.py, which imports this file

    def stop(self, reason: str) -> None:
        """End training after this batch; an epoch that is not complete is not recorded."""
        self.stopped = self.stopped or reason


class Callback:
    """Something to do at certain moments of training; `fit(..., callbacks=[…])` calls it.

    One's own defines the methods it needs. Each gets the `Run`, may look at everything, and may
    `run.stop("why")`. An exception ends training: the model keeps the weights of the last complete
    step and the history so far, and each `on_train_end` is still called.

    Where several processes train together, every one of them calls its callbacks, which see the
    same figures and weights; see `rank_zero_only`.

    Attributes
    ----------
    rank_zero_only
        Class attribute: True where only the process of rank 0 is to call it, as it prints or
        writes. Such a callback leaves the model and the optimizer alone.
    """

    rank_zero_only: bool = False

    def on_train_begin(self, run: Run) -> None:
        """Do something before the first epoch; the first chance to refuse, by a ValueError."""

    def on_epoch_begin(self, run: Run) -> None:
        """Do something before epoch `run.epoch`."""

    def on_batch_end(self, run: Run) -> None:
        """Do something after the step of batch `run.batch`."""

    def on_epoch_end(self, run: Run) -> None:
        """Do something after a complete epoch, whose figures are `run.figures`."""

    def on_train_end(self, run: Run) -> None:
        """Do something when training has ended, in whatever way."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep: numbers, texts, None and arrays, by name."""
        return {}

    def check_state(self, state: Mapping[str, Any], run: Run) -> None:
        """Raise ValueError if `restore` could not go on from this, as it was read from a file.

        Called when `fit` resumes, before anything has changed, `on_train_begin` included.
        """

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; called after `on_train_begin` when `fit` resumes."""

    def __repr__(self) -> str:
        return constructor_call(self)


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """Return the callbacks as a tuple; raise TypeError if something else is among them."""
    if callbacks is None:
        return ()
    if not iterable(callbacks):
        raise TypeError(f"callbacks expected a list of Callbacks, got {callbacks!r}")
    found = tuple(callbacks)
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks expected Callbacks such as EarlyStopping(), got {callback!r}"
            )
    return found


class _Monitor:
    """Tells whether a figure is better than it ever was.

    Parameters
    ----------
    figure, mode
        As in `EarlyStopping`.
    min_delta
        By how much it has to be better.
    """

    def __init__(self, figure: str, mode: Mode | None, min_delta: float = 0.0) -> None:
        self.figure = figure
        self.sign = -1.0 if direction(figure, mode) == "min" else 1.0
        self.min_delta = min_delta
        self.best = -math.inf

    def expect(self, who: object, run: Run) -> None:
        """Raise ValueError if the figure will not be there."""
        if self.figure not in run.names:
            hint = "; give fit validation_data" if self.figure.startswith("val_") else ""
            raise ValueError(f"{who!r} expected one of {', '.join(run.names)} to monitor{hint}")

    def improved(self, run: Run) -> bool:
        """Whether it is better now; NaN never is."""
        value = self.sign * run.figures[self.figure]
        if not value > self.best + self.min_delta:
            return False
        self.best = value
        return True


class EarlyStopping(Callback):
    """Stops training when a figure has not become better for some epochs.

    Parameters
    ----------
    monitor : str
        Which: "val_loss", "val_accuracy", "loss", …
    patience : int
        After how many epochs without improvement to stop.
    min_delta : float
        By how much it has to become better to count.
    restore_best : bool
        Whether the model gets back, to the bit, the weights of its best epoch when training ends,
        in whatever way.
    mode : {"min", "max"}, optional
        What is better; by default as the name says: losses and errors fall, accuracy rises.

    Attributes
    ----------
    best_epoch : int
        The epoch in which it was best, 0 before there was one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; in `fit`, if the figure is not recorded.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        *,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: Mode | None = None,
    ) -> None:
        self.monitor = monitor
        self.patience = positive_integer("patience", patience)
        self.min_delta = real_number("min_delta", min_delta, at_least=0)
        self.restore_best = boolean("restore_best", restore_best)
        self.mode = mode
        direction(monitor, mode)
        self.best_epoch = 0

    def on_train_begin(self, run: Run) -> None:
        self._watch = _Monitor(self.monitor, self.mode, self.min_delta)
        self._watch.expect(self, run)
        self._best: dict[str, Array] | None = None
        self._waited = 0
        self.best_epoch = 0

    def on_epoch_end(self, run: Run) -> None:
        if self._watch.improved(run):
            self._waited, self.best_epoch = 0, run.epoch
            if self.restore_best:
                self._best = state_of(run.model)
            return
        self._waited += 1
        if self._waited >= self.patience:
            run.stop(
                f"{self.monitor} has not become better for {self.patience} epochs"
                + (f", best in epoch {self.best_epoch}" if self.best_epoch else "")
            )

    def on_train_end(self, run: Run) -> None:
        if self._best is not None:
            restore_state(run.model, self._best)
            self._best = None

    def state(self) -> dict[str, Any]:
        kept = {"best": self._watch.best, "waited": self._waited, "best_epoch": self.best_epoch}
        return kept | {f"best/{name}": array for name, array in (self._best or {}).items()}

    def check_state(self, state: Mapping[str, Any], run: Run) -> None:
        counts = {"waited": integer(), "best_epoch": integer()}
        check_schema(state, {"best": number(finite=False), **counts}, "EarlyStopping")
        if best := _best(state):
            check_state(run.model, best)

    def restore(self, state: Mapping[str, Any]) -> None:
        self._watch.best = state["best"]
        self._waited, self.best_epoch = state["waited"], state["best_epoch"]
        self._best = _best(state) or None


def _best(state: Mapping[str, Any]) -> "dict[str, Array]":
    """Return the arrays of the best epoch's weights in the state of an `EarlyStopping`."""
    return {k.removeprefix("best/"): v for k, v in state.items() if k.startswith("best/")}


class ModelCheckpoint(Callback):
    """Saves the model as it trains: after epochs in which a figure was best, or every so many.

    Parameters
    ----------
    path : str or path
        A file as `Model.save` takes it. "{epoch}" in it is replaced by the epoch's number, and by
        the same rules of `str.format` any figure of the epoch: "digits-{epoch:03d}.npz".
    every : int, optional
        Save after every so many epochs, whatever the figures.
    monitor : str
        Without `every`: the figure to judge by.
    mode : {"min", "max"}, optional
        As in `EarlyStopping`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; in `fit`, if the figure is not recorded.
    """

    rank_zero_only = True

    def __init__(
        self,
        path: str | PathLike[str],
        every: int | None = None,
        monitor: str = "val_loss",
        mode: Mode | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.every = None if every is None else positive_integer("every", every)
        self.monitor = monitor
        self.mode = mode
        direction(monitor, mode)

    def on_train_begin(self, run: Run) -> None:
        self._watch = _Monitor(self.monitor, self.mode)
        if self.every is None:
            self._watch.expect(self, run)

    def on_epoch_end(self, run: Run) -> None:
        if self._watch.improved(run) if self.every is None else run.epoch % self.every == 0:
            run.model.save(self.path.format(epoch=run.epoch, **run.figures))

    def state(self) -> dict[str, Any]:
        return {"best": self._watch.best}

    def check_state(self, state: Mapping[str, Any], run: Run) -> None:  # noqa: ARG002 - as above
        check_schema(state, {"best": number(finite=False)}, "ModelCheckpoint")

    def restore(self, state: Mapping[str, Any]) -> None:
        self._watch.best = state["best"]
