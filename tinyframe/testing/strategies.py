"""Hypothesis strategies that draw shapes and arrays for property tests of layers.

@given(batches(shapes(dimensions=1)))
def test_my_layer(x):
    check_layer(MyLayer(), x.shape[1:], x=x)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        'tinyframe.testing.strategies needs hypothesis: pip install "tinyframe[testing]"'
    ) from error

if TYPE_CHECKING:
    from tinyframe.types import Array, Shape


def shapes(dimensions: int | None = None, largest: int = 5) -> st.SearchStrategy[Shape]:
    """Draw sample shapes, those with axes of size 1 included.

    Parameters
    ----------
    dimensions
        Number of axes; 1 to 3 by default.
    largest
        Largest size of an axis.
    """
    low, high = (1, 3) if dimensions is None else (dimensions, dimensions)
    sizes = st.integers(1, largest)
    return st.lists(sizes, min_size=low, max_size=high).map(tuple)


def arrays(
    shape: Shape, largest: float = 10.0, *, away_from_zero: float = 0.0
) -> st.SearchStrategy[Array]:
    """Draw float64 arrays of a shape, with magnitudes from tiny to `largest`.

    A seed is drawn rather than each number, so that large arrays are cheap; the scale is drawn
    too, so that small, ordinary and large numbers all occur.

    Parameters
    ----------
    shape
        Shape of the arrays.
    largest
        Bound of the magnitudes.
    away_from_zero
        Smallest magnitude, for functions with a kink at 0.
    """

    def draw(seed: int, scale: float) -> Array:
        rng = np.random.default_rng(seed)
        magnitudes = rng.uniform(away_from_zero, max(scale * largest, away_from_zero), shape)
        drawn: Array = magnitudes * rng.choice([-1.0, 1.0], shape)
        return drawn

    return st.builds(draw, st.integers(0, 2**32 - 1), st.sampled_from([1e-2, 0.1, 1.0]))


def batches(
    sample_shapes: st.SearchStrategy[Shape] | None = None,
    largest: float = 10.0,
    *,
    rows: int = 3,
    away_from_zero: float = 0.01,
) -> st.SearchStrategy[Array]:
    """Draw float64 batches (batch, *sample shape), batches of one row included.

    Parameters
    ----------
    sample_shapes
        Strategy for the sample shape; any by default.
    largest, away_from_zero
        As in `arrays`.
    rows
        Largest batch.
    """
    samples = shapes() if sample_shapes is None else sample_shapes
    whole = st.tuples(st.integers(1, rows), samples).map(lambda drawn: (drawn[0], *drawn[1]))
    return whole.flatmap(lambda shape: arrays(shape, largest, away_from_zero=away_from_zero))
