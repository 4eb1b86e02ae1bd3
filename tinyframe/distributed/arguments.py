"""Arguments: what ranks tell each other of how each has called `fit`, to find where they differ."""

import inspect
import os
from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.metrics import Metric
from tinyframe.optimizers import Optimizer
from tinyframe.training.callbacks import Callback

OWN = ("X", "y", "sample_weight", "validation_data", "resume")
"""Arguments of `fit` of which it only has to be alike whether there is one."""

OF_RANK_0 = ("communicator", "rng", "verbose")
"""Arguments in which ranks may differ: rank 0's count."""


def comparable(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be alike in all ranks, as it can be sent, compared and shown.

    Parameters
    ----------
    arguments
        By name; every one counts that is not named above.
    """
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if name in OWN:
            found[name] = None if value is None else "given"
        elif name not in OF_RANK_0:
            found["model" if name == "self" else name] = _comparable(value)
    return found


@singledispatch
def _comparable(value: Any) -> Any:
    """Return an argument as numbers, texts, and lists and dicts of them."""
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    if hasattr(value, "__qualname__"):  # a function
        return f"{value.__module__}.{value.__qualname__}"
    return type(value).__name__


@_comparable.register
def _(value: bool | int | float | str | None) -> Any:
    return value


@_comparable.register
def _(value: Loss | Optimizer | Metric) -> str:
    return repr(value)


@_comparable.register
def _(value: Layer) -> str:
    trained = {id(parameter) for parameter in value.trainable_parameters}
    parameters = [
        f"{name} {parameter.shape}" + ("" if id(parameter) in trained else " frozen")
        for name, parameter in value.named_parameters().items()
    ]
    return f"{value!r}, {value.dtype}, {parameters}"


@_comparable.register
def _(value: Callback) -> str:
    """Return its kind, and tinyframe's own arguments but for paths: they say when ranks meet."""
    kind = next(base for base in type(value).__mro__ if base.__module__.startswith("tinyframe."))
    kept = {
        name: getattr(value, name)
        for name in inspect.signature(kind).parameters
        if hasattr(value, name) and not isinstance(getattr(value, name), os.PathLike)
    }
    arguments = ", ".join(f"{name}={argument!r}" for name, argument in kept.items())
    return f"{type(value).__name__}({arguments})"


@_comparable.register(Mapping)
def _(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {_comparable(key): _comparable(item) for key, item in value.items()}


@_comparable.register(list)
@_comparable.register(tuple)
def _(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    """Return the items, but for callbacks that rank 0 alone calls."""
    return [
        _comparable(item)
        for item in value
        if not (isinstance(item, Callback) and item.rank_zero_only)
    ]
