"""The architecture of a model as a diagram: layers as boxes, arrows for what flows between them."""

from typing import TYPE_CHECKING, Any

from tinyframe.inspection.layout import (
    LABEL,
    LINE,
    PAD,
    SHAPE,
    TITLE,
    TWO_LINES,
    Box,
    Path,
    box_of,
    leads,
    place,
)
from tinyframe.layers.layer import Layer
from tinyframe.utils.checks import batched, check_kind
from tinyframe.utils.drawing import INK, PAPER, axes_for
from tinyframe.utils.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "layer with weights": "#bfdcef", "layer without": "#fdeec4", "layer not built yet": PAPER,
    "container": "#f1f1f1",
}  # fmt: skip
"""What the legend tells: blue and yellow of the palette made pale, and grey, darker inside."""


def draw(model: Layer, ax: "Axes | None" = None) -> "Axes":
    """Draw the layers as boxes, from the input at the top, with arrows for what flows.

    Containers are boxes around theirs. In them branches stand side by side, and meet at + where
    they are added, at [ , ] where they are put one after the other; an arrow around the layers is
    the input itself. A container of one's own that computes in another way has no arrows inside.

    Parameters
    ----------
    model
        A layer, mostly a Sequential; built, or the shapes are missing.
    ax
        Where to draw; by default a new figure, so large that all can be read.

    Raises
    ------
    TypeError
        If they are something else.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from tinyframe.plots import draw
    >>> axes = draw(Sequential([Dense(4, 3), ReLU(), Dense(2)]))
    """
    check_kind("model", model, Layer, "a layer such as Sequential([Dense(784, 10)])")
    box = box_of(model, _width)
    top, legend = 1.8 * LINE, 1.2 * LINE  # for the input, and for the legend
    width = max(box.width, 300.0)  # which the legend needs
    place(box, 0, top, width)
    height = top + box.height + legend
    with axes_for(ax, ((width + 8) / 72, (height + 8) / 72)) as axes:
        room = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
        scale = min(1, 72 * room.width / width, 72 * room.height / height)
        for inner in box.walk():
            _draw_box(axes, inner, scale)
        _draw_path(axes, Path([(width / 2, LINE), box.entry], leads(box)), scale)
        shape = "" if model.input_shape is None else f" {batched(model.input_shape)}"
        _text(axes, (width / 2, LINE / 2), f"input{shape}", SHAPE * scale, ha="center")
        patches = require("matplotlib.patches", "plot", "a plot")
        shown = dict.fromkeys(_kind(inner) for inner in box.walk())
        axes.legend(
            handles=[
                patches.Patch(facecolor=COLOURS[kind], edgecolor=INK, linewidth=0.6, label=kind)
                for kind in COLOURS if kind in shown
            ],
            loc="lower center", ncols=3, frameon=False, fontsize=SHAPE * scale,
            borderaxespad=0, labelcolor=INK,
        )  # fmt: skip
        axes.set(xlim=(-1, width + 1), ylim=(height, 0), aspect="equal")
        axes.set_axis_off()
        return axes


def _draw_box(ax: "Axes", box: Box, scale: float) -> None:
    """Draw one box with its texts, and the paths and the joint inside of it."""
    patches = require("matplotlib.patches", "plot", "a plot")
    inside = f"{0.945 - 0.035 * box.depth:.3f}" if box.columns else COLOURS[_kind(box)]
    ax.add_patch(
        patches.FancyBboxPatch(
            (box.x, box.y),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=4",
            linewidth=0.8 * scale,
            edgecolor=INK,
            facecolor=inside,
            zorder=1 + 0.01 * box.depth,
        )
    )
    left, right, middle = box.x + PAD, box.x + box.width - PAD, box.x + box.width / 2
    if box.columns:
        _text(ax, (left, box.y + TITLE / 2), box.label, LABEL * scale)
        _text(ax, (right, box.y + TITLE / 2), box.shape, SHAPE * scale, ha="right")
    elif box.narrow:
        lines = box.y + 0.33 * TWO_LINES, box.y + 0.7 * TWO_LINES
        _text(ax, (middle, lines[0]), box.label, LABEL * scale, ha="center")
        _text(ax, (middle, lines[1]), box.shape, SHAPE * scale, ha="center")
    else:
        _text(ax, (left, box.y + LINE / 2), box.label, LABEL * scale)
        _text(ax, (right, box.y + LINE / 2), box.shape, SHAPE * scale, ha="right")
    for path in box.paths:
        _draw_path(ax, path, scale)
    if box.branches:
        ax.plot(*box.entry, ".", color=INK, markersize=5 * scale)
        edge = {"boxstyle": "round,pad=0.25", "fc": PAPER, "ec": INK, "linewidth": 0.8 * scale}
        _text(ax, box.joined, box.joint, SHAPE * scale, ha="center", bbox=edge)


def _draw_path(ax: "Axes", path: Path, scale: float) -> None:
    *before, last, end = path.points
    line = [*before, last] if path.head else path.points
    if len(line) > 1:
        ax.plot(*zip(*line, strict=True), color=INK, linewidth=0.9 * scale)
    if path.head:
        ax.annotate(
            "", end, last,
            arrowprops={
                "arrowstyle": "-|>,head_length=0.35,head_width=0.18", "color": INK,
                "linewidth": 0.9 * scale, "mutation_scale": 10 * scale, "shrinkA": 0, "shrinkB": 0,
            },
        )  # fmt: skip


def _text(ax: "Axes", place: tuple[float, float], text: str, size: float, **options: Any) -> None:
    ax.text(*place, text, fontsize=size, color=INK, va="center", zorder=4, **options)


def _kind(box: Box) -> str:
    """Return what a box is, as the legend has it."""
    weights, without, unbuilt, container = COLOURS
    if box.columns:
        return container
    if box.layer.output_shape is None:
        return unbuilt
    return weights if box.layer.parameters else without


def _width(text: str, size: float) -> float:
    """Return how wide a text is, in points."""
    if not text:
        return 0.0
    path = require("matplotlib.textpath", "plot", "a plot").TextPath((0, 0), text, size=size)
    width: float = path.get_extents().width
    return width
