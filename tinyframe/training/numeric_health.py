"""Numeric health: where training left the finite numbers, and what to do about it."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.optimizers.optimizer import GradientError
from tinyframe.parameters import ParameterVector
from tinyframe.training.callbacks import Run


def nonfinite_error(run: Run, what: str) -> FloatingPointError:
    """Return the error for a batch that takes no step: what went wrong, where, and the mend."""
    return FloatingPointError(
        f"epoch {run.epoch}, batch {run.batch + 1}: {what}. The weights are those before this "
        "batch. A smaller learning rate, or inputs scaled to about 1, usually helps, with new "
        'weights: these may be too large already; on_nonfinite="skip" leaves such batches out'
    )


def refused_gradient(
    layers: tuple[Layer, ...], vector: ParameterVector, loss: float, error: GradientError
) -> str:
    """Say which layer's gradient it was that the optimizer refused, and why.

    Parameters
    ----------
    layers, vector
        What is trained, and its parameters.
    loss, error
        The batch's loss, and what the optimizer said.
    """
    parameters = vector.parameters
    wrong = [p for p in parameters if not np.isfinite(p.grad).all()]
    why = "is not finite"
    if not wrong:
        largest = [float(np.abs(p.grad).max(initial=0)) for p in parameters]
        wrong = [p for p, size in zip(parameters, largest, strict=True) if size == max(largest)]
        why = f"is too large: {error}"
    named = [
        f"layer {number}, {layer!r}"
        for number, layer in enumerate(layers)
        if any(p is q for p in layer.parameters for q in wrong)
    ]
    return f"the loss is {loss:g}, but the gradient of {named[-1]} {why}"
