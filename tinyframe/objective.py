"""Objective: a chain of layers with a loss at its end, which training makes small."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.scratch import Scratch
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
        self.value = self.mass = 0.0  # the last forward pass's loss, and its mass: see Loss
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
        self._reusing = tuple(self._parts())
        try:
            yield
        finally:
            self._rows = None
            for part in self._reusing:
                part.release()

    def _parts(self) -> Iterator[Scratch]:
        for layer in (*self.layers, *([self.head] if self.head else [])):
            yield from layer.walk()
        yield self.loss

    def forward(
        self, x: Array, target: Array, weight: Array | None = None, training: bool = False
    ) -> float:
        """Return the mean loss over the rows of x, keeping x and each layer's output."""
        another_size = self._rows is not None and self._rows != len(x)
        if another_size:
            self._rows = len(x)
            for part in self._reusing:
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
        if weight is None:
            loss = self.loss.forward(x, target)
            self.mass = len(x) if self.loss.mass is None else self.loss.mass
        else:
            loss = self.loss.forward(x, target, weight)
            self.mass = float(weight.sum()) if self.loss.mass is None else self.loss.mass
        self.value = loss
        return loss

    @property
    def prediction(self) -> Array:
        """The last layer's output in the last forward pass."""
        last = self.outputs[-1]
        return last if self.head is None else self.head.forward(last, self._training)

    def backward(self, scale: float = 1.0) -> None:
        """Write `scale` times the gradient of the last forward pass's loss into the parameters."""
        gradient = self.loss.backward()
        if scale != 1.0:
            gradient = np.multiply(gradient, scale, dtype=gradient.dtype)
        for layer in self._above:
            gradient = layer.backward(gradient)
        for layer in self._lowest:
            layer.backward_parameters(gradient)

    def origin_of_nonfinite(self) -> str:
        """Say where the last forward pass left the finite numbers."""
        for number, (layer, output) in enumerate(zip(self.layers, self.outputs[1:], strict=True)):
            if not all(np.isfinite(parameter.value).all() for parameter in layer.parameters):
                return f"the weights of layer {number}, {layer!r}, are not finite"
            if not np.isfinite(output).all():
                return f"the output of layer {number}, {layer!r}, is the first that is not finite"
        return "every layer's output is finite, the loss of them is not"
