"""How many rows of a batch are worked on at a time; shapes alone decide."""

import sys

import numpy as np
import pytest

from tinyframe import (
    SGD,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    MSELoss,
    MultiHeadAttention,
    ReLU,
    Sequential,
    Softmax,
)
from tinyframe.data.source import BLOCK
from tinyframe.training.blocks import NARROW_BLOCK, block_rows

NARROW = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()])
ATTENTION = [MultiHeadAttention(4) for _ in range(6)]


@pytest.mark.parametrize(
    ("layers", "sample", "batch", "rows"),
    [
        (NARROW, 784, 60_000, NARROW_BLOCK),
        (NARROW, 784, 32, NARROW_BLOCK),  # more than there are
        ([Dense(512), ReLU(), Dense(10)], 784, 60_000, BLOCK),
        ([Dense(3)], (5, 4), 60_000, BLOCK),  # few numbers, of no vector
        ([Conv2D(1, 3), Flatten(), Dense(2)], (1, 4, 4), 60_000, BLOCK),
        ([Dense(4), BatchNorm()], 3, 60_000, sys.maxsize),  # a mean over all rows
        (ATTENTION, (64, 64), 128, 64),  # a half for each thread
        (ATTENTION, (64, 64), 60_000, BLOCK),
    ],
)
def test_rows_of_a_block(layers, sample, batch, rows):
    model = layers if isinstance(layers, Sequential) else Sequential(layers)
    model.build(sample)
    assert block_rows(model._chain(), batch) == rows


@pytest.mark.parametrize("rows", [NARROW_BLOCK - 1, NARROW_BLOCK, NARROW_BLOCK + 1, 4000])
def test_a_step_in_blocks_is_the_step_of_the_whole_batch(rows):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((rows, 5)), rng.integers(0, 3, rows)
    model = Sequential([Dense(5, 4), ReLU(), Dense(4, 3), Softmax()], dtype=np.float64)
    model.build(5, rng=0)
    loss, before = MSELoss(), [parameter.value.copy() for parameter in model.parameters]
    expected = loss.forward(model.forward(x, True), np.eye(3)[y])
    model.backward(loss.backward())
    gradients = [parameter.grad.copy() for parameter in model.parameters]
    model.fit(x, y, loss=loss, optimizer=SGD(1.0), epochs=1, batch_size=None, verbose=0)
    assert model.history["loss"][0] == pytest.approx(expected, rel=1e-12)
    for parameter, old, gradient in zip(model.parameters, before, gradients, strict=True):
        np.testing.assert_allclose(old - parameter.value, gradient, atol=1e-14)
