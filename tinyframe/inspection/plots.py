"""Pictures of what a model has learned: weights, activations and saliency."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.inspection.activations import activations, saliency
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.training.settings import check_model
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, check_kind, sample_shape
from tinyframe.utils.drawing import (
    IMAGES,
    PALETTE,
    SIGNED,
    add_scale,
    figure_for,
    whole_ticks,
)
from tinyframe.utils.reprs import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tinyframe.model import Model

MOST = 64
"""Panels in a figure; what is beyond is left out, and the title says so."""


def plot_weights(
    layer: Layer, image_shape: Shape | None = None, figure: "Figure | None" = None
) -> "Figure":
    """Draw what each unit of a layer looks for: its weights as an image, beside their scale.

    All are on one scale: red speaks for the unit, blue against it.

    Parameters
    ----------
    layer
        A built layer with a `weight`: Dense (inputs, units), or a convolution (filters, channels,
        height, width), whose image is the mean of its channels.
    image_shape
        (height, width) of a Dense layer's inputs; by default square if they are.
    figure
        Where to draw; by default a new one.

    Raises
    ------
    TypeError, ValueError
        If the layer has no such weight, or its inputs make no image of that shape, or no square
        where none is given.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from tinyframe.plots import plot_weights
    >>> axes = plot_weights(Dense(784, 4), image_shape=(28, 28))
    """
    expected = "a built Dense layer or convolution, such as model[0]"
    check_kind("plot_weights", layer, Layer, expected)
    weight: Any = getattr(layer, "weight", None)
    shape = weight.shape if isinstance(weight, Parameter) else ()
    if len(shape) == 4:  # noqa: PLR2004 - (filters, channels, height, width)
        images = weight.value.mean(axis=1)
    elif len(shape) == 2 and layer.output_shape == (*(layer.input_shape or ())[:-1], shape[1]):  # noqa: PLR2004 - (inputs, units)
        images = weight.value.T.reshape(-1, *_image_shape(len(weight.value), image_shape))
    else:
        raise TypeError(f"plot_weights expected {expected}, got {layer!r}")
    shown = images[:MOST]
    columns = min(len(shown), 10)
    rows = -(-len(shown) // columns)
    limit = float(np.abs(shown).max()) or 1.0
    with figure_for(figure, (0.95 * columns + 1.0, 1.1 * rows + 0.3)) as drawn_on:
        panels = drawn_on.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for number, (axes, image) in enumerate(zip(panels, shown, strict=False)):
            scaled = axes.imshow(image, cmap=SIGNED, vmin=-limit, vmax=limit)
            axes.set_title(f"{number}", fontsize="small")
        add_scale(scaled, panels, "weight", shrink=min(1, 2 / rows))
        if len(images) > MOST:
            drawn_on.suptitle(f"the first {MOST} of {len(images)}")
        return drawn_on


def plot_activations(model: "Model", x: npt.ArrayLike, figure: "Figure | None" = None) -> "Figure":
    """Draw the outputs of each layer for one sample: images as images, vectors as bars.

    Of many channels the first 16 are drawn, each on its own scale: darker is more.

    Parameters
    ----------
    model
        A built model.
    x : array of shape input_shape, or (1, *input_shape)
        One sample, `X[0]` or `X[:1]`.
    figure
        Where to draw; by default a new one.

    Raises
    ------
    TypeError, ValueError
        If x is not that.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from tinyframe.plots import plot_activations
    >>> model = Sequential([Dense(4, 3), ReLU()])
    >>> figure = plot_activations(model, np.ones((1, 4)))
    """
    outputs = activations(model, one_row(model, x, "plot_activations"))
    with figure_for(figure, (8, 1.25 * len(outputs))) as drawn_on:
        rows = drawn_on.subfigures(len(outputs), 1, squeeze=False)[:, 0]
        for row, (name, output) in zip(rows, outputs.items(), strict=True):
            title = f"{shortened(name)}   {batched(output.shape[1:])}"
            row.suptitle(title, fontsize="small", x=0.01, ha="left")
            draw_output(row, output[0])
        return drawn_on


def plot_saliency(
    model: "Model", X: npt.ArrayLike, output: int | None = None, figure: "Figure | None" = None
) -> "Figure":
    """Draw images, and below each how much every pixel speaks for (red) or against the answer.

    Each image has its own scale, from minus to plus its largest derivative.

    Parameters
    ----------
    model, X, output
        As in `inspection.saliency`; samples are images, channels first if they have any.
    figure
        Where to draw; by default a new one.

    Raises
    ------
    TypeError, ValueError
        If they are not that.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from tinyframe.plots import plot_saliency
    >>> model = Sequential([Flatten(), Dense(2)])
    >>> shape = model.build((8, 8))
    >>> figure = plot_saliency(model, np.ones((3, 8, 8)))
    """
    x = as_numbers(X, "X")
    gradient = saliency(model, x, output)
    answers = model.predict(x).argmax(axis=1) if output is None else np.full(len(x), output)
    if x.ndim == 2:  # noqa: PLR2004 - rows of pixels, or of features, which become a strip
        shape = _square(x.shape[1]) or (1, x.shape[1])
        x, gradient = (a.reshape(-1, *shape) for a in (x, gradient))
    if x.ndim == 4:  # noqa: PLR2004 - channels
        x, gradient = x.mean(axis=1), gradient.sum(axis=1)
    if x.ndim != 3:  # noqa: PLR2004 - images
        raise ValueError(f"plot_saliency expected images, got samples of shape {x.shape[1:]}")
    count = min(len(x), 10)
    with figure_for(figure, (1.1 * count + 1.3, 2.8)) as drawn_on:
        panels = drawn_on.subplots(2, count, squeeze=False)
        for axes in panels.ravel():
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for i in range(count):
            panels[0, i].imshow(x[i], cmap=IMAGES)
            panels[0, i].set_title(f"→ {answers[i]}")
            limit = np.abs(gradient[i]).max() or 1.0
            signed = panels[1, i].imshow(gradient[i], cmap=SIGNED, vmin=-limit, vmax=limit)
        for axes, label in zip(panels[:, 0], ("x", "∂y/∂x"), strict=True):
            axes.set_ylabel(label, rotation=0, ha="right", va="center")
        add_scale(signed, panels[1], "").set_ticks(
            [-limit, 0, limit], labels=["against", "0", "for"]
        )
        return drawn_on


def _image_shape(pixels: int, shape: Shape | None) -> Shape:
    """Return (height, width), which have to multiply to the pixels."""
    if shape is None:
        square = _square(pixels)
        if square is None:
            raise ValueError(
                f"plot_weights expected inputs that make an image, got {pixels}, which are no "
                f"square; image_shape=(1, {pixels}) draws them as a strip"
            )
        return square
    found = sample_shape("image_shape", shape)
    if len(found) != 2 or math.prod(found) != pixels:  # noqa: PLR2004 - (height, width)
        raise ValueError(f"image_shape expected (height, width) of {pixels} pixels, got {found}")
    return found


def _square(pixels: int) -> Shape | None:
    side = math.isqrt(pixels)
    return (side, side) if side * side == pixels else None


def one_row(model: "Model", x: npt.ArrayLike, asker: str) -> Array:
    """Return one sample, X[0] or X[:1], as (1, *input_shape).

    Raises
    ------
    TypeError, ValueError
        If it is not that; `asker` is named.
    """
    check_model(model)
    sample = as_numbers(x, "x")
    if sample.shape == (1, *(model.input_shape or ())):
        sample = sample[0]
    if sample.shape != model.input_shape and model.input_shape is not None:
        hint = "; one of several rows is X[0]" if sample.shape[1:] == model.input_shape else ""
        raise ValueError(
            f"{asker} expected one sample of shape {model.input_shape}, got {sample.shape}{hint}"
        )
    return sample[np.newaxis]


def draw_output(figure: Any, values: Array, fewest: int = 8, signed: bool = False) -> None:
    """Draw what a layer gives for one sample: an image a channel, a strip, or bars.

    Of images there are up to twice the fewest that there is room for. Where values are signed, red
    is + and blue is −, on one scale for all channels.
    """
    if values.ndim == 2 and max(values.shape) < 3 * min(values.shape):  # noqa: PLR2004 - an image
        values = values[np.newaxis]
    limit = float(np.abs(values).max(initial=0)) or 1.0
    colours = {"cmap": SIGNED, "vmin": -limit, "vmax": limit} if signed else {"cmap": IMAGES}
    if values.ndim == 3:  # noqa: PLR2004 - (channels, height, width)
        panels = figure.subplots(1, max(fewest, min(len(values), 2 * fewest)), squeeze=False)[0]
        for axes in panels:
            axes.set_axis_off()
        for axes, channel in zip(panels, values, strict=False):
            axes.imshow(channel, **colours)
        return
    axes = figure.subplots()
    if values.ndim == 2:  # noqa: PLR2004 - (time, features)
        axes.imshow(values, aspect="auto", **colours)
    else:
        flat = values.ravel()
        colour = [PALETTE[1] if value > 0 else PALETTE[0] for value in flat] if signed else None
        axes.bar(np.arange(flat.size), flat, width=0.9, color=colour)
        axes.set_xlim(-0.6, flat.size - 0.4)
    whole_ticks(axes)
