"""Softmax: every output depends on every input."""

import numpy as np

from tinyframe.exercises.exercise import Mistake
from tinyframe.exercises.kinds import LayerExercise
from tinyframe.types import Array


def _shifted(x: Array, axis: int = -1) -> Array:
    return np.exp(x - x.max(axis=axis, keepdims=True))


def softmax(x: Array, axis: int = -1) -> Array:
    """yᵢ = e^xᵢ / Σₖ e^xₖ."""
    e = _shifted(x, axis)
    return e / e.sum(axis=axis, keepdims=True)


def _unshifted(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def _sum(x: Array) -> Array:
    return x.sum(axis=-1, keepdims=True)


EXTREME = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 0.0]])
LARGE = "y of numbers of ±10⁴"

SOFTMAX = LayerExercise(
    name="softmax",
    title="Softmax, and why its derivative has a sum in it",
    class_name="Softmax",
    hints=(
        "e = np.exp(x - x.max(axis=-1, keepdims=True)), and y is e over the sum of e.",
        (
            "∂yᵢ/∂xⱼ = −yᵢ yⱼ for i ≠ j. With the diagonal, yᵢ (1 − yᵢ) = yᵢ − yᵢ yᵢ, every pair "
            "has its −yᵢ yⱼ, and the diagonal one yᵢ more."
        ),
        "dxⱼ = yⱼ dyⱼ − yⱼ Σᵢ dyᵢ yᵢ, the sum over the classes of the row.",
        "dx = y * (dy - (dy * y).sum(axis=-1, keepdims=True))",
    ),
    mistakes=(
        Mistake(
            "the sum over everything",
            "The sum below runs over the classes of a row; yours takes in the other rows too. Each "
            "row has to add up to 1.",
            lambda c: {"y": np.exp(c.x) / np.exp(c.x).sum()},
        ),
        Mistake(
            "the sum over everything",
            "The sum below runs over the classes of a row; yours takes in the other rows too. Each "
            "row has to add up to 1.",
            lambda c: {"y": _shifted(c.x) / _shifted(c.x).sum()},
        ),
        Mistake(
            "the sum over the rows",
            "The sum below runs over the classes of a row, the last axis; yours runs down the "
            "batch.",
            lambda c: {"y": softmax(c.x, axis=0)},
        ),
        Mistake(
            "not divided by the sum",
            "e^x are no probabilities yet: divide each by the sum of its row.",
            lambda c: {"y": np.exp(c.x)},
        ),
        Mistake(
            "not divided by the sum",
            "e^(x − max) are no probabilities yet: divide each by the sum of its row.",
            lambda c: {"y": _shifted(c.x)},
        ),
        Mistake(
            "no exponential",
            "You divide x by its sum; Softmax divides e^x by its sum.",
            lambda c: {"y": c.x / c.x.sum(axis=-1, keepdims=True)},
        ),
        Mistake(
            "the logarithm",
            "That is the logarithm of Softmax.",
            lambda c: {"y": np.log(softmax(c.x))},
        ),
        Mistake(
            "overflow",
            "e^10000 is more than a number can hold. Take the largest number of each row away from "
            "it first: y does not change by it.",
            lambda c: {LARGE: _unshifted(EXTREME)},
        ),
        Mistake(
            "one largest number for all",
            "You take the largest number of the whole batch away. In a row far below it every e^x "
            "becomes 0, and 0 / 0 is not a number: take the largest of each row.",
            lambda c: {LARGE: _unshifted(EXTREME - EXTREME.max())},
        ),
        Mistake(
            "the off-diagonal terms",
            "Your dx lacks the off-diagonal terms: ∂yᵢ/∂xⱼ = −yᵢ yⱼ for i ≠ j. Each xⱼ is in the "
            "sum below every yᵢ of its row, so all dyᵢ of the row come into dxⱼ.",
            lambda c: {"dx": c.dy * c.y * (1 - c.y)},
        ),
        Mistake(
            "the second term",
            "y dy is the first term of dx = y (dy − Σ dy y); the sum is missing.",
            lambda c: {"dx": c.dy * c.y},
        ),
        Mistake(
            "the sum of dy alone",
            "In the sum each dyᵢ has to be multiplied by its yᵢ: dx = y (dy − Σ dy y).",
            lambda c: {"dx": c.y * (c.dy - _sum(c.dy))},
        ),
        Mistake(
            "the sum over everything",
            "The sum runs over the classes of a row; yours takes in the other rows too. "
            "axis=-1, keepdims=True.",
            lambda c: {"dx": c.y * (c.dy - (c.dy * c.y).sum())},
        ),
        Mistake(
            "the sum over the rows",
            "The sum runs over the classes of a row, the last axis; yours runs down the batch.",
            lambda c: {"dx": c.y * (c.dy - (c.dy * c.y).sum(axis=0))},
        ),
        Mistake(
            "a mean in place of the sum",
            "dx = y (dy − Σ dy y): a sum over the classes, you have their mean.",
            lambda c: {"dx": c.y * (c.dy - (c.dy * c.y).mean(axis=-1, keepdims=True))},
        ),
        Mistake(
            "a mean in place of the sum",
            "dx = y (dy − Σ dy y): a sum of dy y over the classes, you have the mean of dy.",
            lambda c: {"dx": c.y * (c.dy - c.dy.mean(axis=-1, keepdims=True))},
        ),
        Mistake(
            "dy is missing",
            "y (1 − y) is the diagonal of the Jacobian. dx is dy times all of it.",
            lambda c: {"dx": c.y * (1 - c.y)},
        ),
        Mistake(
            "the diagonal terms",
            "Your dx has the terms with i ≠ j alone; xⱼ is above its own yⱼ, too: yⱼ (1 − yⱼ).",
            lambda c: {"dx": -c.y * (_sum(c.dy * c.y) - c.dy * c.y)},
        ),
        Mistake(
            "i = j twice",
            "The diagonal is in yⱼ (1 − yⱼ) already; your sum has i = j once more. Either the "
            "sum over i ≠ j, or dx = y (dy − Σ dy y) with all i.",
            lambda c: {"dx": c.y * (c.dy - c.dy * c.y - _sum(c.dy * c.y))},
        ),
        Mistake(
            "y in the wrong place",
            "Within the sum each dyᵢ has its own yᵢ, and no other y: dx = y (dy − Σ dy y).",
            lambda c: {"dx": c.y * (c.dy - c.y * _sum(c.dy))},
        ),
        Mistake(
            "y in the wrong place",
            "Within the sum each dyᵢ has its own yᵢ once: dx = y (dy − Σ dy y).",
            lambda c: {"dx": c.y * (c.dy - _sum(c.dy * c.y * c.y))},
        ),
        Mistake(
            "x in place of y",
            "What `forward` saves is to be y, the probabilities; you saved x.",
            lambda c: {"dx": c.x * (c.dy - _sum(c.dy * c.x))},
        ),
        Mistake(
            "y outside is missing",
            "dy − Σ dy y is right within; all of it is to be multiplied by y.",
            lambda c: {"dx": c.dy - (c.dy * c.y).sum(axis=-1, keepdims=True)},
        ),
        Mistake(
            "plus in place of minus",
            "∂yᵢ/∂xⱼ is negative for i ≠ j: a larger xⱼ takes from the others. dx = y (dy − Σ dy "
            "y).",
            lambda c: {"dx": c.y * (c.dy + _sum(c.dy * c.y))},
        ),
        Mistake(
            "the gradient of cross-entropy",
            "y − t is the gradient of cross-entropy and Softmax together, with targets t. This "
            "layer knows no targets: it gets dy, and multiplies it by its Jacobian.",
            lambda c: {"dx": c.y - c.dy},
        ),
    ),
    function=softmax,
    shapes=((5, 3), (1, 4), (4, 4)),
    extreme=EXTREME,
)
