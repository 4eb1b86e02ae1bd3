"""DistributedTrainer: a step that all ranks take together."""

import math
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.data.batch_feed import BatchFeed
from tinyframe.data.source import NOTHING, Block, Source
from tinyframe.distributed.reduction import TAIL, AllReduce, OrderedSum, Reduction
from tinyframe.distributed.rows import RowsOfAll, RunningStates
from tinyframe.distributed.streams import Streams
from tinyframe.metrics import Scores
from tinyframe.training.callbacks import Run
from tinyframe.training.evaluation import Sums, evaluate
from tinyframe.training.numeric_health import nonfinite_error
from tinyframe.training.trainer import Failure, Trainer
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.distributed.ranks import Ranks


class SharedRun(Run):
    """A run in which one rank's request to stop waits until all ranks know of it."""

    stop_request: str = ""

    def stop(self, reason: str) -> None:
        """Ask all ranks to end training: after the next batch, or this epoch; see `Run`."""
        self.stop_request = self.stop_request or reason


class DistributedTrainer(Trainer):
    """Takes the steps of one rank: the gradient of its share of each batch, added to the others'.

    The sum over a batch is Σ w · gradient / `batch_size`, w the Σᵣ wᵣ of a block, of all blocks of
    all ranks; with it go Σ loss · w, Σ w, how many blocks were not finite, and how many ranks ask
    to stop.

    Parameters
    ----------
    ranks
        Who trains.
    cores
        How many of its machine fall to this rank.
    arguments, options
        Those of `Trainer`.
    """

    joins = True

    def __init__(self, *arguments: Any, ranks: "Ranks", cores: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ranks = ranks
        self.ahead = self.ahead and cores > 1
        self._first_shard = ranks.rank * max(1, ranks.shards // ranks.size)
        kind: type[AllReduce | OrderedSum] = AllReduce
        if ranks.shards:
            kind, self.block = OrderedSum, 2**62  # a block is a logical shard
        self._reduction: Reduction = kind(self.parameters, ranks)
        size = len(self.parameters)
        self._tail = self._reduction.message[size : size + TAIL]
        layers = [part for layer in self.objective.layers for part in layer.walk()]
        self._mixing = [] if ranks.shards else [part for part in layers if part.mixes_rows]
        self._rows_of_all = RowsOfAll(ranks)
        self._states = RunningStates(layers, ranks)
        self._streams: Streams | None = None
        self._nonfinite = ""  # what this rank found in this batch
        self.scale = self._factor = np.ones(())
        self.backward = self._scaled_backward

    @contextmanager
    def rows_of_all(self) -> Iterator[None]:
        """Let layers that mix rows mix those of all ranks, as long as the block lasts."""
        for layer in self._mixing:
            layer.batch_sums = self._rows_of_all
        try:
            yield
        finally:
            for layer in self._mixing:
                del layer.batch_sums

    # ---------------------------------------------------------------- a batch

    def _blocks(self, run: Run, helped: bool) -> Generator[Block, None, None]:
        if self._streams is None:
            self._streams = Streams(self)
        blocks = super()._blocks(run, helped)
        if isinstance(self.feed, BatchFeed):
            blocks = self._as_long_as_any(blocks)
        number = 0
        with closing(blocks):
            for block in blocks:
                self._run = run
                self.scores.batch = run.batch
                shard, piece = (number, 0) if self._ranks.shards else (0, number)
                self._streams.place(run.steps, self._first_shard + shard, piece)
                self._rows = 0 if block.weight is NOTHING else len(block.x)
                self._rows_of_all.counts = self._rows > 0
                self._states.begin()
                yield block
                number = 0 if block.ends_batch else number + 1

    def _as_long_as_any(self, blocks: Iterator[Block]) -> Generator[Block, None, None]:
        """Yield the batches of this rank; while others have more, one that does not count."""
        assert isinstance(self.feed, BatchFeed)  # noqa: S101 - tells the type checker
        left = np.empty(1)
        begins = True
        while True:
            block = next(blocks, None)
            if begins:
                left[0] = block is not None
                self._ranks.allreduce(left)
            if not left[0]:
                return
            block = block or self.feed.stand_in()
            yield block
            begins = block.ends_batch

    def _scaled_backward(self) -> None:
        self._factor[...] = self.objective.weight_sum / self.batch_size
        self.objective.backward()

    def _meet_nonfinite(self, run: Run, loss: float) -> None:  # noqa: ARG002 - of the contract
        found = self.objective.origin_of_nonfinite()
        self._nonfinite = self._nonfinite or f"the loss is {loss}: {found}"
        if self._mixing:  # whose sums the other ranks wait for
            self._scaled_backward()

    def _join(self, weight_sum: float, batch_weight: float, *, first: bool, last: bool) -> None:  # noqa: ARG002 - as above
        """Take in a block, what rides along with it included."""
        loss = self.objective.value
        finite = math.isfinite(loss)
        stops = last and _stop_request(self._run) != ""
        self._tail[:] = (loss * weight_sum, weight_sum, 0, stops) if finite else (0, 0, 1, stops)
        self._reduction.add(first=first, last=last)
        self._states.end(self._rows)

    def _step(self, run: Run, total: float, weight_sum: float) -> None:
        """Take the step of a batch of all ranks, if their losses and gradients are finite."""
        self._reduction.finish()
        self._states.finish()
        total, weight_sum, nonfinite, stops = self._tail.tolist()
        if stops:
            self._agree_to_stop(run)
        if nonfinite or not math.isfinite(total):
            if not self.skips_nonfinite:
                found = [text for text in self._ranks.allgather(self._nonfinite) if text]
                why = found[0] if found else f"the sum of the losses is {total}"
                raise self.raised(nonfinite_error(run, why))
            total = math.nan
            self._nonfinite = ""
        elif weight_sum not in (0, self.batch_size):
            self.parameters.grad *= self.batch_size / weight_sum
        super()._step(run, total, weight_sum)

    def raised(self, error: Failure) -> Failure:
        return self._ranks.raised_by_all(error)

    # ---------------------------------------------------------------- an epoch

    def _metrics(self) -> dict[str, float]:
        return self._joined([], self.scores)[1].figures()

    def evaluate(self, source: Source) -> dict[str, float]:
        """Return the mean loss and the metrics on the rows of all ranks, in rank 0."""
        return evaluate(self.examined, source, self.scores.metrics, join=self._joined)

    def agreed(self, figures: dict[str, float]) -> dict[str, float]:
        """Return the figures of rank 0; make the weights those of rank 0, should they differ."""
        self._ranks.bcast_into(self.parameters.value)
        return self._ranks.bcast(figures)

    def end_epoch(self, run: Run) -> None:
        """Stop if a rank asks to."""
        self._agree_to_stop(run)

    def gathered(self) -> dict[str, Array] | None:
        """Return what the metrics need of the epoch so far, in rank 0."""
        of_all = self._ranks.gather(self.scores.gathered)
        return None if of_all is None else _in_order(of_all)

    def _joined(self, sums: Sums, scores: Scores) -> tuple[Sums, Scores]:
        """Return what all ranks found, in rank 0; nothing in the others."""
        of_all = self._ranks.gather((sums, scores.gathered))
        joined = Scores(scores.metrics, scores.ignored)
        if of_all is None:
            return [], joined
        joined.gathered = _in_order([rows for _, rows in of_all])
        return [block for blocks, _ in of_all for block in blocks], joined

    def _agree_to_stop(self, run: Run) -> None:
        requests = [why for why in self._ranks.allgather(_stop_request(run)) if why]
        run.stopped = run.stopped or (requests[0] if requests else "")


def _stop_request(run: Run) -> str:
    """Return why this rank asks to stop; empty if it does not."""
    return run.stop_request if isinstance(run, SharedRun) else ""


def _in_order(of_all: list[dict[str, Array]]) -> dict[str, Array]:
    """Return rows of all ranks as one process would have met them: by batch, then by rank."""
    of_all = [rows for rows in of_all if rows]
    if not of_all:
        return {}
    names = set().union(*of_all)
    joined = {name: np.concatenate([_rows(rows, name) for rows in of_all]) for name in names}
    order = np.argsort(joined["batch"], kind="stable")
    return {name: rows[order] for name, rows in joined.items()}


def _rows(rows: dict[str, Array], name: str) -> Array:
    """Return one column of them; those before a checkpoint of one process have no batch."""
    count = len(rows["prediction"])
    return rows.get(name, np.full(count, -1) if name == "batch" else np.ones(count))
