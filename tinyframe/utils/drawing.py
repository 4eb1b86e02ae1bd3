"""What pictures are drawn on: matplotlib's axes and figures, those given or new ones."""

from typing import TYPE_CHECKING, Any

from tinyframe.utils.checks import check_kind
from tinyframe.utils.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def axes_for(ax: Any, size: tuple[float, float] | None = None) -> "Axes":
    """Return `ax`, or for None those of a new figure.

    Parameters
    ----------
    ax, size
        What the user gave, and how large a new figure is, in inches.

    Raises
    ------
    TypeError
        If it is something else.
    ImportError
        Without matplotlib.
    """
    if ax is None:
        new: Axes = _matplotlib("pyplot").subplots(figsize=size, layout="constrained")[1]
        return new
    check_kind("ax", ax, _matplotlib("axes").Axes, "axes of matplotlib, such as pyplot.gca()")
    given: Axes = ax
    return given


def figure_for(figure: Any, size: tuple[float, float]) -> "Figure":
    """Return `figure`, or for None a new one; size and errors are those of `axes_for`."""
    if figure is None:
        new: Figure = _matplotlib("pyplot").figure(figsize=size, layout="constrained")
        return new
    kind = _matplotlib("figure").FigureBase  # also what `subfigures` makes
    check_kind("figure", figure, kind, "a figure of matplotlib, such as pyplot.figure()")
    given: Figure = figure
    return given


def _matplotlib(module: str) -> Any:
    return require(f"matplotlib.{module}", "plot", "a plot")
