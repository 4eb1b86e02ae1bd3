"""History: what training recorded, epoch by epoch."""

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, Any

from tinyframe.utils.direction import Mode, direction
from tinyframe.utils.drawing import axes_for
from tinyframe.utils.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class History(Mapping[str, list[float]]):
    """The figures of each epoch: `history["loss"]` is a list with one number an epoch.

    The keys are "loss", the metrics, both again with "val_" before them where there was validation
    data, and "seconds", the time that training took, validation not counted. Training again adds
    epochs; where a figure was not recorded, its list holds NaN. `pandas.DataFrame(dict(history))`
    is a table of it.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, float]] = []

    def record(self, epoch: dict[str, float]) -> None:
        """Add the figures of one epoch; what is added to this dict later is recorded too."""
        self._epochs.append(epoch)

    def at(self, index: int) -> Mapping[str, float]:
        """Return the figures of one epoch, counted from 0.

        Raises
        ------
        TypeError
            If a callback has put in what is no number.
        """
        return {name: _number(name, figure) for name, figure in self._epochs[index].items()}

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
        """Draw figures by epoch, each with that of the validation data, and return the axes.

        Parameters
        ----------
        figures
            Names, as "loss" or "accuracy"; by default "loss".
        ax
            Matplotlib axes to draw on; by default those of a new figure.

        Raises
        ------
        KeyError
            If a figure was not recorded.
        ImportError
            Without matplotlib (extra `plot`).
        TypeError
            If `ax` is something else.
        """
        names, lines = figures or ("loss",), {}
        for figure in names:
            lines[figure] = self[figure]
            if f"val_{figure}" in self:
                lines[f"val_{figure}"] = self[f"val_{figure}"]
        ax = axes_for(ax)
        drawn: dict[str, Any] = {}
        for name, values in lines.items():
            beside = drawn.get(name.removeprefix("val_"))  # that of the training data
            style, color = ("-", None) if beside is None else ("--", beside.get_color())
            marker = "o" if len(values) == 1 else None
            (drawn[name],) = ax.plot(
                range(1, len(values) + 1), values, style, label=name, color=color, marker=marker
            )
        ticker = require("matplotlib.ticker", "plot", "a plot")
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
        ax.set(xlabel="epoch", ylabel=names[0] if len(names) == 1 else "")
        ax.grid(alpha=0.3)
        ax.legend()
        return ax

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write a table with one line an epoch; a cell is empty where nothing was recorded."""
        import csv  # noqa: PLC0415 - spares `import tinyframe`
        from pathlib import Path  # noqa: PLC0415 - likewise

        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["epoch", *self])
            writer.writeheader()
            for number, figures in enumerate(self._epochs, 1):
                writer.writerow({"epoch": number, **figures})

    def to_json(self, path: str | PathLike[str]) -> None:
        """Write {"epoch": [1, …], "loss": […], …}; NaN and infinity, not in JSON, become null."""
        import json  # noqa: PLC0415 - spares `import tinyframe`
        from pathlib import Path  # noqa: PLC0415 - likewise

        table = {"epoch": list(range(1, self.epochs + 1))} | {
            name: [value if math.isfinite(value) else None for value in self[name]] for name in self
        }
        Path(path).write_text(json.dumps(table) + "\n", encoding="utf-8")

    def __getitem__(self, key: str) -> list[float]:
        if key not in self:
            raise KeyError(f"no {key!r} recorded; there is {', '.join(self) or 'nothing yet'}")
        return [_number(key, epoch.get(key, math.nan)) for epoch in self._epochs]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in list(self)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key for epoch in self._epochs for key in epoch))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        if not self._epochs:
            return "History: no epochs yet"
        rows = [["epoch", *self]]
        for number, epoch in enumerate(self._epochs, 1):
            rows.append([str(number), *(f"{epoch.get(key, math.nan):.4f}" for key in self)])
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
