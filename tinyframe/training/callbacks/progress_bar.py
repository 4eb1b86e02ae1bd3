"""What training shows: a live bar on a terminal or in a notebook, else a plain line an epoch."""

import sys
import time
from importlib.util import find_spec
from typing import Any

from tinyframe.training.callbacks import Callback, Run
from tinyframe.utils.progress import is_live, tqdm_class

REFRESH = 0.1
"""Seconds between two looks of a bar."""


class EpochLines(Callback):
    """Prints one plain line an epoch, without carriage returns: for logs, pipes and files."""

    rank_zero_only = True

    def on_epoch_end(self, run: Run) -> None:
        print(epoch_line(run), flush=True)  # noqa: T201 - what it is for

    def on_train_end(self, run: Run) -> None:
        if run.stopped:
            print(stop_line(run), flush=True)  # noqa: T201 - as above


class ProgressBar(Callback):
    """Shows a live bar for each epoch, with the loss, batches a second and the time left.

    A finished epoch leaves the same line as `EpochLines`. On a terminal the bar is text, in a
    notebook a widget, where ipywidgets is installed.

    Raises
    ------
    ImportError
        In `fit`, without tqdm (extra `progress`).
    """

    rank_zero_only = True

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown = 0.0

    def on_train_begin(self, run: Run) -> None:  # noqa: ARG002 - the moment is what counts
        self._tqdm = tqdm_class()

    def on_epoch_begin(self, run: Run) -> None:
        self._bar = self._tqdm(
            total=run.batches,
            desc=f"epoch {_count(run)}",
            unit="batch",
            leave=False,
            file=sys.stdout,
            dynamic_ncols=True,
        )
        self._shown = time.monotonic()

    def on_batch_end(self, run: Run) -> None:
        now = time.monotonic()
        if now - self._shown > REFRESH:
            self._shown = now
            self._bar.set_postfix_str(f"loss {run.loss:.4f}", refresh=False)
            self._bar.update(run.batch - self._bar.n)

    def on_epoch_end(self, run: Run) -> None:
        self._close()
        self._tqdm.write(epoch_line(run), file=sys.stdout)

    def on_train_end(self, run: Run) -> None:
        self._close()
        if run.stopped:
            self._tqdm.write(stop_line(run), file=sys.stdout)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def display(verbose: int) -> tuple[Callback, ...]:
    """Return what shows training: nothing, what suits the place, or plain lines.

    Parameters
    ----------
    verbose
        0 (False), 1 (True) or 2.
    """
    if verbose == 0:
        return ()
    bar = verbose == 1 and is_live() and find_spec("tqdm") is not None
    return (ProgressBar() if bar else EpochLines(),)


def epoch_line(run: Run) -> str:
    """Return an epoch's figures as one line."""
    figures = dict(run.figures)
    seconds = figures.pop("seconds")
    shown = "  ".join(f"{name} {value:.4g}" if name == "learning_rate" else f"{name} {value:.4f}"
                      for name, value in figures.items())  # fmt: skip
    return f"epoch {_count(run)}  {shown}  {seconds:.2f} s"


def stop_line(run: Run) -> str:
    """Return why, and after what, training ended early."""
    done = f"epoch {run.epoch}"
    if run.batch != run.batches and run.batch:
        done += f", batch {run.batch}"
    return f"stopped after {done}: {run.stopped}"


def _count(run: Run) -> str:
    return f"{run.epoch:{len(str(run.last_epoch))}}/{run.last_epoch}"
