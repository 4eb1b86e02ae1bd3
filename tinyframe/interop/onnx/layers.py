"""How layers are written in ONNX's operators; images and sequences have files of their own."""

import math

from tinyframe.interop.onnx import images, sequences  # noqa: F401 - say how these are exported
from tinyframe.interop.onnx.graph import Graph, exports
from tinyframe.layers import (
    ELU,
    GELU,
    Add,
    BatchNorm,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    Permute,
    PositionalEmbedding,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Reverse,
    RMSNorm,
    Select,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)

# ------------------------------------------------------------------------ containers


@exports(Residual)
def _residual(graph: Graph, layer: Residual, x: str) -> str:
    y = x
    for number, child in enumerate(layer.layers):
        y = graph.layer(child, y, f"layers.{number}")
    beside = x if layer.shortcut is None else graph.layer(layer.shortcut, x, "shortcut")
    return graph.add("Add", beside, y)


@exports(Add)
def _add(graph: Graph, layer: Add, x: str) -> str:
    return graph.add("Sum", *_branches(graph, layer, x))


@exports(Concatenate)
def _concatenate(graph: Graph, layer: Concatenate, x: str) -> str:
    return graph.add("Concat", *_branches(graph, layer, x), axis=layer.axis)


def _branches(graph: Graph, layer: Add | Concatenate, x: str) -> list[str]:
    return [graph.layer(child, x, f"branches.{i}") for i, child in enumerate(layer.branches)]


# ------------------------------------------------------------------------ dense, embedding


@exports(Dense)
def _dense(graph: Graph, layer: Dense, x: str) -> str:
    W = graph.constant(layer.weight.value, "weight")
    if not layer.use_bias:
        return graph.add("MatMul", x, W)
    b = graph.constant(layer.bias.value, "bias")
    if len(layer.input_shape or ()) == 1:
        return graph.add("Gemm", x, W, b)
    return graph.add("Add", graph.add("MatMul", x, W), b)


@exports(Embedding)
def _embedding(graph: Graph, layer: Embedding, x: str) -> str:
    tokens = graph.add("Cast", x, to=7)  # int64
    return graph.add("Gather", graph.constant(layer.weight.value, "weight"), tokens)


@exports(PositionalEmbedding)
def _positions(graph: Graph, layer: PositionalEmbedding, x: str) -> str:
    return graph.add("Add", x, graph.constant(layer.weight.value, "weight"))


# ------------------------------------------------------------------------ element by element


@exports(ReLU, Sigmoid, Tanh, Softplus)
def _of_the_same_name(graph: Graph, layer: Layer, x: str) -> str:
    return graph.add({"ReLU": "Relu"}.get(type(layer).__name__, type(layer).__name__), x)


@exports(LeakyReLU)
def _leaky_relu(graph: Graph, layer: LeakyReLU, x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=layer.slope)


@exports(ELU)
def _elu(graph: Graph, layer: ELU, x: str) -> str:
    return graph.add("Elu", x, alpha=layer.alpha)


@exports(SiLU)
def _silu(graph: Graph, layer: SiLU, x: str) -> str:  # noqa: ARG001 - it has no arguments
    return graph.add("Mul", x, graph.add("Sigmoid", x))


@exports(GELU)
def _gelu(graph: Graph, layer: GELU, x: str) -> str:  # noqa: ARG001 - it has no arguments
    # y = (x / 2) * (1 + tanh(sqrt(2 / pi) * x * (1 + 0.044715 * x**2)))
    inner = graph.add("Mul", graph.add("Mul", x, x), graph.constant(0.044715))
    inner = graph.add("Mul", graph.add("Add", inner, graph.constant(1.0)), x)
    u = graph.add("Mul", inner, graph.constant(math.sqrt(2 / math.pi)))
    gate = graph.add("Add", graph.add("Tanh", u), graph.constant(1.0))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), gate)


@exports(Rescale)
def _rescale(graph: Graph, layer: Rescale, x: str) -> str:
    return graph.add("Mul", x, graph.constant(layer.scale))


@exports(Dropout)
def _dropout(graph: Graph, layer: Dropout, x: str) -> str:  # noqa: ARG001 - nothing, in inference
    return x


@exports(Softmax, LogSoftmax)
def _softmax(graph: Graph, layer: Softmax | LogSoftmax, x: str) -> str:
    return graph.add(type(layer).__name__, x, axis=layer.axis)


# ------------------------------------------------------------------------ shape


@exports(Flatten)
def _flatten(graph: Graph, layer: Flatten, x: str) -> str:  # noqa: ARG001 - it has no arguments
    return graph.add("Flatten", x)


@exports(Reshape)
def _reshape(graph: Graph, layer: Reshape, x: str) -> str:
    return graph.add("Reshape", x, graph.constant([-1, *(layer.output_shape or ())]))


@exports(Permute)
def _permute(graph: Graph, layer: Permute, x: str) -> str:
    return graph.add("Transpose", x, perm=[0, *layer.axes])


@exports(Reverse)
def _reverse(graph: Graph, layer: Reverse, x: str) -> str:
    axis = layer.axis % (len(layer.input_shape or ()) + 1)
    last, before_first, step = (graph.constant([n]) for n in (-1, -(2**63), -1))
    return graph.add("Slice", x, last, before_first, graph.constant([axis]), step)


@exports(Select)
def _select(graph: Graph, layer: Select, x: str) -> str:
    return graph.add("Gather", x, graph.constant(layer._chosen), axis=-1)  # noqa: SLF001 - slices have become numbers there


# ------------------------------------------------------------------------ normalisation


@exports(BatchNorm)
def _batch_norm(graph: Graph, layer: BatchNorm, x: str) -> str:
    return graph.add(
        "BatchNormalization",
        x,
        graph.constant(layer.gain.value, "gain"),
        graph.constant(layer.bias.value, "bias"),
        graph.constant(layer.running_mean, "running_mean"),
        graph.constant(layer.running_variance, "running_variance"),
        epsilon=layer.epsilon,
    )


@exports(LayerNorm)
def _layer_norm(graph: Graph, layer: LayerNorm, x: str) -> str:
    gain, bias = layer.gain.value, layer.bias.value
    return graph.add(
        "LayerNormalization",
        x,
        graph.constant(gain, "gain"),
        graph.constant(bias, "bias"),
        epsilon=layer.epsilon,
    )


@exports(RMSNorm)
def _rms_norm(graph: Graph, layer: RMSNorm, x: str) -> str:
    # y = gain * x / sqrt(mean(x**2) + epsilon)
    mean = graph.add("ReduceMean", graph.add("Mul", x, x), graph.constant([-1]))
    scale = graph.add("Sqrt", graph.add("Add", mean, graph.constant(layer.epsilon)))
    gain = graph.constant(layer.gain.value, "gain")
    return graph.add("Mul", graph.add("Div", x, scale), gain)
