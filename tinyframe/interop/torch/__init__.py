"""Weights to and from PyTorch's state dicts, as NumPy arrays; PyTorch itself is not needed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tinyframe.data.arrays import as_numbers
from tinyframe.interop.torch.names import in_order, names, places
from tinyframe.interop.torch.weights import theirs, write
from tinyframe.layers import BatchNorm, Layer
from tinyframe.types import Array
from tinyframe.utils.checks import fitting

__all__ = ["from_torch_state_dict", "to_torch_state_dict"]

ModelLike = TypeVar("ModelLike", bound=Layer)

COUNTER = "num_batches_tracked"
"""An integer of PyTorch's batch normalisation, which changes nothing that it computes."""


def to_torch_state_dict(model: Layer, prefixes: Sequence[str] | None = None) -> dict[str, Array]:
    """Return copies of a model's weights as PyTorch's modules name and lay them out.

    For `module.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})`. Names are the
    layers' places, "0.weight", as of `torch.nn.Sequential`.

    Parameters
    ----------
    model
        A built model.
    prefixes
        What PyTorch's modules are called instead: one name a layer with weights, in their order.
        Recurrent layers of the same name are one module, as in `from_torch_state_dict`.

    Raises
    ------
    ValueError
        If the model is not built, has a layer with weights that PyTorch has no module for, or the
        prefixes are too many, too few, or the same for layers that are no module together.

    Examples
    --------
    >>> from tinyframe.interop.torch import to_torch_state_dict
    >>> sorted(to_torch_state_dict(Sequential([Dense(4, 3), ReLU(), Dense(2)])))
    ['0.bias', '0.weight', '2.bias', '2.weight']
    """
    found = places(model)
    state: dict[str, Array] = {}
    for (path, layer, _), named in zip(found, names(found, prefixes), strict=True):
        for leaf, array in theirs(path, layer).items():
            state[named[leaf]] = np.array(array, layer.dtype, order="C")
        if isinstance(layer, BatchNorm):
            state[named["weight"].removesuffix("weight") + COUNTER] = np.array(0, np.int64)
    return state


def from_torch_state_dict(
    model: ModelLike, state: Mapping[str, Any], prefixes: Sequence[str] | None = None
) -> ModelLike:
    """Write the weights of a PyTorch state dict into a model, and return the model.

        from_torch_state_dict(model, torch.load("lenet.pt", weights_only=True))

    Names that are the layers' places, as of `torch.nn.Sequential`, are taken as such. Others are
    matched by their order, that of a module's `state_dict()`: it is the order in which the modules
    were made. Where two of them have the same shapes, that is not safe, and `prefixes` are asked
    for.

    A module of several recurrent layers, `nn.LSTM(8, 16, num_layers=2)`, goes into as many here:
    `LSTM(16, return_sequences=True), LSTM(16)`. Of a `bidirectional` one the second layer reads
    backwards: `Concatenate(LSTM(16), Sequential(Reverse(), LSTM(16)))`.

    Parameters
    ----------
    model
        A built model of the same architecture, in which each layer with weights has its module.
    state
        Arrays, or tensors of the CPU, by name.
    prefixes
        What PyTorch's modules are called: one name a layer with weights, in the order of these
        layers: ["conv1", "conv2", "fc"]. A module of several recurrent layers is named once for
        each of them, ["lstm", "lstm", "fc"].

    Raises
    ------
    TypeError, ValueError
        If names, shapes or layouts do not correspond: names the first that does not. The model is
        then as it was.

    Examples
    --------
    >>> from tinyframe.interop.torch import from_torch_state_dict
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    >>> model = from_torch_state_dict(Sequential([Dense(4, 3), ReLU()]), module.state_dict())
    """
    found = places(model)
    if not isinstance(state, Mapping):
        hint = "; that is its .state_dict()" if hasattr(state, "state_dict") else ""
        raise TypeError(
            f"state expected arrays by name, a mapping, got a {type(state).__name__}{hint}"
        )
    arrays = {name: _numbers(name, value) for name, value in state.items()}
    arrays = {name: array for name, array in arrays.items() if not name.endswith(COUNTER)}
    by_place = names(found, None)
    if prefixes is None and arrays.keys() != {n for named in by_place for n in named.values()}:
        prefixes = in_order(found, arrays)
    known: set[str] = set()
    changes: list[tuple[Layer, dict[str, Array]]] = []
    for (path, layer, _), named in zip(found, names(found, prefixes), strict=True):
        values = {
            leaf: _fitting(named[leaf], arrays, like, f"layer {path}, {layer!r}")
            for leaf, like in theirs(path, layer).items()
        }
        known |= set(named.values())
        changes.append((layer, values))
    if unknown := arrays.keys() - known:
        raise ValueError(
            f"the state dict has {sorted(unknown)}, for which the layers "
            f"{[place.path for place in found]} have no place"
        )
    for layer, values in changes:
        write(layer, values)
    return model


def _fitting(name: str, arrays: Mapping[str, Array], like: Array, where: str) -> Array:
    """Return the array of that name in the dtype of `like`; ValueError if it does not fit."""
    if name not in arrays:
        raise ValueError(f"the state dict has no {name!r}, which {where}, expected")
    array = arrays[name]
    if array.shape != like.shape:
        hint = "; it is transposed" if array.T.shape == like.shape else ""
        raise ValueError(
            f"{name!r} expected shape {like.shape}, for {where}, got {array.shape}{hint}"
        )
    return fitting(array, repr(name), like.dtype)


def _numbers(name: Any, value: Any) -> Array:
    """Return an entry of a state dict as an array."""
    if not isinstance(name, str):
        raise TypeError(f"state expected names of arrays, got {name!r}")
    return as_numbers(value, repr(name))
