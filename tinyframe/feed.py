"""Feeding: rows of the data on their way to the layers, batch by batch."""

import itertools
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from tinyframe.types import Array

CHUNK = 1024
"""Rows that are fetched at a time: enough that handing them over costs little."""

IN_CACHE = 4_000_000
"""Bytes of X up to which rows are fetched sooner than a second thread is told to."""


Block: TypeAlias = tuple[Array, Array, Array | None, bool]
"""(x, target, weight, ends_batch): some rows of a batch, valid until the next ones are asked for.

Their weights are None where all rows count alike; `ends_batch` says whether their batch ends there.
"""


class Source(Protocol):
    """Where training and evaluation get their rows."""

    @property
    def rows(self) -> int | None:
        """How many there are, where that is known."""

    def batches(self, size: int) -> int | None:
        """Return how many batches of `size` rows an epoch has, where that is known."""

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
            A permutation of all rows; None for the order in which they stand.
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
        self.rows: int = len(X) if chosen is None else len(chosen)
        self._buffers: dict[str, Array] = {}
        self._spans: dict[tuple[int, int], list[tuple[int, int, bool]]] = {}

    def batches(self, size: int) -> int:
        """Return how many batches of `size` rows there are."""
        return -(-self.rows // size)

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
        if (size, block) not in self._spans:
            self._spans[size, block] = list(_spans(self.rows, size, block))
        spans = self._spans[size, block][skip * -(-size // block) :]
        if not spans:
            return
        if self.chosen is not None:
            order = self.chosen if order is None else self.chosen[order]
        ahead = ahead and self.X.nbytes > IN_CACHE
        if order is None and not ahead:
            for start, stop, ends_batch in spans:
                weight = None if self.weight is None else self.weight[start:stop]
                x = self._convert(self.X[start:stop], "x")
                yield x, self.y[start:stop], weight, ends_batch
            return
        each = max(1, CHUNK // (spans[0][1] - spans[0][0]))
        chunks = [spans[i : i + each] for i in range(0, len(spans), each)]
        ranges = [slice(chunk[0][0], chunk[-1][1]) for chunk in chunks]
        wanted: Iterator[Array | slice] = iter(ranges)
        if order is not None:
            wanted = (order[rows] for rows in ranges)
        fetched = self._ahead(wanted) if ahead else (self._fetch(rows, "a") for rows in wanted)
        for chunk, (x, y, weight) in zip(chunks, fetched, strict=True):
            base = chunk[0][0]
            for start, stop, ends_batch in chunk:
                rows = slice(start - base, stop - base)
                yield x[rows], y[rows], None if weight is None else weight[rows], ends_batch

    def _ahead(
        self, wanted: Iterator[Array | slice]
    ) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield the rows of each chunk, always fetching the next one meanwhile."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - spares `import tinyframe`

        sides = itertools.cycle("ab")  # of two buffers
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._fetch, next(wanted), next(sides))
            for rows in wanted:
                block = coming.result()
                coming = pool.submit(self._fetch, rows, next(sides))
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


class BatchFeed:
    """Batches as an iterable yields them, each checked when it comes.

    Parameters
    ----------
    batches
        Yields (x, target) or (x, target, weight), arrays of as many rows.
    check
        Function of such a tuple that returns (x, target, weight or None) as the layers and the
        loss want them, or raises TypeError or ValueError.
    """

    rows: int | None = None

    def __init__(self, batches: Iterable[Any], check: "CheckBatch") -> None:
        self._iterable = batches
        self._check = check

    def batches(self, size: int) -> int | None:  # noqa: ARG002 - they have the size they have
        """Return how many there are, if the iterable knows."""
        try:
            return len(self._iterable)  # type: ignore[arg-type] # some know it, some do not
        except TypeError:
            return None

    def blocks(
        self,
        size: int,  # noqa: ARG002 - as above
        block: int,
        order: Array | None = None,  # noqa: ARG002 - they come in the order they come
        *,
        skip: int = 0,
        ahead: bool = False,  # noqa: ARG002 - as above
    ) -> Generator[Block, None, None]:
        """Yield the batches as they come, in blocks; see `Source`."""
        empty = True
        for number, batch in enumerate(self._iterable, 1):
            empty = False
            if number <= skip:
                continue
            try:
                x, y, weight = self._check(batch)
            except (TypeError, ValueError) as error:
                raise type(error)(f"batch {number}: {error}") from None
            for start, stop, ends_batch in _spans(len(x), len(x), block):
                w = None if weight is None else weight[start:stop]
                yield x[start:stop], y[start:stop], w, ends_batch
        if empty:
            raise ValueError(
                "X expected batches that can be gone through once an epoch, got none; a generator "
                "is spent after one: give a list, or an object whose __iter__ begins anew"
            )


class CheckBatch(Protocol):
    """See `BatchFeed`."""

    def __call__(self, batch: Any) -> tuple[Array, Array, Array | None]: ...


def _spans(rows: int, size: int, block: int) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, stop, whether the batch ends there): batches of `size`, cut into blocks."""
    for first in range(0, rows, size):
        end = min(first + size, rows)
        for start in range(first, end, block):
            stop = min(start + block, end)
            yield start, stop, stop == end
