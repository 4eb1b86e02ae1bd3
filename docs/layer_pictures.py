"""What each layer does, in one picture: the head of its page."""

import math

import numpy as np
from matplotlib import pyplot as plt

import tinyframe
from tinyframe import Layer, Sequential
from tinyframe.datasets import digits
from tinyframe.plots import IMAGES, PALETTE, QUIET, SHARES, SIGNED, draw
from tinyframe.types import Array, Shape

RNG_SEED = 3


def does(layer: Layer, shape: Shape) -> None:
    """Draw what a layer makes of something that shows it best.

    Parameters
    ----------
    layer
        Not built yet.
    shape
        Sample shape for those that are shown with plain numbers.
    """
    name = type(layer).__name__
    if name in ON_IMAGES:
        _on_a_digit(name)
    elif name == "Conv1D":
        _on_a_signal()
    elif name in ("RNN", "LSTM", "GRU"):
        _over_time(name)
    elif name == "MultiHeadAttention":
        _attention()
    elif name in ("Softmax", "LogSoftmax"):
        _bars(layer)
    elif name in ("Sequential", "Residual", "Add", "Concatenate"):
        _parts(layer, shape)
    elif is_curve(type(layer)):
        _curve(layer)
    else:
        _before_and_after(layer, shape)


def is_curve(kind: type[Layer]) -> bool:
    """Whether each number of y is the same function of its own x alone."""
    return kind.__module__.endswith("activations") or kind is tinyframe.Rescale


ON_IMAGES = {
    "Conv2D", "ConvTranspose2D", "MaxPool2D", "AveragePool2D", "GlobalAveragePool2D",
}  # fmt: skip

EDGES = np.array([
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
])  # fmt: skip
"""Kernels that find edges from left to right, and from top to bottom (Sobel and Feldman, 1968)."""


def _figure(columns: int, width: float, height: float = 2.2) -> tuple[plt.Figure, list[plt.Axes]]:
    figure, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False)
    figure.set_layout_engine("constrained")
    return figure, list(axes[0])


def _image(panel: plt.Axes, values: Array, title: str, *, signed: bool = False) -> None:
    limit = float(np.abs(values).max()) or 1.0
    colours = {"cmap": SIGNED, "vmin": -limit} if signed else {"cmap": IMAGES, "vmin": 0}
    panel.imshow(values, vmax=limit, **colours)
    panel.set_title(f"{title}\n{' × '.join(map(str, values.shape))}")
    panel.set_axis_off()


def _on_a_digit(name: str) -> None:
    """Draw a digit, the kernel if there is one, and what comes out."""
    (_, _), (images, _) = digits(size=28)
    digit = images[1].astype(np.float32)[np.newaxis, np.newaxis] / 255
    if name == "Conv2D":
        layer = tinyframe.Conv2D(2, 3, padding=1)
        layer.build((1, 28, 28), rng=0)
        layer.weight = EDGES[:, np.newaxis] / 4
        y = layer(digit)[0]
        _, axes = _figure(5, 8)
        _image(axes[0], digit[0, 0], "x")
        for k in range(2):
            _image(axes[1 + 2 * k], EDGES[k] / 4, f"kernel {k + 1}", signed=True)
            _image(axes[2 + 2 * k], y[k], f"y, channel {k + 1}", signed=True)
    elif name == "ConvTranspose2D":
        layer = tinyframe.ConvTranspose2D(1, 3, stride=2)
        layer.build((1, 4, 4), rng=0)
        kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
        layer.weight = kernel[np.newaxis, np.newaxis]
        x = np.zeros((1, 1, 4, 4), np.float32)
        x[0, 0, [0, 2, 3], [1, 2, 0]] = 1, 0.7, 0.4
        _, axes = _figure(3, 5.5)
        _image(axes[0], x[0, 0], "x")
        _image(axes[1], kernel, "kernel")
        _image(axes[2], layer(x)[0, 0], "y, stride 2")
    elif name == "GlobalAveragePool2D":
        small = np.concatenate([digit, 1 - digit, digit[..., ::-1] * 0.5], axis=1)
        _, axes = _figure(4, 7)
        for k in range(3):
            _image(axes[k], small[0, k], f"x, channel {k + 1}")
            axes[k].images[0].set_clim(0, 1)
        axes[3].bar([1, 2, 3], tinyframe.GlobalAveragePool2D()(small)[0], color=PALETTE[0])
        axes[3].set(title="y: one mean a channel", xticks=[1, 2, 3], xlabel="channel")
    else:
        layer = getattr(tinyframe, name)(4)
        _, axes = _figure(2, 4.2)
        _image(axes[0], digit[0, 0], "x")
        _image(axes[1], layer(digit)[0, 0], "y, windows of 4 × 4")


