"""Batch normalisation: each row depends on all rows, by mean and by variance."""

from collections.abc import Callable

import numpy as np

from tinyframe.exercises.exercise import Case, Mistake, Results
from tinyframe.exercises.kinds import LayerExercise
from tinyframe.types import Array

EPSILON = 1e-5
GAIN, BIAS = "the gradient of gain", "the gradient of bias"


def _normalized(x: Array) -> tuple[Array, Array]:
    s = np.sqrt(x.var(axis=0) + EPSILON)
    return (x - x.mean(axis=0)) / s, s


def _function(x: Array, gain: Array, bias: Array) -> Array:
    return gain * _normalized(x)[0] + bias


def _dx(c: Case, mean: float = 1, along: float = 1, mean_of: float = 1) -> Results:
    """Return dx, its two terms times a factor each, their means those of a part of the rows."""
    xhat, s = _normalized(c.x)
    dxhat, m = c.gain * c.dy, len(c.x) / mean_of
    taken = mean * dxhat.sum(axis=0) / m + along * xhat * (dxhat * xhat).sum(axis=0) / m
    return {"dx": (dxhat - taken) / s}


def _other_third(c: Case, third: Callable[[Array, Array], Array]) -> Results:
    """Return dx with another third term, given dx̂ and x̂."""
    xhat, s = _normalized(c.x)
    dxhat = c.gain * c.dy
    return {"dx": (dxhat - dxhat.mean(axis=0) - third(dxhat, xhat)) / s}


def _along(c: Case, axis: int | None) -> Results:
    """Return dx with means along another axis."""
    xhat, s = _normalized(c.x)
    d = c.gain * c.dy
    means = [a.mean(axis=axis, keepdims=True) for a in (d, d * xhat)]
    return {"dx": (d - means[0] - xhat * means[1]) / s}


