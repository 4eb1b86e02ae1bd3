"""Feeding from an iterable: batches of the user's own making, each checked when it comes."""

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from tinyframe.data.division import cut
from tinyframe.data.source import NOTHING, Block
from tinyframe.types import Array

if TYPE_CHECKING:
    import numpy as np


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
    pairs_batches = False

    def __init__(self, batches: Iterable[Any], check: "CheckBatch") -> None:
        self._iterable = batches
        self._check = check
        try:
            self.count: int | None = len(batches)  # type: ignore[arg-type] # some know it, some do not
        except TypeError:
            self.count = None

    def batches(self, size: int) -> int | None:  # noqa: ARG002 - they have the size they have
        """Return how many there are, if the iterable knows."""
        return self.count

    def draw_order(self, rng: "np.random.Generator", size: int) -> None:
        """Return None: they come in the order they come."""

    def share(self, shards: int, own: range) -> None:
        """Do nothing: each process brings batches of its own."""

    def blocks(
        self,
        size: int,  # noqa: ARG002 - as above
        block: int,
        order: Array | None = None,  # noqa: ARG002 - they come in the order they come
        *,
        skip: int = 0,
        ahead: bool = False,  # noqa: ARG002 - as above
        pairs: bool = False,  # noqa: ARG002 - a batch's blocks are
    ) -> Generator[Block, None, None]:
        """Yield the batches as they come, in blocks; see `Source`."""
        empty = True
        for number, batch in enumerate(self._iterable, 1):
            if empty:
                self._first, empty = batch, False
            if number <= skip:
                continue
            try:
                x, y, weight = self._check(batch)
            except (TypeError, ValueError) as error:
                raise type(error)(f"batch {number}: {error}") from None
            for start, stop, ends_batch, _ in cut(len(x), len(x), block):
                w = None if weight is None else weight[start:stop]
                yield Block(x[start:stop], y[start:stop], w, ends_batch)
        if empty:
            raise ValueError(
                "X expected batches that can be gone through once an epoch, got none; a generator "
                "is spent after one: give a list, or an object whose __iter__ begins anew"
            )

    def stand_in(self) -> Block:
        """Return a row that does not count, for a process that has no batch left."""
        x, y, _ = self._check(self._first)
        return Block(x[:1], y[:1], NOTHING, ends_batch=True)


class CheckBatch(Protocol):
    """See `BatchFeed`."""

    def __call__(self, batch: Any) -> tuple[Array, Array, Array | None]: ...
