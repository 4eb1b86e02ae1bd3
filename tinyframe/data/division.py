"""Division: which rows of each batch are whose, where several processes train together."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from tinyframe.types import Array


class Span(NamedTuple):
    """Rows `start` … `stop` − 1 in the order of an epoch, of one batch.

    `ends_batch` says whether the batch ends with them; `counts`, whether they count. A process
    that has no row in a batch takes part with one that does not: layers need one to work on.
    """

    start: int
    stop: int
    ends_batch: bool
    counts: bool


def cut(rows: int, size: int, block: int, first: int = 0) -> Iterator[Span]:
    """Yield rows `first` … `rows` − 1 in batches of `size`, in blocks of at most `block` rows."""
    for begin in range(first, rows, size):
        end = min(begin + size, rows)
        for start in range(begin, end, block):
            stop = min(start + block, end)
            yield Span(start, stop, stop == end, counts=True)


def part(start: int, stop: int, index: int, parts: int) -> tuple[int, int]:
    """Return where part `index` of `parts` of a range begins and ends; they differ by a row."""
    rows = stop - start
    return start + rows * index // parts, start + rows * (index + 1) // parts


class Division(Protocol):
    """How the rows of arrays are divided among processes."""

    def draw(self, rng: "np.random.Generator") -> Array:
        """Draw what decides the order of an epoch; all processes draw the same."""

    def spans(self, size: int, block: int) -> Iterator[Span]:
        """Yield this process's rows, numbered by themselves, in blocks of at most `block`."""

    def local(self, order: Array | None, size: int) -> Array | None:
        """Return which row each of these numbers stands for; None for the rows as they stand."""


class SharedRows:
    """All processes have the same rows, and each takes some logical shards of every batch.

    Parameters
    ----------
    rows
        How many there are.
    shards
        Into how many parts each batch is cut.
    own
        Which of them are this process's.
    """

    def __init__(self, rows: int, shards: int, own: range) -> None:
        self._rows, self._shards, self._own = rows, shards, own

    def draw(self, rng: "np.random.Generator") -> Array:
        """Return a permutation of all rows; see `Division`."""
        return rng.permutation(self._rows)

    def spans(self, size: int, block: int) -> Iterator[Span]:
        """Yield the rows of each shard; a shard without rows borrows one; see `Division`."""
        at = 0
        for shard, start, stop in self._parts(size):
            rows = max(1, stop - start)
            for span in cut(rows, rows, block):
                last = span.ends_batch and shard == self._own[-1]
                yield Span(at + span.start, at + span.stop, last, counts=stop > start)
            at += rows

    def local(self, order: Array | None, size: int) -> Array:
        """Return the numbers of this process's rows; see `Division`."""
        parts = [
            np.arange(start, stop) if stop > start else np.array([min(start, self._rows - 1)])
            for _, start, stop in self._parts(size)
        ]
        rows = np.concatenate(parts)
        return rows if order is None else order[rows]

    def _parts(self, size: int) -> Iterator[tuple[int, int, int]]:
        for first in range(0, self._rows, size):
            for shard in self._own:
                yield shard, *part(first, min(first + size, self._rows), shard, self._shards)


class OwnRows:
    """Each process has rows of its own, and goes through all in as many steps as the others.

    Parameters
    ----------
    own, rows
        How many this one has, and all together.
    rank
        The number of this process.
    """

    def __init__(self, own: int, rows: int, rank: int) -> None:
        self._own, self._rows, self._rank = own, rows, rank

    def draw(self, rng: "np.random.Generator") -> Array:
        """Return a seed; see `Division`."""
        return rng.integers(2**63, size=1)

    def spans(self, size: int, block: int) -> Iterator[Span]:
        """Yield all rows, as evenly as it goes; see `Division`."""
        steps = -(-self._rows // size)
        for step in range(steps):
            start, stop = part(0, self._own, step, steps)
            if start == stop:  # the row before or after it, which counts in its own batch
                start = min(start, self._own - 1)
                yield Span(start, start + 1, ends_batch=True, counts=False)
            for span in cut(stop - start, max(1, stop - start), block):
                yield Span(start + span.start, start + span.stop, span.ends_batch, counts=True)

    def local(self, order: Array | None, size: int) -> Array | None:  # noqa: ARG002 - of the contract
        """Return this process's permutation; see `Division`."""
        if order is None:
            return None
        return np.random.default_rng([int(order[0]), self._rank]).permutation(self._own)
