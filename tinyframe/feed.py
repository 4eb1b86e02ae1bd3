"""Feeding: rows of the data on their way to the layers, batch by batch."""

import itertools
from collections.abc import Generator, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from tinyframe.division import Division, OwnRows, SharedRows, Span, cut
from tinyframe.second_thread import SecondThread
from tinyframe.types import Array

CHUNK = 1024
"""Rows that are fetched at a time: enough that handing them over costs little."""

IN_CACHE = 4_000_000
"""Bytes of X up to which rows are fetched sooner than a second thread is told to."""

NOTHING = np.zeros(1)
"""The weight of a row that is there only because its process has none in this batch."""

Block: TypeAlias = tuple[Array, Array, Array | None, bool]
"""(x, target, weight, ends_batch): some rows of a batch, valid until the next ones are asked for.

Their weights are None where all rows count alike; `ends_batch` says whether their batch ends there.
"""


class Source(Protocol):
    """Where training and evaluation get their rows."""

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
        """


class Feed:
    """Rows of X and y as the layers want them: gathered, and converted, into reused buffers.

    Parameters
    ----------
    X, y
        Arrays of as many rows.
    dtype
        What the first layer wants X in.
    weight
        Shape (rows,), the rows' weights; None where all count alike.
    chosen
        The numbers of the rows to feed; None for all.
    """

    def __init__(
        self,
        X: Array,
        y: Array,
        dtype: np.dtype[Any],
        weight: Array | None = None,
        chosen: Array | None = None,
    ) -> None:
        self.X, self.y, self.weight = X, y, weight
        self.dtype = dtype
        self.chosen = chosen
        self.own_rows: int = len(X) if chosen is None else len(chosen)
        self.rows: int = self.own_rows
        self.division: Division | None = None  # among processes that train together
        self._buffers: dict[str, Array] = {}
        self._spans: dict[tuple[int, int], list[Span]] = {}

    def batches(self, size: int) -> int:
        """Return how many batches of `size` rows there are."""
        return -(-self.rows // size)

    def draw_order(self, rng: "np.random.Generator", size: int) -> Array | None:
        """Return a permutation of all rows; None if there is one batch; see `Source`."""
        if size >= self.rows:
            return None
        return rng.permutation(self.rows) if self.division is None else self.division.draw(rng)

    def share(self, shards: int, own: range) -> None:
        """Yield a share of each batch; see `Source`."""
        self.division = SharedRows(self.rows, shards, own)

    def keep_own(self, rows: int, rank: int) -> None:
        """Yield all of these rows, which are those of one process among others with their own.

        Parameters
        ----------
        rows
            Of all processes.
        rank
            The number of this one, which makes its order its own.
        """
        self.division, self.rows = OwnRows(self.own_rows, rows, rank), rows

    def blocks(
        self,
        size: int,
        block: int,
        order: Array | None = None,
        *,
        skip: int = 0,
        ahead: bool = False,
    ) -> Generator[Block, None, None]:
        """Yield all rows, or those chosen; see `Source`. Buffers are reused."""
        spans = self._spans_after(skip, size, block)
        if not spans:
            return
        if self.division is not None:
            order = self.division.local(order, size)
        if self.chosen is not None:
            order = self.chosen if order is None else self.chosen[order]
        ahead = ahead and self.X.nbytes > IN_CACHE
        if order is None and not ahead:
            for start, stop, ends_batch, counts in spans:
                weight = None if self.weight is None else self.weight[start:stop]
                x = self._convert(self.X[start:stop], "x")
                yield x, self.y[start:stop], weight if counts else NOTHING, ends_batch
            return
        each = max(1, CHUNK // (spans[0].stop - spans[0].start))
        chunks = [spans[i : i + each] for i in range(0, len(spans), each)]
        ranges = [slice(chunk[0].start, chunk[-1].stop) for chunk in chunks]
        wanted: Iterator[Array | slice] = iter(ranges)
        if order is not None:
            wanted = (order[rows] for rows in ranges)
        fetched = self._ahead(wanted) if ahead else (self._fetch(rows, "a") for rows in wanted)
        for chunk, (x, y, weight) in zip(chunks, fetched, strict=True):
            base = chunk[0].start
            for start, stop, ends_batch, counts in chunk:
                rows = slice(start - base, stop - base)
                some = None if weight is None else weight[rows]
                yield x[rows], y[rows], some if counts else NOTHING, ends_batch

    def _spans_after(self, skip: int, size: int, block: int) -> list[Span]:
        """Return the spans of this process's rows, those of the first `skip` batches left out."""
        if (size, block) not in self._spans:
            division = self.division
            self._spans[size, block] = list(
                cut(self.rows, size, block) if division is None else division.spans(size, block)
            )
        spans = self._spans[size, block]
        if not skip:
            return spans
        ends = [number for number, span in enumerate(spans, 1) if span.ends_batch]
        return spans[ends[skip - 1] :]

    def _ahead(
        self, wanted: Iterator[Array | slice]
    ) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield the rows of each chunk, always fetching the next one meanwhile."""
        sides = itertools.cycle("ab")  # of two buffers
        with SecondThread() as thread:
            coming = thread.submit(self._fetch, next(wanted), next(sides))
            for rows in wanted:
                block = coming.result()
                coming = thread.submit(self._fetch, rows, next(sides))
                yield block
            yield coming.result()

    def _fetch(self, rows: Array | slice, side: str) -> tuple[Array, Array, Array | None]:
        """Return rows by number, or a range of them, in a buffer."""
        weight = None if self.weight is None else self.weight[rows]
        if isinstance(rows, slice):
            x = self._buffer(f"x {side}", self.X, rows.stop - rows.start, self.dtype)
            np.copyto(x, self.X[rows], casting="unsafe")
            return x, self.y[rows], weight
        x = self._buffer(f"gathered x {side}", self.X, len(rows), self.X.dtype)
        y = self._buffer(f"gathered y {side}", self.y, len(rows), self.y.dtype)
        # "clip" spares the copy that NumPy makes to leave `out` whole on an error; none can occur.
        self.X.take(rows, axis=0, out=x, mode="clip")
        self.y.take(rows, axis=0, out=y, mode="clip")
        return self._convert(x, f"x {side}"), y, weight

    def _convert(self, x: Array, name: str) -> Array:
        if x.dtype == self.dtype:
            return x
        converted = self._buffer(name, x, len(x), self.dtype)
        np.copyto(converted, x, casting="unsafe")  # float64 to float32; the range is checked
        return converted

    def _buffer(self, name: str, like: Array, rows: int, dtype: np.dtype[Any]) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < rows:
            buffer = np.empty((rows, *like.shape[1:]), dtype)
            self._buffers[name] = buffer
        return buffer[:rows]
