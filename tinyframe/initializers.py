"""Initial values of parameters: functions of a random generator and a shape.

Each is an `Initializer`: (rng, shape) → float64 array of that shape.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tinyframe.types import Array, Shape
from tinyframe.utils.checks import function, real_number
from tinyframe.utils.hints import closest

Initializer: TypeAlias = Callable[["np.random.Generator", Shape], Array]
"""A function (rng, shape) → array of that shape, in float64; the parameter's dtype comes later."""


def zeros(rng: "np.random.Generator", shape: Shape) -> Array:  # noqa: ARG001 - an Initializer's form
    """Return zeros: for biases.

    Examples
    --------
    >>> from tinyframe.initializers import zeros
    >>> rng = np.random.default_rng(0)
    >>> zeros(rng, (2,))
    array([0., 0.])
    """
    return np.zeros(shape)


def ones(rng: "np.random.Generator", shape: Shape) -> Array:  # noqa: ARG001 - an Initializer's form
    """Return ones: for gains.

    Examples
    --------
    >>> from tinyframe.initializers import ones
    >>> rng = np.random.default_rng(0)
    >>> ones(rng, (2,))
    array([1., 1.])
    """
    return np.ones(shape)


class Constant:
    """The initializer that gives `value` everywhere; see `constant`, which checks and makes one."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, rng: "np.random.Generator", shape: Shape) -> Array:  # noqa: ARG002 - an Initializer's form
        """Return the value everywhere."""
        return np.full(shape, self.value)

    def __repr__(self) -> str:
        return f"constant({self.value})"


def constant(value: float) -> Initializer:
    """Return an initializer that gives `value` everywhere.

    Parameters
    ----------
    value
        A finite number.

    Raises
    ------
    TypeError, ValueError
        If it is not a finite number.

    Examples
    --------
    >>> from tinyframe.initializers import constant
    >>> rng = np.random.default_rng(0)
    >>> constant(0.5)(rng, (2,))
    array([0.5, 0.5])
    """
    return Constant(real_number("constant's value", value))


def normal(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of 𝒩(0, 1): for embeddings.

    Examples
    --------
    >>> from tinyframe.initializers import normal
    >>> rng = np.random.default_rng(0)
    >>> normal(rng, (1000, 100)).std().round(2)
    np.float64(1.0)
    """
    return rng.standard_normal(shape)


def he_normal(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of 𝒩(0, 2 / inputs): keeps the size of activations through layers of ReLU.

    Source: He et al., "Delving Deep into Rectifiers", 2015, equation 10.

    Examples
    --------
    >>> from tinyframe.initializers import he_normal
    >>> rng = np.random.default_rng(0)
    >>> he_normal(rng, (200, 1000)).std().round(2)
    np.float64(0.1)
    """
    inputs, _ = fans(shape)
    return rng.normal(0.0, math.sqrt(2.0 / inputs), shape)


def he_uniform(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of the uniform distribution with the variance of `he_normal`.

    Examples
    --------
    >>> from tinyframe.initializers import he_uniform
    >>> rng = np.random.default_rng(0)
    >>> abs(he_uniform(rng, (600, 1000))).max().round(2)
    np.float64(0.1)
    """
    inputs, _ = fans(shape)
    return _uniform(rng, shape, 2.0 / inputs)


def glorot_normal(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of 𝒩(0, 2 / (inputs + outputs)): for layers of tanh or sigmoid.

    It is a compromise between keeping the size of activations and that of gradients. Source: Glorot
    and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> from tinyframe.initializers import glorot_normal
    >>> rng = np.random.default_rng(0)
    >>> glorot_normal(rng, (200, 1000)).std().round(2)
    np.float64(0.04)
    """
    inputs, outputs = fans(shape)
    return rng.normal(0.0, math.sqrt(2.0 / (inputs + outputs)), shape)


def glorot_uniform(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of the uniform distribution with the variance of `glorot_normal`.

    Examples
    --------
    >>> from tinyframe.initializers import glorot_uniform
    >>> rng = np.random.default_rng(0)
    >>> abs(glorot_uniform(rng, (200, 400))).max().round(2)
    np.float64(0.1)
    """
    inputs, outputs = fans(shape)
    return _uniform(rng, shape, 2.0 / (inputs + outputs))


def lecun_normal(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of 𝒩(0, 1 / inputs): keeps the size of activations through linear layers.

    Source: LeCun et al., "Efficient BackProp", 1998, section 4.6.

    Examples
    --------
    >>> from tinyframe.initializers import lecun_normal
    >>> rng = np.random.default_rng(0)
    >>> lecun_normal(rng, (100, 1000)).std().round(2)
    np.float64(0.1)
    """
    inputs, _ = fans(shape)
    return rng.normal(0.0, math.sqrt(1.0 / inputs), shape)


def lecun_uniform(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return draws of the uniform distribution with the variance of `lecun_normal`.

    Examples
    --------
    >>> from tinyframe.initializers import lecun_uniform
    >>> rng = np.random.default_rng(0)
    >>> abs(lecun_uniform(rng, (300, 1000))).max().round(2)
    np.float64(0.1)
    """
    inputs, _ = fans(shape)
    return _uniform(rng, shape, 1.0 / inputs)


def orthogonal(rng: "np.random.Generator", shape: Shape) -> Array:
    """Return a random matrix with orthonormal rows or columns: keeps lengths over many steps.

    A weight of more than two axes is such a matrix, its first axis against the rest. Source: Saxe,
    McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", 2014.

    Examples
    --------
    >>> from tinyframe.initializers import orthogonal
    >>> rng = np.random.default_rng(0)
    >>> W = orthogonal(rng, (3, 2))
    >>> np.allclose(W.T @ W, np.eye(2))
    True
    """
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))  # so that each orthogonal matrix is as likely as any other
    return (q if rows >= columns else q.T).reshape(shape)


def fans(shape: Shape) -> tuple[int, int]:
    """Return (inputs, outputs) of one unit of a weight.

    A matrix is (inputs, outputs), the weight of a convolution (outputs, inputs, *kernel), where
    each pixel of the kernel counts.

    Parameters
    ----------
    shape
        That of the weight.
    """
    if len(shape) <= 2:  # noqa: PLR2004 - a matrix, or less
        return shape[0], shape[-1]
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


NAMED: dict[str, Initializer] = {
    drawing.__name__: drawing
    for drawing in (
        glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform, normal,
        ones, orthogonal, zeros,
    )
}  # fmt: skip
"""The initializers that have a name."""


def as_initializer(value: Initializer | str) -> Initializer:
    """Return an initializer, or the one that has this name.

    Parameters
    ----------
    value
        A function (rng, shape) → array, or a name such as "he_normal".

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if not isinstance(value, str):
        return function("initializer", value)
    if value not in NAMED:
        near = closest(value, NAMED)
        hint = "" if near is None else f"; did you mean {near!r}?"
        names = ", ".join(NAMED)
        raise ValueError(f"initializer expected a function or one of {names}, got {value!r}{hint}")
    return NAMED[value]


def _uniform(rng: "np.random.Generator", shape: Shape, variance: float) -> Array:
    limit = math.sqrt(3.0 * variance)
    return rng.uniform(-limit, limit, shape)
