"""Feeding from arrays: their rows on the way to the layers, batch by batch."""

import itertools
from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

import numpy as np

from tinyframe.data.division import Division, OwnRows, SharedRows, Span, cut
from tinyframe.data.source import NOTHING, Block
from tinyframe.types import Array
from tinyframe.utils.aligned import aligned_zeros
from tinyframe.utils.second_thread import one_ahead

CHUNK = 1024
"""Rows that are fetched at a time: enough that handing them over costs little."""

IN_CACHE = 16_000_000
"""Bytes of X up to which rows are read from where they lie: they stay in cache from epoch to epoch.

Measured, full-batch descent of the document's network, ns a row in place / fetched by a second
thread: 1,536 digits 240 / 400, 3,000 240 / 380, 5,000 290 / 350, 10,000 (31 MB) 450 / 325.
"""

Chunk: TypeAlias = tuple[slice, tuple[Span, ...]]
"""A range of rows that are fetched at a time, and the spans in it, counted from its start."""


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

    pairs_batches = True

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
        self._sides: dict[str, Rows] = {}
        self._chunked: dict[tuple[int, int, int, int], list[Chunk]] = {}
        self._parts: dict[tuple[int, tuple[Span, ...]], list[Block]] = {}

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
        pairs: bool = False,
    ) -> Generator[Block, None, None]:
        """Yield all rows, or those chosen; see `Source`. Buffers are reused."""
        key = size, block, skip, 2 if pairs else 1
        chunks = self._chunked.get(key)
        if chunks is None:
            chunks = self._chunked[key] = list(self._chunks(*key))
        if not chunks:
            return
        if self.division is not None:
            order = self.division.local(order, size)
        if self.chosen is not None:
            order = self.chosen if order is None else self.chosen[order]
        ahead = ahead and self.X.nbytes > IN_CACHE
        converts = self.X.dtype != self.dtype
        few = sum(len(spans) for _, spans in chunks) <= CHUNK
        if order is None and few and not (ahead or converts):
            yield from self._in_place(chunks)
            return
        wanted: Iterator[Array | slice] = (rows for rows, _ in chunks)
        if order is not None:
            wanted = (order[rows] for rows, _ in chunks)
        sides = itertools.cycle("ab") if ahead else itertools.repeat("a")
        fetches = zip(wanted, sides, strict=False)
        fetched = (one_ahead if ahead else map)(self._fetch, fetches)
        for (_, spans), rows in zip(chunks, fetched, strict=True):
            yield from rows.blocks(spans)

    def _in_place(self, chunks: list[Chunk]) -> Iterator[Block]:
        """Yield blocks that are parts of X and y themselves."""
        for rows, spans in chunks:
            key = rows.start, spans
            if key not in self._parts:
                self._parts[key] = _cut(self.X[rows], self.y[rows], self._weights(rows), spans)
            yield from self._parts[key]

    def _weights(self, rows: slice) -> Array | None:
        return None if self.weight is None else self.weight[rows]

    def _chunks(self, size: int, block: int, skip: int, least: int) -> Iterator[Chunk]:
        """Yield this process's rows, those of the first `skip` batches left out, in chunks."""
        if self.division is None:
            return _chunks(skip * size, self.rows, size, block, least)
        spans = list(self.division.spans(size, block))
        ends = [number for number, span in enumerate(spans, 1) if span.ends_batch]
        return _chunks_of(spans[ends[skip - 1] :] if skip else spans, least)

    def _fetch(self, wanted: tuple[Array | slice, str]) -> "Rows":
        """Return rows by number, or a range of them, in the memory of one side."""
        rows, side = wanted
        count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        if side not in self._sides or len(self._sides[side].x) < count:
            self._sides[side] = Rows(self, count)
        self._sides[side].fill(rows)
        return self._sides[side]


def _chunks(first: int, rows: int, size: int, block: int, least: int) -> Iterator[Chunk]:
    """Yield rows `first` … `rows` − 1, about `CHUNK` at a time.

    Parameters
    ----------
    first, rows
        Which rows.
    size, block
        Rows of a batch, and of a block.
    least
        How many blocks in a row have to be valid at the same time.
    """
    if size > CHUNK:
        for start in range(first, rows, size):
            yield from _chunks_of(list(cut(min(start + size, rows), size, block, start)), least)
        return
    step = max(least, CHUNK // size) * size
    usual = tuple(cut(step, size, block))
    for start in range(first, rows, step):
        stop = min(start + step, rows)
        whole = stop - start == step
        yield slice(start, stop), usual if whole else tuple(cut(stop - start, size, block))


def _chunks_of(spans: list[Span], least: int) -> Iterator[Chunk]:
    """Yield spans in chunks of about `CHUNK` rows, a multiple of `least` spans."""
    each = CHUNK // (spans[0].stop - spans[0].start) if spans else least
    each = max(least, each // least * least)
    for i in range(0, len(spans), each):
        chunk = spans[i : i + each]
        base = chunk[0].start
        own = tuple(Span(a - base, b - base, *rest) for a, b, *rest in chunk)
        yield slice(base, chunk[-1].stop), own


class Rows:
    """Memory for some rows of a feed, filled again and again.

    Parameters
    ----------
    feed
        Whose rows they are.
    rows
        How many at the most.
    """

    def __init__(self, feed: Feed, rows: int) -> None:
        self._feed = feed
        X, y, weight = feed.X, feed.y, feed.weight
        self._gathered = aligned_zeros((rows, *X.shape[1:]), X.dtype)
        self.x = self._gathered
        if X.dtype != feed.dtype:
            self.x = aligned_zeros((rows, *X.shape[1:]), feed.dtype)
        self._y = np.empty((rows, *y.shape[1:]), y.dtype)
        self._weight = None if weight is None else np.empty(rows, weight.dtype)
        self._blocks: dict[tuple[Span, ...], list[Block]] = {}

    def fill(self, rows: Array | slice) -> None:
        """Fetch the rows with these numbers, or of this range."""
        feed = self._feed
        pairs = [(feed.X, self.x), (feed.y, self._y)]
        if feed.weight is not None and self._weight is not None:
            pairs.append((feed.weight, self._weight))
        for source, room in pairs:
            if isinstance(rows, slice):  # of X the range is checked
                np.copyto(room[: rows.stop - rows.start], source[rows], casting="unsafe")
                continue
            gathered = self._gathered if room is self.x else room
            # "clip" spares the copy that NumPy makes to leave `out` whole on an error
            source.take(rows, axis=0, out=gathered[: len(rows)], mode="clip")
            if gathered is not room:
                np.copyto(room, gathered, casting="unsafe")

    def blocks(self, spans: tuple[Span, ...]) -> list[Block]:
        """Return these rows in blocks, which are the same objects each time."""
        if spans not in self._blocks:
            self._blocks[spans] = _cut(self.x, self._y, self._weight, spans)
        return self._blocks[spans]


def _cut(x: Array, y: Array, weight: Array | None, spans: tuple[Span, ...]) -> list[Block]:
    """Return the spans of some rows as blocks."""
    blocks = []
    for start, stop, ends_batch, counts in spans:
        some = None if weight is None else weight[start:stop]
        blocks.append(Block(x[start:stop], y[start:stop], some if counts else NOTHING, ends_batch))
    return blocks
