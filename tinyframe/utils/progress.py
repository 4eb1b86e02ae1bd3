"""Progress: bars for what takes long, where somebody watches."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, TypeVar

from tinyframe.utils.optional import require

Item = TypeVar("Item")

PATIENCE = 1.0
"""Seconds after which a long call shows a bar."""


def track(
    items: Iterable[Item],
    total: int | None,
    what: str,
    unit: str,
    *,
    measure: Callable[[Item], int] | None = None,
    wanted: bool = True,
) -> Iterator[Item]:
    """Yield the items, with a bar if they take long, and somebody watches a terminal.

    Parameters
    ----------
    items
        To go through.
    total
        How many units there are, if that is known.
    what
        Stands before the bar: "predict".
    unit
        What is counted: "rows", "B".
    measure
        Function of an item: how many units it is; by default each is one.
    wanted
        Whether to show it at all.
    """
    if not wanted or not is_live():
        yield from items
        return
    bar: Any = None
    began, done = time.monotonic(), 0
    try:
        for item in items:
            units = 1 if measure is None else measure(item)
            yield item
            done += units
            if bar is not None:
                bar.update(units)
            elif time.monotonic() - began > PATIENCE and find_spec("tqdm"):
                bar = tqdm_class()(
                    total=total, initial=done, desc=what, unit=unit, unit_scale=True, leave=False,
                    file=sys.stdout,
                )  # fmt: skip
    finally:
        if bar is not None:
            bar.close()


def is_live() -> bool:
    """Whether standard output is a terminal or a notebook's cell, which a bar can be drawn on."""
    return in_notebook() or (sys.stdout is not None and sys.stdout.isatty())


def in_notebook() -> bool:
    """Whether this runs in the cell of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def tqdm_class() -> Any:
    """Return tqdm's class for the place: a widget where one can be shown."""
    widget = in_notebook() and find_spec("ipywidgets") is not None
    module = "tqdm.notebook" if widget else "tqdm"
    return require(module, "progress", "a progress bar").tqdm


def columns() -> int:
    """Return how wide the terminal is."""
    import shutil  # noqa: PLC0415 - spares `import tinyframe`

    return shutil.get_terminal_size().columns
