"""Callback: the moments of training at which something may be done."""

from collections.abc import Mapping
from typing import Any

from tinyframe.training.callbacks.run import Run
from tinyframe.utils.attributes import Hinted
from tinyframe.utils.checks import iterable
from tinyframe.utils.reprs import constructor_call


class Callback(Hinted):
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
    turn
        Class attribute: callbacks of a higher one come later, whatever their order in the list; at
        the beginning of an epoch they come first.

    Examples
    --------
    >>> class Says(Callback):
    ...     def on_epoch_end(self, run):
    ...         print("epoch", run.epoch, "is done")
    ...
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, epochs=2, callbacks=[Says()], verbose=0)
    epoch 1 is done
    epoch 2 is done
    """

    rank_zero_only: bool = False
    turn: int = 0

    def on_train_begin(self, run: Run) -> None:
        """Do something before the first epoch; the first chance to refuse, by a ValueError."""

    def on_epoch_begin(self, run: Run) -> None:
        """Do something before epoch `run.epoch`."""

    def on_batch_end(self, run: Run) -> None:
        """Do something after the step of batch `run.batch`."""

    def on_steps_end(self, run: Run) -> None:
        """Do something after the epoch's last step, before validation."""

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
        hint = f"; callbacks=[{callbacks!r}]" if isinstance(callbacks, Callback) else ""
        raise TypeError(f"callbacks expected a list of Callbacks, got {callbacks!r}{hint}")
    found = tuple(callbacks)
    for callback in found:
        if not isinstance(callback, Callback):
            hint = f"; make one: {callback.__name__}(…)" if isinstance(callback, type) else ""
            raise TypeError(
                f"callbacks expected Callbacks such as EarlyStopping(), got {callback!r}{hint}"
            )
    return found
