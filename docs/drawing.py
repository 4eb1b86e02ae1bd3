"""Pictures of Jacobians, for the pages of the layers."""

import copy

import numpy as np
from matplotlib import pyplot as plt

from tinyframe import Embedding, Layer
from tinyframe.plots import QUIET, SIGNED
from tinyframe.types import Array


def jacobian(layer: Layer, shape: tuple[int, ...], rows: int = 1) -> None:
    """Draw ∂y/∂x as backward computes it, and for functions of single numbers their curve too.

    Parameters
    ----------
    layer
        Whose Jacobian; built here if need be.
    shape
        Its sample shape.
    rows
        Of the batch: more than one where they act on each other.
    """
    rng = np.random.default_rng(1)
    if layer.mixes_rows:
        rows = 4
    x = rng.standard_normal((rows, *shape)).astype(np.float32)
    if isinstance(layer, Embedding):
        x = rng.integers(0, layer.vocabulary, x.shape)
    layer.build(shape, rng=1)
    layer.rng = 1
    matrix = _matrix(layer, x)
    pointwise = _is_pointwise(layer, matrix, shape)
    figure, axes = plt.subplots(1, 1 + pointwise, figsize=(7 if pointwise else 4.6, 3))
    figure.set_layout_engine("constrained")
    panel = axes[1] if pointwise else axes
    limit = abs(matrix).max() or 1.0
    image = panel.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    by = "W" if isinstance(layer, Embedding) else "x"
    panel.set(
        xlabel=by, ylabel="y", title=f"∂y/∂{by}: {type(layer).__name__}", xticks=[], yticks=[]
    )
    figure.colorbar(image)
    if pointwise:
        _curve(layer, axes[0])


def _matrix(layer: Layer, x: Array) -> Array:
    """Return ∂y/∂x, or of an embedding ∂y/∂W, a row for each number of y."""
    shape = layer.forward(x, training=True).shape
    rows = []
    for seed in np.eye(np.prod(shape), dtype=np.float32):
        layer.rng = 1  # the same mask each time
        layer.forward(x, training=True)
        dx = layer.backward(seed.reshape(shape))
        rows.append((layer.weight.grad if isinstance(layer, Embedding) else dx).ravel())
    return np.array(rows)


def _is_pointwise(layer: Layer, matrix: Array, shape: tuple[int, ...]) -> bool:
    """Whether each number of y depends on its own x alone, by the same function."""
    if len(shape) > 1 or layer.output_shape != shape or layer.random or layer.parameters:
        return False
    return bool(np.count_nonzero(matrix - np.diag(np.diag(matrix))) == 0)


def _curve(layer: Layer, panel: plt.Axes) -> None:
    """Draw y and dy/dx over x."""
    fresh, x = copy.copy(layer), np.linspace(-4, 4, 201, dtype=np.float32)[np.newaxis]
    fresh.input_shape = None
    y = fresh.forward(x, training=True)
    panel.plot(x[0], y[0], label="y")
    panel.plot(x[0], fresh.backward(np.ones_like(y))[0], "--", label="dy/dx")
    panel.axhline(0, color=QUIET, linewidth=0.5)
    panel.set(xlabel="x")
    panel.legend()
