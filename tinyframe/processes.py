"""Processes: who trains one model. One alone has nothing to agree on; see `distributed`."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tinyframe.callbacks import Run
from tinyframe.checks import among
from tinyframe.feed import Source
from tinyframe.layers.layer import Layer
from tinyframe.optimizers import Optimizer
from tinyframe.training import Trainer

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

Found = TypeVar("Found")


class Processes(Protocol):
    """What `fit` asks of those that train together. Each has to ask the same, in the same order."""

    def together(self) -> AbstractContextManager[None]:
        """Return a block that raises in every process if it raises in one of them."""

    def from_first(self, find: Callable[[], Found]) -> Found:
        """Return what `find` returns in the process of rank 0, or raise what it raises there."""

    def divide(self, *sources: Source | None) -> None:
        """Give each process its share of the rows.

        Raises
        ------
        TypeError, ValueError
            If that cannot be done.
        """

    def agree(self, arguments: Mapping[str, Any]) -> None:
        """Raise ValueError in every process if they differ in one of these arguments of `fit`."""

    def run(
        self, model: Layer, optimizer: Optimizer, names: tuple[str, ...], epochs: int,
        batches: int | None,
    ) -> Run:  # fmt: skip
        """Return the run of this process, whose history is that of rank 0; see `Run`."""

    def share(self, run: Run) -> None:
        """Give every process the weights and the optimizer's memory of rank 0."""

    def trainer(self, *arguments: Any, **options: Any) -> Trainer:
        """Return what takes the steps; see `Trainer`."""

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:
        """Return the block in which training runs: no process waits for one that has failed."""


class OneProcess:
    """A process that trains alone; see `Processes`."""

    def together(self) -> AbstractContextManager[None]:
        """Return an empty block."""
        return nullcontext()

    def from_first(self, find: Callable[[], Found]) -> Found:
        """Return what `find` returns."""
        return find()

    def divide(self, *sources: Source | None) -> None:
        """Do nothing: all rows are its own."""

    def agree(self, arguments: Mapping[str, Any]) -> None:
        """Do nothing: it agrees with itself."""

    def run(
        self, model: Any, optimizer: Optimizer, names: tuple[str, ...], epochs: int,
        batches: int | None,
    ) -> Run:  # fmt: skip
        """Return a run."""
        return Run(model, optimizer, names, epochs, batches)

    def share(self, run: Run) -> None:
        """Do nothing."""

    def trainer(self, *arguments: Any, **options: Any) -> Trainer:
        """Return a trainer."""
        return Trainer(*arguments, **options)

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:  # noqa: ARG002 - of the contract
        """Return an empty block."""
        return nullcontext()


def processes_of(communicator: "Intracomm | None", deterministic: bool | int) -> Processes:
    """Return those that train together: those of a communicator, or this process alone."""
    if communicator is not None:
        distributed = import_module("tinyframe.distributed")  # a floor above this one
        ranks: Processes = distributed.Ranks(communicator, deterministic)
        return ranks
    if not among(deterministic, 0):
        raise ValueError(
            "deterministic expected a communicator; one process gives the same bits anyway"
        )
    return OneProcess()
