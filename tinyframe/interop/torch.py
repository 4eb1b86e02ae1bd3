"""Weights to and from PyTorch's state dicts, as NumPy arrays; PyTorch itself is not needed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tinyframe.data.arrays import as_numbers
from tinyframe.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Embedding,
    Layer,
    LayerNorm,
    MultiHeadAttention,
    PositionalEmbedding,
    RMSNorm,
)
from tinyframe.layers.recurrent import Recurrent
from tinyframe.parameters import Parameter
from tinyframe.types import Array
from tinyframe.utils.checks import check_kind, fitting

ModelLike = TypeVar("ModelLike", bound=Layer)

_AFFINE = {"weight": "weight", "bias": "bias"}
_RECURRENT = {
    "weight_ih_l0": "weight.T",
    "weight_hh_l0": "recurrent_weight.T",
    "bias_ih_l0": "bias",
    "bias_hh_l0": "",  # PyTorch has two biases where one will do; see below
}

LEAVES: dict[type[Layer], dict[str, str]] = {
    Dense: {"weight": "weight.T", "bias": "bias"},
    Conv2D: _AFFINE,
    Conv1D: _AFFINE,
    ConvTranspose2D: _AFFINE,
    BatchNorm: {
        "weight": "gain",
        "bias": "bias",
        "running_mean": "running_mean",
        "running_var": "running_variance",
    },
    LayerNorm: {"weight": "gain", "bias": "bias"},
    RMSNorm: {"weight": "gain"},
    Embedding: {"weight": "weight"},
    PositionalEmbedding: {"weight": "weight"},
    RNN: _RECURRENT,
    LSTM: _RECURRENT,
    GRU: _RECURRENT,
    MultiHeadAttention: {
        "in_proj_weight": "weight.T",
        "in_proj_bias": "bias",
        "out_proj.weight": "output_weight.T",
        "out_proj.bias": "output_bias",
    },
}
"""What PyTorch's modules call the arrays of our layers, and which of them it keeps transposed."""

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

    Raises
    ------
    ValueError
        If the model is not built, has a layer with weights that PyTorch has no module for, or the
        prefixes are too many or too few.
    """
    layers = _layers_with_weights(model)
    state: dict[str, Array] = {}
    for prefix, (path, layer) in zip(_prefixes(layers, prefixes), layers, strict=True):
        for leaf, array in _theirs(path, layer).items():
            state[_joined(prefix, leaf)] = np.array(array, layer.dtype, order="C")
        if isinstance(layer, BatchNorm):
            state[_joined(prefix, COUNTER)] = np.array(0, np.int64)
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

    Parameters
    ----------
    model
        A built model of the same architecture, in which each layer with weights has its module.
    state
        Arrays, or tensors of the CPU, by name.
    prefixes
        What PyTorch's modules are called: one name a layer with weights, in the order of these
        layers: ["conv1", "conv2", "fc"].

    Raises
    ------
    TypeError, ValueError
        If names, shapes or layouts do not correspond: names the first that does not. The model is
        then as it was.
    """
    layers = _layers_with_weights(model)
    if not isinstance(state, Mapping):
        hint = "; that is its .state_dict()" if hasattr(state, "state_dict") else ""
        raise TypeError(
            f"state expected arrays by name, a mapping, got a {type(state).__name__}{hint}"
        )
    arrays = {name: _numbers(name, value) for name, value in state.items()}
    arrays = {name: array for name, array in arrays.items() if not name.endswith(COUNTER)}
    places = [path for path, _ in layers]
    if prefixes is None and arrays.keys() != {
        _joined(path, leaf) for path, layer in layers for leaf in _theirs(path, layer)
    }:
        prefixes = _in_order(layers, arrays)
    found = _prefixes(layers, prefixes)
    known = set()
    changes: list[tuple[Layer, dict[str, Array]]] = []
    for prefix, (path, layer) in zip(found, layers, strict=True):
        theirs: dict[str, Array] = {}
        for leaf, like in _theirs(path, layer).items():
            name = _joined(prefix, leaf)
            theirs[leaf] = _fitting(name, arrays, like, f"layer {path}, {layer!r}")
            known.add(name)
        changes.append((layer, theirs))
    if unknown := arrays.keys() - known:
        raise ValueError(
            f"the state dict has {sorted(unknown)}, for which the layers {places} have no place"
        )
    for layer, theirs in changes:
        _write(layer, theirs)
    return model


# ------------------------------------------------------------------------ one layer


