"""Inside `fit` a step allocates nothing as large as an activation."""

import gc
import tracemalloc

import numpy as np
import pytest

from tinyframe import (
    GELU,
    GRU,
    LSTM,
    SGD,
    BatchNorm,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool2D,
    MSELoss,
    MultiHeadAttention,
    ParameterVector,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tinyframe.data.feed import Feed
from tinyframe.inspection import recording_report
from tinyframe.recording.recorder import Recorded
from tinyframe.training.callbacks import Run
from tinyframe.training.data_spec import input_dtype
from tinyframe.training.loop import BUFFER
from tinyframe.training.objective import Objective
from tinyframe.training.trainer import Trainer

BOUND = 120_000
"""Bytes that a step may use at its peak: small pieces, copies of weights, NumPy's buffers."""


def peak_of_steps(layers, loss, targets, batch_size, dtype):
    """Return the most that a step of the second epoch had allocated at once, NumPy's included."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (4 * batch_size, 4, 10)).astype(dtype)
    y = rng.integers(0, 64, len(x))
    y = y if targets == "labels" else np.eye(64, dtype=np.float32)[y]
    model = Sequential(layers())
    model.build((4, 10), rng=0)
    objective = Recorded(Objective(model._chain(), loss()))
    optimizer = SGD(0.01, momentum=0.9)
    feed = Feed(x, y, input_dtype(model, x))
    parameters = ParameterVector(model.parameters)
    trainer = Trainer(objective, optimizer, parameters, feed, batch_size, {})
    trainer.ahead = False  # what is being fetched for later would be counted with this step
    run = Run(model, optimizer, ("loss",), 2, feed.batches(batch_size))
    peaks = []

    def measure(run):
        peaks.append(tracemalloc.get_traced_memory()[1] - measure.before)
        gc.collect()
        measure.before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()

    trainer.order = rng.permutation(len(x))
    trainer.epoch(run)
    run.batch = 0
    trainer.epoch(run)  # from here on all is replayed, from every place in memory
    run.batch = 0
    gc.collect()
    gc.freeze()  # what others have left is not gone through again
    with np.errstate(all="ignore"):
        np.setbufsize(BUFFER)  # as `train` does; undone with the errors' state
        tracemalloc.start()
        measure.before = tracemalloc.get_traced_memory()[0]
        trainer.epoch(run, [measure])
        tracemalloc.stop()
    assert all(isinstance(part, Embedding) for part in objective.reasons)
    return max(peaks[1:])


MODELS = {
    "the document's": lambda: [
        Rescale(1 / 255), Flatten(), Dense(40, 64), ReLU(), Dense(64, 64), Softmax(),
    ],
    "convolutions": lambda: [
        Rescale(1 / 255), Reshape(1, 4, 10), Conv2D(8, 3, padding="same"), BatchNorm(), ReLU(),
        Residual(Conv2D(8, 3, padding=1), GELU()), MaxPool2D(2), Flatten(), Dense(64), Softmax(),
    ],
    "sequences": lambda: [
        Rescale(1 / 255), LSTM(32, return_sequences=True), Dropout(0.1),
        Residual(LayerNorm(), MultiHeadAttention(4, causal=True)), GRU(32), Dense(64), Softmax(),
    ],
    "sigmoid and tanh": lambda: [
        Rescale(1 / 255), Flatten(), Dense(64), Sigmoid(), Dense(80), Tanh(), Dense(64), Softmax(),
    ],
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("targets", ["labels", "rows"])
@pytest.mark.parametrize("loss", [MSELoss, CrossEntropyLoss])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [512, pytest.param(1024, marks=pytest.mark.full)])
def test_a_step_allocates_little_whatever_the_batch(batch_size, name, loss, targets, dtype):
    peak = peak_of_steps(MODELS[name], loss, targets, batch_size, dtype)
    assert peak < BOUND  # an activation: at least 131 kB, or 262 kB


class Accumulates(Layer):
    """Writes to one of two arrays that it makes anew in each pass."""

    def forward(self, x, training=False):
        total = np.zeros(x.shape, x.dtype, like=x)
        ones = np.ones(x.shape, x.dtype, like=x)
        for _ in range(3):
            total += x + ones
        return total

    def backward(self, dy):
        return dy * np.full(dy.shape, 3, dy.dtype, like=dy)


def test_what_is_the_same_in_each_step_is_made_once_unless_it_is_written_to(rng):
    model = Sequential([Dense(4, 3), Accumulates()])
    x, y = rng.random((8, 4), np.float32), rng.random((8, 3), np.float32)
    for _ in range(4):
        model.train_on_batch(x, y, loss=MSELoss(), optimizer=SGD(1e-3))
    (kind,) = model._recorded._kinds.values()
    assert len(kind.program._constants) == 2
    assert recording_report(model).complete


def test_a_trained_model_holds_no_more_than_it_replays(rng):
    images, labels = rng.random((2560, 1, 20, 20), np.float32), rng.integers(0, 10, 2560)
    layers = [Conv2D(8, 5), ReLU(), MaxPool2D(2), Flatten(), Dense(10), Softmax()]
    gc.collect()
    tracemalloc.start()
    model = Sequential(layers).fit(
        images[:512], labels[:512], epochs=4, batch_size=128, rng=0, verbose=0,
        validation_data=(images, labels),
    )  # fmt: skip
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert recording_report(model).complete
    assert held < 25e6  # what 128 rows need, for training and for validation
