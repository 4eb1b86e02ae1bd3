"""Copies to differentiate: whose layers behave in training as in `predict`."""

import copy
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from tinyframe.layers import BatchNorm, Dropout
from tinyframe.parameters import Parameter
from tinyframe.training.data_spec import input_dtype, inputs
from tinyframe.training.settings import check_model
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.model import Model


def prepared(model: "Model", X: Any) -> Array:
    """Return X as the first layer gets it in `predict`."""
    x = inputs(model, model, X)
    return x.astype(input_dtype(model, x), copy=False)


def frozen_copy(model: "Model") -> "Model":
    """Return a copy whose layers behave in training as in inference."""
    twin = copy.deepcopy(model)
    twin.trainable = False
    for layer in twin.walk():
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    return twin


def differentiable_copy(
    model: "Model", dtype: npt.DTypeLike | None = None
) -> tuple["Model", tuple[Parameter, ...]]:
    """Return such a copy, and those of its parameters that training would change.

    Parameters
    ----------
    model
        A model.
    dtype
        What the copy computes in; by default as the model does.

    Raises
    ------
    TypeError, ValueError
        If it is no model, is not built, or has a layer of one's own that mixes rows or is random:
        no copy can spare it that.
    """
    check_model(model)
    if model.input_shape is None:
        raise ValueError("expected a built model: fit it, or build(input_shape)")
    for layer in model.walk():
        if (layer.mixes_rows and not isinstance(layer, BatchNorm)) or (
            layer.random and not isinstance(layer, Dropout)
        ):
            raise ValueError(
                f"expected layers whose rows depend neither on each other nor on chance, got "
                f"{layer!r}"
            )
    twin = frozen_copy(model)
    if dtype is not None:
        twin.build(model.input_shape, dtype=dtype)
    of_twin = zip(model.parameters, twin.parameters, strict=True)
    trained = set(map(id, model.trainable_parameters))
    return twin, tuple(own for parameter, own in of_twin if id(parameter) in trained)
