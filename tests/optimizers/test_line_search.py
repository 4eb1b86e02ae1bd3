"""The line search: steps that meet the strong Wolfe conditions, found or given up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe.optimizers.line_search import CURVATURE, MOST, SUFFICIENT, Point, strong_wolfe

EPS = float(np.finfo(np.float64).eps)


def searched(function, slope, first):
    """The step found, and all that were tried."""
    tried = []

    def phi(step):
        tried.append(step)
        return function(step), slope(step)

    start = Point(0.0, function(0.0), slope(0.0))
    return strong_wolfe(phi, start, first, EPS), tried, start


FUNCTIONS = {
    "a parabola": (lambda a: (a - 3) ** 2, lambda a: 2 * (a - 3)),
    "a steep one": (lambda a: 1e4 * (a - 1e-3) ** 2, lambda a: 2e4 * (a - 1e-3)),
    "a far one": (lambda a: 1e-4 * (a - 1e3) ** 2, lambda a: 2e-4 * (a - 1e3)),
    "a wave": (
        lambda a: math.cos(a + 0.3) + 0.01 * a * a, lambda a: 0.02 * a - math.sin(a + 0.3),
    ),
    "More and Thuente's first": (
        lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2,
    ),
    "More and Thuente's second": (
        lambda a: (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
        lambda a: 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
    ),
    "a cliff": (
        lambda a: 5 * max(0, a - 0.7) ** 2 - a if a < 1 else math.inf,
        lambda a: 10 * max(0, a - 0.7) - 1,
    ),
    "a wall of NaN": (
        lambda a: (a - 1) ** 2 if a < 1.5 else math.nan, lambda a: 2 * (a - 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
@given(first=st.floats(-3, 3).map(lambda power: 10.0**power))
def test_the_step_meets_both_conditions(name, first):
    function, slope = FUNCTIONS[name]
    if name == "More and Thuente's second" and slope(0.0) >= 0:
        return
    found, tried, start = searched(function, slope, first)
    assert found is not None
    assert found.step == tried[-1]  # the last that was evaluated
    assert found.loss <= start.loss + SUFFICIENT * found.step * start.slope
    assert abs(found.slope) <= CURVATURE * abs(start.slope)
    assert len(tried) <= MOST


def test_a_first_step_that_does_is_taken_at_once():
    _, tried, _ = searched(*FUNCTIONS["a parabola"], 3.0)
    assert tried == [3.0]


@pytest.mark.parametrize(
    "function", [lambda a: a, lambda a: math.nan, lambda a: math.inf * (a > 0)]
)
def test_where_nothing_is_less_it_gives_up(function):
    """The slope promises a descent that is not there, as a wrong gradient does."""
    found, tried, _ = searched(lambda a: function(a) if a else 0.0, lambda a: -1.0, 1.0)
    assert found is None
    assert len(tried) <= MOST


def test_at_the_limit_of_precision_slopes_decide():
    """f is flat to the last place around the minimum, where its slope still tells the way."""
    function = lambda a: 1.0 + 1e-18 * (a - 1) ** 2  # noqa: E731 - as short as the others
    found, _, _ = searched(function, lambda a: 2e-18 * (a - 1), 1.0)
    assert found is not None
    assert found.step == 1.0
