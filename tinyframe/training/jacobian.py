"""The derivative of a chain's outputs by its weights, row by row, for second-order methods."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array


def weight_jacobian(
    layers: Sequence[Layer], x: Array, parameters: Iterable[Parameter] | None = None
) -> tuple[Array, Array]:
    """Return y = f(x; θ) and J = ∂y/∂θ, each row of x apart.

    One forward pass; then for each output k the backward pass is seeded with eₖ for all rows at
    once, and each layer's `row_gradients` give its columns. Exact, as `backward` is. The layers
    work as in training: what is to be as in inference (dropout, batch normalisation) has to be
    frozen before. Gradients, and what the layers saved, are overwritten.

    Parameters
    ----------
    layers
        A built chain, such as `model._chain()`.
    x
        Shape (batch, *input_shape), as the first layer takes it.
    parameters
        θ: those of the chain that have columns; by default the trainable ones.

    Returns
    -------
    y : Array
        Shape (batch, *output_shape).
    jacobian : Array
        Shape (batch, outputs, weights), the outputs flattened: entry (r, k, j) is ∂yᵣₖ/∂θⱼ, θ as a
        `ParameterVector` of these parameters in construction order has it.
    """
    inputs, y = [], x
    for layer in layers:
        inputs.append(y)
        y = layer.forward(y, training=True)
    if parameters is None:
        parameters = [p for layer in layers for p in layer.trainable_parameters]
    wanted = set(map(id, parameters))
    columns = [_columns(layer, wanted) for layer in layers]
    rows, outputs, stop = len(y), math.prod(y.shape[1:]), sum(int(own.sum()) for own in columns)
    jacobian = np.empty((rows, outputs, stop), y.dtype)
    lowest = next((n for n, own in enumerate(columns) if own.any()), len(layers))
    seeds = np.eye(outputs, dtype=y.dtype)
    dys = [np.repeat(seed[np.newaxis], rows, axis=0).reshape(y.shape) for seed in seeds]
    for number in range(len(layers) - 1, lowest - 1, -1):  # all k of a layer, then the one below
        layer, own = layers[number], columns[number]
        dxs = [layer.backward(dy) for dy in dys] if number > lowest else []
        start = stop - int(own.sum())
        if start < stop:
            for k, dy in enumerate(dys):
                gradients = layer.row_gradients(inputs[number], dy)
                jacobian[:, k, start:stop] = gradients if own.all() else gradients[:, own]
        stop, dys = start, dxs
    return y, jacobian


def _columns(layer: Layer, wanted: set[int]) -> Array:
    """Return which entries of the layer's parameters are wanted, by the `id` of these."""
    kept = [np.full(p.size, id(p) in wanted) for p in layer.parameters]
    return np.concatenate([np.zeros(0, bool), *kept])