BATCH_NORM = LayerExercise(
    name="batch_norm",
    title="Batch normalisation, backward",
    class_name="BatchNorm",
    hints=(
        "∂L/∂g = Σᵣ dyᵣ x̂ᵣ, ∂L/∂b = Σᵣ dyᵣ: in NumPy, .sum(axis=0).",
        "The third term is Σₖ dx̂ₖ (−x̂ₖ / s) · x̂ᵣ / m.",
        "dx = 1/s (dx̂ − mean of dx̂ − x̂ · mean of dx̂ x̂), the means over the rows.",
        (
            "dxhat = g * dy; dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * "
            "xhat).mean(axis=0)) / s"
        ),
    ),
    mistakes=(
        Mistake(
            "x in place of x̂",
            "y = g x̂ + b, so the gradient of g has x̂ in it: Σ dy x̂.",
            lambda c: {GAIN: (c.dy * c.x).sum(axis=0)},
        ),
        Mistake(
            "x̂ is missing",
            "That is the gradient of b. y = g x̂ + b, so that of g has x̂ in it: Σ dy x̂.",
            lambda c: {GAIN: c.dy.sum(axis=0)},
        ),
        Mistake(
            "the gradients exchanged",
            "That is the gradient of g; b is added, so that its own is Σ dy.",
            lambda c: {BIAS: (c.dy * _normalized(c.x)[0]).sum(axis=0)},
        ),
        Mistake(
            "x − μ in place of x̂",
            "y = g x̂ + b: x̂ is divided by s.",
            lambda c: {GAIN: (c.dy * (c.x - c.x.mean(axis=0))).sum(axis=0)},
        ),
        Mistake(
            "g is in its own gradient",
            "You multiply by g: that is for dx̂. ∂y/∂g is x̂ and ∂y/∂b is 1.",
            lambda c: {
                GAIN: c.gain * (c.dy * _normalized(c.x)[0]).sum(axis=0),
                BIAS: c.gain * c.dy.sum(axis=0),
            },
        ),
        Mistake(
            "a mean over the rows",
            "You divide by the number of rows. The loss is a mean already: weights get sums.",
            lambda c: {
                GAIN: (c.dy * _normalized(c.x)[0]).mean(axis=0),
                BIAS: c.dy.mean(axis=0),
            },
        ),
        Mistake(
            "mean and variance as constants",
            "Your dx goes through x̂ alone. Each xᵣ also moves μ and s, and with them every row.",
            lambda c: _dx(c, 0, 0),
        ),
        Mistake(
            "the way through the variance",
            "μ is in your dx, s is not: each xᵣ moves it, too. The term is −x̂ᵣ / (m s) Σ dx̂ x̂.",
            lambda c: _dx(c, 1, 0),
        ),
        Mistake(
            "the way through the mean",
            "s is in your dx, μ is not: each xᵣ moves it, too. The term is −1 / (m s) Σ dx̂.",
            lambda c: _dx(c, 0, 1),
        ),
        Mistake(
            "sums in place of means",
            "The two sums over the rows are divided by m, as μ and σ² are.",
            lambda c: _dx(c, mean_of=len(c.x)),
        ),
        Mistake(
            "a sum in the second term",
            "Σ dx̂ is divided by m, as μ is.",
            lambda c: _dx(c, mean=len(c.x)),
        ),
        Mistake(
            "a sum in the third term",
            "Σ dx̂ x̂ is divided by m, as σ² is.",
            lambda c: _dx(c, along=len(c.x)),
        ),
        Mistake(
            "plus in the third term",
            "Both terms are taken away: a larger x makes s larger, and every x̂ smaller.",
            lambda c: _dx(c, along=-1),
        ),
        Mistake(
            "plus in the second term",
            "Both terms are taken away: a larger x makes μ larger, and every x̂ smaller.",
            lambda c: _dx(c, mean=-1),
        ),
        Mistake(
            "x̂ before the mean is missing",
            "The third term is x̂ · mean(dx̂ x̂): each row gets it times its own x̂.",
            lambda c: _other_third(c, lambda d, x: (d * x).mean(axis=0)),
        ),
        Mistake(
            "x̂ in the mean is missing",
            "The third term is x̂ · mean(dx̂ x̂), with x̂ in the mean as well.",
            lambda c: _other_third(c, lambda d, x: x * d.mean(axis=0)),
        ),
        Mistake(
            "a product of means",
            "The mean of dx̂ x̂ is not the mean of dx̂ times that of x̂, which is 0.",
            lambda c: _other_third(c, lambda d, x: x * d.mean(axis=0) * x.mean(axis=0)),
        ),
        Mistake(
            "s for the first term alone",
            "All three terms are divided by s: mind the brackets.",
            lambda c: {
                "dx": c.gain * c.dy / _normalized(c.x)[1]
                - c.gain * c.dy
                + _dx(c)["dx"] * _normalized(c.x)[1]
            },
        ),
        Mistake(
            "multiplied by s",
            "x̂ = (x − μ) / s: dx is divided by s.",
            lambda c: {"dx": _dx(c)["dx"] * _normalized(c.x)[1] ** 2},
        ),
        Mistake(
            "means of everything",
            "Each feature has its own means, over the rows: axis=0.",
            lambda c: _along(c, None),
        ),
        Mistake(
            "means over the features",
            "The means run over the rows of a feature: axis=0.",
            lambda c: _along(c, 1),
        ),
        Mistake(
            "m − 1 in place of m",
            "σ² divides by m here, so its derivative does.",
            lambda c: _dx(c, mean_of=len(c.x) / max(len(c.x) - 1, 1)),
        ),
        Mistake(
            "g is missing",
            "Going back through y = g x̂ + b multiplies by g: dx̂ = g dy.",
            lambda c: {"dx": _dx(c)["dx"] / c.gain},
        ),
        Mistake(
            "s is missing",
            "x̂ = (x − μ) / s: all three terms are divided by s.",
            lambda c: {"dx": _dx(c)["dx"] * _normalized(c.x)[1]},
        ),
        Mistake(
            "the variance in place of s",
            "You divide by s², the variance; it is s, its square root.",
            lambda c: {"dx": _dx(c)["dx"] / _normalized(c.x)[1]},
        ),
        Mistake(
            "plus in place of minus",
            "What goes through μ and s is taken away: more of one x makes all x̂ smaller.",
            lambda c: _dx(c, -1, -1),
        ),
    ),
    function=_function,
    shapes=((6, 3), (2, 4), (3, 1)),
    weights=lambda shape: {"gain": (shape[1],), "bias": (shape[1],)},
)
