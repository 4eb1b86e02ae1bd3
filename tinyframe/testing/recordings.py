"""Proof that a layer's recorded steps have the bits of its plain ones."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.parameters import Parameter
from tinyframe.recording.recorder import Recorded
from tinyframe.training.objective import Objective
from tinyframe.types import Array, Shape


class _Offset(Layer):
    """y = x + b, with a b for each number: whose gradient, at batch 1, is ∂L/∂x of what follows."""

    offset: Parameter

    def setup(self, input_shape: Shape) -> Shape:
        self.offset = Parameter(input_shape, dtype=self.dtype)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:  # noqa: ARG002 - saves nothing
        return x + self.offset.value

    def backward(self, dy: Array) -> Array:
        np.add.reduce(dy, axis=0, out=self.offset.grad)
        return dy


class _Product(Loss):
    """L = Σ c ⊙ y for the target c, which is ∂L/∂y."""

    def forward(
        self,
        prediction: Array,
        target: Array,
        weight: npt.ArrayLike | None = None,  # noqa: ARG002 - there are none
    ) -> Any:
        self._saved = target
        return np.add.reduce(prediction * target, axis=None)

    def backward(self) -> Array:
        target: Array = self._saved
        return target


def check_recording(layer: Layer, x: Array, rng: np.random.Generator) -> dict[Any, str]:
    """Check that four steps give the same bits, recorded and plain, in training and inference.

    Parameters
    ----------
    layer
        A built layer; copies are checked.
    x
        Shape (batch, *input_shape).
    rng
        Draws the other inputs, and the covectors.

    Returns
    -------
    dict
        Why parts of it are not recorded.

    Raises
    ------
    AssertionError
        If a bit differs.
    """
    assert layer.input_shape is not None  # noqa: S101 - it is built
    assert layer.output_shape is not None  # noqa: S101 - as above
    for part in layer.walk():
        if part.random and part._rng is None:  # noqa: SLF001 - copies are to draw alike
            part.rng = rng
    offset = _Offset()
    offset.build(layer.input_shape, rng=0, dtype=layer.dtype)
    chain = (layer,) if x.dtype.kind in "iu" else (offset, layer)
    plain = Objective(copy.deepcopy(chain), _Product())
    replayed = Recorded(Objective(copy.deepcopy(chain), _Product()))
    for step in range(4):
        inputs = rng.permutation(x, axis=0)
        if x.dtype.kind == "f":
            inputs = (inputs * rng.uniform(0.5, 1.5, x.shape)).astype(x.dtype)
        dy = rng.standard_normal((len(x), *layer.output_shape)).astype(layer.dtype)
        for training in (True, False):
            found = [_what_a_step_gives(o, inputs, dy, training) for o in (plain, replayed)]
            if found[0] != found[1]:
                raise AssertionError(f"{layer!r}: step {step} recorded gives other bits than plain")
    return replayed.reasons


def _what_a_step_gives(objective: Any, x: Array, dy: Array, training: bool) -> list[bytes]:
    """Return the bits of loss, prediction, gradients and states."""
    found = [np.float64(objective.forward(x, dy, None, training)), objective.prediction]
    if training:
        objective.backward()
    for part in (part for layer in objective.layers for part in layer.walk()):
        found += [p.grad for _, p in part._members(Parameter)]  # noqa: SLF001 - as walk
        found += [getattr(part, name) for name in part.state_names]
    return [array.tobytes() for array in found]
