"""Calls: all callbacks of a run, called in their order."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tinyframe.training.callbacks.callback import Callback
from tinyframe.training.callbacks.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable


class Calls:
    """The callbacks of a run, each told in its turn; those of a resumed run get their state back.

    Parameters
    ----------
    callbacks, run
        Whom to tell, of what.
    checkpoint
        Where their state is kept; None where the run does not go on from one.

    Attributes
    ----------
    after_batch
        What to call after each batch; empty where nobody wants to be told.
    """

    def __init__(self, callbacks: tuple[Callback, ...], run: Run, checkpoint: Any) -> None:
        self._callbacks, self._run, self._checkpoint = callbacks, run, checkpoint
        self.after_batch: tuple[Callable[[Run], None], ...] = tuple(
            callback.on_batch_end
            for callback in callbacks
            if type(callback).on_batch_end is not Callback.on_batch_end
        )

    def begin(self, at_the_end: ExitStack) -> None:
        """Tell that training begins; what began is told of the end, too."""
        for callback in self._callbacks:
            callback.on_train_begin(self._run)
            at_the_end.callback(callback.on_train_end, self._run)

    def begin_epochs(self) -> None:
        """Give states back, unless the run goes on within an epoch, which has to begin first."""
        if not self._run.batch:
            self._give_back()

    def begin_epoch(self) -> None:
        """Tell that an epoch begins, or goes on."""
        for callback in sorted(self._callbacks, key=lambda callback: -callback.turn):
            callback.on_epoch_begin(self._run)
        self._give_back()

    def end_steps(self) -> None:
        """Tell that the steps of an epoch are done."""
        for callback in self._callbacks:
            callback.on_steps_end(self._run)

    def end_epoch(self) -> None:
        """Tell that an epoch is complete."""
        for callback in self._callbacks:
            callback.on_epoch_end(self._run)

    def _give_back(self) -> None:
        checkpoint, self._checkpoint = self._checkpoint, None
        if checkpoint is not None:
            checkpoint.restore_callbacks(self._run.callbacks, self._run.rank)
