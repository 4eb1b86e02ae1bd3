"""Adam: two averages, and what puts their start right."""

import numpy as np

from tinyframe.exercises.exercise import Mistake, OptimizerExercise, told_by_step
from tinyframe.types import Array

RATE, BETA1, BETA2, EPSILON = 0.1, 0.9, 0.999, 1e-8


def _adam(value: Array, gradients: Array, slip: str = "") -> list[Array]:  # noqa: C901 - a slip a line
    """Go the right way, or the one that takes a slip."""
    m, v, values = np.zeros_like(value), np.zeros_like(value), []
    b1, b2 = (BETA2, BETA1) if slip == "betas" else (BETA1, BETA2)
    for t, g in enumerate(gradients, start=0 if slip == "t from 0" else 1):
        if slip == "sums":
            m, v = b1 * m + g, b2 * v + g * g
        elif slip == "other way":
            m, v = (1 - b1) * m + b1 * g, (1 - b2) * v + b2 * g * g
        elif slip == "no square":
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g
        elif slip == "square of m":
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * m * m
        else:
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        if slip in ("no correction", "only v"):
            m_hat = m
        if slip in ("no correction", "only m"):
            v_hat = v
        if slip == "kept":
            m, v = m_hat, v_hat
        if slip == "same t":
            m_hat, v_hat = m / (1 - b1), v / (1 - b2)
        root = v_hat if slip == "no root" else np.sqrt(v_hat)
        below = np.sqrt(v_hat + EPSILON) if slip == "epsilon" else root + EPSILON
        step = RATE * m_hat * below if slip == "multiplied" else RATE * m_hat / below
        if slip == "no rate":
            step = m_hat / below
        if slip == "g for m":
            step = RATE * g / below
        value = value + step if slip == "up" else value if slip == "none" else value - step
        values.append(value)
    return values


def _slip(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda c: told_by_step(_adam(c.value, c.gradients, slip)))


ADAM = OptimizerExercise(
    name="adam",
    title="Adam",
    asks_for="Adam",
    hints=(
        (
            "m *= self.beta1, then m += (1 - self.beta1) * gradient; v in the same way, with "
            "gradient**2."
        ),
        "m_hat = m / (1 - self.beta1**t), v_hat = v / (1 - self.beta2**t)",
        "value -= rate * m_hat / (np.sqrt(v_hat) + self.epsilon)",
    ),
    mistakes=(
        _slip(
            "the weights are as they were",
            "θ has to change in place: value -= …, not value = value - …",
            "none",
        ),
        _slip("up in place of down", "The step is subtracted: θ ← θ − η m̂ / (√v̂ + ε).", "up"),
        _slip(
            "no bias correction",
            "m and v start at 0 and are too small at first: m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).",
            "no correction",
        ),
        _slip("v is not corrected", "v̂ = v / (1 − β₂ᵗ), as m̂ is for m.", "only m"),
        _slip("m is not corrected", "m̂ = m / (1 − β₁ᵗ), as v̂ is for v.", "only v"),
        _slip(
            "the corrected averages are kept",
            "m̂ and v̂ are for this step alone. You write them back into m and v, which are then "
            "corrected again and again.",
            "kept",
        ),
        _slip(
            "the same correction at each step",
            "The divisors are 1 − β₁ᵗ and 1 − β₂ᵗ: β to the power of t, the number of the step.",
            "same t",
        ),
        _slip(
            "t from 0",
            "t counts from 1, as self.steps does: with t = 0 you divide by 0.",
            "t from 0",
        ),
        _slip("β₁ and β₂ exchanged", "β₁ is for the average of g, β₂ for that of g².", "betas"),
        _slip(
            "β and 1 − β exchanged",
            "An average keeps most of itself: m ← β₁ m + (1 − β₁) g.",
            "other way",
        ),
        _slip(
            "1 − β is missing", "m ← β₁ m + (1 − β₁) g, and so for v: averages, not sums.", "sums"
        ),
        _slip(
            "no square root", "The step is divided by √v̂, so that its size is about η.", "no root"
        ),
        _slip("ε inside the root", "ε is added to √v̂, not to v̂.", "epsilon"),
        _slip("g is not squared", "v is the average of g².", "no square"),
        _slip("m in place of g", "v is the average of g², not of m².", "square of m"),
        _slip("g in place of m̂", "The step goes along the average, m̂, not along g.", "g for m"),
        _slip("multiplied in place of divided", "The step is divided by √v̂ + ε.", "multiplied"),
        _slip(
            "no learning rate",
            "The step is to be multiplied by η, which comes as `rate`.",
            "no rate",
        ),
    ),
    function=_adam,
)
