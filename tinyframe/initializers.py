"""Initial values of parameters: functions of a random generator and a shape."""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tinyframe.types import Array, Shape

Initializer: TypeAlias = Callable[["np.random.Generator", Shape], Array]
"""A function (rng, shape) → array of that shape, in float64; the parameter's dtype comes later."""


def zeros(rng: "np.random.Generator", shape: Shape) -> Array:  # noqa: ARG001 - an Initializer's form
    """Return zeros: for biases."""
    return np.zeros(shape)


def ones(rng: "np.random.Generator", shape: Shape) -> Array:  # noqa: ARG001 - an Initializer's form
    """Return ones: for gains."""
    return np.ones(shape)


def he_normal(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of 𝒩(0, 2 / n) for a weight of shape (n, …), where n is the number of inputs.

    The variance keeps the size of activations constant through layers of ReLU.
    Source: He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    """
    return rng.normal(0.0, math.sqrt(2.0 / shape[0]), shape)
