"""What training shows: a live bar on a terminal or in a notebook, else a plain line an epoch."""

import sys
import time
from functools import cache
from importlib.util import find_spec
from typing import Any

from tinyframe.training.callbacks import Callback, Run
from tinyframe.utils.progress import columns, in_notebook, is_live, tqdm_class

REFRESH = 0.1
"""Seconds between two looks of a bar."""

WIDEST = 100
"""Columns of a bar, at most."""

ROOMY = 60
"""Columns from which on a bar says how many batches there are, and how long they take."""

SPARE = 3
"""Columns left free beside a bar: the ^C of an interrupt has to be on its line, to be cleared."""

SHORT = {"accuracy": "acc", "learning_rate": "lr", "precision": "prec"}
"""Names of figures where a line is too short for all."""

KNOWN = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}  {remaining} left{postfix}"
NARROW = "{desc} {percentage:3.0f}%|{bar}|{postfix}"
UNKNOWN = "{desc}  {n_fmt} batches  {elapsed}{postfix}"
"""What a bar shows: on fewer columns than `ROOMY`, and where the number of batches is not known."""


class EpochLines(Callback):
    """Prints one plain line an epoch, without carriage returns: for logs, pipes and files."""

    rank_zero_only = True

    def on_epoch_end(self, run: Run) -> None:
        print(epoch_line(run), flush=True)  # noqa: T201 - what it is for

    def on_train_end(self, run: Run) -> None:
        if run.stopped:
            print(stop_line(run), flush=True)  # noqa: T201 - as above


class ProgressBar(Callback):
    """Shows a live bar for each epoch, with the loss and the time left.

    A finished epoch leaves the same line as `EpochLines`. On a terminal the bar is text, in a
    notebook a widget, where ipywidgets is installed.

    Raises
    ------
    ImportError
        In `fit`, without tqdm (extra `progress`).

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> options = {"callbacks": [ProgressBar()], "verbose": 0}
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, **options)  # doctest: +SKIP
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
            bar_format=bar_format(run.batches),
            leave=False,
            file=sys.stdout,
            ncols=None if in_notebook() else min(columns(), WIDEST) - SPARE,
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
        if self._bar is None:
            return
        self._bar.close()
        self._bar = None
        if sys.stdout.isatty():  # the ^C of an interrupt stays beside the bar
            sys.stdout.write("\r" + " " * (columns() - 1) + "\r")


def bar_format(batches: int | None) -> str:
    """Return what a bar of so many batches shows on this terminal."""
    if batches is None:
        return UNKNOWN
    return KNOWN if in_notebook() or columns() >= ROOMY else NARROW


@cache
def _say_what_is_missing() -> None:
    """Tell once that there could be a bar."""
    print('For a live bar: pip install "tinyframe[progress]"', flush=True)  # noqa: T201 - to be read


def display(verbose: int) -> tuple[Callback, ...]:
    """Return what shows training: nothing, what suits the place, or plain lines.

    Parameters
    ----------
    verbose
        0 (False), 1 (True) or 2.
    """
    if verbose == 0:
        return ()
    if verbose == 1 and is_live():
        if find_spec("tqdm") is not None:
            return (ProgressBar(),)
        _say_what_is_missing()
    return (EpochLines(),)


def epoch_line(run: Run) -> str:
    """Return an epoch's figures as one line; on a terminal too narrow for it a shorter one.

    There, names are shortened; if that is not enough it goes on below. No figure is left out.
    """
    figures = {name: _number(name, value) for name, value in run.figures.items()}
    head, seconds = f"epoch {_count(run)}", f"{run.figures['seconds']:.2f} s"
    del figures["seconds"]
    width = columns() if is_live() and not in_notebook() else sys.maxsize
    parts = [f"{name} {figure}" for name, figure in figures.items()]
    line = "  ".join([head, *parts, seconds])
    if len(line) <= width:
        return line
    pairs = []
    for name, figure in figures.items():
        if name.startswith("val_") and name[4:] in figures:
            continue
        beside = f" val {figures[f'val_{name}']}" if f"val_{name}" in figures else ""
        pairs.append(f"{SHORT.get(name, name)} {figure}{beside}")
    lines = [head]
    for part in (*pairs, seconds):
        if len(lines[-1]) + 2 + len(part) > width:
            lines.append(" " * len(head))
        lines[-1] += f"  {part}"
    return "\n".join(lines)


def stop_line(run: Run) -> str:
    """Return why, and after what, training ended early."""
    done = f"epoch {run.epoch}"
    if run.batch != run.batches and run.batch:
        done += f", batch {run.batch}"
    return f"stopped after {done}: {run.stopped}"


def _number(name: str, value: float) -> str:
    return f"{value:.4g}" if name == "learning_rate" else f"{value:.4f}"


def _count(run: Run) -> str:
    return f"{run.epoch:{len(str(run.last_epoch))}}/{run.last_epoch}"
