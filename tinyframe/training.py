"""The loop: epochs, batches, one step."""

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np

from tinyframe.data import BLOCK, Feed
from tinyframe.history import History
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.metrics import Metric
from tinyframe.optimizers import Optimizer
from tinyframe.parameters import ParameterVector
from tinyframe.scratch import Scratch
from tinyframe.types import Array

Block: TypeAlias = tuple[tuple[int, int], tuple[Array, Array]]
"""(start, stop), (x, target): some rows of a batch, and where they stand in the epoch."""

SMALL_MODEL = 100_000
"""Parameters below which a step's products run on one core, and another one can fetch data."""


BUFFER = 1024
"""Elements that NumPy copies at a time where operands lie in strides; its own 8,192 take longer."""


class Objective:
    """A chain of layers with a loss at its end: what training makes small.

    Where the loss knows a form of itself that replaces the last layer (see `Loss.fuse`), the chain
    ends before that layer, which is asked only for the predictions.

    Parameters
    ----------
    layers
        The layers in order, of which none is a Sequential.
    loss
        The loss of the last one's output.
    """

    def __init__(self, layers: tuple[Layer, ...], loss: Loss) -> None:
        fused = loss.fuse(layers[-1])
        self.head = None if fused is None else layers[-1]
        self.layers = layers if fused is None else layers[:-1]
        self.loss = loss if fused is None else fused
        self.outputs: list[Array] = []
        self.mass = 0.0  # of the last forward pass's loss: see Loss
        # Below the lowest layer that is trained there is nothing to differentiate for.
        with_parameters = [i for i, layer in enumerate(self.layers) if layer.trainable_parameters]
        lowest = min(with_parameters, default=len(self.layers))
        self._lowest = self.layers[lowest : lowest + 1]
        self._above = self.layers[:lowest:-1]
        self._training = False
        self._rows: int | None = None  # that buffers are in use for; None where there are none

    @contextmanager
    def reusing_buffers(self) -> Iterator[None]:
        """Let all parts keep their buffers from step to step, as long as the block lasts."""
        self._rows = 0
        try:
            yield
        finally:
            self._rows = None
            for part in self._parts():
                part.release()

    def _parts(self) -> Iterator[Scratch]:
        for layer in (*self.layers, *([self.head] if self.head else [])):
            yield from layer.walk()
        yield self.loss

    def forward(self, x: Array, target: Array, training: bool = False) -> float:
        """Return the mean loss over the rows of x, keeping x and each layer's output."""
        another_size = self._rows is not None and self._rows != len(x)
        if another_size:
            self._rows = len(x)
            for part in self._parts():
                part.reuse_buffers(len(x))
        self._training = training
        self.outputs = outputs = [x]
        for layer in self.layers:
            x = layer.forward(x, training)
            outputs.append(x)
            if another_size and x.shape[1:] != layer.output_shape:
                raise ValueError(
                    f"{layer!r} promised outputs of shape {layer.output_shape}, in setup, and "
                    f"returned {x.shape[1:]}"
                )
        loss = self.loss.forward(x, target)
        self.mass = len(x) if self.loss.mass is None else self.loss.mass
        return loss

    @property
    def prediction(self) -> Array:
        """The last layer's output in the last forward pass."""
        last = self.outputs[-1]
        return last if self.head is None else self.head.forward(last, self._training)

    def backward(self) -> None:
        """Write the gradient of the last forward pass's loss into the parameters."""
        gradient = self.loss.backward()
        for layer in self._above:
            gradient = layer.backward(gradient)
        for layer in self._lowest:
            layer.backward_parameters(gradient)

    def origin_of_nonfinite(self) -> str:
        """Say where the last forward pass left the finite numbers."""
        for number, (layer, output) in enumerate(zip(self.layers, self.outputs[1:], strict=True)):
            if not np.isfinite(output).all():
                return f"the output of layer {number}, {layer!r}, is the first that is not finite"
        return "every layer's output is finite, the loss of them is not"


