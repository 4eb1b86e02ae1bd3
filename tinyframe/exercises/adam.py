"""Adam: two averages, and what puts their start right."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyframe.exercises.exercise import Mistake
from tinyframe.exercises.kinds import STEPS, OptimizerExercise
from tinyframe.types import Array

SETTINGS = BETA_1, BETA_2, EPSILON = 0.8, 0.95, 0.01

RULES: dict[str, Callable[..., Any]] = {
    "m": lambda m, g, b: b * m + (1 - b) * g,
    "v": lambda v, g, b, m: b * v + (1 - b) * g * g,
    "m_hat": lambda m, b, t: m / (1 - b**t),
    "v_hat": lambda v, b, t: v / (1 - b**t),
    "step": lambda m_hat, v_hat, e, rate, g: rate * m_hat / (np.sqrt(v_hat) + e),
}
"""The five lines of Adam, of which a mistake has others."""


def _adam(
    value: Array, gradients: Array, rates: Array, b1: float, b2: float, e: float,
    *, other: Mapping[str, Callable[..., Any]] = {}, first: int = 1, kept: bool = False,
) -> Array:  # fmt: skip
    """Return the weights after each step; by `other` lines, t from `first`, m̂ and v̂ kept."""
    rules = RULES | dict(other)
    m, v, values = np.zeros_like(value), np.zeros_like(value), []
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=first):
        m = rules["m"](m, g, b1)
        v = rules["v"](v, g, b2, m)
        m_hat, v_hat = rules["m_hat"](m, b1, t), rules["v_hat"](v, b2, t)
        value = value - rules["step"](m_hat, v_hat, e, rate, g)
        if kept:
            m, v = m_hat, v_hat
        values.append(value)
    return np.array(values)


def _mistake(
    name: str, words: str, b1: float = BETA_1, b2: float = BETA_2, e: float = EPSILON,
    *, first: int = 1, kept: bool = False, **other: Callable[..., Any],
) -> Mistake:  # fmt: skip
    def results(c: Any) -> dict[str, Array]:
        run = _adam(c.value, c.gradients, c.rates, b1, b2, e, other=other, first=first, kept=kept)
        return {STEPS: run}

    return Mistake(name, words, results)


ADAM = OptimizerExercise(
    name="adam",
    title="Adam",
    class_name="Adam",
    hints=(
        "m *= self.beta1, then m += (1 - self.beta1) * gradient; v likewise, with gradient**2.",
        "m_hat = m / (1 - self.beta1**t), v_hat = v / (1 - self.beta2**t)",
        "value -= rate * m_hat / (np.sqrt(v_hat) + self.epsilon)",
    ),
    mistakes=(
        _mistake(
            "the weights are as they were",
            "θ has to change in place: value -= …, not value = value - …",
            step=lambda m, v, e, rate, g: 0 * m,
        ),
        _mistake(
            "up in place of down",
            "The step is subtracted: θ ← θ − η m̂ / (√v̂ + ε).",
            step=lambda m, v, e, rate, g: -rate * m / (np.sqrt(v) + e),
        ),
        _mistake(
            "nothing is remembered",
            "m and v are made anew at each step: change them in place, m *= …, not m = …",
            m=lambda m, g, b: (1 - b) * g,
            v=lambda v, g, b, m: (1 - b) * g * g,
        ),
        _mistake(
            "no bias correction",
            "m and v start at 0 and are too small at first: m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).",
            m_hat=lambda m, b, t: m,
            v_hat=lambda v, b, t: v,
        ),
        _mistake(
            "v is not corrected", "v̂ = v / (1 − β₂ᵗ), as m̂ is for m.", v_hat=lambda v, b, t: v
        ),
        _mistake(
            "m is not corrected", "m̂ = m / (1 − β₁ᵗ), as v̂ is for v.", m_hat=lambda m, b, t: m
        ),
        _mistake(
            "multiplied by the correction",
            "m̂ = m / (1 − β₁ᵗ): the averages are too small at first, and are divided.",
            m_hat=lambda m, b, t: m * (1 - b**t),
            v_hat=lambda v, b, t: v * (1 - b**t),
        ),
        _mistake(
            "the corrected averages are kept",
            "m̂ and v̂ are for this step alone. You write them back into m and v, which are then "
            "corrected again and again.",
            kept=True,
        ),
        _mistake(
            "the same correction at each step",
            "The divisors are 1 − β₁ᵗ and 1 − β₂ᵗ: β to the power of t, the number of the step.",
            m_hat=lambda m, b, t: m / (1 - b),
            v_hat=lambda v, b, t: v / (1 - b),
        ),
        _mistake(
            "times in place of to the power of",
            "The divisors are 1 − β₁ᵗ and 1 − β₂ᵗ: in Python β**t.",
            m_hat=lambda m, b, t: m / (1 - b * t),
            v_hat=lambda v, b, t: v / (1 - b * t),
        ),
        _mistake(
            "t from 0",
            "t counts from 1, as self.steps does: with t = 0 you divide by 0.",
            first=0,
        ),
        _mistake("t from 2", "t is self.steps, which is 1 at the first step.", first=2),
        _mistake(
            "β₁ in v's correction",
            "v̂ = v / (1 − β₂ᵗ), with the β of its own average.",
            v_hat=lambda v, b, t: v / (1 - BETA_1**t),
        ),
        _mistake(
            "β₂ in m's correction",
            "m̂ = m / (1 − β₁ᵗ), with the β of its own average.",
            m_hat=lambda m, b, t: m / (1 - BETA_2**t),
        ),
        _mistake(
            "the corrections' β exchanged",
            "m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ), each with the β of its own average.",
            m_hat=lambda m, b, t: m / (1 - BETA_2**t),
            v_hat=lambda v, b, t: v / (1 - BETA_1**t),
        ),
        _mistake(
            "β₁ and β₂ exchanged", "β₁ is for the average of g, β₂ for that of g².", BETA_2, BETA_1
        ),
        _mistake("β₁ for both", "The average of g² has a β of its own, β₂.", BETA_1, BETA_1),
        _mistake("β₂ for both", "The average of g has a β of its own, β₁.", BETA_2, BETA_2),
        _mistake(
            "β and 1 − β exchanged",
            "An average keeps most of itself: m ← β₁ m + (1 − β₁) g.",
            m=lambda m, g, b: (1 - b) * m + b * g,
            v=lambda v, g, b, m: (1 - b) * v + b * g * g,
        ),
        _mistake(
            "1 − β is missing",
            "m ← β₁ m + (1 − β₁) g, and so for v: averages, not sums.",
            m=lambda m, g, b: b * m + g,
            v=lambda v, g, b, m: b * v + g * g,
        ),
        _mistake(
            "1 − β₁ is missing",
            "m ← β₁ m + (1 − β₁) g: an average, not a sum.",
            m=lambda m, g, b: b * m + g,
        ),
        _mistake(
            "1 − β₂ is missing",
            "v ← β₂ v + (1 − β₂) g²: an average, not a sum.",
            v=lambda v, g, b, m: b * v + g * g,
        ),
        _mistake(
            "the factor is squared, too",
            "v ← β₂ v + (1 − β₂) g²: g is squared, 1 − β₂ is not.",
            v=lambda v, g, b, m: b * v + ((1 - b) * g) ** 2,
        ),
        _mistake(
            "v does not forget",
            "v ← β₂ v + (1 − β₂) g²: yours only grows.",
            v=lambda v, g, b, m: v + (1 - b) * g * g,
        ),
        _mistake(
            "no square root",
            "The step is divided by √v̂, so that its size is about η.",
            step=lambda m, v, e, rate, g: rate * m / (v + e),
        ),
        _mistake(
            "no denominator",
            "The step is divided by √v̂ + ε, each weight's by its own.",
            step=lambda m, v, e, rate, g: rate * m,
        ),
        _mistake(
            "ε inside the root",
            "ε is added to √v̂, not to v̂.",
            step=lambda m, v, e, rate, g: rate * m / np.sqrt(v + e),
        ),
        _mistake(
            "ε outside the fraction",
            "ε is added to √v̂, below the line: mind the brackets.",
            step=lambda m, v, e, rate, g: rate * (m / np.sqrt(v) + e),
        ),
        _mistake(
            "no ε",
            "Where all gradients of a weight were 0 you divide 0 by 0: √v̂ + ε.",
            step=lambda m, v, e, rate, g: rate * m / np.sqrt(v),
        ),
        _mistake(
            "g is not squared",
            "v is the average of g².",
            v=lambda v, g, b, m: b * v + (1 - b) * g,
        ),
        _mistake(
            "m in place of g",
            "v is the average of g², not of m².",
            v=lambda v, g, b, m: b * v + (1 - b) * m * m,
        ),
        _mistake(
            "g in place of m̂",
            "The step goes along the average, m̂, not along g.",
            step=lambda m, v, e, rate, g: rate * g / (np.sqrt(v) + e),
        ),
        _mistake(
            "the size of m̂ in place of √v̂",
            "m̂ / |m̂| is a sign: divide by √v̂ + ε.",
            step=lambda m, v, e, rate, g: rate * m / (np.abs(m) + e),
        ),
        _mistake(
            "multiplied in place of divided",
            "The step is divided by √v̂ + ε.",
            step=lambda m, v, e, rate, g: rate * m * (np.sqrt(v) + e),
        ),
        _mistake(
            "no learning rate",
            "The step is to be multiplied by η, which comes as `rate`.",
            step=lambda m, v, e, rate, g: m / (np.sqrt(v) + e),
        ),
        _mistake(
            "a number in place of the rate",
            "You wrote 0.1: η comes as `rate`, and may change from step to step.",
            step=lambda m, v, e, rate, g: 0.1 * m / (np.sqrt(v) + e),
        ),
        _mistake(
            "numbers in place of the settings",
            "β₁, β₂ and ε are self.beta1, self.beta2 and self.epsilon: they need not be the usual.",
            0.9,
            0.999,
            1e-8,
        ),
    ),
    function=_adam,
    settings=SETTINGS,
)
