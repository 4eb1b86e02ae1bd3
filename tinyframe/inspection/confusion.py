"""A picture of what a model takes for what: its confusion matrix."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyframe.metrics import confusion_matrix
from tinyframe.utils.checks import iterable
from tinyframe.utils.drawing import (
    INK,
    PAPER,
    SHARES,
    add_scale,
    axes_for,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_confusion_matrix(
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how often each class (row) was taken for each (column); colours are shares of rows.

    Parameters
    ----------
    prediction
        The model's outputs (rows, outputs), or predicted labels (rows,).
    target
        Labels (rows,) or one-hot rows.
    labels
        Names of the classes; by default their numbers.
    ax
        Where to draw; by default a new figure.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, or there are other than one label a class.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from tinyframe.plots import plot_confusion_matrix
    >>> axes = plot_confusion_matrix([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    """
    counts = confusion_matrix(prediction, target)
    names = labels if labels is not None else [str(i) for i in range(len(counts))]
    if not iterable(names) or isinstance(names, (set, frozenset)):  # which have no order
        raise TypeError(f"labels expected a list of {len(counts)} names, got {names!r}")
    names = list(names)
    if len(names) != len(counts):
        raise ValueError(f"labels expected {len(counts)} names, got {len(names)}")
    new, size = ax is None, 1.8 + 0.4 * len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with axes_for(ax, (size + 0.8, size)) as axes:
        image = axes.imshow(shares, cmap=SHARES, vmin=0, vmax=1)
        for (true, predicted), count in np.ndenumerate(counts):
            colour = PAPER if shares[true, predicted] > 0.5 else INK  # noqa: PLR2004 - on dark
            text = f"{count:g}" if count else "·"
            axes.text(
                predicted, true, text, ha="center", va="center", color=colour, fontsize="small"
            )
        axes.set(
            xticks=range(len(names)), yticks=range(len(names)), xticklabels=names,
            yticklabels=names, xlabel="predicted", ylabel="true",
        )  # fmt: skip
        if len(names) > 2 and max(map(len, map(str, names))) > 5:  # noqa: PLR2004 - too long for a cell
            axes.tick_params("x", rotation=45)
        if new:
            add_scale(image, [axes], "share of the row")
    return axes
