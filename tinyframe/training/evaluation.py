"""Evaluation: loss and metrics over all rows of some data."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np

from tinyframe.data.source import BLOCK, Block, Source, in_pairs
from tinyframe.metrics import Metric, Scores
from tinyframe.training.blocks import are_long
from tinyframe.training.objective import Objective
from tinyframe.utils.named import Named
from tinyframe.utils.progress import track
from tinyframe.utils.threads import helping

Sums: TypeAlias = list[tuple[float, float]]
"""(loss · w, w) of each block, w its Σᵣ wᵣ: see `Loss`."""


def evaluate(
    objective: Objective,
    feed: Source,
    metrics: Mapping[str, Metric],
    *,
    watched: bool = False,
    join: Callable[[Sums, Scores], tuple[Sums, Scores]] | None = None,
) -> dict[str, float]:
    """Return the mean loss and the metrics over all rows; changes nothing.

    Parameters
    ----------
    objective, feed, metrics
        Of what, on which data, and which metrics.
    watched
        Whether a bar is shown where it takes long.
    join
        Function that adds what other processes found on their rows.
    """
    sums: Sums = []
    scores = Scores(metrics, objective.loss.ignore_index)
    batch = 0
    several = feed.pairs_batches and feed.batches(BLOCK) != 1
    with helping(objective, None, wanted=several and are_long(objective.layers, BLOCK)) as helped:
        blocks: Iterator[Block] = feed.blocks(BLOCK, BLOCK, pairs=helped)
        if helped:
            blocks = in_pairs(blocks, objective.begin, across=True)
        for block in track(blocks, feed.batches(BLOCK), "evaluate", "block", wanted=watched):
            target, weight = block.target, block.weight
            loss = float(objective.forward(block.x, target, weight, place=block))
            sums.append((loss * objective.weight_sum, objective.weight_sum))
            if metrics and objective.weight_sum:
                scores.batch = None if join is None else batch
                scores.add(objective.prediction, target, weight)
            batch += block.ends_batch
    if join is not None:
        sums, scores = join(sums, scores)
    weight_sum = math.fsum(weight for _, weight in sums)
    total = math.fsum(total for total, _ in sums) if np.isfinite(sums).all() else math.nan
    loss = total / weight_sum if weight_sum else math.nan
    return Named({"loss": loss} | scores.figures())
