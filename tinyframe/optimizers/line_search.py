"""The line search of full-batch optimizers: how far to go in a direction."""

import math
from collections.abc import Callable
from typing import NamedTuple

SUFFICIENT = 1e-4
"""c₁: the loss falls by at least this share of what the slope promised."""

CURVATURE = 0.9
"""c₂: what may be left of the slope."""

MOST = 20
"""Evaluations after which a search is given up."""

ROUNDING = 4.0
"""By how many units of the last place the loss may rise, where rounding hides as much."""


class Point(NamedTuple):
    """Where the loss was evaluated: the step α, φ(α) and φ′(α)."""

    step: float
    loss: float
    slope: float


def strong_wolfe(
    phi: Callable[[float], tuple[float, float]], start: Point, step: float, unit: float
) -> Point | None:
    """Return a step that meets the strong Wolfe conditions, the last at which φ was asked for.

        φ(α) ≤ φ(0) + c₁ α φ′(0)        |φ′(α)| ≤ c₂ |φ′(0)|

    None if none was found. Where φ is not finite, the step was too long. Near the minimum, where
    the first condition drowns in rounding, its approximation by slopes counts (Hager and Zhang, "A
    New Conjugate Gradient Method with Guaranteed Descent", 2005). Source: Nocedal and Wright,
    "Numerical Optimization", 2006, algorithms 3.5 and 3.6.

    Parameters
    ----------
    phi
        Function α → (φ(α), φ′(α)).
    start
        At α = 0, where the slope is negative.
    step
        The first α to try.
    unit
        The spacing of numbers at 1, in which φ is computed.
    """
    slack = ROUNDING * unit * abs(start.loss)
    before, low, high = start, start, None
    for _ in range(MOST):
        point = Point(step, *phi(step))
        if not _is_low(point, start, slack) or point.loss > low.loss + slack:
            high = point
        elif abs(point.slope) <= CURVATURE * abs(start.slope):
            return point
        else:
            onwards = 1.0 if high is None else high.step - low.step
            if point.slope * onwards >= 0:  # it was passed
                high = low
            before, low = low, point
        if high is None:
            step = _further(before, low)
        elif abs(high.step - low.step) <= unit * max(low.step, high.step):
            return None
        else:
            step = _between(low, high)
    return None


def _is_low(point: Point, start: Point, slack: float) -> bool:
    """Whether the loss has fallen enough; a loss that is no number has not."""
    if point.loss <= start.loss + SUFFICIENT * point.step * start.slope:
        return True
    flat = abs(point.loss - start.loss) <= slack
    return flat and point.slope <= (2 * SUFFICIENT - 1) * start.slope


def _further(before: Point, point: Point) -> float:
    """Return a longer step, where the loss still falls."""
    least, most = point.step + 0.1 * (point.step - before.step), 10 * point.step
    guess = _cubic(before, point)
    return most if guess is None or not least < guess < most else guess


def _between(low: Point, high: Point) -> float:
    """Return a step between two, where a cubic through both is least, not too near to either."""
    width = high.step - low.step
    if not math.isfinite(high.loss):
        return low.step + 0.1 * width
    guess = _cubic(low, high)
    share = 0.5 if guess is None else (guess - low.step) / width
    return low.step + min(max(share, 0.1), 0.9) * width


def _cubic(a: Point, b: Point) -> float | None:
    """Return where the cubic with these values and slopes is least; None where it is not."""
    d = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    inside = d * d - a.slope * b.slope
    if inside < 0:
        return None
    root = math.copysign(math.sqrt(inside), b.step - a.step)
    below = b.slope - a.slope + 2 * root
    if not below:
        return None
    return b.step - (b.step - a.step) * (b.slope + root - d) / below
