"""How Keras's layers are made of ours, and where their weights go."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from tinyframe.interop.keras.settings import Settings
from tinyframe.layers import (
    ELU,
    GRU,
    LSTM,
    RNN,
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
    ReLU,
    Rescale,
    Reshape,
    Reverse,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.types import Array

MERGES: dict[str, Callable[[list[Layer]], Layer]] = {
    "concat": partial(Concatenate, axis=-1),
    "sum": Add,
}
"""How the two directions of a Bidirectional become one."""

Converted: TypeAlias = tuple[list[Layer], dict[str, Array]]
"""Our layers, and for the one that has weights these, by attribute, in our order of axes."""

ACTIVATIONS: dict[str, Callable[[], Layer] | None] = {
    "linear": None,
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
    "elu": ELU,
    "silu": SiLU,
    "swish": SiLU,
    "softplus": Softplus,
    "leaky_relu": partial(LeakyReLU, 0.2),
}
"""Keras's activations by name. Its GELU is not among them: ours is the approximation by tanh."""

IMAGES = {
    "Conv2D",
    "DepthwiseConv2D",
    "Conv2DTranspose",
    "MaxPooling2D",
    "AveragePooling2D",
    "GlobalAveragePooling2D",
}
"""Layers that work on images, and want the channels first here."""


def _dense(s: Settings) -> Converted:
    return [Dense(s["units"], use_bias=s["use_bias"])], s.weight_and_bias(0, 1)


def _convolution(s: Settings) -> dict[str, Any]:
    """Return the arguments that convolutions share."""
    return {
        "stride": s["strides"],
        "padding": s["padding"],
        "dilation": s["dilation_rate"],
        "use_bias": s["use_bias"],
    }


def _conv2d(s: Settings) -> Converted:
    layer = Conv2D(s["filters"], s["kernel_size"], groups=s["groups"], **_convolution(s))
    return [layer], s.weight_and_bias(3, 2, 0, 1)


def _depthwise_conv2d(s: Settings) -> Converted:
    channels = s.shape[0]
    filters = channels * s["depth_multiplier"]
    layer = Conv2D(filters, s["kernel_size"], groups=channels, **_convolution(s))
    weights = s.weight_and_bias(2, 3, 0, 1)  # (channels, multiplier, height, width)
    kernel = weights["weight"]
    return [layer], weights | {"weight": kernel.reshape(filters, 1, *kernel.shape[2:])}


def _conv2d_transpose(s: Settings) -> Converted:
    s.expect(output_padding=None, groups=1)
    if any(k < step for k, step in zip(s["kernel_size"], s["strides"], strict=True)):
        raise s.refusal("its kernel is smaller than its strides, where Keras adds rows of its own")
    layer = ConvTranspose2D(s["filters"], s["kernel_size"], **_convolution(s))
    return [layer], s.weight_and_bias(3, 2, 0, 1)


def _conv1d(s: Settings) -> Converted:
    s.expect(data_format="channels_last")
    if s["padding"] == "causal":
        raise s.refusal('its padding is "causal"')
    (size,), (step,), (apart,) = s["kernel_size"], s["strides"], s["dilation_rate"]
    options = _convolution(s) | {"stride": step, "dilation": apart}
    layer = Conv1D(s["filters"], size, groups=s["groups"], **options)
    return [layer], s.weight_and_bias(2, 1, 0)


def _pool(kind: type[MaxPool2D | AveragePool2D], s: Settings) -> Converted:
    return [kind(s["pool_size"], s["strides"], s["padding"])], {}


def _global_average_pool(s: Settings) -> Converted:
    s.expect(keepdims=False)
    return [GlobalAveragePool2D()], {}


def _batch_norm(s: Settings) -> Converted:
    if not s.axis_is_last(len(s.shape)) and s["axis"] != 1:
        raise s.refusal(f"it normalises along axis {s['axis']}, neither 1 nor the last")
    found = s.some(*_affine(s), "running_mean", "running_variance")
    layer = BatchNorm(momentum=1 - s["momentum"], epsilon=s["epsilon"])
    if len(s.shape) == 2 and s.axis_is_last(2):  # noqa: PLR2004 - sequences; we normalise axis 1
        return [Permute(2, 1), layer, Permute(2, 1)], found
    return [layer], found


