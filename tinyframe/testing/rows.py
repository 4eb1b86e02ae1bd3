"""Proof that a row depends on no other: in the output, and in the gradient of each row apart."""

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.testing.differences import assert_close
from tinyframe.types import Array


def check_rows(layer: Layer, x: Array, dy: Array, tolerance: float) -> None:
    """Check that each row alone has the output that it has among the others, and the gradient.

    Parameters
    ----------
    layer
        A built layer without `mixes_rows`. If it is random, gradients are not compared.
    x, dy
        Shapes (batch, *input_shape) and (batch, *output_shape); neither may be written to.
    tolerance
        As in `check_layer`.

    Raises
    ------
    AssertionError
        If it is not so.
    """
    outputs = np.concatenate([layer.forward(x[i : i + 1]) for i in range(len(x))])
    assert_close(f"{layer!r}: row by row", outputs, layer.forward(x), tolerance)
    if not any(part.random for part in layer.walk()):
        _check_row_gradients(layer, x, dy, tolerance)


def _check_row_gradients(layer: Layer, x: Array, dy: Array, tolerance: float) -> None:
    """Check `row_gradients` against `backward` of each row alone, and their sum against all."""
    layer.forward(x, training=True)
    layer.backward(dy)
    together = _flat_gradient(layer)
    rows = layer.row_gradients(x, dy)
    if rows.shape != (len(x), together.size) or rows.dtype != layer.dtype:
        raise AssertionError(
            f"{layer!r}: row_gradients has to return {layer.dtype} of shape "
            f"{(len(x), together.size)}, got {rows.dtype} {rows.shape}"
        )
    alone = np.empty_like(rows)
    for r in range(len(x)):
        layer.forward(x[r : r + 1], training=True)
        layer.backward(dy[r : r + 1])
        alone[r] = _flat_gradient(layer)
    # Where what comes from several outputs, or rows, cancels, the sum is rounded by the largest.
    noise = 64 * np.finfo(np.float64).eps * float(np.abs(dy).sum())
    assert_close(f"{layer!r}: row_gradients (row, weight)", rows, alone, tolerance, noise)
    noise += 1e-13 * float(np.abs(rows).sum(axis=0).max(initial=0.0))
    what = f"{layer!r}: row_gradients, summed over the rows"
    assert_close(what, rows.sum(axis=0), together, tolerance, noise)


def _flat_gradient(layer: Layer) -> Array:
    """Return ∂L/∂θ as the `ParameterVector` of the layer's parameters has it."""
    flat = [p.grad.ravel(p.order) for p in layer.parameters]
    return np.concatenate([np.zeros(0, layer.dtype), *flat])
