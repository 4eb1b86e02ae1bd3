"""Momentum: what a velocity remembers."""

from collections.abc import Callable

import numpy as np

from tinyframe.exercises.exercise import Mistake
from tinyframe.exercises.kinds import STEPS, OptimizerExercise
from tinyframe.types import Array

MU = 0.7

Change = Callable[[Array, Array, float, float], tuple[Array, Array]]
"""(v, g, η, μ) → the next v, and what is taken from θ."""


def _descent(change: Change) -> Callable[..., Array]:
    """Return the function that goes down step by step."""

    def run(value: Array, gradients: Array, rates: Array, mu: float) -> Array:
        velocity, values = np.zeros_like(value), []
        for gradient, rate in zip(gradients, rates, strict=True):
            velocity, step = change(velocity, gradient, rate, mu)
            value = value - step
            values.append(value)
        return np.array(values)

    return run


def _mistake(name: str, words: str, change: Change, mu: float = MU) -> Mistake:
    run = _descent(change)
    return Mistake(name, words, lambda c: {STEPS: run(c.value, c.gradients, c.rates, mu)})


MOMENTUM = OptimizerExercise(
    name="momentum",
    title="Gradient descent with momentum",
    class_name="Momentum",
    hints=(
        "velocity *= self.momentum, then velocity += gradient.",
        "value -= rate * velocity",
    ),
    mistakes=(
        _mistake(
            "the weights are as they were",
            "θ has to change in place: value -= …, not value = value - …. Or the velocity stays 0: "
            "v ← μ v + g.",
            lambda v, g, rate, mu: (v, 0 * g),
        ),
        _mistake(
            "the wrong sign",
            "θ goes up the gradient: v ← μ v + g and θ ← θ − η v, of which one has the other sign.",
            lambda v, g, rate, mu: (mu * v + g, -rate * (mu * v + g)),
        ),
        _mistake(
            "no velocity",
            "That is plain gradient descent: nothing of the last step is left. Either v is not "
            "used, or it does not change in place (velocity *= …, not velocity = …).",
            lambda v, g, rate, mu: (v, rate * g),
        ),
        _mistake(
            "μ is missing",
            "Nothing slows the velocity: v ← μ v + g, with μ = self.momentum.",
            lambda v, g, rate, mu: (v + g, rate * (v + g)),
        ),
        _mistake(
            "a number in place of self.momentum",
            "You wrote 0.9: μ is self.momentum, which need not be that.",
            lambda v, g, rate, mu: (0.9 * v + g, rate * (0.9 * v + g)),
        ),
        _mistake(
            "a number in place of the rate",
            "You wrote 0.1: η comes as `rate`, and may change from step to step.",
            lambda v, g, rate, mu: (mu * v + g, 0.1 * (mu * v + g)),
        ),
        _mistake(
            "1 − μ in place of μ",
            "v ← μ v + g: most of the velocity stays.",
            lambda v, g, rate, mu: ((1 - mu) * v + g, rate * ((1 - mu) * v + g)),
        ),
        _mistake(
            "an average",
            "You take v ← μ v + (1 − μ) g, an average, as Adam does. Here v ← μ v + g.",
            lambda v, g, rate, mu: (mu * v + (1 - mu) * g, rate * (mu * v + (1 - mu) * g)),
        ),
        _mistake(
            "Nesterov's step",
            "That looks ahead, as Nesterov's form does: here θ ← θ − η v.",
            lambda v, g, rate, mu: (mu * v + g, rate * (g + mu * (mu * v + g))),
        ),
        _mistake(
            "the velocity of the last step",
            "You step first and change v afterwards: first v, then θ.",
            lambda v, g, rate, mu: (mu * v + g, rate * v),
        ),
        _mistake(
            "the gradient twice",
            "g is in v already: θ ← θ − η v, without another g.",
            lambda v, g, rate, mu: (mu * v + g, rate * (mu * v + 2 * g)),
        ),
        _mistake(
            "no learning rate",
            "The step is to be multiplied by η, which comes as `rate`.",
            lambda v, g, rate, mu: (mu * v + g, mu * v + g),
        ),
        _mistake(
            "the learning rate twice",
            "η is in v already: it is to be in the second line alone.",
            lambda v, g, rate, mu: (mu * v + rate * g, rate * (mu * v + rate * g)),
        ),
        _mistake(
            "the learning rate in the velocity",
            "You remember η g in v. That is the same as long as η does not change: v ← μ v + g "
            "remembers gradients, and θ ← θ − η v takes today's η.",
            lambda v, g, rate, mu: (mu * v + rate * g, mu * v + rate * g),
        ),
        _mistake(
            "μ multiplies the gradient, too",
            "v ← μ v + g: the gradient comes whole.",
            lambda v, g, rate, mu: (mu * (v + g), rate * mu * (v + g)),
        ),
        _mistake(
            "μ in the step",
            "μ belongs to the velocity: v ← μ v + g, then θ ← θ − η v.",
            lambda v, g, rate, mu: (v + g, rate * mu * (v + g)),
        ),
        _mistake(
            "the last gradient alone",
            "v has to keep its own past: v ← μ v + g; yours keeps the last gradient alone.",
            lambda v, g, rate, mu: (g, rate * (mu * v + g)),
        ),
    ),
    function=_descent(lambda v, g, rate, mu: (mu * v + g, rate * (mu * v + g))),
    settings=(MU,),
)
