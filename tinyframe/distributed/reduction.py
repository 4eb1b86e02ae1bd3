"""Reductions: how the gradients of all ranks become one."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from tinyframe.parameters import ParameterVector
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.distributed.ranks import Ranks

TAIL = 4
"""Numbers that ride along behind the gradient, each summed too: see `Reduction.add`."""


class Reduction(ABC):
    """Adds up the gradients of all blocks of a batch, those of this rank and of the others.

    Attributes
    ----------
    message : array
        Shape (at least size + TAIL,): the gradient, at whose place the parameters have theirs, and
        what rides along.
    """

    message: Array

    @abstractmethod
    def add(self, *, first: bool, last: bool) -> None:
        """Take in the message as it stands after a block, `first` or `last` of this rank's."""

    @abstractmethod
    def finish(self) -> None:
        """Make the message the sum over all blocks of all ranks."""


class AllReduce(Reduction):
    """One in-place all-reduce a step: the fastest way. The order of the additions is MPI's.

    Parameters
    ----------
    parameters
        Whose gradients are added up.
    ranks
        Who takes part.
    """

    def __init__(self, parameters: ParameterVector, ranks: "Ranks") -> None:
        self._ranks = ranks
        self.message = parameters.with_room(TAIL)
        self._sum: Array | None = None  # of a rank's blocks, where it has several in a batch

    def add(self, *, first: bool, last: bool) -> None:
        """Add a block to the rank's own; see `Reduction`."""
        if first and last:
            return
        if self._sum is None:
            self._sum = self.message.copy()
        elif first:
            np.copyto(self._sum, self.message)
        else:
            self._sum += self.message
        if last:
            np.copyto(self.message, self._sum)

    def finish(self) -> None:
        """Add up the ranks; see `Reduction`."""
        self._ranks.allreduce(self.message)


class OrderedSum(Reduction):
    """Adds up logical shards one after the other, whichever rank has which: the same bits always.

    Each rank gets one stretch of all shards' messages, sums it in the order of the shards, and
    sends the sum to all. So a step moves the messages of all its shards, where an all-reduce moves
    one message.

    Parameters
    ----------
    parameters, ranks
        As above.
    """

    def __init__(self, parameters: ParameterVector, ranks: "Ranks") -> None:
        self._communicator, size = ranks.communicator, ranks.size
        own = ranks.shards // size
        numbers = len(parameters) + TAIL
        self._stretch = -(-numbers // size)
        self.message = parameters.with_room(self._stretch * size - len(parameters))
        dtype = self.message.dtype
        self._sent = np.empty((size, own, self._stretch), dtype)  # stretch, shard of this rank
        self._received = np.empty((size * own, self._stretch), dtype)  # shard, of this stretch
        self._next = 0

    def add(self, *, first: bool, last: bool) -> None:  # noqa: ARG002 - of the contract
        """Keep a shard; see `Reduction`."""
        self._next = 0 if first else self._next + 1
        self._sent[:, self._next] = self.message.reshape(-1, self._stretch)

    def finish(self) -> None:
        """Add up all shards in their order; see `Reduction`."""
        self._communicator.Alltoall(self._sent, self._received)
        total = self._received[0]
        for shard in self._received[1:]:
            total += shard
        self._communicator.Allgather(total, self.message)
