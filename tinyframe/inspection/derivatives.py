"""Derivatives of a model as numbers: its Jacobians, and its loss's curvature along a direction."""

import copy
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.inspection.copies import differentiable_copy, prepared
from tinyframe.losses import LossLike
from tinyframe.parameters import ParameterVector
from tinyframe.training.data_spec import DataSpec, as_source
from tinyframe.training.jacobian import weight_jacobian
from tinyframe.training.objective import Objective
from tinyframe.training.settings import chosen_loss
from tinyframe.types import Array
from tinyframe.utils.checks import among

if TYPE_CHECKING:
    from tinyframe.model import Model


def jacobian(model: "Model", X: npt.ArrayLike, of: str = "inputs") -> Array:
    """Return how each output answers to each input, or to each weight: ∂yᵣ/∂xᵣ or ∂yᵣ/∂θ.

    It is exact, as the backward pass is, which runs once for each output. Layers behave as in
    `predict`, and the model is left as it is.

    Parameters
    ----------
    model
        A built model.
    X : array of shape (rows, *input_shape)
        As in `predict`. Tokens have no derivative: theirs is zero.
    of
        "inputs" or "weights".

    Returns
    -------
    Array
        Of the model's dtype: ∂yᵣ/∂xᵣ of shape (rows, *output_shape, *input_shape), or ∂yᵣ/∂θ of
        shape (rows, *output_shape, weights), θ in the order of
        `ParameterVector(model.trainable_parameters)`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or a layer of one's own mixes rows or is random.

    Examples
    --------
    >>> from tinyframe.inspection import jacobian
    >>> model = Sequential([Dense(2, 1)])
    >>> model[0].weight = [[2.0], [3.0]]
    >>> jacobian(model, [[1.0, 1.0]])
    array([[[2., 3.]]], dtype=float32)
    """
    if not among(of, "inputs", "weights"):
        raise ValueError(f'of expected "inputs" or "weights", got {of!r}')
    twin, trained = differentiable_copy(model)
    x = prepared(twin, X)
    if of == "weights":
        y, by_weight = weight_jacobian(twin._chain(), x, trained)  # noqa: SLF001 - as training sees it
        return by_weight.reshape(*y.shape, by_weight.shape[2])
    y = twin.forward(x, training=True)
    rows, outputs = len(y), math.prod(y.shape[1:])
    by_input = np.empty((rows, outputs, *x.shape[1:]), y.dtype)
    for k in range(outputs):
        dy = np.zeros((rows, outputs), y.dtype)
        dy[:, k] = 1
        by_input[:, k] = twin.backward(dy.reshape(y.shape))
    return by_input.reshape(*y.shape, *x.shape[1:])


def hessian_vector_product(
    model: "Model",
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    vector: npt.ArrayLike,
    loss: LossLike | None = None,
) -> Array:
    """Return H v, H = ∂²L/∂θ² of the loss on these rows: how the gradient g changes along v.

    By central differences of the exact gradient, in float64:

        H v ≈ |v| [g(θ + h u) − g(θ − h u)] / 2h        u = v / |v|,  h = ∛ε max(1, maxᵢ |θᵢ|)

    The error is h² |g'''| / 6 + ε |g| / h, with ε = 2 · 10⁻¹⁶, which this h balances: about 10⁻¹⁰
    relative where the third derivative along u is about as large as H. A unit of ReLU that changes
    sides within h of θ adds its jump. Layers behave as in `predict`; the model is left as it is.

    Parameters
    ----------
    model
        A built model.
    X, y
        Rows, as in `fit`.
    vector : array of shape (weights,)
        v, in the order of `ParameterVector(model.trainable_parameters)`.
    loss
        By default that of the last fit, at first `MSELoss()`.

    Returns
    -------
    Array
        Shape (weights,), float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or a layer of one's own mixes rows or is random.

    Examples
    --------
    >>> from tinyframe.inspection import hessian_vector_product
    >>> model = Sequential([Dense(2, 1)])
    >>> model[0].weight = [[2.0], [3.0]]
    >>> X, y, v = np.array([[1.0, 1.0]]), np.array([[0.0]]), np.array([1.0, 0.0, 0.0])
    >>> hessian_vector_product(model, X, y, v, loss="mse").round(6)
    array([2., 2., 2.])
    """
    twin, trained = differentiable_copy(model, np.float64)
    weights = sum(parameter.size for parameter in trained)
    v = as_numbers(vector, "vector").astype(np.float64)
    if v.shape != (weights,) or not weights:
        raise ValueError(f"vector expected shape ({weights},), one number a weight, got {v.shape}")
    layers = twin._chain()  # noqa: SLF001 - as training sees it
    loss = chosen_loss(copy.deepcopy(loss), twin.loss, layers)
    feed, _ = as_source(DataSpec(twin, twin, loss), X, y)
    objective, rows = Objective(layers, loss), feed.rows or 1
    block = next(feed.blocks(rows, rows))
    theta = ParameterVector(trained)
    start, largest = theta.value.copy(), float(np.abs(v).max())
    if largest == 0:
        return np.zeros(weights)
    v = v / largest  # whose squares neither overflow nor vanish
    length = float(np.linalg.norm(v))

    def gradient(at: Array) -> Array:
        theta.value[:] = at
        objective.forward(block.x, block.target, block.weight, training=True)
        dy = objective.loss.backward()
        for layer in reversed(objective.layers):
            dy = layer.backward(dy)
        return theta.grad.copy()

    step = float(np.cbrt(np.finfo(np.float64).eps)) * max(1.0, float(np.abs(start).max()))
    along = v * (step / length)
    return (gradient(start + along) - gradient(start - along)) * (largest * length / (2 * step))
