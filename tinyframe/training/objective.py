"""Objective: a chain of layers with a loss at its end, which training makes small."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from tinyframe.layers.build import check_promise
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.training.blocks import all_ours
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

    Attributes
    ----------
    outputs, gradients
        Of the last step: x and each layer's output; ∂L by each layer's output, from the last on.
    scale : array of shape (), optional
        What gradients are multiplied by.
    infer
        Function x → the last layer's output that takes the layers' place, in evaluation.
    helper
        A thread that computes beside this one; see `tinyframe.utils.threads.helping`.
    apart
        Where the gradient of the last step is, if not where the parameters have theirs.
    predicts
        Whether predictions are asked for in training.
    given
        The loss as it was given.
    value, weight_sum
        The loss of the last forward pass, and Σᵣ wᵣ of its rows: see `Loss`.
    """

    predicts = True
    helper: Any = None
    apart: Array | None = None
    scale: Array | None = None
    infer: Callable[[Array], Array] | None = None

    def __init__(self, layers: tuple[Layer, ...], loss: Loss) -> None:
        self.given = loss
        fused = loss.fuse(layers[-1])
        self.head = None if fused is None else layers[-1]
        self.layers = layers if fused is None else layers[:-1]
        self.loss = loss if fused is None else fused
        self.outputs: list[Array] = []
        self.gradients: list[Array] = []
        self.value: Any = 0.0
        self.weight_sum: Any = 0.0
        self.chain = layers
        self._trained = _trained(layers)
        with_parameters = (n for n, layer in enumerate(self.layers) if layer.trainable_parameters)
        # Below the lowest layer that is trained there is nothing to differentiate for.
        self.lowest = next(with_parameters, len(self.layers))
        self._training = False
        self._begun: tuple[Any, Any] = (None, None)  # a block, and what will have its predictions

    def begin(self, block: Any) -> None:
        """Let the helper, if there is one, begin with what it can of a block.

        Parameters
        ----------
        block
            What `forward` gets next but one, as its `place`. The layers do not change before that.
        """
        if self.infer is not None and self.helper is not None and all_ours(self.chain):
            self._begun = block, self.helper.submit(self.infer, block.x)

    def forward(
        self, x: Array, target: Array, weight: Array | None = None, training: bool = False,
        place: object = None,
    ) -> Any:  # fmt: skip
        """Return the mean loss over the rows of x, keeping x and each layer's output."""
        self._training = training
        self.outputs, self.gradients = [x], []
        if self.infer is not None:
            begun, coming = self._begun
            x = coming.result() if place is not None and begun is place else self.infer(x)
            self.outputs.append(x)
        else:
            for layer in self.layers:
                x = layer.forward(x, training)
                self.outputs.append(x)
                check_promise(layer, x)
        if weight is None:
            self.value = self.loss.forward(x, target)
            self.weight_sum = len(x) if self.loss.weight_sum is None else self.loss.weight_sum
        else:
            self.value = self.loss.forward(x, target, weight)
            self.weight_sum = weight.sum() if self.loss.weight_sum is None else self.loss.weight_sum
        return self.value

    @property
    def prediction(self) -> Array:
        """The last layer's output in the last forward pass."""
        last = self.outputs[-1]
        return last if self.head is None else self.head.forward(last, self._training)

    def backward(self) -> None:
        """Write the gradient of the last forward pass's loss, times `scale`, to the parameters."""
        gradient = self.loss.backward()
        if self.scale is not None:
            gradient = np.multiply(gradient, self.scale, dtype=gradient.dtype)
        self.gradients = [gradient]
        for layer in self.layers[: self.lowest : -1]:
            gradient = layer.backward(gradient)
            self.gradients.append(gradient)
        for layer in self.layers[self.lowest : self.lowest + 1]:  # none, if nothing is trained
            layer.backward_parameters(gradient)

    def origin_of_nonfinite(self) -> str:
        """Say where the last forward pass left the finite numbers."""
        for number, (layer, output) in enumerate(zip(self.layers, self.outputs[1:], strict=True)):
            if not all(np.isfinite(parameter.value).all() for parameter in layer.parameters):
                return f"the weights of layer {number}, {layer!r}, are not finite"
            if not np.isfinite(output).all():
                return f"the output of layer {number}, {layer!r}, is the first that is not finite"
        return "every layer's output is finite, the loss of them is not"

    def check_unchanged(self) -> None:
        """Do nothing: nothing is recorded here."""

    def is_of(self, layers: tuple[Layer, ...]) -> bool:
        """Whether it was made of these layers, and would be made the same of them now."""
        trained = zip_longest(_trained(layers), self._trained)
        return layers == self.chain and all(now is before for now, before in trained)

    def release(self) -> None:
        """Forget what the last step kept."""
        self.outputs, self.gradients = [], []
        for layer in (*self.layers, *([self.head] if self.head else [])):
            for part in layer.walk():
                part.release()
        self.loss.release()


def _trained(layers: tuple[Layer, ...]) -> list[Any]:
    """Return the places of the weights that training changes."""
    trained = (parameter for layer in layers for parameter in layer.trainable_parameters)
    return [parameter._place for parameter in trained]  # noqa: SLF001 - drawing it is not due yet
