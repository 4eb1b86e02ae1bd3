"""The architecture of a model as a diagram: layers as boxes, containers around theirs."""

from typing import TYPE_CHECKING, Any

from tinyframe.layers.layer import Layer
from tinyframe.utils.checks import batched, check_kind
from tinyframe.utils.drawing import axes_for
from tinyframe.utils.optional import require
from tinyframe.utils.reprs import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(model: Layer, ax: "Axes | None" = None) -> "Axes":
    """Draw the layers as boxes, from the input at the top; containers as boxes around theirs.

    Parameters
    ----------
    model
        A layer, mostly a Sequential; built, or the shapes are missing.
    ax
        Where to draw.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    check_kind("model", model, Layer, "a layer such as Sequential([Dense(784, 10)])")
    patches = require("matplotlib.patches", "plot", "a plot")
    boxes = list(_boxes(model, 0, 0.0))
    height = sum(1 for *_, lines in boxes if lines > 0) + 0.35 * sum(
        1 for *_, lines in boxes if lines == 0
    )
    deepest = max(depth for _, depth, *_ in boxes)
    ax = axes_for(ax, (6, 0.3 + 0.42 * height))
    bottom = max(stop for *_, stop, _ in boxes)
    for layer, depth, start, stop, lines in boxes:
        inset = 0.35 * depth
        box = patches.FancyBboxPatch(
            (inset, start), 10 - 2 * inset, stop - start,
            boxstyle="round,pad=0,rounding_size=0.12", linewidth=0.8, edgecolor="0.3",
            facecolor=_colour(layer) if lines else f"{0.97 - 0.04 * depth:.2f}",
        )  # fmt: skip
        ax.add_patch(box)
        title = type(layer).__name__ if not lines else shortened(repr(layer))
        where = start + (0.22 if not lines else (stop - start) / 2)
        ax.text(inset + 0.2, where, title, va="center", fontsize=8 if lines else 7)
        if layer.output_shape is not None:
            shape = batched(layer.output_shape)
            ax.text(
                9.8 - inset, where, shape, va="center", ha="right", fontsize=7, color="0.3",
            )  # fmt: skip
    ax.set(xlim=(-0.1, 10.1), ylim=(bottom + 0.1, -0.1))
    ax.set_axis_off()
    if deepest == 0:
        ax.set_title(type(model).__name__, fontsize=9)
    return ax


def _boxes(layer: Layer, depth: int, top: float) -> Any:
    """Yield (layer, depth, start, stop, lines) of all boxes; containers have no lines."""
    children = list(layer.children.values())
    if not children:
        yield layer, depth, top, top + 0.8, 1
        return
    inner, at = [], top + 0.45
    for child in children:
        below = list(_boxes(child, depth + 1, at))
        inner += below
        at = max(stop for *_, stop, _ in below) + 0.2
    yield layer, depth, top, at, 0
    yield from inner


def _colour(layer: Layer) -> str:
    """Return a colour by what a layer is: with weights, or a function alone."""
    return "#cfe2f3" if layer.parameters else "#fdf2d0"
