"""How layers of sequences are written in ONNX's operators: recurrent ones, and attention."""

import math
from typing import Any

import numpy as np

from tinyframe.interop.onnx.graph import Graph, exports
from tinyframe.layers import GRU, LSTM, RNN, MultiHeadAttention
from tinyframe.types import Array

GATES = {RNN: [0], LSTM: [0, 3, 1, 2], GRU: [1, 0, 2]}
"""Where ONNX's gates are among ours: of LSTM's i, f, g, o it wants i, o, f, g."""


@exports(RNN, LSTM, GRU)
def _recurrent(graph: Graph, layer: RNN | LSTM | GRU, x: str) -> str:
    compact, count = x, ""
    if layer.padding is not None:
        compact, count = _compacted(graph, layer, x)
    bias_after = np.zeros_like(layer.bias.value)  # of the product with h
    if isinstance(layer, GRU):
        bias_after[2 * layer.units :] = layer.recurrent_bias.value
    biases = np.concatenate([_by_gate(layer, layer.bias.value), _by_gate(layer, bias_after)])
    options: dict[str, Any] = {"linear_before_reset": 1} if isinstance(layer, GRU) else {}
    y = graph.add(  # (time, 1, batch, units)
        type(layer).__name__,
        graph.add("Transpose", compact, perm=[1, 0, 2]),
        graph.constant(_by_gate(layer, layer.weight.value.T)[np.newaxis], "weight"),
        graph.constant(_by_gate(layer, layer.recurrent_weight.value.T)[np.newaxis], "recurrent"),
        graph.constant(biases[np.newaxis], "bias"),
        hidden_size=layer.units,
        **options,
    )
    y = graph.add("Squeeze", graph.add("Transpose", y, perm=[2, 0, 1, 3]), graph.constant([2]))
    if count:  # each step has the state after as many steps as were no padding, at first zero
        states = graph.add("Pad", y, graph.constant([0, 1, 0, 0, 0, 0]))
        y = _gathered(graph, states, count, layer.units)
    return y if layer.return_sequences else graph.add("Gather", y, graph.constant(-1), axis=1)


def _by_gate(layer: RNN | LSTM | GRU, array: Array) -> Array:
    """Return weights whose first axis is (gates · units,) with the gates in ONNX's order."""
    gates = array.reshape(-1, layer.units, *array.shape[1:])
    return gates[GATES[type(layer)]].reshape(array.shape)


def _compacted(graph: Graph, layer: RNN | LSTM | GRU, x: str) -> tuple[str, str]:
    """Return x with its padding moved behind all other steps, and how many these are so far.

    ONNX's operators cannot skip a step; they can come to it when all that counts is done.
    """
    time, features = layer.input_shape or (0, 0)
    kept = graph.add("Sub", graph.constant(1), _padding(graph, x, layer.padding))  # (batch, time)
    rank = graph.add("Mul", kept, graph.constant(time))
    rank = graph.add("Add", rank, graph.constant(np.arange(time)[::-1]))
    _, order = graph.add_many("TopK", [rank, graph.constant([time])], 2, axis=1)
    count = graph.add("CumSum", kept, graph.constant(1))
    return _gathered(graph, x, order, features), count


def _gathered(graph: Graph, x: str, steps: str, features: int) -> str:
    """Return those steps (batch, time) of x (batch, …, features)."""
    index = graph.add("Unsqueeze", steps, graph.constant([2]))
    index = graph.add("Expand", index, graph.constant([1, 1, features]))
    return graph.add("GatherElements", x, index, axis=1)


def _padding(graph: Graph, x: str, padding: float | None) -> str:
    """Return (batch, time) of int64: 1 where all features equal the padding, else 0."""
    equal = graph.add("Cast", graph.add("Equal", x, graph.constant(padding)), to=7)  # int64
    return graph.add("ReduceMin", equal, graph.constant([2]), keepdims=0)


@exports(MultiHeadAttention)
def _attention(graph: Graph, layer: MultiHeadAttention, x: str) -> str:
    time, features = layer.input_shape or (0, 0)
    size = features // layer.heads
    qkv = graph.add("MatMul", x, graph.constant(layer.weight.value, "weight"))
    qkv = graph.add("Add", qkv, graph.constant(layer.bias.value, "bias"))
    parts = graph.add_many("Split", [qkv], 3, axis=2, num_outputs=3)
    heads = [
        graph.add("Reshape", part, graph.constant([0, 0, layer.heads, size])) for part in parts
    ]
    Q, V = (graph.add("Transpose", heads[i], perm=[0, 2, 1, 3]) for i in (0, 2))
    KT = graph.add("Transpose", heads[1], perm=[0, 2, 3, 1])
    # A = softmax(Q Kᵀ / √d), (batch, heads, query, key)
    scores = graph.add("MatMul", graph.add("Mul", Q, graph.constant(1 / math.sqrt(size))), KT)
    if layer.causal:
        later = np.triu(np.full((time, time), -np.inf), 1)
        scores = graph.add("Add", scores, graph.constant(later))
    apart = "" if layer.padding is None else _pairs_with_padding(graph, x, layer.padding)
    if apart:  # not −∞, of which a row alone would have no softmax
        lowest = graph.constant(float(np.finfo(graph.dtype).min))
        scores = graph.add("Where", apart, lowest, scores)
    A = graph.add("Softmax", scores)
    if apart:
        A = graph.add("Where", apart, graph.constant(0.0), A)
    mixed = graph.add("Transpose", graph.add("MatMul", A, V), perm=[0, 2, 1, 3])
    mixed = graph.add("Reshape", mixed, graph.constant([0, 0, features]))
    y = graph.add("MatMul", mixed, graph.constant(layer.output_weight.value, "output_weight"))
    return graph.add("Add", y, graph.constant(layer.output_bias.value, "output_bias"))


def _pairs_with_padding(graph: Graph, x: str, padding: float) -> str:
    """Return (batch, 1, query, key): whether either of the two is padding."""
    skipped = graph.add("Cast", _padding(graph, x, padding), to=9)  # bool
    of_queries = graph.add("Unsqueeze", skipped, graph.constant([1, 3]))
    of_keys = graph.add("Unsqueeze", skipped, graph.constant([1, 2]))
    return graph.add("Or", of_queries, of_keys)
