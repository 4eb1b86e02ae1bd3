"""Trains one network of the examples, or one with layers of one's own, and tells its memory.

python tests/memory_job.py lenet 3000      resident bytes every hundred steps, one a line
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "examples"))

import numpy as np
from character_transformer import CONTEXT, transformer
from lenet import lenet
from resnet import resnet
from uncertainty import QuantileLoss

from tinyframe import (
    LSTM,
    SGD,
    Adam,
    AdamW,
    BinaryCrossEntropyLoss,
    Callback,
    Conv1D,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    MSELoss,
    ReLU,
    Rescale,
    Reshape,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tinyframe.training.callbacks import Run
from tinyframe.types import Array

Pair = tuple[Array, Array]


class Doubled(Layer):
    """y = 2 x, in fresh arrays of its own, as users write layers."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return 2 * x

    def backward(self, dy: Array) -> Array:
        return 2 * dy


def own_between_convolutions() -> Sequential:
    layers = [Conv2D(4, 3), Doubled(), Conv2D(4, 3), Doubled(), MaxPool2D(2), Doubled()]
    return Sequential([Rescale(1 / 255), Reshape(1, 28, 28), *layers, Flatten(), Dense(10)])


def own_along_time() -> Sequential:
    layers = [Conv1D(8, 3), Doubled(), Conv1D(8, 3), Doubled(), Flatten()]
    return Sequential([Rescale(1 / 255), *layers, Dense(10)])


def unpadded() -> Sequential:
    return Sequential([Reshape(1, 28, 28), Conv2D(4, 5), ReLU(), Flatten(), Dense(10)])


def documents() -> Sequential:
    return Sequential([Rescale(1 / 255), Flatten(), Dense(784, 10), ReLU(), Dense(10), Softmax()])


def autoencoder() -> Sequential:
    encoder = Sequential([Dense(784, 256), ReLU(), Dense(32), ReLU()])
    return Sequential([encoder, Sequential([Dense(256), ReLU(), Dense(784), Sigmoid()])])


def images(rng: np.random.Generator, rows: int) -> Pair:
    return rng.integers(0, 256, (rows, 28, 28), np.uint8), rng.integers(0, 10, rows)


def flat_images(rng: np.random.Generator, rows: int) -> Pair:
    X = rng.random((rows, 784), np.float32)
    return X, X


def bright_images(rng: np.random.Generator, rows: int) -> Pair:
    return rng.random((rows, 28, 28), np.float32), rng.integers(0, 10, rows)


def marked(rng: np.random.Generator, rows: int) -> Pair:
    return rng.random((rows, 30, 2), np.float32), rng.random((rows, 1))


def tokens(rng: np.random.Generator, rows: int) -> Pair:
    x, y = rng.integers(0, 65, (2, rows, CONTEXT))
    return x, y


def points(rng: np.random.Generator, rows: int) -> Pair:
    return rng.random((rows, 1), np.float32), rng.random((rows, 3), np.float32)


def shifted(x: Array, rng: np.random.Generator) -> Array:
    """Augment by a shift, into a fresh array."""
    return np.roll(x, rng.integers(-2, 3), axis=-1)


FROM_LOGITS = CrossEntropyLoss(from_logits=True)
# name: (network, data, loss, optimizer, rows of a batch, further options of `fit`)
JOBS: dict[str, tuple[Any, ...]] = {
    "mnist": (documents, images, MSELoss(), SGD(0.1), 32, {}),
    "lenet": (lenet, images, CrossEntropyLoss(), Adam(0.002), 64, {}),
    "resnet": (resnet, images, CrossEntropyLoss(), SGD(0.05, momentum=0.9), 64, {}),
    "character_transformer": (
        lambda: transformer(65), tokens, FROM_LOGITS, AdamW(0.003, clip_norm=1.0), 32, {},
    ),
    "adding_problem": (
        lambda: Sequential([LSTM(32, padding=-1.0), Dense(1)]), marked, MSELoss(), Adam(0.01), 64,
        {},
    ),
    "autoencoder": (autoencoder, flat_images, BinaryCrossEntropyLoss(), Adam(0.002), 128, {}),
    "uncertainty": (
        lambda: Sequential([Dense(1, 64), Tanh(), Dense(64), Tanh(), Dense(3)]), points,
        QuantileLoss(), Adam(0.01), 100, {},
    ),
    "own layers between convolutions": (
        own_between_convolutions, images, FROM_LOGITS, SGD(0.001), 32, {},
    ),
    "own layers along time": (own_along_time, images, FROM_LOGITS, SGD(0.001), 32, {}),
    "single rows, augmented": (
        unpadded, bright_images, FROM_LOGITS, SGD(0.001), 1, {"augment": shifted},
    ),
    "lenet, batches of any size": (lenet, images, CrossEntropyLoss(), SGD(0.01), None, {}),
}  # fmt: skip


class Every(Callback):
    """Calls a function after some of the steps."""

    def __init__(self, look: Callable[[], None], steps: Iterable[int]) -> None:
        self.look, self.steps = look, frozenset(steps)

    def on_batch_end(self, run: Run) -> None:
        if run.steps in self.steps:
            self.look()


def train(
    name: str, steps: int, look: Callable[[], None], at: Iterable[int], rows: int | None = None
) -> None:
    """Train for so many steps, on batches of the job's size or of so many rows; look at some."""
    network, data, loss, optimizer, batch_size, options = JOBS[name]
    rng = np.random.default_rng(0)
    if batch_size is None:
        largest = rows or 64
        X, y = data(rng, largest)
        sizes = rng.integers(1, largest + 1, steps) if rows is None else range(largest, 0, -1)
        batches = [(X[:size], y[:size]) for size in sizes]
        given, epochs = (batches,), 1
    else:
        batch_size = rows or batch_size
        per_epoch = 5 if rows else 100
        given, epochs = data(rng, per_epoch * batch_size), steps // per_epoch
        options = options | {"batch_size": batch_size}
    network().fit(
        *given, loss=loss, optimizer=optimizer, epochs=epochs, rng=0, verbose=False,
        callbacks=[Every(look, at)], **options,
    )  # fmt: skip


def resident() -> int:
    """Return the resident bytes of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    total = int(sys.argv[2])
    train(sys.argv[1], total, lambda: print(resident(), flush=True), range(100, total + 1, 100))
