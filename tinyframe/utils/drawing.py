"""How pictures look, and what they are drawn on: one style, matplotlib's axes and figures.

A new figure is drawn in `STYLE`. On axes or a figure of the user's own, sizes and colours of text
are the user's, and only colour maps are set.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tinyframe.utils.checks import check_kind
from tinyframe.utils.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

INK = "#222222"
"""Of text, axes and arrows."""

QUIET = "#999999"
"""Of what stands behind: reference lines."""

PAPER = "white"
"""Behind all of it, and never transparent: ink is legible in a dark notebook, too."""

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Colours that all readers can tell apart: Okabe and Ito, "Color Universal Design", 2008."""

SIGNED = "RdBu_r"
"""Colour map of what has a sign: red is +, blue is −, white is 0."""

IMAGES = "gray_r"
"""Colour map of images: ink on paper."""

SHARES = "Blues"
"""Colour map of shares, from 0 to 1."""

SMALL = 8.33
"""The size of type that matplotlib calls "small" where text has 10 points."""

STYLE: dict[Any, Any] = {
    "font.size": 10.0,  # and the sizes below are relative to it
    "axes.titlesize": "medium", "axes.labelsize": "medium", "figure.titlesize": "medium",
    "figure.labelsize": "medium", "xtick.labelsize": SMALL, "ytick.labelsize": SMALL,
    "legend.fontsize": "small", "legend.title_fontsize": "small",
    "axes.titleweight": "normal", "axes.labelweight": "normal", "figure.titleweight": "normal",
    "figure.facecolor": PAPER, "figure.edgecolor": PAPER, "figure.frameon": True,
    "axes.facecolor": PAPER, "axes.edgecolor": INK, "axes.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.bottom": True, "axes.spines.left": True,
    "axes.grid": False, "axes.axisbelow": True, "axes.titlelocation": "center",
    "axes.titlecolor": INK, "axes.labelcolor": INK, "axes.titlepad": 6.0, "axes.labelpad": 4.0,
    "axes.xmargin": 0.05, "axes.ymargin": 0.05,
    "axes.prop_cycle": f"cycler(color={list(PALETTE)})",
    "grid.color": "#dddddd", "grid.linewidth": 0.8, "grid.linestyle": "-", "grid.alpha": 1.0,
    "text.color": INK, "patch.linewidth": 1.0, "patch.edgecolor": INK,
    "lines.linewidth": 1.5, "lines.markersize": 5.0, "lines.marker": "None", "lines.linestyle": "-",
    "lines.solid_capstyle": "projecting", "lines.dashed_pattern": [3.7, 1.6],
    "legend.frameon": False, "legend.labelcolor": "None",
    "image.cmap": IMAGES, "image.interpolation": "antialiased", "image.origin": "upper",
    **{
        f"{side}tick.{key}": value
        for side in "xy"
        for key, value in {
            "color": INK, "labelcolor": "inherit", "direction": "out", "minor.visible": False,
            "major.size": 3.5, "major.width": 0.8, "major.pad": 3.5,
            "minor.size": 2.0, "minor.width": 0.6, "minor.pad": 3.5,
        }.items()
    },
    "xtick.bottom": True, "xtick.top": False, "xtick.labelbottom": True, "xtick.labeltop": False,
    "ytick.left": True, "ytick.right": False, "ytick.labelleft": True, "ytick.labelright": False,
}  # fmt: skip
"""The style, as parameters of matplotlib; family of fonts and resolution are the user's.

`pyplot.style.use(plots.STYLE)` has all pictures of a session look like those of tinyframe, and
`with pyplot.style.context(plots.STYLE):` some of them.
"""


@contextmanager
def axes_for(ax: Any, size: tuple[float, float] | None = None) -> "Iterator[Axes]":
    """Give `ax`, or for None those of a new figure, which are drawn on in the style.

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
        with _new_figure("subplots", size) as (_, new):
            yield new
    else:
        check_kind("ax", ax, _matplotlib("axes").Axes, "axes of matplotlib, such as pyplot.gca()")
        yield ax


@contextmanager
def figure_for(figure: Any, size: tuple[float, float]) -> "Iterator[Figure]":
    """Give `figure`, or for None a new one; all else is as with `axes_for`."""
    if figure is None:
        with _new_figure("figure", size) as new:
            yield new
    else:
        kind = _matplotlib("figure").FigureBase  # also what `subfigures` makes
        check_kind("figure", figure, kind, "a figure of matplotlib, such as pyplot.figure()")
        yield figure


@contextmanager
def _new_figure(maker: str, size: tuple[float, float] | None) -> Iterator[Any]:
    """Give what a function of pyplot makes, in the style; the user's parameters stay."""
    mpl, pyplot = (require(name, "plot", "a plot") for name in ("matplotlib", "matplotlib.pyplot"))
    with mpl.rc_context(STYLE):
        made = getattr(pyplot, maker)(figsize=size, layout="constrained")
        yield made
        figure = made[0] if isinstance(made, tuple) else made
        # Ticks are made, and their number is chosen, when the figure is drawn, by then in no style.
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
            axis.set_tick_params(which="both", labelsize=SMALL)
        figure.draw_without_rendering()


def add_scale(
    image: "AxesImage", panels: "Iterable[Axes]", label: str, shrink: float = 1
) -> "Colorbar":
    """Draw the scale of an image's colours beside the panels that share it, and return it."""
    figure: Any = image.figure
    bar: Colorbar = figure.colorbar(image, ax=list(panels), label=label, pad=0.02, shrink=shrink)
    bar.outline.set_visible(False)
    return bar


def whole_ticks(ax: "Axes") -> None:
    """Put ticks of x at whole numbers alone."""
    locator = _matplotlib("ticker").MaxNLocator
    ax.xaxis.set_major_locator(locator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _matplotlib(module: str) -> Any:
    return require(f"matplotlib.{module}", "plot", "a plot")
