"""Ranks: the processes of an MPI communicator, and what they tell each other around training."""

import os
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinyframe.data.batch_feed import BatchFeed
from tinyframe.data.feed import Feed
from tinyframe.data.source import Source
from tinyframe.distributed.arguments import comparable
from tinyframe.distributed.trainer import DistributedTrainer, SharedRun
from tinyframe.layers.state import restore_state, state_of
from tinyframe.optimizers import Optimizer
from tinyframe.storage.errors import StorageError
from tinyframe.training.callbacks import Run
from tinyframe.types import Array
from tinyframe.utils.optional import require
from tinyframe.utils.warn import warn

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

Failure = TypeVar("Failure", bound=Exception)
Found = TypeVar("Found")

SHARDS = 8
"""Logical shards of a batch under `deterministic=True`."""

GRACE = 0.5
"""Seconds in which the launcher can pass on an error message before it ends the job."""

THREADS = (
    "BLIS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
"""Variables that say how many threads BLAS may start."""

SAMPLED = 256
"""Rows by which data of one process is compared with that of another."""


class Ranks:
    """The processes of a communicator, which train one model.

    Parameters
    ----------
    communicator
        As in `Model.fit`.
    deterministic
        Likewise.

    Raises
    ------
    ImportError
        Without mpi4py (extra `mpi`).
    TypeError, ValueError
        If it is no communicator, or the logical shards cannot be dealt out evenly.
    """

    def __init__(self, communicator: "Intracomm", deterministic: bool | int = False) -> None:
        self._mpi = require("mpi4py.MPI", "mpi", "fit(communicator=…)")
        if not isinstance(communicator, self._mpi.Intracomm):
            raise TypeError(
                f"communicator expected one such as MPI.COMM_WORLD, got {communicator!r}"
            )
        self.communicator = communicator
        self.rank: int = communicator.rank
        self.size: int = communicator.size
        self._raised: BaseException | None = None  # by all ranks together
        with self.together():
            self.shards = _logical_shards(deterministic, self.size)
        self.agree({"deterministic": deterministic})  # before it leads ranks different ways

    # ---------------------------------------------------------------- before training

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise in every rank what the block raises in one of them."""
        error: Exception | None = None
        try:
            yield
        except Exception as raised:  # noqa: BLE001 - it is raised again below
            error = raised
        self._raise_first(self.allgather(_portable(error)), error)

    def on_root(self, find: Callable[[], Found]) -> Found:
        """Return what rank 0 finds."""
        found: list[Found] = []
        with self.together():
            if self.rank == 0:
                found.append(find())
        return self.bcast(found)[0]

    def agree(self, arguments: Mapping[str, Any]) -> None:
        """Raise ValueError if the ranks differ in an argument."""
        with self.together():
            own = comparable(arguments)
        of_all = self.allgather(own)
        for name, value in of_all[0].items():
            for rank, others in enumerate(of_all):
                if others[name] != value:
                    raise ValueError(
                        f"all ranks have to train alike: rank {rank} has {name} {others[name]}, "
                        f"rank 0 {value}"
                    )

    def divide(self, *sources: Source | None) -> None:
        """Give each rank its share of the rows."""
        self.agree({"data": [type(source).__name__ for source in sources]})
        for source in sources:
            if isinstance(source, Feed):
                self._divide_arrays(source)
            elif isinstance(source, BatchFeed):
                if self.shards:
                    raise ValueError(
                        "deterministic=True expected arrays or Shards, whose rows tinyframe hands "
                        "out; batches of an iterable are what each rank makes of them"
                    )
                counts = [count for count in self.allgather(source.count) if count is not None]
                source.count = max(counts) if len(counts) == self.size else None
            elif source is not None:
                self.agree({"rows": source.rows})
                self._share(source)

    def _divide_arrays(self, feed: Feed) -> None:
        """Share the rows of arrays that all ranks have; leave each rank those it has alone."""
        of_all = self.allgather((feed.own_rows, _fingerprint(feed)))
        if len(set(of_all)) == 1:
            weight = feed.weight
            self.agree({"weights": None if weight is None else zlib.crc32(weight.tobytes())})
            self._share(feed)
            return
        if self.shards:
            raise ValueError(
                "deterministic=True expected the same arrays in all ranks, whose rows tinyframe "
                f"hands out; those of rank {_first_other(of_all)} differ from rank 0's"
            )
        feed.keep_own(sum(rows for rows, _ in of_all), self.rank)

    def _share(self, source: Source) -> None:
        shards = self.shards or self.size
        own = shards // self.size
        source.share(shards, range(self.rank * own, (self.rank + 1) * own))

    def run(
        self, model: Any, optimizer: Optimizer, names: tuple[str, ...], epochs: int,
        batches: int | None,
    ) -> Run:  # fmt: skip
        """Return the run of this rank, whose history is that of rank 0."""
        history = model.history
        epochs_done = [dict(history.at(number)) for number in range(history.epochs)]
        history.replace(self.bcast(epochs_done))
        run = SharedRun(model, optimizer, names, epochs, batches)
        run.rank, run.ranks = self.rank, self.size
        return run

    def share(self, run: Run) -> None:
        """Give every rank the weights and the optimizer's memory of rank 0."""
        optimizer = run.optimizer
        restore_state(run.model, self.bcast(state_of(run.model)))
        optimizer.restore(*self.bcast((optimizer.steps, optimizer.epoch, optimizer.state())))

    # ---------------------------------------------------------------- in training

    def cores(self) -> int:
        """Return how many cores of its machine fall to each rank; warn if BLAS would take more."""
        bound = getattr(os, "sched_getaffinity", None)  # not on every system
        cores = len(bound(0)) if bound else os.cpu_count() or 1
        node = self.communicator.Split_type(self._mpi.COMM_TYPE_SHARED)
        neighbours: int = node.size
        node.Free()
        with self.together():
            if self.rank == 0 and cores > 1 and neighbours > 1 and not set(THREADS) & {*os.environ}:
                warn(
                    f"{neighbours} ranks share this machine, and BLAS may start {cores} threads in "
                    "each of them, which makes training many times slower: set OMP_NUM_THREADS=1 "
                    "before mpiexec",
                    RuntimeWarning,
                )
        return cores // neighbours

    @contextmanager
    def training(self, trainer: DistributedTrainer) -> Iterator[None]:
        """End the whole job if this rank alone fails."""
        try:
            with trainer.rows_of_all():
                yield
        except BaseException as error:
            if error is not self._raised and self.size > 1:
                traceback.print_exc()
                print(  # noqa: T201 - there is no other way to tell
                    f"tinyframe: rank {self.rank} of {self.size} failed, see above; the others "
                    "cannot go on without it, and the job ends. Its last checkpoint is whole.",
                    file=sys.stderr,
                    flush=True,
                )
                sys.stdout.flush()
                time.sleep(GRACE)
                self.communicator.Abort(1)
            raise

    def raised_by_all(self, error: Failure) -> Failure:
        """Return an error that every rank raises now."""
        self._raised = error
        return error

    # ---------------------------------------------------------------- messages

    def allgather(self, value: Found) -> list[Found]:
        """Return the values of all ranks."""
        values: list[Found] = self.communicator.allgather(value)
        return values

    def gather(self, value: Found) -> list[Found] | None:
        """Return the values of all ranks in rank 0, None in the others."""
        values: list[Found] | None = self.communicator.gather(value)
        return values

    def bcast(self, value: Found) -> Found:
        """Return the value of rank 0."""
        of_root: Found = self.communicator.bcast(value)
        return of_root

    def allreduce(self, array: Array) -> None:
        """Replace an array by its sum over all ranks."""
        self.communicator.Allreduce(self._mpi.IN_PLACE, array)

    def bcast_into(self, array: Array) -> None:
        """Replace an array by that of rank 0."""
        self.communicator.Bcast(array)

    def _raise_first(self, errors: list[BaseException | None], own: BaseException | None) -> None:
        """Raise this rank's error, or that of the lowest rank which has one."""
        if own is not None:
            raise own
        for rank, error in enumerate(errors):
            if error is not None:
                raise type(error)(f"rank {rank}: {error}")


def _logical_shards(deterministic: bool | int, ranks: int) -> int:
    """Return the number of logical shards, 0 where their number is that of ranks."""
    if isinstance(deterministic, bool):
        shards = SHARDS if deterministic else 0
    elif isinstance(deterministic, (int, np.integer)) and deterministic > 0:
        shards = int(deterministic)
    else:
        raise TypeError(
            f"deterministic expected True, False or a number of shards, got {deterministic!r}"
        )
    if shards % ranks:
        raise ValueError(
            f"deterministic expected a number of shards that {ranks} ranks can share evenly, got "
            f"{shards}; deterministic={ranks * -(-shards // ranks)} would do"
        )
    return shards


def _portable(error: Exception | None) -> Exception | None:
    """Return an error as it can be sent and raised elsewhere."""
    if error is None:
        return None
    for kind in (TypeError, ValueError, StorageError):
        if isinstance(error, kind):
            return kind(str(error))
    return RuntimeError(f"{type(error).__name__}: {error}")


def _fingerprint(feed: Feed) -> int:
    """Return a number that differs where X or y do, by some of their rows."""
    found = zlib.crc32(f"{feed.X.shape} {feed.X.dtype} {feed.y.shape} {feed.y.dtype}".encode())
    rows = np.linspace(0, len(feed.X) - 1, min(SAMPLED, len(feed.X))).astype(np.intp)
    for array in (feed.X, feed.y):
        found = zlib.crc32(np.ascontiguousarray(array[rows]).view(np.uint8).data, found)
    return found


def _first_other(of_all: list[Any]) -> int:
    return next(rank for rank, one in enumerate(of_all) if one != of_all[0])
