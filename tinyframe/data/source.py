"""Source: where training and evaluation get their rows, as blocks of a batch."""

from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol

import numpy as np

from tinyframe.types import Array

BLOCK = 1024
"""Rows that are worked on at a time where nothing else is asked: few enough to stay in cache."""

NOTHING = np.zeros(1)
"""The weight of a row that is there only because its process has none in this batch."""


class Block:
    """Some rows of a batch, valid until the next ones are asked for.

    Attributes
    ----------
    x, target
        What the layers and the loss take.
    weight
        Shape (rows,); None where all rows count alike.
    ends_batch
        Whether their batch ends with them.
    bound
        What their user keeps for the next rows that lie in the same place: see `Recorded`.
    """

    __slots__ = ("bound", "ends_batch", "target", "weight", "x")

    def __init__(self, x: Array, target: Array, weight: Array | None, ends_batch: bool) -> None:
        self.x, self.target, self.weight, self.ends_batch = x, target, weight, ends_batch
        self.bound: Any = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.x, self.target, self.weight, self.ends_batch))


def in_pairs(
    blocks: Iterator[Block], begin: Callable[[Block], None], *, across: bool
) -> Generator[Block, None, None]:
    """Yield blocks two by two; before the first of two, `begin` is told of the second.

    Parameters
    ----------
    blocks
        As of a `Source`.
    begin
        Function of a block: another thread may begin with it.
    across
        Whether two may be of different batches.
    """
    for block in blocks:
        following = next(blocks, None) if across or not block.ends_batch else None
        if following is not None:
            begin(following)
        yield block
        if following is not None:
            yield following


class Source(Protocol):
    """Where training and evaluation get their rows."""

    pairs_batches: bool
    """Whether `pairs` may be of two batches."""

    @property
    def rows(self) -> int | None:
        """How many there are, of all processes that train together, where that is known."""

    def batches(self, size: int) -> int | None:
        """Return how many batches of `size` rows an epoch has, where that is known."""

    def draw_order(self, rng: "np.random.Generator", size: int) -> Array | None:
        """Draw what decides the order of an epoch's rows; None where there is nothing to decide.

        It is all that a checkpoint has to keep of that order.
        """

    def share(self, shards: int, own: range) -> None:
        """From now on yield only the logical shards `own` of the `shards` of each batch."""

    def blocks(
        self,
        size: int,
        block: int,
        order: Array | None = None,
        *,
        skip: int = 0,
        ahead: bool = False,
        pairs: bool = False,
    ) -> Generator[Block, None, None]:
        """Yield all rows, in batches of `size` that come in blocks of at most `block` rows.

        Parameters
        ----------
        size, block
            Rows of a batch, and of a block.
        order
            What `draw_order` drew; None for the order in which the rows stand.
        skip
            How many batches to leave out at the beginning.
        ahead
            Whether a second thread fetches the next rows, some `CHUNK` at a time, while this one
            computes, where X is large: most of that work is waiting for memory.
        pairs
            Whether the first of two blocks, counted from the beginning of a batch, or where
            `pairs_batches` from that of the epoch, has to be valid as long as the second.
        """
