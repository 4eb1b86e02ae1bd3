"""The curves of a history: a panel for each family of figures, training beside validation."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinyframe.utils.drawing import axes_for, figure_for, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tinyframe.training.history import History

VALIDATION = "val_"
"""What the names of figures of validation data begin with."""

OF_NO_DATA = ("learning_rate", "seconds")
"""Figures that are of no rows, neither of those trained on nor of others."""

Family = dict[str, list[float]]
"""A figure and that of the validation data, by name."""


def draw_history(history: "History", figures: Sequence[str], ax: "Axes | None") -> "Axes":
    """Draw curves by epoch; arguments and errors are those of `History.plot`."""
    names = figures or (_default(history) if ax is None else ["loss"])
    families: dict[str, Family] = {}
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"plot expected names of figures, got {name!r}")
        values = history[name]
        family = families.setdefault(name.removeprefix(VALIDATION), {})
        family[name] = values
        if VALIDATION + name in history:
            family[VALIDATION + name] = history[VALIDATION + name]
    if ax is not None:
        with axes_for(ax) as given:
            _draw(given, families)
            return given
    columns = min(len(families), 2 if len(families) == 4 else 3)  # noqa: PLR2004 - two by two
    rows = -(-len(families) // columns)
    with figure_for(None, (3.6 * columns + 0.8 * (columns == 1), 2.9 * rows)) as figure:
        panels = []
        for number, (name, family) in enumerate(families.items(), 1):
            panels.append(figure.add_subplot(rows, columns, number))
            _draw(panels[-1], {name: family})
            panels[-1].set_xlim(left=max(0.5, panels[-1].get_xlim()[0]))  # there is no epoch 0
        return panels[0]


def _default(history: "History") -> list[str]:
    """Return the loss, the accuracy, the other metrics, and last what is of no data."""
    families = dict.fromkeys(name.removeprefix(VALIDATION) for name in list(history.keys()))
    families.pop("seconds", None)
    order = {"loss": 0, "accuracy": 1, "learning_rate": 3}
    names = [name if name in history else VALIDATION + name for name in families]
    return sorted(names, key=lambda name: order.get(name.removeprefix(VALIDATION), 2)) or ["loss"]


def _draw(ax: "Axes", families: dict[str, Family]) -> None:
    """Draw families on one axes: training is solid, validation dashed in the same colour."""
    alone = len(families) == 1
    for name, family in families.items():
        colour = None  # the next of the axes' own
        for figure, values in family.items():
            validation = figure != name
            of = "" if name in OF_NO_DATA else "validation" if validation else "training"
            label = ", ".join(filter(None, ["" if alone else _words(name), of]))
            (line,) = ax.plot(
                range(1, len(values) + 1), values, "--" if validation else "-", color=colour,
                marker="o" if _stand_alone(values) else None, label=label or "_",
                markerfacecolor="none" if validation else None,
            )  # fmt: skip
            colour = line.get_color()
    whole_ticks(ax)
    ax.set(xlabel="epoch", ylabel=_words(next(iter(families))) if alone else "")
    ax.grid(visible=True)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()


def _stand_alone(values: list[float]) -> bool:
    """Whether a number has none beside it, and so makes no line."""
    finite = [False, *map(math.isfinite, values), False]
    beside = zip(finite, finite[1:], finite[2:], strict=False)
    return any(own and not (before or after) for before, own, after in beside)


def _words(name: str) -> str:
    return name.replace("_", " ")
