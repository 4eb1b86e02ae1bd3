"""Rows for an estimator's network: those of sparse matrices become dense a batch at a time."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse

from tinyframe.data.source import BLOCK
from tinyframe.sequential import Sequential
from tinyframe.types import Array
from tinyframe.utils.checks import positive_integer

DENSE = 16_000_000
"""Bytes that the dense rows of a sparse X take at a time."""


class SparseBatches:
    """The rows of a sparse X, shuffled anew each epoch, in dense batches (x, y) or (x, y, weight).

    Parameters
    ----------
    X
        Of scipy.sparse, in compressed rows.
    y, weight
        Arrays of as many rows, the weights optional.
    size
        Rows of a batch; None for all of them.
    rng
        What to draw their order from; None for the order in which they stand.
    """

    def __init__(
        self, X: Any, y: Array, weight: Array | None, size: int | None,
        rng: np.random.Generator | None = None,
    ) -> None:  # fmt: skip
        self._parts = (X, y) if weight is None else (X, y, weight)
        self._rows: int = X.shape[0]
        self._size = self._rows if size is None else positive_integer("batch_size", size)
        self._rng = rng if self._size < self._rows else None
        self._order: Array | None = None

    def __len__(self) -> int:
        return math.ceil(self._rows / self._size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        if self._order is None and self._rng is not None:
            self._order = self._rng.permutation(self._rows)
        for start in range(0, self._rows, self._size):
            rows = slice(start, start + self._size)
            X, *others = self._parts
            chosen = rows if self._order is None else self._order[rows]
            yield (X[chosen].toarray(), *(part[chosen] for part in others))
        self._order = None  # one of which only the head was looked at is for the next time


def to_train(
    X: Any, y: Array, weight: Array | None, size: Any, rng: np.random.Generator | None
) -> dict[str, Any]:
    """Return the arguments of `Model.fit` that are about rows; a sparse X is shuffled as a dense.

    Parameters
    ----------
    X, y, weight, size
        As `fit` takes them, but that X may be sparse.
    rng
        What `fit` is going to draw from; None where it does not shuffle.
    """
    if not issparse(X):
        return {"X": X, "y": y, "sample_weight": weight, "batch_size": size}
    if rng is not None:
        rng = copy.deepcopy(rng).spawn(2)[1]  # that of `fit` for the order
    return {"X": SparseBatches(X, y, weight, size, rng)}


def to_validate(X: Any, y: Array, weight: Array | None) -> Any:
    """Return rows as `validation_data`."""
    if issparse(X):
        return SparseBatches(X, y, weight, _rows_at_a_time(X))
    return (X, y) if weight is None else (X, y, weight)


def outputs(model: Sequential, X: Any) -> Array:
    """Return what a network makes of X, dense or sparse."""
    if not issparse(X):
        return model.predict(X, verbose=0)
    rows = _rows_at_a_time(X)
    blocks = (X[start : start + rows].toarray() for start in range(0, X.shape[0], rows))
    return np.concatenate([model.predict(block, verbose=0) for block in blocks])


def _rows_at_a_time(X: Any) -> int:
    """Return how many rows of a sparse X become dense at once where no step asks for so many."""
    row: int = X.shape[1] * X.dtype.itemsize
    return max(1, min(BLOCK, DENSE // row))
