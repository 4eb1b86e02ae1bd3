"""How layers are written in ONNX's operators; sequences have a file of their own."""

import math
from typing import Any

import numpy as np

from tinyframe.interop.onnx import sequences  # noqa: F401 - says how these are exported
from tinyframe.interop.onnx.graph import Graph, exports
from tinyframe.layers import (
    ELU,
    GELU,
    Add,
    AveragePool2D,
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    Permute,
    PositionalEmbedding,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.layers.convolution import Convolution
from tinyframe.layers.windows import Windows, pair
from tinyframe.sequential import Sequential


def integers_enter(layer: Layer) -> bool:
    """Whether what a layer takes first are tokens."""
    if isinstance(layer, Residual):
        beside = layer.layers[0] if layer.shortcut is None else layer.shortcut
        return integers_enter(layer.layers[0]) and integers_enter(beside)
    if isinstance(layer, Add | Concatenate):
        return all(map(integers_enter, layer.branches))
    return (
        integers_enter(layer.layers[0])
        if isinstance(layer, Sequential)
        else (isinstance(layer, Embedding))
    )


# ------------------------------------------------------------------------ containers


@exports(Sequential)
def _sequential(graph: Graph, layer: Sequential, x: str) -> str:
    for name, child in layer.children.items():
        x = graph.layer(child, x, name)
    return x


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


# ------------------------------------------------------------------------ images


@exports(Conv2D)
def _conv2d(graph: Graph, layer: Conv2D, x: str) -> str:
    windows = layer._windows  # noqa: SLF001 - where its padding has become numbers
    return graph.add(
        "Conv", x, *_kernel(graph, layer), **_places(windows), dilations=windows.dilation,
        group=layer.groups,
    )  # fmt: skip


@exports(Conv1D)
def _conv1d(graph: Graph, layer: Conv1D, x: str) -> str:
    windows = layer._windows  # noqa: SLF001 - as above
    channels_first = graph.add("Transpose", x, perm=[0, 2, 1])
    y = graph.add(
        "Conv",
        channels_first,
        *_kernel(graph, layer),
        kernel_shape=windows.size[1:],
        strides=windows.stride[1:],
        pads=windows.pads[1],
        dilations=windows.dilation[1:],
        group=layer.groups,
    )
    return graph.add("Transpose", y, perm=[0, 2, 1])


@exports(ConvTranspose2D)
def _conv_transpose2d(graph: Graph, layer: ConvTranspose2D, x: str) -> str:
    windows, kernel = layer._windows, pair("kernel_size", layer.kernel_size)  # noqa: SLF001 - as above
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, windows.dilation, strict=True)]
    covered = [
        (size - 1) * step + r
        for size, step, r in zip((layer.input_shape or ())[1:], windows.stride, reach, strict=True)
    ]
    beyond = [whole - part for whole, part in zip(windows.padded, covered, strict=True)]
    return graph.add(
        "ConvTranspose", x, *_kernel(graph, layer), **_places(windows), dilations=windows.dilation,
        group=layer.groups, output_padding=beyond,
    )  # fmt: skip


def _kernel(graph: Graph, layer: Convolution) -> list[str]:
    weights = {"weight": layer.weight.value}
    if layer.use_bias:
        weights["bias"] = layer.bias.value
    return [graph.constant(values, name) for name, values in weights.items()]


@exports(MaxPool2D)
def _max_pool(graph: Graph, layer: MaxPool2D, x: str) -> str:
    return graph.add("MaxPool", x, **_places(layer._windows))  # noqa: SLF001 - as above


@exports(AveragePool2D)
def _average_pool(graph: Graph, layer: AveragePool2D, x: str) -> str:
    return graph.add("AveragePool", x, **_places(layer._windows))  # noqa: SLF001 - as above


@exports(GlobalAveragePool2D)
def _global_average_pool(graph: Graph, layer: GlobalAveragePool2D, x: str) -> str:  # noqa: ARG001 - it has no arguments
    return graph.add("Flatten", graph.add("GlobalAveragePool", x))


def _places(windows: Windows) -> dict[str, Any]:
    """Return the attributes that say where windows are: top, left, bottom, right."""
    before, after = np.transpose(windows.pads).tolist()
    return {
        "kernel_shape": list(windows.size),
        "strides": list(windows.stride),
        "pads": [*before, *after],
    }
