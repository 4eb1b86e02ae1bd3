"""Pictures of Jacobians, for the pages of the layers."""

import numpy as np
from matplotlib import pyplot as plt

from tinyframe import Embedding, Layer
from tinyframe.plots import SIGNED
from tinyframe.types import Array


def jacobian(layer: Layer, shape: tuple[int, ...], rows: int = 1) -> None:
    """Draw ∂y/∂x as backward computes it.

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
    figure, panel = plt.subplots(figsize=(4.6, 3))
    figure.set_layout_engine("constrained")
    limit = abs(matrix).max() or 1.0
    image = panel.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    by = "W" if isinstance(layer, Embedding) else "x"
    panel.set(
        xlabel=by, ylabel="y", title=f"∂y/∂{by}: {type(layer).__name__}", xticks=[], yticks=[]
    )
    figure.colorbar(image)


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
