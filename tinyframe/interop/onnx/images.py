"""How layers of images are written in ONNX's operators: convolutions and pooling."""

from typing import Any

import numpy as np

from tinyframe.interop.onnx.graph import Graph, exports
from tinyframe.layers import (
    AveragePool2D,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    GlobalAveragePool2D,
    MaxPool2D,
)
from tinyframe.layers.convolution import Convolution
from tinyframe.layers.windows import Windows, pair


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
