"""Weights in C: floats, or eight bits each, with a float for each unit."""

import copy
from typing import NamedTuple

import numpy as np

from tinyframe.interop.c.program import Program
from tinyframe.layers import (
    GRU,
    LSTM,
    RNN,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Layer,
    MultiHeadAttention,
)
from tinyframe.types import Array

UNITS = {
    Dense: {"weight": -1}, Conv2D: {"weight": 0}, Conv1D: {"weight": 0}, Embedding: {"weight": 0},
    RNN: {"weight": -1, "recurrent_weight": -1}, LSTM: {"weight": -1, "recurrent_weight": -1},
    GRU: {"weight": -1, "recurrent_weight": -1},
    MultiHeadAttention: {"weight": -1, "output_weight": -1},
}  # fmt: skip
"""Which weights may have eight bits, and along which axis their units lie."""


class Weights(NamedTuple):
    """What a weight is called in C, and the table of what its units are multiplied by.

    Attributes
    ----------
    name, scale
        The scale is empty where weights are floats.
    """

    name: str
    scale: str

    @property
    def arguments(self) -> str:
        """Both, as arguments of a call."""
        return f"{self.name}, {self.scale}" if self.scale else self.name

    @property
    def eight(self) -> str:
        """What the names of functions on it end in."""
        return "_8" if self.scale else ""

    @property
    def kind(self) -> str:
        """Its type in C."""
        return "signed char" if self.scale else "float"

    def times(self, unit: str) -> str:
        """Return what a sum of products with a unit's weights is to be multiplied by: "s[f] * "."""
        return f"{self.scale}[{unit}] * " if self.scale else ""


def weights(program: Program, units_first: Array, label: str = "weight") -> Weights:
    """Hold weights, (units, …), as the program wants them."""
    if not program.int8:
        return Weights(program.constant(units_first, label), "")
    steps, scale = _steps(units_first)
    return Weights(program.constant(steps, label), program.constant(scale, "scale"))


def quantized(model: Layer) -> Layer:
    """Return a copy of a built model with the weights that `int8=True` leaves of it.

    Each becomes the nearest of 255 multiples of its unit's scale, which is its largest weight's
    1/127; biases and normalisation stay. `quantized(model).evaluate(X, y)` tells what that costs.

    Parameters
    ----------
    model
        A `Sequential`, or any layer.

    Raises
    ------
    TypeError, ValueError
        If it is no model, or is not built.

    Examples
    --------
    >>> from tinyframe.interop.c import quantized
    >>> model = Sequential([Dense(4, 2)])
    >>> apart = model[0].weight.value - quantized(model)[0].weight.value
    >>> bool(0 < abs(apart).max() < 0.01)
    True
    """
    if not isinstance(model, Layer):
        raise TypeError(f"quantized expected a model, got {model!r}")
    if model.input_shape is None:
        raise ValueError("quantized expected a built model, by fit or build")
    for parameter in model.parameters:  # draws those that have no value yet
        _ = parameter.value
    rounded = copy.deepcopy(model)
    for layer in rounded.walk():
        for name, axis in UNITS.get(type(layer), {}).items():
            parameter = getattr(layer, name)
            steps, scale = _steps(np.moveaxis(parameter.value, axis, 0))
            columns = scale.reshape(-1, *[1] * (steps.ndim - 1))
            parameter.value = np.moveaxis(steps * columns, 0, axis)
    return rounded


def _steps(units_first: Array) -> tuple[Array, Array]:
    """Return weights as multiples from -127 to 127 of each unit's scale, and the scales."""
    rows = units_first.reshape(len(units_first), -1).astype(np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scale = np.where(largest > 0, largest, 1) / 127
    steps = np.rint(rows / scale).astype(np.int8)
    return steps.reshape(units_first.shape), scale[:, 0]
