"""What a model does on its way to an answer: each layer's output, and what each input adds."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyframe.inspection.copies import frozen_copy, prepared
from tinyframe.layers.layer import Layer
from tinyframe.training.settings import check_model
from tinyframe.types import Array
from tinyframe.utils.checks import index_below

if TYPE_CHECKING:
    from tinyframe.model import Model


def activations(model: "Model", X: npt.ArrayLike) -> dict[str, Array]:
    """Return the output of each layer for X, by name ("1: ReLU()"), as in `predict`.

    Parameters
    ----------
    model
        A built model.
    X : array of shape (rows, *input_shape)
        As in `predict`.

    Raises
    ------
    TypeError, ValueError
        If X is not that, or the model is not built.

    Examples
    --------
    >>> from tinyframe.inspection import activations
    >>> model = Sequential([Dense(4, 3), ReLU(), Dense(2)])
    >>> {name: y.shape for name, y in activations(model, np.ones((5, 4))).items()}
    {'0: Dense(4, 3)': (5, 3), '1: ReLU()': (5, 3), '2: Dense(2)': (5, 2)}
    """
    check_model(model)
    y = prepared(model, X)
    outputs: dict[str, Array] = {}
    for number, layer in enumerate(model._chain()):  # noqa: SLF001 - what training sees, too
        y = layer.forward(y)
        outputs[layer_name(number, layer)] = np.array(y, order="C")
    return outputs


def saliency(model: "Model", X: npt.ArrayLike, output: int | None = None) -> Array:
    """Return ∂(an output)/∂x for each row: how much each input speaks for the answer.

    It is exact, as the backward pass is; layers behave as in `predict` (Simonyan, Vedaldi and
    Zisserman, "Deep Inside Convolutional Networks", 2013).

    Parameters
    ----------
    model
        A built model with a single axis of outputs.
    X : array of shape (rows, *input_shape)
        As in `predict`; not tokens, which have no derivative.
    output
        Which; by default that with the largest value, row by row.

    Returns
    -------
    Array
        Of the shape of X.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> from tinyframe.inspection import saliency
    >>> model = Sequential([Dense(2, 1)])
    >>> model[0].weight = [[2.0], [3.0]]
    >>> saliency(model, [[1.0, 1.0]])
    array([[2., 3.]], dtype=float32)
    """
    check_model(model)
    twin = frozen_copy(model)
    x = prepared(twin, X)
    y = twin.forward(x, training=True)
    if y.ndim != 2:  # noqa: PLR2004 - (rows, outputs)
        raise ValueError(f"saliency expected outputs (rows, outputs), got shape {y.shape}")
    if output is None:
        chosen = np.argmax(y, axis=1)
    else:
        chosen = np.full(len(y), index_below("output", output, y.shape[1]))
    dy = np.zeros(y.shape, y.dtype)
    dy[np.arange(len(y)), chosen] = 1
    return np.array(twin.backward(dy), order="C")


def layer_name(number: int, layer: Layer) -> str:
    """Return what reports call a layer: "1: ReLU()"; of a container, its kind alone."""
    return f"{number}: {type(layer).__name__ if layer.children else repr(layer)}"
