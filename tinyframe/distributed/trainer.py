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
from tinyframe.training.trainer import Failure, Trainer
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.distributed.ranks import Ranks


class SharedRun(Run):
    """A run in which one rank's wish to stop waits until all ranks know of it."""

    wish: str = ""

    def stop(self, reason: str) -> None:
        """Ask all ranks to end training: after the next batch, or this epoch; see `Run`."""
        self.wish = self.wish or reason


class DistributedTrainer(Trainer):
    """Takes the steps of one rank: the gradient of its share of each batch, added to the others'.

    The sum over a batch is Σ mass · gradient / `batch_size`, of all blocks of all ranks; with it go
    Σ loss · mass, Σ mass, how many blocks were not finite, and how many ranks wish to stop.

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
        self._scale = self.objective.scale = np.ones(())
        self.backward = self._scaled_backward

    @contextmanager
    def rows_of_all(self) -> Iterator[None]:
        """Let layers that mix rows mix those of all ranks, as long as the block lasts."""
        for layer in self._mixing:
            layer.across = self._rows_of_all
        try:
            yield
        finally:
            for layer in self._mixing:
                del layer.across

    # ---------------------------------------------------------------- a batch

    def _blocks(self, run: Run) -> Generator[Block, None, None]:
        if self._streams is None:
            self._streams = Streams(self)
        blocks = super()._blocks(run)
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
                self._ranks.add(left)
            if not left[0]:
                return
            block = block or self.feed.stand_in()
            yield block
            begins = block.ends_batch

    def _scaled_backward(self) -> None:
        self._scale[...] = self.objective.mass / self.batch_size
        self.objective.backward()

    def _meet_nonfinite(self, run: Run, loss: float) -> None:  # noqa: ARG002 - of the contract
        found = self.objective.origin_of_nonfinite()
        self._nonfinite = self._nonfinite or f"the loss is {loss}: {found}"
        if self._mixing:  # whose sums the other ranks wait for
            self._scaled_backward()

    def _join(self, mass: float, batch_mass: float, *, first: bool, last: bool) -> None:  # noqa: ARG002 - as above
        """Take in a block, what rides along with it included."""
        loss = self.objective.value
        finite = math.isfinite(loss)
        wishes = last and _wish(self._run) != ""
        self._tail[:] = (loss * mass, mass, 0, wishes) if finite else (0, 0, 1, wishes)
        self._reduction.add(first=first, last=last)
        self._states.end(self._rows)

    def _step(self, run: Run, total: float, mass: float) -> None:
        """Take the step of a batch of all ranks, if their losses and gradients are finite."""
        self._reduction.finish()
        self._states.finish()
        total, mass, nonfinite, wishes = self._tail.tolist()
        if wishes:
            self._agree_to_stop(run)
        if nonfinite or not math.isfinite(total):
            if not self.skips_nonfinite:
                told = [text for text in self._ranks.everyones(self._nonfinite) if text]
                raise self._error(run, told[0] if told else f"the sum of the losses is {total}")
            total = math.nan
            self._nonfinite = ""
        elif mass not in (0, self.batch_size):
            self.parameters.grad *= self.batch_size / mass
        super()._step(run, total, mass)

    def raised(self, error: Failure) -> Failure:
        return self._ranks.raised_by_all(error)

    # ---------------------------------------------------------------- an epoch

    def _metrics(self) -> dict[str, float]:
        return self._joined([], self.scores)[1].figures()

    def evaluate(self, source: Source) -> dict[str, float]:
        """Return the mean loss and the metrics on the rows of all ranks, in rank 0."""
        return evaluate(self.objective, source, self.scores.metrics, join=self._joined)

    def agreed(self, figures: dict[str, float]) -> dict[str, float]:
        """Return the figures of rank 0; make the weights those of rank 0, should they differ."""
        self._ranks.copy_first(self.parameters.value)
        return self._ranks.of_first(figures)

    def end_epoch(self, run: Run) -> None:
        """Stop if a rank wishes to."""
        self._agree_to_stop(run)

    def gathered(self) -> dict[str, Array] | None:
        """Return what the metrics need of the epoch so far, in rank 0."""
        told = self._ranks.gathered(self.scores.gathered)
        return None if told is None else _in_order(told)

    def _joined(self, sums: Sums, scores: Scores) -> tuple[Sums, Scores]:
        """Return what all ranks found, in rank 0; nothing in the others."""
        told = self._ranks.gathered((sums, scores.gathered))
        joined = Scores(scores.metrics, scores.ignored)
        if told is None:
            return [], joined
        joined.gathered = _in_order([rows for _, rows in told])
        return [block for blocks, _ in told for block in blocks], joined

    def _agree_to_stop(self, run: Run) -> None:
        wishes = [wish for wish in self._ranks.everyones(_wish(run)) if wish]
        run.stopped = run.stopped or (wishes[0] if wishes else "")


def _wish(run: Run) -> str:
    """Return why this rank wishes to stop; empty if it does not."""
    return run.wish if isinstance(run, SharedRun) else ""


def _in_order(told: list[dict[str, Array]]) -> dict[str, Array]:
    """Return rows of all ranks as one process would have met them: by batch, then by rank."""
    told = [rows for rows in told if rows]
    if not told:
        return {}
    names = set().union(*told)
    joined = {name: np.concatenate([_rows(rows, name) for rows in told]) for name in names}
    order = np.argsort(joined["batch"], kind="stable")
    return {name: rows[order] for name, rows in joined.items()}


def _rows(rows: dict[str, Array], name: str) -> Array:
    """Return one column of them; those before a checkpoint of one process have no batch."""
    count = len(rows["prediction"])
    return rows.get(name, np.full(count, -1) if name == "batch" else np.ones(count))
