"""Pictures of what a model has learned: weights, activations, saliency, and mistakes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.inspection.activations import activations, saliency
from tinyframe.layers.layer import Layer
from tinyframe.metrics import confusion_matrix
from tinyframe.parameters import Parameter
from tinyframe.training.settings import check_model
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, check_kind, iterable, sample_shape
from tinyframe.utils.drawing import axes_for, figure_for
from tinyframe.utils.reprs import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tinyframe.model import Model

MOST = 64
"""Panels in a figure; what is beyond is left out, and the title says so."""


def plot_weights(
    layer: Layer, image_shape: Shape | None = None, figure: "Figure | None" = None
) -> "Figure":
    """Draw what each unit of a layer looks for: its weights as an image, red + and blue −.

    Parameters
    ----------
    layer
        A built layer with a `weight`: Dense (inputs, units), or a convolution (filters, channels,
        height, width), whose first three channels become a grey or coloured image.
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
    return _panels(images, [f"{i}" for i in range(len(images))], figure, signed=True)


def plot_activations(model: "Model", x: npt.ArrayLike, figure: "Figure | None" = None) -> "Figure":
    """Draw the outputs of each layer for one sample: images as images, vectors as bars.

    Parameters
    ----------
    model
        A built model.
    x : array of shape input_shape
        One sample.
    figure
        Where to draw; by default a new one.

    Raises
    ------
    TypeError, ValueError
        If x is not that.
    ImportError
        Without matplotlib.
    """
    check_model(model)
    sample = as_numbers(x, "x")
    if sample.shape != model.input_shape and model.input_shape is not None:
        hint = "; one of several rows is X[0]" if sample.shape[1:] == model.input_shape else ""
        raise ValueError(
            f"plot_activations expected one sample of shape {model.input_shape}, got "
            f"{sample.shape}{hint}"
        )
    outputs = activations(model, sample[np.newaxis])
    figure = figure_for(figure, (8, 1.1 * len(outputs) + 0.5))
    rows = figure.subfigures(len(outputs), 1, squeeze=False)[:, 0]
    for row, (name, output) in zip(rows, outputs.items(), strict=True):
        row.suptitle(
            f"{shortened(name)}   {batched(output.shape[1:])}", fontsize=8, x=0.01, ha="left"
        )
        values = output[0]
        if values.ndim == 3:  # noqa: PLR2004 - (channels, height, width)
            panels = row.subplots(1, min(len(values), 16), squeeze=False)[0]
            for axes, channel in zip(panels, values, strict=False):
                axes.imshow(channel, cmap="gray")
                axes.set_axis_off()
        elif values.ndim == 2:  # noqa: PLR2004 - an image, or (time, features)
            square = max(values.shape) < 3 * min(values.shape)
            row.subplots().imshow(values, cmap="gray", aspect="equal" if square else "auto")
        else:
            row.subplots().bar(np.arange(values.size), values.ravel(), width=1)
    return figure


def plot_saliency(
    model: "Model", X: npt.ArrayLike, output: int | None = None, figure: "Figure | None" = None
) -> "Figure":
    """Draw images, and below each how much every pixel speaks for (red) or against the answer.

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
    figure = figure_for(figure, (1.2 * count + 0.4, 3))
    panels = figure.subplots(2, count, squeeze=False)
    for i in range(count):
        panels[0, i].imshow(x[i], cmap="gray_r")
        panels[0, i].set_title(f"→ {answers[i]}", fontsize=9)
        limit = np.abs(gradient[i]).max() or 1.0
        panels[1, i].imshow(gradient[i], cmap="RdBu_r", vmin=-limit, vmax=limit)
    for axes in panels.ravel():
        axes.set_axis_off()
    return figure


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
    """
    counts = confusion_matrix(prediction, target)
    names = labels if labels is not None else [str(i) for i in range(len(counts))]
    if not iterable(names) or isinstance(names, (set, frozenset)):  # which have no order
        raise TypeError(f"labels expected a list of {len(counts)} names, got {names!r}")
    names = list(names)
    if len(names) != len(counts):
        raise ValueError(f"labels expected {len(counts)} names, got {len(names)}")
    size = 2.0 + 0.45 * len(counts)
    ax = axes_for(ax, (size, size))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (true, predicted), count in np.ndenumerate(counts):
        colour = "white" if shares[true, predicted] > 0.5 else "black"  # noqa: PLR2004 - on dark
        text = f"{count:g}" if count else "·"
        ax.text(predicted, true, text, ha="center", va="center", color=colour, fontsize=8)
    ax.set(
        xticks=range(len(names)), yticks=range(len(names)), xticklabels=names, yticklabels=names,
        xlabel="predicted", ylabel="true",
    )  # fmt: skip
    return ax


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


def _panels(images: Array, titles: list[str], figure: "Figure | None", *, signed: bool) -> "Figure":
    """Draw images side by side, all on one scale."""
    shown = images[:MOST]
    columns = min(len(shown), 10)
    rows = -(-len(shown) // columns)
    figure = figure_for(figure, (1.1 * columns + 0.3, 1.2 * rows + 0.4))
    limit = float(np.abs(shown).max()) or 1.0
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for axes, image, title in zip(panels.ravel(), shown, titles, strict=False):
        axes.imshow(image, cmap="RdBu_r" if signed else "gray", vmin=-limit, vmax=limit)
        axes.set_title(title, fontsize=7)
    if len(images) > MOST:
        figure.suptitle(f"the first {MOST} of {len(images)}", fontsize=8)
    return figure
