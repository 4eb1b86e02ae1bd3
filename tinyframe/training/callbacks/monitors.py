"""Callbacks that watch a figure: keep the model's best state, stop training in time."""

import math
import os
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tinyframe.layers.state import check_state, restore_state, state_of
from tinyframe.training.callbacks.callback import Callback
from tinyframe.training.callbacks.run import Run
from tinyframe.utils.checks import boolean, positive_integer, real_number
from tinyframe.utils.direction import Mode, direction
from tinyframe.utils.schema import check_schema, integer, number

if TYPE_CHECKING:
    from tinyframe.types import Array


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

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 1)])
    >>> stop = EarlyStopping("loss", patience=2, min_delta=1e-3)
    >>> model.fit(X, 2 * X, epochs=1000, callbacks=[stop], rng=0, verbose=0).history.epochs < 1000
    True
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

    Examples
    --------
    >>> import tempfile
    >>> best = tempfile.mkdtemp() + "/best.npz"
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> keep = ModelCheckpoint(best, monitor="loss")
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, epochs=5, callbacks=[keep], verbose=0)
    >>> Sequential.load(best)
    Sequential([
        Dense(1, 1),
    ])
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
