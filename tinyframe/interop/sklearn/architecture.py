"""The networks of the estimators, and how their weights begin."""

import copy
import math
from typing import Any

import numpy as np

from tinyframe.initializers import glorot_uniform
from tinyframe.layers import Dense, Layer, ReLU, Sigmoid, Tanh
from tinyframe.sequential import Sequential
from tinyframe.types import Array

ACTIVATIONS: dict[str, type[Layer] | None] = {
    "relu": ReLU,
    "tanh": Tanh,
    "logistic": Sigmoid,
    "identity": None,
}
"""What stands between the layers of `hidden_layer_sizes`, by scikit-learn's names."""


def hidden_layers(sizes: Any, activation: str) -> list[Layer]:
    """Return the layers that `hidden_layer_sizes` and `activation` stand for."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation expected one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    kind = ACTIVATIONS[activation]
    layers: list[Layer] = []
    for units in np.atleast_1d(np.asarray(sizes, object)):
        layers += [dense(units), *([] if kind is None else [kind()])]
    return layers


def dense(units: int) -> Dense:
    """Return a `Dense` layer whose weights begin as scikit-learn's do."""
    return Dense(units, initializer=glorot_uniform)


def own_layers(layers: Any, features: Any, outputs: int) -> list[Layer]:
    """Return copies of the layers that were given, or that a function makes."""
    if callable(layers) and not isinstance(layers, Layer):
        layers = layers(features, outputs)
    return copy.deepcopy(list(layers))


def draw_biases(model: Sequential, rng: np.random.Generator, centre: Array | float) -> None:
    """Draw the biases as scikit-learn does, not at zero: it trains faster (measured).

    They are uniform within Glorot's bounds, like the weights; the last ones around `centre`.
    """
    layers = [layer for layer in model if isinstance(layer, Dense)]
    for layer in layers:
        bound = math.sqrt(6 / sum(layer.weight.shape))
        layer.bias.value = rng.uniform(-bound, bound, layer.bias.shape)
    layers[-1].bias.value += centre
