"""Blocks: how many rows of a batch are worked on at a time, and which of them two threads share."""

import math
import sys

from tinyframe.data.batch_feed import BatchFeed
from tinyframe.data.source import BLOCK, Source
from tinyframe.layers.layer import Layer
from tinyframe.optimizers import Optimizer
from tinyframe.optimizers.schedules import Schedule
from tinyframe.utils.attributes import is_ours

LONG = 40_000_000
"""Multiply-adds of a forward pass from which on it is worth a thread; see `MANY`."""

MANY = 900_000
"""Numbers, of all layers' outputs, from which on it is: BLAS shares products by itself.

Measured, the whole batch on BLAS's two threads / its halves on a thread each, in ms: a Transformer
of two blocks at 64 rows 58 / 32, at 32 rows 23 / 16, at 16 rows 12 / 9, at 8 rows 6.3 / 6.2; LeNet
at 256 rows 17.5 / 13.8, at 128 rows 7.2 / 7.9. One thread loses nothing by it. 784-512-512-10 at
128 rows gains nothing, as a quarter of its time is gradients and weights as a whole.
"""


NARROW_BLOCK = 1536
"""Rows of a block where layers are narrow: each costs 60 µs to hand over.

Measured, ten steps of the document's network on 60,000 digits: by 1,024 rows 144 ms, by 1,536 136,
by 2,048 145. 784-512-512-10 would lose 3 % by it.
"""


def are_long(layers: tuple[Layer, ...], rows: int) -> bool:
    """Whether so many rows, and as many beside them, are worth a thread each."""
    if rows * sum(layer.multiply_adds for layer in layers) < LONG:
        return False
    leaves = [part for layer in layers for part in layer.walk() if not part.children]
    return rows * sum(math.prod(leaf.output_shape or ()) for leaf in leaves) >= MANY


def block_rows(layers: tuple[Layer, ...], batch_size: int) -> int:
    """Return how many rows of a batch are worked on at a time.

    That depends on shapes alone, so that bits do not depend on how many threads there are.
    """
    if any(part.mixes_rows for layer in layers for part in layer.walk()):
        return sys.maxsize
    half = -(-batch_size // 2)
    if half < BLOCK and are_long(layers, half):
        return half
    from tinyframe.recording.inference import are_narrow  # noqa: PLC0415 - spares `import tinyframe`

    return NARROW_BLOCK if are_narrow(layers) else BLOCK


def all_ours(layers: tuple[Layer, ...]) -> bool:
    """Whether all layers are tinyframe's own, which two threads may be in at once."""
    return all(is_ours(part) for layer in layers for part in layer.walk())


def runs_code_of_the_user(feed: Source, optimizer: Optimizer) -> bool:
    """Whether what runs between two blocks may change a layer, too."""
    return isinstance(feed, BatchFeed) or any(
        isinstance(part, (Optimizer, Schedule)) and not is_ours(part)
        for part in (optimizer, optimizer.learning_rate)
    )
