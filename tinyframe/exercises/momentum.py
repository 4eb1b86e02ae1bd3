"""Momentum: what a velocity remembers."""

from collections.abc import Callable

import numpy as np

from tinyframe.exercises.exercise import Case, Mistake, OptimizerExercise, told_by_step
from tinyframe.types import Array

RATE, MU = 0.1, 0.9


def _steps(change: Callable[[Array, Array], tuple[Array, Array]]) -> Callable[..., list[Array]]:
    """Return how θ goes, given (v, g) → (the next v, what is taken from θ)."""

    def run(value: Array, gradients: Array) -> list[Array]:
        velocity, values = np.zeros_like(value), []
        for gradient in gradients:
            velocity, step = change(velocity, gradient)
            value = value - step
            values.append(value)
        return values

    return run


def _mistake(
    name: str, words: str, change: Callable[[Array, Array], tuple[Array, Array]]
) -> Mistake:
    run = _steps(change)
    return Mistake(name, words, lambda c: told_by_step(run(c.value, c.gradients)))


def _unchanged(c: Case) -> list[Array]:
    return [c.value for _ in c.gradients]


MOMENTUM = OptimizerExercise(
    name="momentum",
    title="Gradient descent with momentum",
    asks_for="Momentum",
    hints=(
        "velocity *= self.momentum, then velocity += gradient.",
        "value -= rate * velocity",
    ),
    mistakes=(
        Mistake(
            "the weights are as they were",
            "θ has to change in place: value -= …, not value = value - …",
            lambda c: told_by_step(_unchanged(c)),
        ),
        _mistake(
            "up in place of down",
            "θ goes up the gradient: the step is subtracted, θ ← θ − η v.",
            lambda v, g: (MU * v + g, -RATE * (MU * v + g)),
        ),
        _mistake(
            "no velocity",
            "That is plain gradient descent; the velocity adds to each step what is left of the "
            "last.",
            lambda v, g: (v, RATE * g),
        ),
        _mistake(
            "μ is missing",
            "Nothing slows the velocity: v ← μ v + g, with μ = self.momentum.",
            lambda v, g: (v + g, RATE * (v + g)),
        ),
        _mistake(
            "an average",
            "You take v ← μ v + (1 − μ) g, an average, as Adam does. Here v ← μ v + g.",
            lambda v, g: (MU * v + (1 - MU) * g, RATE * (MU * v + (1 - MU) * g)),
        ),
        _mistake(
            "Nesterov's step",
            "That looks ahead, as Nesterov's form does: here θ ← θ − η v.",
            lambda v, g: (MU * v + g, RATE * (g + MU * (MU * v + g))),
        ),
        _mistake(
            "the velocity of the last step",
            "You step first and change v afterwards: first v, then θ.",
            lambda v, g: (MU * v + g, RATE * v),
        ),
        _mistake(
            "no learning rate",
            "The step is to be multiplied by η, which comes as `rate`.",
            lambda v, g: (MU * v + g, MU * v + g),
        ),
        _mistake(
            "the learning rate twice",
            "η is in v already: it is to be in one of the two lines.",
            lambda v, g: (MU * v + RATE * g, RATE * (MU * v + RATE * g)),
        ),
        _mistake(
            "μ multiplies the gradient, too",
            "v ← μ v + g: the gradient comes whole.",
            lambda v, g: (MU * (v + g), RATE * MU * (v + g)),
        ),
        _mistake(
            "the velocity has the wrong sign",
            "v ← μ v + g and θ ← θ − η v: one of your two lines has the other sign.",
            lambda v, g: (MU * v - g, RATE * (MU * v - g)),
        ),
    ),
    function=_steps(lambda v, g: (MU * v + g, RATE * (MU * v + g))),
)
