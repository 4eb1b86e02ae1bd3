"""The loop: epochs, batches, one step."""

import math
import time
from collections.abc import Mapping

import numpy as np

from tinyframe.data import BLOCK, Feed
from tinyframe.history import History
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.metrics import Metric
from tinyframe.optimizers import Optimizer
from tinyframe.parameters import ParameterVector
from tinyframe.types import Array


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
        # Below the lowest layer that has parameters there is nothing to differentiate for.
        with_parameters = [i for i, layer in enumerate(self.layers) if layer.parameters]
        self.lowest = min(with_parameters, default=len(self.layers))

    def forward(self, x: Array, target: Array, training: bool = False) -> float:
        """Return the mean loss over the rows of x, keeping x and each layer's output."""
        self.outputs = outputs = [x]
        for layer in self.layers:
            x = layer.forward(x, training)
            outputs.append(x)
        return self.loss.forward(x, target)

    @property
    def prediction(self) -> Array:
        """The last layer's output in the last forward pass."""
        return self.outputs[-1] if self.head is None else self.head.forward(self.outputs[-1])

    def backward(self) -> None:
        """Write the gradient of the last forward pass's loss into the parameters."""
        gradient = self.loss.backward()
        for layer in reversed(self.layers[self.lowest + 1 :]):
            gradient = layer.backward(gradient)
        if self.lowest < len(self.layers):
            self.layers[self.lowest].backward_parameters(gradient)

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
        whole = any(layer.mixes_rows for layer in objective.layers)
        self.block = batch_size if whole else min(batch_size, BLOCK)
        self._sum = np.zeros_like(parameters.grad) if self.block < batch_size else None
        self._predictions: Array = np.empty(0)

    def epoch(self, number: int, order: Array | None) -> dict[str, float]:
        """Go through all rows once, in `order` if given; return the mean loss and the metrics.

        Raises
        ------
        FloatingPointError
            If a loss is NaN or infinite, before the step that would have followed from it.
        """
        rows, total = len(self.feed), 0.0
        for batch, start in enumerate(range(0, rows, self.batch_size), 1):
            stop = min(start + self.batch_size, rows)
            loss = self._gradient(order, start, stop)
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"epoch {number}, batch {batch}: the loss is {loss}: "
                    f"{self.objective.origin_of_nonfinite()}. The weights are those before this "
                    "batch. A smaller learning rate, or inputs scaled to about 1, usually helps"
                )
            self.optimizer.step(self.parameters)
            total += loss * (stop - start)
        figures = {"loss": total / rows}
        if self.metrics:
            target = self.feed.y if order is None else self.feed.y[order]
            figures |= {k: float(f(self._predictions, target)) for k, f in self.metrics.items()}
        return figures

    def _gradient(self, order: Array | None, start: int, stop: int) -> float:
        """Write the gradient of the mean loss over a batch into the parameters; return the loss."""
        if self._sum is None or stop - start <= self.block:
            return self._block_gradient(order, start, stop)
        self._sum.fill(0)
        mean = 0.0
        for low in range(start, stop, self.block):
            high = min(low + self.block, stop)
            share = (high - low) / (stop - start)
            loss = self._block_gradient(order, low, high)
            if not math.isfinite(loss):
                return loss
            mean += share * loss
            self._sum += np.multiply(self.parameters.grad, share, out=self.parameters.grad)
        self.parameters.grad[...] = self._sum
        return mean

    def _block_gradient(self, order: Array | None, start: int, stop: int) -> float:
        if order is None:
            x, target = self.feed.block(start, stop)
        else:
            x, target = self.feed.gather(order[start:stop])
        loss = self.objective.forward(x, target, training=True)
        if not math.isfinite(loss):
            return loss
        if self.metrics:
            self._remember(self.objective.prediction, start, stop)
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
    layers = trainer.objective.layers
    shuffle = rng is not None and trainer.batch_size < len(trainer.feed)
    for part in (*layers, trainer.objective.loss):
        part.reuse_buffers()
    try:
        for epoch in range(1, epochs + 1):
            began = time.perf_counter()
            order = rng.permutation(len(trainer.feed)) if rng is not None and shuffle else None
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                figures = trainer.epoch(epoch, order)
                seconds = time.perf_counter() - began
                if validation is not None:
                    figures |= {
                        f"val_{name}": figure
                        for name, figure in evaluate(
                            trainer.objective, validation, trainer.metrics
                        ).items()
                    }
            history.record({**figures, "seconds": seconds})
            if verbose:
                shown = "  ".join(f"{name} {figure:.4f}" for name, figure in figures.items())
                count = f"{epoch:{len(str(epochs))}}/{epochs}"
                print(f"epoch {count}  {shown}  {seconds:.2f} s", flush=True)  # noqa: T201 - verbose
    finally:
        for part in (*layers, trainer.objective.loss):
            part.release()


def evaluate(objective: Objective, feed: Feed, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return the mean loss and the metrics over all rows; changes nothing."""
    total = 0.0
    predictions = []
    for start in range(0, len(feed), BLOCK):
        x, target = feed.block(start, min(start + BLOCK, len(feed)))
        total += objective.forward(x, target) * len(x)
        if metrics:
            predictions.append(objective.prediction)
    figures = {"loss": total / len(feed)}
    if metrics:
        prediction = np.concatenate(predictions)
        figures |= {name: float(metric(prediction, feed.y)) for name, metric in metrics.items()}
    return figures