def _layer_norm(s: Settings) -> Converted:
    s.expect(rms_scaling=False)
    _check_last(s)
    return [LayerNorm(epsilon=s["epsilon"])], s.some(*_affine(s))


def _rms_norm(s: Settings) -> Converted:
    _check_last(s)
    return [RMSNorm(epsilon=s["epsilon"])], s.some("gain")


def _check_last(s: Settings) -> None:
    if not s.axis_is_last(len(s.shape)):
        raise s.refusal(f"it normalises along axis {s['axis']}, not along the last alone")


def _affine(s: Settings) -> list[str]:
    """Return what a normalisation has learned; without a gain ours stays 1, without a bias 0."""
    return ["gain"] * s["scale"] + ["bias"] * s["center"]


def _embedding(s: Settings) -> Converted:
    s.expect(mask_zero=False)
    return [Embedding(s["input_dim"], s["output_dim"])], s.some("weight")


def _recurrent(kind: type[RNN | LSTM | GRU], s: Settings) -> Converted:
    s.expect(
        activation="tanh", recurrent_activation="sigmoid", stateful=False, return_state=False,
        reset_after=True,
    )  # fmt: skip
    weights = s.some("weight", "recurrent_weight", *(["bias"] if s["use_bias"] else []))
    if kind is GRU:
        weights = {name: _reset_first(array) for name, array in weights.items()}
    if kind is GRU and s["use_bias"]:  # one before the product with h, and one after it
        before, after = weights["bias"]
        gates = 2 * s["units"]
        both = np.concatenate([before[:gates] + after[:gates], before[gates:]])
        weights |= {"bias": both, "recurrent_bias": after[gates:]}
    layer = kind(s["units"], return_sequences=s["return_sequences"])
    return [Reverse(), layer] if s.get("go_backwards") else [layer], weights


def _reset_first(array: Array) -> Array:
    """Return weights of a GRU with the gates in our order, reset before update."""
    update, reset, new = np.split(array, 3, axis=-1)
    return np.concatenate([reset, update, new], axis=-1)


def _relu(s: Settings) -> Converted:
    s.expect(max_value=None, threshold=0.0)
    slope = s.get("negative_slope", 0.0)
    return [LeakyReLU(slope) if slope else ReLU()], {}


def _rescaling(s: Settings) -> Converted:
    s.expect(offset=0.0)
    return [Rescale(s["scale"])], {}


def _flatten(s: Settings) -> Converted:
    s.expect(data_format="channels_last")  # with the other one Keras flattens in another order
    return [Flatten()], {}


def _softmax(s: Settings) -> Converted:
    _check_last(s)
    return [Softmax()], {}


CONVERSIONS: dict[str, Callable[[Settings], Converted]] = {
    "Dense": _dense,
    "Conv1D": _conv1d,
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise_conv2d,
    "Conv2DTranspose": _conv2d_transpose,
    "MaxPooling2D": partial(_pool, MaxPool2D),
    "AveragePooling2D": partial(_pool, AveragePool2D),
    "GlobalAveragePooling2D": _global_average_pool,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "Embedding": _embedding,
    "SimpleRNN": partial(_recurrent, RNN),
    "LSTM": partial(_recurrent, LSTM),
    "GRU": partial(_recurrent, GRU),
    "Activation": lambda s: ([], {}),  # noqa: ARG005 - what it is named for follows
    "ReLU": _relu,
    "LeakyReLU": lambda s: ([LeakyReLU(s["negative_slope"])], {}),
    "ELU": lambda s: ([ELU(s["alpha"])], {}),
    "Softmax": _softmax,
    "Rescaling": _rescaling,
    "Dropout": lambda s: ([Dropout(s["rate"])], {}),
    "Flatten": _flatten,
    "Reshape": lambda s: ([Reshape(*s["target_shape"])], {}),
    "Permute": lambda s: ([Permute(*s["dims"])], {}),
}
"""How each of Keras's layers is made, by its class name."""
