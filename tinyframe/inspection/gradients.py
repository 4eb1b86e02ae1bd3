"""How gradients pass through a model: a report of each layer, with what is wrong in plain words."""

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from tinyframe.inspection.activations import layer_name
from tinyframe.layers import ReLU, Sigmoid, Tanh
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss, LossLike
from tinyframe.parameters import ParameterVector
from tinyframe.training.data_spec import DataSpec, as_source
from tinyframe.training.objective import Objective
from tinyframe.training.settings import check_model, chosen_loss
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.model import Model

VANISHING, EXPLODING = 1e-3, 1e3
"""∂L/∂y of a layer, relative to that of the last one, beyond which it is called so."""

SATURATED = 0.9
"""Share of outputs near the ends of their range from which on a layer is called so."""


class LayerGradient(NamedTuple):
    """A line of a `GradientReport`.

    Attributes
    ----------
    layer
        Number and repr.
    signal
        ‖∂L/∂y‖ over the batch, y its output.
    gradient
        ‖∂L/∂θ‖; NaN without parameters.
    relative
        ‖∂L/∂θ‖ / ‖θ‖; NaN without parameters.
    remark
        What is wrong, in plain words; empty if nothing is.
    """

    layer: str
    signal: float
    gradient: float
    relative: float
    remark: str


class GradientReport:
    """How gradients pass through a model's layers, and what is wrong with that.

    Attributes
    ----------
    layers : tuple of LayerGradient
        From the first layer to the last.
    problems : list of str
        The remarks, each with its layer; empty if nothing is wrong.
    """

    def __init__(self, layers: tuple[LayerGradient, ...]) -> None:
        self.layers = layers

    @property
    def problems(self) -> list[str]:
        """The remarks, each with its layer."""
        return [f"{line.layer}: {line.remark}" for line in self.layers if line.remark]

    def __repr__(self) -> str:
        head = ("layer", "‖∂L/∂y‖", "‖∂L/∂θ‖", "relative", "remark")
        rows = [head] + [
            (line.layer, *map(_number, line[1:4]), line.remark) for line in self.layers
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            "  ".join(
                [
                    row[0].ljust(widths[0]),
                    *(row[i].rjust(widths[i]) for i in (1, 2, 3)),
                    row[4],
                ]
            ).rstrip()
            for row in rows
        ]
        lines.insert(1, "─" * max(map(len, lines)))
        return "\n".join(lines)


class Passes(NamedTuple):
    """What goes up and down a chain.

    Attributes
    ----------
    layers, x, outputs
        The chain, what it was given, and the output y of each layer.
    gradients
        ∂L/∂y of each layer; None behind the last that the loss has a gradient for, such as of a
        Softmax that cross-entropy is taken together with.
    loss, value
        The loss, and L.
    """

    layers: Sequence[Layer]
    x: Array
    outputs: list[Array]
    gradients: list[Array | None]
    loss: Loss
    value: float


def passes(twin: "Model", X: npt.ArrayLike, y: npt.ArrayLike, loss: LossLike | None) -> Passes:
    """Return what a forward and a backward pass over all rows give each layer of a copy.

    Raises
    ------
    TypeError, ValueError
        If X, y or the loss is not as in `fit`, or the model is not built.
    """
    layers = twin._chain()  # noqa: SLF001 - what training sees, too
    loss = chosen_loss(copy.deepcopy(loss), twin.loss, layers)
    feed, _ = as_source(DataSpec(twin, twin, loss), X, y)
    objective = Objective(layers, loss)
    rows = feed.rows or 1
    block = next(feed.blocks(rows, rows))
    value = objective.forward(block.x, block.target, block.weight, training=True)
    outputs = [*objective.outputs[1:], objective.prediction][: len(layers)]
    gradient = objective.loss.backward()
    gradients: list[Array | None] = [np.array(gradient)]
    for layer in reversed(objective.layers[1:]):
        gradient = layer.backward(gradient)
        gradients.append(np.array(gradient))
    objective.layers[0].backward_parameters(gradient)
    gradients = [*reversed(gradients), *[None] * (len(layers) - len(objective.layers))]
    return Passes(layers, block.x, outputs, gradients, loss, float(value))


def gradient_report(
    model: "Model", X: npt.ArrayLike, y: npt.ArrayLike, loss: LossLike | None = None
) -> GradientReport:
    """Return how the gradient of the loss on these rows passes through the layers.

    The model is left as it is. A layer's gradient is called vanishing or exploding by its size
    relative to that of the last layer; a unit of ReLU is dead where it is 0 for all rows, and
    Sigmoid and Tanh are saturated where nearly all outputs are at the ends of their range.

    Parameters
    ----------
    model
        A built model.
    X, y
        Some hundreds of rows, as in `fit`.
    loss
        By default that of the last fit, at first `MSELoss()`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the model is not built.

    Examples
    --------
    >>> from tinyframe.inspection import gradient_report
    >>> model = Sequential([Dense(4, 3), ReLU(), Dense(2)])
    >>> report = gradient_report(model, np.ones((5, 4)), np.ones((5, 2)), loss="mse")
    >>> [line.layer for line in report.layers]
    ['0: Dense(4, 3)', '1: ReLU()', '2: Dense(2)']
    """
    check_model(model)
    found = passes(copy.deepcopy(model), X, y, loss)
    layers, outputs = found.layers, found.outputs
    signals = [float(np.linalg.norm(d)) for d in found.gradients if d is not None]
    signals += [signals[-1]] * (len(layers) - len(signals))
    lowest = next((i for i, layer in enumerate(layers) if layer.parameters), 0)
    lines = []
    for number, (layer, output, signal) in enumerate(zip(layers, outputs, signals, strict=True)):
        last = signals[-1] if number >= lowest else math.nan  # below, no gradient is needed
        lines.append(_line(layer_name(number, layer), layer, output, signal, last))
    return GradientReport(tuple(lines))


def _line(name: str, layer: Layer, output: Array, signal: float, last: float) -> LayerGradient:
    """Return what the report says of one layer; `last` is the signal of the last one."""
    gradient = relative = math.nan
    if layer.parameters:
        vector = ParameterVector(layer.parameters)
        gradient = float(np.linalg.norm(vector.grad))
        size = float(np.linalg.norm(vector.value))
        relative = gradient / size if size else math.inf
    remarks = []
    if signal < VANISHING * last:
        remarks.append(f"vanishing gradient: {signal / last:.0e} of the last layer's")
    elif signal > EXPLODING * last:
        remarks.append(f"exploding gradient: {signal / last:.0e} times the last layer's")
    if isinstance(layer, ReLU):
        units = np.moveaxis(output, 1, 0).reshape(output.shape[1], -1)
        dead = int(np.sum(~units.any(axis=1)))
        if dead:
            remarks.append(f"{dead} of {len(units)} units are dead: 0 for all {len(output)} rows")
    if isinstance(layer, (Sigmoid, Tanh)):
        middle = 0.5 if isinstance(layer, Sigmoid) else 0.0
        share = float(np.mean(np.abs(output - middle) > 0.99 * (1 - middle)))
        if share > SATURATED:
            remarks.append(f"saturated: {share:.0%} of its outputs are at the ends of their range")
    return LayerGradient(name, signal, gradient, relative, "; ".join(remarks))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2g}"
