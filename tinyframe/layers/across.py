"""Across: what a layer that mixes rows asks for where its batch is spread over processes."""

from typing import Protocol

from tinyframe.types import Array


class Across(Protocol):
    """Sums over the rows of all processes that train together; all of them have to ask.

    Attributes
    ----------
    counts : bool
        Whether the rows of this process are part of the batch. Where it has none it works on one
        that stands in, to which nothing flows back.
    """

    counts: bool

    def moments(self, mean: Array, variance: Array, count: int) -> tuple[Array, Array, float]:
        """Return mean and variance (features,) over all rows, and how many numbers they are of.

        Parameters
        ----------
        mean, variance, count
            Those of the rows of this process.
        """

    def sum(self, array: Array) -> Array:
        """Return the sum of the arrays of all processes, of one shape."""
