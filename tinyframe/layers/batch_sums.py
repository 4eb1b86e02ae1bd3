"""BatchSums: what a layer that mixes rows asks for where it gets a part of the batch alone."""

from typing import Protocol

from tinyframe.types import Array


class BatchSums(Protocol):
    """Sums over a whole batch, for layers that each get a part of it; all of them have to ask.

    Attributes
    ----------
    counts : bool
        Whether this part is not empty. In place of an empty one stands a row to which nothing
        flows back.
    """

    counts: bool

    def moments(self, mean: Array, variance: Array, count: int) -> tuple[Array, Array, float]:
        """Return mean and variance (features,) over the batch, and how many numbers they are of.

        Parameters
        ----------
        mean, variance, count
            Those of this part.
        """

    def sum(self, array: Array) -> Array:
        """Return the sum of the arrays of all parts, of one shape."""
