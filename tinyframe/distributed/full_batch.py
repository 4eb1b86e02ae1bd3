"""SharedFullBatchTrainer: iterations over the rows of all ranks, each evaluation one all-reduce."""

from tinyframe.distributed.trainer import DistributedTrainer
from tinyframe.training.full_batch import FullBatchTrainer
from tinyframe.types import Array


class SharedFullBatchTrainer(DistributedTrainer, FullBatchTrainer):
    """A rank's part of the iterations: losses and gradients come summed, with the same bits.

    So all ranks decide alike on how far to go.
    """

    def gauss_newton(self) -> Array:
        """Return the curvature over the rows of all ranks."""
        total, weights = self.squares()
        self._ranks.allreduce(total)
        self._ranks.allreduce(weights)
        total *= 2 / weights
        return total

    def _metrics(self) -> dict[str, float]:
        return {} if self._within else super()._metrics()
