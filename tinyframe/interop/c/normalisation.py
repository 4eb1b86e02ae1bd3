"""How normalisation is written in C; batch statistics go into the weights before them."""

import math

import numpy as np

from tinyframe.interop.c.program import Program, exports
from tinyframe.interop.c.sums import define_dot, define_total
from tinyframe.interop.c.weights import Weights, weights
from tinyframe.layers import BatchNorm, Conv1D, Conv2D, ConvTranspose2D, Dense, LayerNorm, RMSNorm
from tinyframe.types import Array


def folded(
    program: Program,
    layer: Dense | Conv1D | Conv2D | ConvTranspose2D,
    units_first: Array,
    *,
    fits: bool,
    int8: bool = True,
) -> tuple[Weights, str]:
    """Return a layer's weight and the name of its bias, with batch statistics behind it folded in.

    y = g (x W + b − μ) / √(σ² + ε) + b' is a layer of its own with other weights. They are computed
    in float64. The bias is "0", C's null pointer, where there is none.

    Parameters
    ----------
    program, layer
        What is written, and of what.
    units_first
        The weight, (units, …), as it is to lie in memory.
    fits
        Whether the features of batch statistics are the units of the layer.
    int8
        Whether the weight may have eight bits.
    """
    weight = units_first.astype(np.float64)
    bias = layer.bias.value.astype(np.float64) if layer.use_bias else np.zeros(len(weight))
    norm = program.take_norm(layer) if fits else None
    if norm:
        scale = _scale(norm)
        weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        bias = (bias - norm.running_mean) * scale + norm.bias.value
    held = weights(program, weight) if int8 else Weights(program.constant(weight, "weight"), "")
    return held, program.constant(bias, "bias") if norm or layer.use_bias else "0"


def _scale(norm: BatchNorm) -> Array:
    """Return g / √(σ² + ε), in float64."""
    deviation: Array = np.sqrt(norm.running_variance.astype(np.float64) + norm.epsilon)
    return norm.gain.value / deviation


_BATCH_NORM = """
static void batch_norm(const float *x, float *y, const float *mean, const float *scale,
                       const float *bias, int features, int n) {
    int f, i;
    for (f = 0; f < features; ++f)
        for (i = 0; i < n; ++i, ++x) *y++ = (*x - mean[f]) * scale[f] + bias[f];
}
"""


@exports(BatchNorm)
def _batch_norm(program: Program, layer: BatchNorm, x: str) -> str:
    features, *others = layer.input_shape or ()
    mean = program.constant(layer.running_mean, "mean")
    scale = program.constant(_scale(layer), "scale")
    bias = program.constant(layer.bias.value, "bias")
    y = program.value(program.sizes[x], over=x)
    program.define(_BATCH_NORM)
    program.add(f"batch_norm({x}, {y}, {mean}, {scale}, {bias}, {features}, {math.prod(others)});")
    return y


_LAYER_NORM = """
static void layer_norm(const float *x, float *y, const float *gain, const float *bias,
                       float epsilon, int rows, int n) {
    int r, i;
    for (r = 0; r < rows; ++r, x += n, y += n) {
        float mean = total(x, n) / (float)n, deviation;
        for (i = 0; i < n; ++i) y[i] = x[i] - mean;
        deviation = sqrtf(dot(y, y, n) / (float)n + epsilon);
        for (i = 0; i < n; ++i) y[i] = y[i] / deviation * gain[i] + bias[i];
    }
}
"""

_RMS_NORM = """
static void rms_norm(const float *x, float *y, const float *gain, float epsilon, int rows, int n) {
    int r, i;
    for (r = 0; r < rows; ++r, x += n, y += n) {
        float size = sqrtf(dot(x, x, n) / (float)n + epsilon);
        for (i = 0; i < n; ++i) y[i] = x[i] / size * gain[i];
    }
}
"""


@exports(LayerNorm, RMSNorm)
def _feature_norm(program: Program, layer: LayerNorm | RMSNorm, x: str) -> str:
    n = len(layer.gain.value)
    rows, y = program.sizes[x] // n, program.value(program.sizes[x], over=x)
    given = [x, y, program.constant(layer.gain.value, "gain")]
    define_dot(program)
    if isinstance(layer, LayerNorm):
        define_total(program)
        given.append(program.constant(layer.bias.value, "bias"))
    name = "layer_norm" if isinstance(layer, LayerNorm) else "rms_norm"
    program.define(_LAYER_NORM if isinstance(layer, LayerNorm) else _RMS_NORM)
    program.add(f"{name}({', '.join(given)}, {program.number(layer.epsilon)}, {rows}, {n});")
    return y
