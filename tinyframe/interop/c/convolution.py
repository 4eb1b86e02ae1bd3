"""How convolutions are written in C."""

import math

import numpy as np

from tinyframe.interop.c.normalisation import folded
from tinyframe.interop.c.program import ENTRY, Program, exports
from tinyframe.interop.c.sums import define_dot, of_weights
from tinyframe.interop.c.weights import Weights
from tinyframe.layers import Conv1D, Conv2D, ConvTranspose2D
from tinyframe.layers.windows import Windows, pair

UNROLLED = 16
"""Pixels of a row of a kernel that are written out together."""

VECTOR = 4
"""Numbers that all but the smallest processors compute at once."""

_CONVOLVE = """
static void convolve@8(const float *x, const @float *w, @param(scale)const float *b, float *y,
                     int filters, int channels, int part, int height, int width, int rows,
                     int columns, int kh, int kw, int sh, int sw, int dh, int dw, int top,
                     int left) {
    int f, r, o, c, i, j; /* part: filters that look at the same channels */
    for (f = 0; f < filters; ++f)
        for (r = 0; r < rows; ++r)
            for (o = 0; o < columns; ++o) {
                const @float *k = w + f * channels * kh * kw;
                float s = 0.0f;
                for (c = 0; c < channels; ++c) {
                    const float *image = x + (f / part * channels + c) * height * width;
                    for (i = 0; i < kh; ++i)
                        for (j = 0; j < kw; ++j, ++k) {
                            int u = r * sh + i * dh - top, v = o * sw + j * dw - left;
                            if (u >= 0 && u < height && v >= 0 && v < width)
                                s += *k * image[u * width + v];
                        }
                }
                *y++ = (b ? b[f] : 0.0f) + @times(scale, f)s;
            }
}
"""


@exports(Conv2D)
def _conv2d(program: Program, layer: Conv2D, x: str) -> str:
    windows = layer._windows  # noqa: SLF001 - where its padding has become numbers
    weight, bias = folded(program, layer, layer.weight.value, fits=True)
    y = program.value(math.prod(layer.output_shape or ()))
    if not program.small:
        _convolve_rows(program, layer, _padded(program, layer, x), weight, bias, y)
        return y
    sizes = [
        layer.filters, layer.weight.shape[1], layer.filters // layer.groups, *windows.image,
        *windows.output, *windows.size, *windows.stride, *windows.dilation, *corner(windows),
    ]  # fmt: skip
    program.define(of_weights(_CONVOLVE, int8=program.int8))
    program.add(call(f"convolve{weight.eight}", x, weight.arguments, bias, y, *sizes))
    return y


def _padded(program: Program, layer: Conv2D, x: str) -> str:
    """Return the images of x with zeros around them."""
    windows = layer._windows  # noqa: SLF001 - as above
    if not windows.has_padding:
        return x
    channels, height, width = layer.input_shape or ()
    (rows, columns), (top, left) = windows.padded, corner(windows)
    y = program.value(channels * rows * columns)
    program.add(
        f"for (int i = 0; i < {channels * rows * columns}; ++i) {y}[i] = 0.0f;\n"
        f"for (int r = 0; r < {channels * height}; ++r) {{\n"
        f"    const float *from = {x} + r * {width};\n"
        f"    float *to = {y} + (r / {height} * {rows} + r % {height} + {top}) * {columns}"
        f" + {left};\n"
        f"    for (int i = 0; i < {width}; ++i) to[i] = from[i];\n"
        "}"
    )
    return y


