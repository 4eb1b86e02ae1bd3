"""History: what training recorded, epoch by epoch."""

import math
import operator
from collections.abc import Iterator, Mapping
from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from tinyframe.utils.attributes import Hinted
from tinyframe.utils.direction import Mode, direction
from tinyframe.utils.hints import figure_hint
from tinyframe.utils.named import Named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 40
"""Epochs up to which all of them are shown; of more, the first and the last."""


class History(Hinted):
    """The figures of each epoch: a sequence of epochs, and a list of numbers for each figure.

    `history["loss"]` is one number an epoch, `history[-1]` the last epoch, {"loss": …, …}; so are
    those that iteration goes through, as many as `len(history)`. The figures are "loss", the
    metrics, both again with "val_" before them where there was validation data, and "seconds", the
    time that training took, validation not counted. Training again adds epochs; where a figure was
    not recorded, its list holds NaN. `dict(history)` has all lists, `pandas.DataFrame(history)` is
    a table with a row an epoch.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> history = Sequential([Dense(1, 1)]).fit(X, X, epochs=3, rng=0, verbose=0).history
    >>> history.epochs, history["loss"][-1] < history["loss"][0]
    (3, True)
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, float]] = []

    def record(self, epoch: dict[str, float]) -> None:
        """Add the figures of one epoch; what is added to this dict later is recorded too."""
        self._epochs.append(epoch)

    def at(self, index: int) -> dict[str, float]:
        """Return the figures of one epoch, counted from 0.

        Raises
        ------
        TypeError
            If a callback has put in what is no number.
        """
        figures = self._epochs[index].items()
        return Named({name: _number(name, figure) for name, figure in figures})

    def replace(self, epochs: list[dict[str, float]]) -> None:
        """Hold these epochs in place of what was recorded."""
        self._epochs = epochs

    @property
    def epochs(self) -> int:
        """The number of epochs recorded."""
        return len(self._epochs)

    def best(self, figure: str = "val_loss", mode: Mode | None = None) -> dict[str, float]:
        """Return all figures of the epoch where one of them was best, and its number as "epoch".

        Parameters
        ----------
        figure
            Which; of several epochs alike, the first counts.
        mode
            "min" or "max"; by default as the name says: losses and errors fall, accuracy rises.

        Raises
        ------
        KeyError
            If it was not recorded.
        ValueError
            If the name does not tell the mode, or the figure was never a number.
        """
        rising = direction(figure, mode) == "max"
        found = [(value, i) for i, value in enumerate(self[figure]) if not math.isnan(value)]
        if not found:
            raise ValueError(f"{figure!r} was never a number")
        best = max(found, key=lambda pair: (pair[0] if rising else -pair[0], -pair[1]))[1]
        return {"epoch": best + 1, **self.at(best)}

    def plot(self, *figures: str, ax: "Axes | None" = None) -> "Axes":
        """Draw figures by epoch, each beside that of the validation data.

        Each has a panel: the loss, the accuracy, other metrics, the learning rate where it was
        recorded. Training is drawn solid, validation dashed.

        Parameters
        ----------
        figures
            Names, as "loss" or "accuracy"; by default all but "seconds", or on `ax` the loss.
        ax
            Matplotlib axes that all of them are drawn on; by default those of a new figure.

        Returns
        -------
        Axes
            Those of the first panel; their `figure` has all.

        Raises
        ------
        KeyError
            If a figure was not recorded.
        ImportError
            Without matplotlib (extra `plot`).
        TypeError
            If `ax` is something else.
        """
        from tinyframe.training.curves import draw_history  # noqa: PLC0415 - spares an import

        return draw_history(self, figures, ax)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write a table with one line an epoch; a cell is empty where nothing was recorded."""
        import csv  # noqa: PLC0415 - spares `import tinyframe`
        from pathlib import Path  # noqa: PLC0415 - likewise

        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["epoch", *self.keys()])
            writer.writeheader()
            for number, figures in enumerate(self._epochs, 1):
                writer.writerow({"epoch": number, **figures})

    def to_json(self, path: str | PathLike[str]) -> None:
        """Write {"epoch": [1, …], "loss": […], …}; NaN and infinity, not in JSON, become null."""
        import json  # noqa: PLC0415 - spares `import tinyframe`
        from pathlib import Path  # noqa: PLC0415 - likewise

        table = {"epoch": list(range(1, self.epochs + 1))} | {
            name: [value if math.isfinite(value) else None for value in values]
            for name, values in self.items()
        }
        Path(path).write_text(json.dumps(table) + "\n", encoding="utf-8")

    # ---------------------------------------------------------------- as a sequence of epochs

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: int) -> dict[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, float]]: ...
    def __getitem__(self, key: Any) -> Any:
        """Return the list of a figure; for a number an epoch, counted from 0; for a slice, some."""
        if isinstance(key, str):
            if key not in self:
                there_is = ", ".join(self.keys()) or "nothing yet"
                hint = figure_hint(key, self.keys())
                raise KeyError(f"no {key!r} recorded; there is {there_is}{hint}")
            return [_number(key, epoch.get(key, math.nan)) for epoch in self._epochs]
        if isinstance(key, slice):
            return [self.at(number) for number in range(len(self))[key]]
        if not isinstance(key, SupportsIndex) or isinstance(key, bool):
            raise TypeError(f"history expected a figure or the number of an epoch, got {key!r}")
        number = operator.index(key)
        if not -len(self) <= number < len(self):
            raise IndexError(f"history has {len(self)} epochs, counted from 0, got {number}")
        return self.at(number)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return map(self.at, range(len(self)))

    def __len__(self) -> int:
        return len(self._epochs)

    # ---------------------------------------------------------------- as lists by name

    def keys(self) -> list[str]:
        """Return the names of the figures, in the order in which they came."""
        return list(dict.fromkeys(key for epoch in self._epochs for key in epoch))

    def values(self) -> list[list[float]]:
        """Return the list of each figure."""
        return [self[key] for key in self.keys()]

    def items(self) -> list[tuple[str, list[float]]]:
        """Return (name, list) of each figure."""
        return [(key, self[key]) for key in self.keys()]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the list of a figure, or `default` where it was not recorded."""
        return dict(self.items()).get(key, default)

    def __contains__(self, key: object) -> bool:
        return any(key in epoch for epoch in self._epochs) if isinstance(key, str) else False

    @property
    def history(self) -> dict[str, list[float]]:
        """The list of each figure by name, as Keras has it."""
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, History):
            other = other.history
        return self.history == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # it grows

    # ---------------------------------------------------------------- as people look at it

    def _repr_html_(self) -> str:
        from tinyframe.training.history_html import history_html  # noqa: PLC0415 - spares an import

        return history_html(self)

    def __repr__(self) -> str:
        if not self._epochs:
            return "History: no epochs yet"
        keys, count = self.keys(), len(self)
        rows = [["epoch", *keys]]
        for number, epoch in enumerate(self._epochs, 1):
            if count <= MOST or number <= MOST // 4 or number > count - MOST // 2:
                rows.append([str(number), *(f"{epoch.get(k, math.nan):.4f}" for k in keys)])
            elif number == count - MOST // 2:
                rows.append(["…"] * len(rows[0]))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        )


def _number(name: str, figure: Any) -> float:
    """Return a figure as a plain float: callbacks may put in NumPy's, which no file takes."""
    if not isinstance(figure, Real):
        raise TypeError(f"the figure {name!r} expected a number, got {figure!r}")
    return float(figure)