def _theirs(path: str, layer: Layer) -> dict[str, Array]:
    """Return a layer's arrays as PyTorch names and lays them out: views, where that can be."""
    if type(layer) not in LEAVES:
        raise ValueError(f"layer {path}: PyTorch has no module for the weights of {layer!r}")
    theirs: dict[str, Array] = {}
    for leaf, attribute in LEAVES[type(layer)].items():
        if leaf == "bias_hh_l0":
            theirs[leaf] = _bias_after(layer)
        elif hasattr(layer, attribute.removesuffix(".T")):
            array = _array(layer, attribute.removesuffix(".T"))
            theirs[leaf] = array.T if attribute.endswith(".T") else array
    return theirs


def _write(layer: Layer, theirs: dict[str, Array]) -> None:
    """Write what `_theirs` names into the layer."""
    for leaf, value in theirs.items():
        attribute = LEAVES[type(layer)][leaf]
        if attribute:
            _array(layer, attribute.removesuffix(".T"))[...] = (
                value.T if attribute.endswith(".T") else value
            )
    if isinstance(layer, GRU):  # a gate's two biases act as their sum, but for that of n
        gates = 2 * layer.units
        layer.bias.value[:gates] += theirs["bias_hh_l0"][:gates]
        layer.recurrent_bias.value = theirs["bias_hh_l0"][gates:]
    elif isinstance(layer, RNN | LSTM):
        layer.bias.value += theirs["bias_hh_l0"]


def _bias_after(layer: Any) -> Array:
    """Return a recurrent layer's bias of the product with h, (gates · units,)."""
    assert isinstance(layer, Recurrent)  # noqa: S101 - tells the type checker
    bias = np.zeros_like(layer.bias.value)
    if isinstance(layer, GRU):
        bias[2 * layer.units :] = layer.recurrent_bias.value
    return bias


def _array(layer: Layer, attribute: str) -> Array:
    """Return an array of a layer, to be written in place."""
    value = getattr(layer, attribute)
    array: Array = value if isinstance(value, np.ndarray) else value.value
    return array


# ------------------------------------------------------------------------ names


def _layers_with_weights(model: Layer, path: str = "") -> list[tuple[str, Layer]]:
    """Return the places and layers that have weights of their own, in construction order."""
    check_kind("model", model, Layer, "a layer such as Sequential([Dense(784, 10)])")
    if model.input_shape is None:
        raise ValueError("expected a built model; its shapes are known after fit or build")
    found = [(path, model)] if dict(model._members(Parameter)) else []  # noqa: SLF001 - its own ones
    for name, child in model.children.items():
        found += _layers_with_weights(child, _joined(path, name))
    return found


def _prefixes(layers: list[tuple[str, Layer]], prefixes: Sequence[str] | None) -> Sequence[str]:
    """Return one prefix a layer, by default its place."""
    if prefixes is None:
        return [path for path, _ in layers]
    names = isinstance(prefixes, Sequence) and all(isinstance(name, str) for name in prefixes)
    if not names or isinstance(prefixes, str) or len(prefixes) != len(layers):
        raise ValueError(
            f"prefixes expected {len(layers)} names, for the layers "
            f"{[f'{path} {type(layer).__name__}' for path, layer in layers]}, got {prefixes!r}"
        )
    return prefixes


def _in_order(layers: list[tuple[str, Layer]], arrays: Mapping[str, Array]) -> list[str]:
    """Return the modules of a state dict in their order; ValueError where that is not safe."""
    leaves = sorted({leaf for names in LEAVES.values() for leaf in names}, key=len, reverse=True)
    shapes: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for name, array in arrays.items():
        leaf = next((leaf for leaf in leaves if f".{name}".endswith(f".{leaf}")), "")
        if not leaf:
            raise ValueError(f"the state dict's {name!r} is no weight of a module known here")
        prefix = name.removesuffix(leaf).removesuffix(".")
        shapes.setdefault(prefix, []).append((leaf, array.shape))
    if len(shapes) != len(layers):
        raise ValueError(
            f"expected {len(layers)} modules, for the layers "
            f"{[f'{path} {type(layer).__name__}' for path, layer in layers]}, got {len(shapes)}: "
            f"{list(shapes)}"
        )
    if len({tuple(sorted(signature)) for signature in shapes.values()}) < len(shapes):
        raise ValueError(
            "some modules have the same shapes, so that their order alone does not tell which is "
            f"which; name them in the order of this model's layers: prefixes={list(shapes)}"
        )
    return list(shapes)


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


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