class Trainer:
    """Takes the parameters down the gradient of an objective, one batch a step.

    A batch of more than `BLOCK` rows is walked in blocks whose gradients are summed: the same
    step, with each block's activations still in cache when its backward pass reads them.

    Parameters
    ----------
    objective, optimizer, parameters
        What to make small, by which rule, and over which parameters.
    feed
        The training data.
    batch_size
        Rows a step.
    metrics
        Functions of all predictions of an epoch, each made before its own step, and their targets.
    """

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        parameters: ParameterVector,
        feed: Feed,
        batch_size: int,
        metrics: Mapping[str, Metric],
    ) -> None:
        self.objective = objective
        self.optimizer = optimizer
        self.parameters = parameters
        self.feed = feed
        self.batch_size = batch_size
        self.metrics = metrics
        whole = any(part.mixes_rows for layer in objective.layers for part in layer.walk())
        self.block = batch_size if whole else min(batch_size, BLOCK)
        self._sum = np.zeros_like(parameters.grad) if self.block < batch_size else None
        self._mass = 0.0  # of the last batch: see Loss
        self._predictions: Array = np.empty(0)
        rows = len(feed)
        # A larger model keeps all cores busy by itself.
        self.ahead = len(parameters) < SMALL_MODEL and (os.cpu_count() or 1) > 1
        self.batches = [(i, min(i + batch_size, rows)) for i in range(0, rows, batch_size)]
        self.blocks = [
            (i, min(i + self.block, stop))
            for start, stop in self.batches
            for i in range(start, stop, self.block)
        ]

    def epoch(self, number: int, order: Array | None) -> dict[str, float]:
        """Go through all rows once, in `order` if given; return the mean loss and the metrics.

        Raises
        ------
        FloatingPointError
            If a loss is NaN or infinite, before the step that would have followed from it.
        """
        total = mass = 0.0
        blocks = zip(
            self.blocks, self.feed.blocks(self.blocks, order, ahead=self.ahead), strict=True
        )
        done, count = self.optimizer.epoch, len(self.batches)
        for batch, (start, stop) in enumerate(self.batches, 1):
            loss = self._gradient(blocks, start, stop)
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"epoch {number}, batch {batch}: the loss is {loss}: "
                    f"{self.objective.origin_of_nonfinite()}. The weights are those before this "
                    "batch. A smaller learning rate, or inputs scaled to about 1, usually helps, "
                    "with new weights: these may be too large already"
                )
            self.optimizer.step(self.parameters)
            self.optimizer.epoch = done + batch / count
            total += loss * self._mass
            mass += self._mass
        figures = {"loss": total / (mass or 1.0)}
        if self.metrics:
            target = self.feed.y if order is None else self.feed.y[order]
            figures |= {k: float(f(self._predictions, target)) for k, f in self.metrics.items()}
        return figures

    def _gradient(self, blocks: Iterator[Block], start: int, stop: int) -> float:
        """Write the gradient of the mean loss over a batch into the parameters; return the loss."""
        if self._sum is None or stop - start <= self.block:
            loss = self._block_gradient(*next(blocks))
            self._mass = self.objective.mass
            return loss
        self._sum.fill(0)
        total = self._mass = 0.0
        low = high = start
        while high < stop:
            (low, high), rows = next(blocks)
            loss = self._block_gradient((low, high), rows)
            if not math.isfinite(loss):
                return loss
            mass = self.objective.mass
            total += mass * loss
            self._mass += mass
            self._sum += np.multiply(self.parameters.grad, mass, out=self.parameters.grad)
        np.divide(self._sum, self._mass or 1.0, out=self.parameters.grad)
        return total / (self._mass or 1.0)

    def _block_gradient(self, span: tuple[int, int], rows: tuple[Array, Array]) -> float:
        loss = self.objective.forward(*rows, training=True)
        if math.isfinite(loss):
            if self.metrics:
                self._remember(self.objective.prediction, *span)
            self.objective.backward()
        return loss

    def _remember(self, prediction: Array, start: int, stop: int) -> None:
        if len(self._predictions) == 0:
            shape = (len(self.feed), *prediction.shape[1:])
            self._predictions = np.empty(shape, prediction.dtype)
        self._predictions[start:stop] = prediction


def train(
    trainer: Trainer,
    history: History,
    *,
    epochs: int,
    rng: "np.random.Generator | None",
    validation: Feed | None,
    verbose: bool,
) -> None:
    """Run the epochs, recording and printing each.

    Parameters
    ----------
    trainer
        What takes the steps.
    history
        Where each epoch is recorded.
    epochs
        How many times to go through all rows.
    rng
        Shuffles the rows before each epoch; None leaves them in order.
    validation
        Data to evaluate after each epoch.
    verbose
        Whether to print one line an epoch.
    """
    objective, feed = trainer.objective, trainer.feed
    shuffles = rng is not None and trainer.batch_size < len(feed)
    with objective.reusing_buffers():
        for epoch in range(1, epochs + 1):
            began = time.perf_counter()
            order = rng.permutation(len(feed)) if rng is not None and shuffles else None
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                np.setbufsize(BUFFER)  # until the end of this block, as all that errstate restores
                figures = trainer.epoch(epoch, order)
                seconds = time.perf_counter() - began
                if validation is not None:
                    found = evaluate(objective, validation, trainer.metrics)
                    figures |= {f"val_{name}": figure for name, figure in found.items()}
            history.record({**figures, "seconds": seconds})
            trainer.optimizer.observe(figures)
            if verbose:
                shown = "  ".join(f"{name} {figure:.4f}" for name, figure in figures.items())
                count = f"{epoch:{len(str(epochs))}}/{epochs}"
                print(f"epoch {count}  {shown}  {seconds:.2f} s", flush=True)  # noqa: T201 - verbose


def evaluate(objective: Objective, feed: Feed, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return the mean loss and the metrics over all rows; changes nothing."""
    total = mass = 0.0
    predictions = []
    spans = [(start, min(start + BLOCK, len(feed))) for start in range(0, len(feed), BLOCK)]
    for x, target in feed.blocks(spans):
        total += objective.forward(x, target) * objective.mass
        mass += objective.mass
        if metrics:
            predictions.append(objective.prediction)
    figures = {"loss": total / (mass or 1.0)}
    if metrics:
        prediction = np.concatenate(predictions)
        figures |= {name: float(metric(prediction, feed.y)) for name, metric in metrics.items()}
    return figures