def _convolve_rows(
    program: Program, layer: Conv2D, x: str, weight: Weights, bias: str, y: str
) -> None:
    """Add a convolution that makes whole rows, of up to four filters at a time.

    Each row of the kernel is written out, so that a number of x is read once for all that it
    meets, and the sums of a row stay in registers or in the cache. Where there is room behind x,
    rows are computed up to whole vectors: at a width of 10, 12 take half the time.
    """
    windows, channels = layer._windows, layer.weight.shape[1]  # noqa: SLF001 - as above
    (rows, columns), (kh, kw) = windows.output, windows.size
    height, width = windows.padded
    (sh, sw), (dh, dw) = windows.stride, windows.dilation
    part, size = layer.filters // layer.groups, channels * kh * kw
    together = next(n for n in (4, 3, 2, 1) if part % n == 0)
    wide = columns
    if x != ENTRY and sw == 1:
        wide = -(-columns // VECTOR) * VECTOR
        program.beyond[x] = max(program.beyond.get(x, 0), wide - columns)
    step = "o" if sw == 1 else f"o * {sw}"
    zeros = [f"s{n}[o]" for n in range(together)]
    lines = [
        f"for (int f = 0; f < {layer.filters}; f += {together})",
        f"    for (int r = 0; r < {rows}; ++r) {{",
        "        float " + ", ".join(f"s{n}[{wide}]" for n in range(together)) + ";",
        f"        for (int o = 0; o < {wide}; ++o) {' = '.join(zeros)} = 0.0f;",
        f"        for (int c = 0; c < {channels}; ++c)",
        f"            for (int i = 0; i < {kh}; ++i) {{",
        (
            f"                const float *p = {x} + ((f / {part} * {channels} + c) * {height}"
            f" + r * {sh} + i * {dh}) * {width};"
        ),
        (
            f"                const {weight.kind} *k = {weight.name} + f * {size}"
            f" + (c * {kh} + i) * {kw};"
        ),
    ]
    for first in range(0, kw, UNROLLED):
        taps = range(first, min(first + UNROLLED, kw))
        lines.append(f"                for (int o = 0; o < {wide}; ++o) {{")
        for n in range(together):
            terms = " + ".join(f"k[{n * size + j}] * p[{step} + {j * dw}]" for j in taps)
            lines.append(f"                    s{n}[o] += {terms};")
        lines.append("                }")
    lines += [
        "            }",
        f"        for (int o = 0; o < {columns}; ++o) {{",
        *(
            f"            {y}[((f + {n}) * {rows} + r) * {columns} + o] ="
            f" {_at(bias, f'f + {n}')} + {weight.times(f'f + {n}')}s{n}[o];"
            for n in range(together)
        ),
        "        }",
        "    }",
    ]
    program.add("\n".join(lines))


@exports(Conv1D)
def _conv1d(program: Program, layer: Conv1D, x: str) -> str:
    windows = layer._windows  # noqa: SLF001 - as above
    time, features = layer.input_shape or ()
    steps, filters = layer.output_shape or ()
    _, kernel = windows.size
    part, channels = filters // layer.groups, features // layer.groups
    # (filters, kernel size, channels): what a filter sees of one step lies together, as x does
    weight, bias = folded(program, layer, layer.weight.value.transpose(0, 2, 1), fits=False)
    y, dot = program.value(steps * filters), f"dot{weight.eight}"
    define_dot(program, int8=program.int8)
    first = f"t * {windows.stride[1]} - {windows.pads[1][0]}"
    whole = windows.dilation[1] == 1 and layer.groups == 1  # a window lies together, too
    if whole:
        body = (
            f"    int first = {first}, a = first < 0 ? -first : 0;\n"
            f"    int b = first + {kernel} > {time} ? {time} - first : {kernel};\n"
            f"    for (int f = 0; f < {filters}; ++f)\n"
            f"        {y}[t * {filters} + f] = {_at(bias, 'f')} + (b > a ? "
            f"{weight.times('f')}{dot}({x} + (first + a) * {features},"
            f" {weight.name} + (f * {kernel} + a) * {channels}, (b - a) * {channels}) : 0.0f);\n"
        )
    else:
        body = (
            f"    for (int f = 0; f < {filters}; ++f) {{\n"
            "        float s = 0.0f;\n"
            f"        for (int i = 0; i < {kernel}; ++i) {{\n"
            f"            int u = {first} + i * {windows.dilation[1]};\n"
            f"            if (u >= 0 && u < {time})\n"
            f"                s += {dot}({x} + u * {features} + f / {part} * {channels},"
            f" {weight.name} + (f * {kernel} + i) * {channels}, {channels});\n"
            "        }\n"
            f"        {y}[t * {filters} + f] = {_at(bias, 'f')} + {weight.times('f')}s;\n"
            "    }\n"
        )
    program.add(f"for (int t = 0; t < {steps}; ++t) {{\n{body}}}")
    return y


_SPREAD = """
static void spread(const float *x, const float *w, const float *b, float *y, int filters,
                   int channels, int groups, int height, int width, int rows, int columns, int kh,
                   int kw, int sh, int sw, int dh, int dw, int top, int left) {
    int part = filters / groups, i, j, c, u, v, f;
    for (f = 0; f < filters; ++f)
        for (i = 0; i < rows * columns; ++i) y[f * rows * columns + i] = b ? b[f] : 0.0f;
    for (c = 0; c < channels; ++c)
        for (f = 0; f < part; ++f) {
            float *image = y + (c / (channels / groups) * part + f) * rows * columns;
            const float *k = w + (c * part + f) * kh * kw;
            for (u = 0; u < height; ++u)
                for (v = 0; v < width; ++v)
                    for (i = 0; i < kh; ++i)
                        for (j = 0; j < kw; ++j) {
                            int r = u * sh + i * dh - top, o = v * sw + j * dw - left;
                            if (r >= 0 && r < rows && o >= 0 && o < columns)
                                image[r * columns + o] +=
                                    k[i * kw + j] * x[(c * height + u) * width + v];
                        }
        }
}
"""


@exports(ConvTranspose2D)
def _conv_transpose2d(program: Program, layer: ConvTranspose2D, x: str) -> str:
    windows = layer._windows  # noqa: SLF001 - as above
    channels, *image = layer.input_shape or ()
    part, kernel = layer.filters // layer.groups, pair("kernel_size", layer.kernel_size)
    # (filters, channels / groups, …), for batch statistics to go in, and back
    shape = (layer.groups, channels // layer.groups, part, *kernel)
    grouped = layer.weight.value.reshape(shape).swapaxes(1, 2)
    by_filter = grouped.reshape(layer.filters, channels // layer.groups, *kernel)
    (weight, _), bias = folded(program, layer, by_filter, fits=True, int8=False)
    scaled = program.constants[weight].reshape(grouped.shape).swapaxes(1, 2)
    program.constants[weight] = np.ascontiguousarray(scaled).reshape(-1)
    y = program.value(math.prod(layer.output_shape or ()))
    sizes = [
        layer.filters, channels, layer.groups, *image, *windows.image, *kernel, *windows.stride,
        *windows.dilation, *corner(windows),
    ]  # fmt: skip
    program.define(_SPREAD)
    program.add(call("spread", x, weight, bias, y, *sizes))
    return y


def corner(windows: Windows) -> tuple[int, int]:
    """Return how many rows and columns of padding come first."""
    return windows.pads[0][0], windows.pads[1][0]


def _at(bias: str, index: str) -> str:
    """Return a bias, which may be none, at an index."""
    return "0.0f" if bias == "0" else f"{bias}[{index}]"


def call(function: str, *arguments: str | int) -> str:
    """Return a call as C has it."""
    return f"{function}({', '.join(map(str, arguments))});"