def _on_a_signal() -> None:
    """Draw a signal, a kernel of differences, and what it finds."""
    time = np.arange(60)
    x = ((time > 15) & (time < 30)) * 1.0 + (time > 40) * 0.5
    layer = tinyframe.Conv1D(1, 5, padding=2)
    layer.build((60, 1), rng=0)
    kernel = np.array([-1, -1, 0, 1, 1]) / 2
    layer.weight = kernel.reshape(layer.weight.shape)
    y = layer(x[np.newaxis, :, np.newaxis].astype(np.float32))[0, :, 0]
    _, axes = _figure(2, 7.5)
    axes[0].bar(range(5), kernel, color=PALETTE[1])
    axes[0].set(title="kernel", xlabel="k", xticks=range(5))
    axes[1].step(time, x, where="mid", label="x", color=QUIET)
    axes[1].plot(time, y, label="y: where x rises and falls", color=PALETTE[1])
    axes[1].set(xlabel="time")
    axes[1].legend()


def _over_time(name: str) -> None:
    """Draw a recurrent layer of one unit, its weights set by hand to remember."""
    rng = np.random.default_rng(RNG_SEED)
    time, units = 30, 1
    x = np.stack([rng.uniform(-1, 1, time), np.isin(np.arange(time), (4, 18))], axis=1)
    layer = getattr(tinyframe, name)(units, return_sequences=True)
    layer.build((time, 2), rng=0)
    if name == "RNN":
        x[:, 0] *= x[:, 1]  # it has no gate: what it is shown it takes
        layer.weight, layer.recurrent_weight, layer.bias = [[2.0], [0.0]], [[0.95]], [0.0]
        gates = {}
    elif name == "LSTM":  # written to where the second input is 1; always read
        layer.weight = [[0, 0, 2, 0], [10, -10, 0, 0]]
        layer.recurrent_weight, layer.bias = np.zeros((1, 4)), [-5, 5, 0, 3]
        a = x @ layer.weight.value + layer.bias.value
        i, f, o = (_sigmoid(a[:, k]) for k in (0, 1, 3))
        gates = {"input gate i": i, "forget gate f": f, "output gate o": o}
    else:
        layer.weight = [[0, 0, 2], [0, -10, 0]]
        layer.recurrent_weight, layer.bias = np.zeros((1, 3)), [0, 5, 0]
        a = x @ layer.weight.value + layer.bias.value
        gates = {"gate k: how much is kept": _sigmoid(a[:, 1])}
    h = layer(x[np.newaxis].astype(np.float32))[0, :, 0]
    figure, axes = plt.subplots(2 + bool(gates), 1, figsize=(7, 3.4 + bool(gates)), sharex=True)
    figure.set_layout_engine("constrained")
    axes[0].stem(x[:, 0], linefmt=QUIET, markerfmt=" ", basefmt=" ", label="x₁, a number")
    if gates:
        axes[0].plot(x[:, 1], drawstyle="steps-mid", color=PALETTE[1], label="x₂, “remember it”")
    axes[0].set(ylabel="x")
    for number, (label, gate) in enumerate(gates.items()):
        axes[1].plot(gate, label=label, color=PALETTE[number])
        axes[1].set(ylabel="gates")
    axes[-1].plot(h, color=PALETTE[0], label="h, the state")
    axes[-1].set(xlabel="time", ylabel="h")
    for panel in axes:
        panel.axhline(0, color=QUIET, linewidth=0.5)
        panel.set_xlim(-1, 42)  # room for the legend
        panel.legend(loc="center right")


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _attention() -> None:
    """Draw how much each place takes of every other, by queries and keys set by hand."""
    words = ["the", "cat", "saw", "the", "dog", "run"]
    kinds = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    wants = np.array([[0, 1, 0], [0, 0, 1], [0, 1, 0]])  # articles nouns, nouns verbs, verbs nouns
    layer = tinyframe.MultiHeadAttention(1)
    layer.build((6, 3), rng=0)
    layer.weight = np.concatenate([5 * wants, np.eye(3), np.eye(3)], axis=1)
    layer.output_weight = np.eye(3)
    q, k, v = np.split(kinds @ layer.weight.value, 3, axis=1)
    scores = q @ k.T / math.sqrt(3)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    y = layer(kinds[np.newaxis].astype(np.float32))[0]
    np.testing.assert_allclose(y, shares @ v, atol=1e-5)  # that is what the layer does
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2))
    figure.set_layout_engine("constrained")
    image = left.imshow(shares, cmap=SHARES, vmin=0)
    left.set_xticks(range(6), words, rotation=45)
    left.set_yticks(range(6), words)
    left.set(title="A: each row's shares of the columns", xlabel="taken from", ylabel="place")
    figure.colorbar(image, ax=left)
    _table(right, y, "y: mixtures of the values")
    right.set_yticks(range(6), words)
    right.set_xticks(range(3), ["article", "noun", "verb"])
    right.set_axis_on()


