"""What layers learn from rows rather than from gradients, over the rows of all ranks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.distributed.ranks import Ranks


class RowsOfAll:
    """Sums over the rows of all ranks, within a layer's forward and backward; see `BatchSums`.

    Parameters
    ----------
    ranks
        Who takes part.

    Attributes
    ----------
    counts : bool
        Whether the rows of this rank count; one that stands in where there is none does not.
    """

    def __init__(self, ranks: "Ranks") -> None:
        self._ranks = ranks
        self.counts = True

    def moments(self, mean: Array, variance: Array, count: int) -> tuple[Array, Array, float]:
        """Return mean and variance over all rows, from those of each rank; see `BatchSums`.

        With means μᵣ, variances σᵣ² and counts mᵣ: μ = Σ mᵣ μᵣ / m, and
        σ² = Σ mᵣ (σᵣ² + (μᵣ − μ)²) / m. Source: Chan, Golub and LeVeque, "Algorithms for Computing
        the Sample Variance", 1983.

        Parameters
        ----------
        mean, variance, count
            As there.
        """
        features = len(mean)
        own = np.array([*mean, *variance, count * self.counts], np.float64)
        of_all = np.empty((self._ranks.size, len(own)))
        self._ranks.communicator.Allgather(own, of_all)
        means, variances, counts = np.split(of_all, (features, 2 * features), axis=1)
        m = float(counts.sum())
        shares = counts / m
        mean_of_all = np.sum(shares * means, axis=0)
        spread = np.sum(shares * (variances + (means - mean_of_all) ** 2), axis=0)
        return mean_of_all, spread, m

    def sum(self, array: Array) -> Array:
        """Return the sum over all ranks; see `BatchSums`."""
        total = array.copy()
        self._ranks.allreduce(total)
        return total


class RunningStates:
    """Averages that layers keep besides their parameters: the mean over all shards of a batch.

    Each shard's forward pass starts from the same averages, and a shard counts by its rows; the
    order of the sum is that of the shards.

    Parameters
    ----------
    layers
        All layers, of which those with `state_names` count.
    ranks
        Who takes part.
    """

    def __init__(self, layers: Iterable[Layer], ranks: "Ranks") -> None:
        self._communicator = ranks.communicator
        self._kept = [(layer, name) for layer in layers for name in layer.state_names]
        self._each_alone = ranks.shards > 0
        size = len(self._read()) + 1
        shards = ranks.shards or ranks.size
        self._own = np.empty((shards // ranks.size, size))  # of each shard: averages, and rows
        self._all = np.empty((shards, size))
        self._next = 0

    def begin(self) -> None:
        """Start a block."""
        if self._kept and self._next == 0:
            self._start = self._read()
            self._own[:, -1] = 0
        elif self._kept and self._each_alone:
            self._write(self._start)

    def end(self, rows: int) -> None:
        """End a block of so many rows."""
        if self._kept:
            shard = self._next if self._each_alone else 0
            self._own[shard, :-1] = self._read()
            self._own[shard, -1] += rows
            self._next += 1

    def finish(self) -> None:
        """Set the averages to the mean over the shards of all ranks."""
        if not self._kept:
            return
        self._next = 0
        self._communicator.Allgather(self._own, self._all)
        rows = self._all[:, -1].sum()
        mean = np.zeros_like(self._start)
        for shard in self._all:
            if shard[-1]:
                mean += shard[:-1] * (shard[-1] / (rows or 1))
        self._write(mean if rows else self._start)

    def _read(self) -> Array:
        parts = [np.ravel(getattr(layer, name)) for layer, name in self._kept]
        return np.concatenate([np.empty(0), *parts])

    def _write(self, numbers: Array) -> None:
        at = 0
        for layer, name in self._kept:
            array = getattr(layer, name)
            array[...] = numbers[at : at + array.size].reshape(array.shape)
            at += array.size
