"""SharedPlan: what several processes ask of `fit` together, in which each has to ask the same."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tinyframe.distributed.full_batch import SharedFullBatchTrainer
from tinyframe.distributed.ranks import Ranks
from tinyframe.distributed.trainer import DistributedTrainer
from tinyframe.training.callbacks import Callback, Run
from tinyframe.training.plan import Plan
from tinyframe.training.trainer import Trainer

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from tinyframe.model import Model


class SharedPlan(Plan):
    """The plan of one rank: compared with those of the others, its rows a share of theirs.

    Parameters
    ----------
    model, X, y, options
        As in `Plan`.
    communicator, deterministic
        As in `Model.fit`.
    """

    trainer_class = DistributedTrainer
    full_batch_class = SharedFullBatchTrainer

    def __init__(
        self, model: "Model", X: Any, y: Any, *, communicator: "Intracomm",
        deterministic: bool | int, **options: Any,
    ) -> None:  # fmt: skip
        self.ranks = Ranks(communicator, deterministic)
        super().__init__(model, X, y, deterministic=deterministic, **options)

    def take(self, X: Any, y: Any, **options: Any) -> None:
        """Check the arguments in all ranks, compare them, and divide the rows; see `Plan`."""
        with self.ranks.together():
            super().take(X, y, **{**options, "deterministic": False})
        checked = {
            "loss": self.loss, "optimizer": self.optimizer, "epochs": self.epochs,
            "batch_size": self.batch_size, "metrics": self.metrics, "callbacks": self.callbacks,
        }  # fmt: skip
        self.ranks.agree({"self": self.model, "X": X, "y": y, **options, **checked})
        self.ranks.divide(self.feed, self.validation)
        self.rngs = self.ranks.bcast(self.rngs)

    @contextmanager
    def training(self) -> Iterator[Run]:
        """Return the block of `Plan.training`, in which no rank waits for one that has failed."""
        with super().training() as run, self.ranks.training(run.trainer):
            yield run

    def own_callbacks(self) -> tuple[Callback, ...]:
        """Return all callbacks in rank 0, elsewhere those that are not for it alone."""
        return tuple(c for c in self.callbacks if self.ranks.rank == 0 or not c.rank_zero_only)

    def make_run(self, names: tuple[str, ...], batches: int | None) -> Run:
        """Return the run of this rank, whose history is that of rank 0."""
        return self.ranks.run(self.model, self.optimizer, names, self.epochs, batches)

    def open_checkpoint(self) -> Any:
        """Return what rank 0 reads."""
        return self.ranks.on_root(super().open_checkpoint)

    def begin(self, at_the_end: ExitStack) -> None:
        """Begin in all ranks, or in none."""
        with self.ranks.together():
            super().begin(at_the_end)

    def warn(self) -> None:
        """Warn in rank 0."""
        if self.ranks.rank == 0:
            super().warn()

    def draw_weights(self, weights: Any, layers: Any) -> None:
        """Give all ranks the weights and the optimizer of rank 0."""
        super().draw_weights(weights, layers)
        self.ranks.share(self.run)

    def make_trainer(self, augment_rng: Any, order_rng: Any, **options: Any) -> Trainer:
        """Return what takes the steps of this rank."""
        cores = self.ranks.cores()
        return super().make_trainer(
            augment_rng, order_rng, ranks=self.ranks, cores=cores, **options
        )