def _bars(layer: Layer) -> None:
    """Draw scores, and what becomes of them."""
    x = np.array([[2.0, 1.0, 0.1, -1.0, 3.0]], np.float32)
    _, axes = _figure(2, 6)
    axes[0].bar(range(5), x[0], color=QUIET)
    axes[0].set(title="x: scores", xlabel="class")
    y = layer(x)[0]
    axes[1].bar(range(5), y, color=PALETTE[0])
    title = "y: logarithms of probabilities" if (y < 0).any() else "y: they add up to 1"
    axes[1].set(title=title, xlabel="class")
    for panel in axes:
        panel.axhline(0, color=QUIET, linewidth=0.5)


def _parts(layer: Layer, shape: Shape) -> None:
    """Draw what a container is made of."""
    model = layer if isinstance(layer, Sequential) else Sequential([layer])
    model.build(shape, rng=0)
    draw(model)


def _curve(layer: Layer) -> None:
    """Draw y and dy/dx over x."""
    x = np.linspace(-4, 4, 201, dtype=np.float32)[np.newaxis]
    y = layer.forward(x, training=True)
    _, (panel,) = _figure(1, 4.4, 2.8)
    panel.plot(x[0], y[0], label="y")
    panel.plot(x[0], layer.backward(np.ones_like(y))[0], "--", label="dy/dx")
    panel.axhline(0, color=QUIET, linewidth=0.5)
    panel.set(xlabel="x")
    panel.legend()


def _before_and_after(layer: Layer, shape: Shape) -> None:
    """Draw x and y as tables of numbers: rows of a batch, or one sample where it is a table."""
    rng = np.random.default_rng(RNG_SEED)
    name = type(layer).__name__
    rows = 5 if len(shape) == 1 else 1
    x = rng.normal(1.0, 1.5, (rows, *shape)).round(1)
    if name == "Embedding":
        x = np.array([[0, 1, 3, 1]])
    elif name in ("Flatten", "Reshape", "Permute", "Reverse", "Select"):
        x = np.arange(1.0, 1 + math.prod(shape)).reshape(1, *shape)
    if name == "PositionalEmbedding":
        x = np.zeros((1, *shape))
    layer.build(shape, rng=1)
    layer.rng = 1
    training = name in ("Dropout", "BatchNorm")
    y = layer.forward(x if name == "Embedding" else x.astype(np.float32), training=training)
    tables = [(x, "x"), (y, "y in training" if training else "y")]
    if name == "Dense":
        tables.insert(1, (layer.weight.value, "W"))
    flat = [(t[0] if t.ndim == 3 else t, title) for t, title in tables]
    widths = [max(2, t.shape[1]) for t, _ in flat]
    figure, axes = plt.subplots(
        1, len(flat), figsize=(0.52 * sum(widths) + 1, 0.34 * max(len(t) for t, _ in flat) + 1),
        width_ratios=widths,
    )  # fmt: skip
    figure.set_layout_engine("constrained")
    for panel, (table, title) in zip(axes, flat, strict=True):
        _table(panel, table, title)


def _table(panel: plt.Axes, values: Array, title: str) -> None:
    """Draw numbers, on the colour of their size."""
    limit = float(np.abs(values).max()) or 1.0
    panel.imshow(values, cmap=SIGNED, vmin=-1.6 * limit, vmax=1.6 * limit, aspect="auto")
    digits_after = 0 if values.dtype.kind in "iu" or (values == values.round()).all() else 1
    for (i, j), value in np.ndenumerate(values):
        panel.text(j, i, f"{value:.{digits_after}f}", ha="center", va="center", fontsize=9)
    panel.set_title(f"{title}\n{' × '.join(map(str, values.shape))}")
    panel.set_axis_off()
