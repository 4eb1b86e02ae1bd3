"""Feeding from disk: blocks of neighbouring rows, shuffled, and read before they are needed."""

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.data.batch_feed import CheckBatch
from tinyframe.data.division import cut
from tinyframe.data.shards import Shards
from tinyframe.data.source import NOTHING, Block
from tinyframe.types import Array
from tinyframe.utils.second_thread import SecondThread

if TYPE_CHECKING:
    from concurrent.futures import Future

LANES = 8
"""Streams of rows, each through blocks of its own, of which every batch is made."""

MIXED = 8
"""Blocks whose rows a lane mixes."""


class ShardFeed:
    """The rows of shards, in lanes: row p of an epoch is the next row of lane p mod `lanes`.

    A lane goes through its own part of the blocks, a pool of them at a time. What it yields does
    not depend on who reads it, so that one process and several train on the same batches.

    Parameters
    ----------
    shards
        The files.
    check
        What makes (X, y, weight) of a pool what layers and loss want; see `BatchFeed`.
    dtype
        What the first layer wants X in: converted batch by batch, as a pool may be larger then.
    """

    pairs_batches = False

    def __init__(self, shards: Shards, check: CheckBatch, dtype: np.dtype[Any]) -> None:
        self._shards, self._check, self._dtype = shards, check, dtype
        self.rows: int = shards.rows
        self.share(1, range(1))

    def batches(self, size: int) -> int:
        """Return how many batches of `size` rows there are."""
        return -(-self.rows // size)

    def draw_order(self, rng: "np.random.Generator", size: int) -> Array:  # noqa: ARG002 - of the contract
        """Return a seed; see `Source`."""
        return rng.integers(2**63, size=1)

    def share(self, shards: int, own: range) -> None:
        """Yield some shards of each batch, each of as many lanes; see `Source`."""
        each = -(-LANES // shards)
        self._lanes = shards * each
        self._own = [range(shard * each, (shard + 1) * each) for shard in own]
        pool = self._shards.memory // (2 * self._lanes * self._shards.X.row_bytes or 1)
        self._block = max(1, min(pool // MIXED, -(-self.rows // (self._lanes * MIXED))))
        self._pool = self._block * MIXED

    def blocks(
        self,
        size: int,
        block: int,
        order: Array | None = None,
        *,
        skip: int = 0,
        ahead: bool = False,  # noqa: ARG002 - the disk is always read ahead
        pairs: bool = False,  # noqa: ARG002 - a batch's blocks are valid as long as the batch
    ) -> Generator[Block, None, None]:
        """Yield the batches; see `Source`. Without an order they are the same ones each time."""
        plan = Plan(self.rows, self._block, self._lanes, order)
        with SecondThread() as thread:
            lanes = {
                number: Lane(
                    plan, number, self._pool, _upto(skip * size, number, self._lanes), self._read,
                    thread.submit,
                )
                for own in self._own for number in own
            }  # fmt: skip
            for first in range(skip * size, self.rows, size):
                end = min(first + size, self.rows)
                for own in self._own:
                    counts = [
                        _upto(end, lane, self._lanes) - _upto(first, lane, self._lanes)
                        for lane in own
                    ]
                    last = own is self._own[-1]
                    if not any(counts):
                        x, y, _ = self._read([(0, 1)])
                        yield Block(x.astype(self._dtype), y, NOTHING, last)
                        continue
                    parts = [
                        part
                        for lane, count in zip(own, counts, strict=True)
                        for part in lanes[lane].take(count)
                    ]
                    x, y, weight = _joined(parts)
                    x = x.astype(self._dtype, copy=False)
                    for start, stop, ends, _ in cut(len(x), len(x), block):
                        some = None if weight is None else weight[start:stop]
                        yield Block(x[start:stop], y[start:stop], some, ends and last)

    def _read(self, ranges: list[tuple[int, int]]) -> tuple[Array, Array, Array | None]:
        """Return the rows of some ranges of the files, as the layers and the loss want them."""
        shards = self._shards
        parts = [shards.X.read(ranges), shards.y.read(ranges)]
        if shards.weight is not None:
            parts.append(shards.weight.read(ranges))
        try:
            return self._check(tuple(parts))
        except (TypeError, ValueError) as error:
            where = ", ".join(f"{start}–{stop - 1}" for start, stop in ranges)
            raise type(error)(f"among the rows {where} of the files: {error}") from None


class Plan:
    """In which order an epoch goes through the blocks, and which of them are which lane's.

    Parameters
    ----------
    rows, block, lanes
        How many rows there are, in a block, and how many lanes.
    order
        Seed (1,) of a random order; None for that of the files.
    """

    def __init__(self, rows: int, block: int, lanes: int, order: Array | None) -> None:
        self.seed = None if order is None else int(order[0])
        starts = np.arange(0, rows, block)
        if self.seed is not None:
            np.random.default_rng(self.seed).shuffle(starts)
        self._starts = starts
        self._ends = np.cumsum(np.minimum(starts + block, rows) - starts)
        self._rows, self._lanes = rows, lanes

    def lane(self, number: int) -> tuple[int, int]:
        """Return where a lane begins and ends in the sequence of all blocks' rows."""
        sizes = [_upto(self._rows, lane, self._lanes) for lane in range(number + 1)]
        return sum(sizes[:-1]), sum(sizes)

    def ranges(self, first: int, end: int) -> list[tuple[int, int]]:
        """Return which rows of the files a stretch of that sequence is, as ranges."""
        found = []
        number = int(np.searchsorted(self._ends, first, side="right"))
        while first < end:
            stop = int(self._ends[number])
            before = int(self._ends[number - 1]) if number else 0
            start = int(self._starts[number]) - before
            found.append((start + first, start + min(stop, end)))
            first, number = stop, number + 1
        return found


class Lane:
    """One stream of rows: pools of blocks, each shuffled, the next one being read meanwhile.

    Parameters
    ----------
    plan, number, pool
        Of which plan, which lane, and how many rows it mixes at a time.
    skip
        How many of its rows to leave out.
    read
        Function that returns the rows of some ranges.
    submit
        Calls a function in another thread.
    """

    def __init__(
        self,
        plan: Plan,
        number: int,
        pool: int,
        skip: int,
        read: Callable[[list[tuple[int, int]]], Any],
        submit: Callable[..., "Future[Any]"],
    ) -> None:
        self._plan, self._number, self._pool_rows = plan, number, pool
        self._read, self._submit = read, submit
        self._begin, self._end = plan.lane(number)
        self._next = skip // pool
        self._coming = self._submit_next()
        self._order = np.empty(0, np.intp)
        self._at = 0
        if self._coming is not None:
            self._turn()
            self._at = skip % pool

    def take(self, rows: int) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield the next so many rows, in one part or several."""
        while rows:
            if self._at == len(self._order):
                self._turn()
            chosen = self._order[self._at : self._at + rows]
            self._at += len(chosen)
            rows -= len(chosen)
            x, y, weight = self._pool
            yield x[chosen], y[chosen], None if weight is None else weight[chosen]

    def _turn(self) -> None:
        """Go on to the next pool."""
        assert self._coming is not None  # noqa: S101 - tells the type checker
        self._pool = self._coming.result()
        rows, seed = len(self._pool[0]), self._plan.seed
        self._order = np.arange(rows)
        if seed is not None:
            np.random.default_rng([seed, self._number, self._next]).shuffle(self._order)
        self._at = 0
        self._next += 1
        self._coming = self._submit_next()

    def _submit_next(self) -> "Future[Any] | None":
        first = self._begin + self._next * self._pool_rows
        if first >= self._end:
            return None
        ranges = self._plan.ranges(first, min(first + self._pool_rows, self._end))
        return self._submit(self._read, ranges)


def _upto(row: int, lane: int, lanes: int) -> int:
    """Return how many of the first `row` rows of an epoch are a lane's."""
    return max(0, -(-(row - lane) // lanes))


def _joined(
    parts: list[tuple[Array, Array, Array | None]],
) -> tuple[Array, Array, Array | None]:
    """Return rows in several parts as one."""
    if len(parts) == 1:
        return parts[0]
    x, y, weight = zip(*parts, strict=True)
    return (
        np.concatenate(x),
        np.concatenate(y),
        None if weight[0] is None else np.concatenate(weight),
    )
