"""The weights of one layer, as PyTorch names and lays them out."""

from typing import Any

import numpy as np

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
from tinyframe.types import Array

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


def theirs(path: str, layer: Layer) -> dict[str, Array]:
    """Return a layer's arrays as PyTorch names and lays them out: views, where that can be."""
    if type(layer) not in LEAVES:
        raise ValueError(f"layer {path}: PyTorch has no module for the weights of {layer!r}")
    found: dict[str, Array] = {}
    for leaf, attribute in LEAVES[type(layer)].items():
        if leaf == "bias_hh_l0":
            found[leaf] = _bias_after(layer)
        elif hasattr(layer, attribute.removesuffix(".T")):
            array = _array(layer, attribute.removesuffix(".T"))
            found[leaf] = array.T if attribute.endswith(".T") else array
    return found


def write(layer: Layer, values: dict[str, Array]) -> None:
    """Write what `theirs` names into the layer."""
    for leaf, value in values.items():
        attribute = LEAVES[type(layer)][leaf]
        if attribute:
            _array(layer, attribute.removesuffix(".T"))[...] = (
                value.T if attribute.endswith(".T") else value
            )
    if isinstance(layer, GRU):  # a gate's two biases act as their sum, but for that of n
        gates = 2 * layer.units
        layer.bias.value[:gates] += values["bias_hh_l0"][:gates]
        layer.recurrent_bias.value = values["bias_hh_l0"][gates:]
    elif isinstance(layer, RNN | LSTM):
        layer.bias.value += values["bias_hh_l0"]


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
