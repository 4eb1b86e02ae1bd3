"""How layers of images are written in C: convolutions and pooling."""

import math

import numpy as np

from tinyframe.interop.c.normalisation import folded
from tinyframe.interop.c.program import Program, exports
from tinyframe.interop.c.sums import define_dot, define_total
from tinyframe.layers import (
    AveragePool2D,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    GlobalAveragePool2D,
    MaxPool2D,
)
from tinyframe.layers.windows import Windows, pair

UNROLLED = 16
"""Pixels of a row, or of a window, that are written out."""

# ------------------------------------------------------------------------ convolution

_CONVOLVE = """
static void convolve(const float *x, const float *w, const float *b, float *y, int filters,
                     int channels, int part, int height, int width, int rows, int columns, int kh,
                     int kw, int sh, int sw, int dh, int dw, int top, int left) {
    int f, r, o, c, i, j; /* part: filters that look at the same channels */
    for (f = 0; f < filters; ++f)
        for (r = 0; r < rows; ++r)
            for (o = 0; o < columns; ++o) {
                const float *k = w + f * channels * kh * kw;
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
                *y++ = (b ? b[f] : 0.0f) + s;
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
        *windows.output, *windows.size, *windows.stride, *windows.dilation, *_corner(windows),
    ]  # fmt: skip
    program.define(_CONVOLVE)
    program.add(_call("convolve", x, weight, bias, y, *sizes))
    return y


def _padded(program: Program, layer: Conv2D, x: str) -> str:
    """Return the images of x with zeros around them."""
    windows = layer._windows  # noqa: SLF001 - as above
    if not windows.has_padding:
        return x
    channels, height, width = layer.input_shape or ()
    (rows, columns), (top, left) = windows.padded, _corner(windows)
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
    program: Program, layer: Conv2D, x: str, weight: str, bias: str, y: str
) -> None:
    """Add a convolution that makes whole rows, of two filters at a time where they are even.

    Each row of the kernel is written out, so that a number of x is read once for all that it
    meets, and the sums of a row stay in registers or in the cache.
    """
    windows, channels = layer._windows, layer.weight.shape[1]  # noqa: SLF001 - as above
    (rows, columns), (kh, kw) = windows.output, windows.size
    height, width = windows.padded
    (sh, sw), (dh, dw) = windows.stride, windows.dilation
    part, size = layer.filters // layer.groups, channels * kh * kw
    together = 2 if part % 2 == 0 else 1
    step = "o" if sw == 1 else f"o * {sw}"
    lines = [
        f"for (int f = 0; f < {layer.filters}; f += {together})",
        f"    for (int r = 0; r < {rows}; ++r) {{",
        "        float " + ", ".join(f"s{n}[{columns}]" for n in range(together)) + ";",
        f"        for (int o = 0; o < {columns}; ++o) {{",
        *(f"            s{n}[o] = {_at(bias, f'f + {n}')};" for n in range(together)),
        "        }",
        f"        for (int c = 0; c < {channels}; ++c)",
        f"            for (int i = 0; i < {kh}; ++i) {{",
        f"                const float *p = {x} + ((f / {part} * {channels} + c) * {height}"
        f" + r * {sh} + i * {dh}) * {width};",
        f"                const float *k = {weight} + f * {size} + (c * {kh} + i) * {kw};",
    ]
    for first in range(0, kw, UNROLLED):
        taps = range(first, min(first + UNROLLED, kw))
        lines.append(f"                for (int o = 0; o < {columns}; ++o) {{")
        for n in range(together):
            terms = " + ".join(f"k[{n * size + j}] * p[{step} + {j * dw}]" for j in taps)
            lines.append(f"                    s{n}[o] += {terms};")
        lines.append("                }")
    lines += [
        "            }",
        f"        for (int o = 0; o < {columns}; ++o) {{",
        *(
            f"            {y}[((f + {n}) * {rows} + r) * {columns} + o] = s{n}[o];"
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
    y = program.value(steps * filters)
    define_dot(program)
    first = f"t * {windows.stride[1]} - {windows.pads[1][0]}"
    whole = windows.dilation[1] == 1 and layer.groups == 1  # a window lies together, too
    if whole:
        body = (
            f"    int first = {first}, a = first < 0 ? -first : 0;\n"
            f"    int b = first + {kernel} > {time} ? {time} - first : {kernel};\n"
            f"    for (int f = 0; f < {filters}; ++f)\n"
            f"        {y}[t * {filters} + f] = {_at(bias, 'f')} + dot({x} + (first + a) * {features},"
            f" {weight} + (f * {kernel} + a) * {channels}, b > a ? (b - a) * {channels} : 0);\n"
        )
    else:
        body = (
            f"    for (int f = 0; f < {filters}; ++f) {{\n"
            "        float s = 0.0f;\n"
            f"        for (int i = 0; i < {kernel}; ++i) {{\n"
            f"            int u = {first} + i * {windows.dilation[1]};\n"
            f"            if (u >= 0 && u < {time})\n"
            f"                s += dot({x} + u * {features} + f / {part} * {channels},"
            f" {weight} + (f * {kernel} + i) * {channels}, {channels});\n"
            "        }\n"
            f"        {y}[t * {filters} + f] = {_at(bias, 'f')} + s;\n"
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
    weight, bias = folded(program, layer, by_filter, fits=True)
    scaled = program.constants[weight].reshape(grouped.shape).swapaxes(1, 2)
    program.constants[weight] = np.ascontiguousarray(scaled).reshape(-1)
    y = program.value(math.prod(layer.output_shape or ()))
    sizes = [
        layer.filters, channels, layer.groups, *image, *windows.image, *kernel, *windows.stride,
        *windows.dilation, *_corner(windows),
    ]  # fmt: skip
    program.define(_SPREAD)
    program.add(_call("spread", x, weight, bias, y, *sizes))
    return y


# ------------------------------------------------------------------------ pooling

_POOL = """
static void %(name)s(const float *x, float *y, int channels, int height, int width, int rows,
                     int columns, int kh, int kw, int sh, int sw, int top, int left) {
    int c, r, o, i, j;
    for (c = 0; c < channels; ++c, x += height * width)
        for (r = 0; r < rows; ++r)
            for (o = 0; o < columns; ++o) {
                float s = 0.0f;
                int count = 0;
                for (i = 0; i < kh; ++i)
                    for (j = 0; j < kw; ++j) {
                        int u = r * sh + i - top, v = o * sw + j - left;
                        float a;
                        if (u < 0 || u >= height || v < 0 || v >= width) continue;
                        a = x[u * width + v];
                        %(step)s
                        ++count;
                    }
                *y++ = %(result)s;
            }
}
"""
_MAX_POOL = _POOL % {"name": "max_pool", "step": "if (!count || a > s) s = a;", "result": "s"}
_AVERAGE_POOL = _POOL % {"name": "average_pool", "step": "s += a;", "result": "s / (float)count"}


@exports(MaxPool2D, AveragePool2D)
def _pool(program: Program, layer: MaxPool2D | AveragePool2D, x: str) -> str:
    windows, largest = layer._windows, isinstance(layer, MaxPool2D)  # noqa: SLF001 - as above
    channels = (layer.input_shape or (0,))[0]
    y = program.value(math.prod(layer.output_shape or ()))
    if not program.small and not windows.has_padding and math.prod(windows.size) <= UNROLLED:
        _pool_windows(program, windows, x, y, channels, largest=largest)
        return y
    sizes = [*windows.image, *windows.output, *windows.size, *windows.stride, *_corner(windows)]
    program.define(_MAX_POOL if largest else _AVERAGE_POOL)
    program.add(_call("max_pool" if largest else "average_pool", x, y, channels, *sizes))
    return y


def _pool_windows(
    program: Program, windows: Windows, x: str, y: str, channels: int, *, largest: bool
) -> None:
    """Add a pooling without padding, its window written out."""
    (height, width), (rows, columns) = windows.image, windows.output
    pixels = [f"p[{i * width + j}]" for i, j in windows.places()]
    if largest:
        body = [f"s = {p} > s ? {p} : s;" for p in pixels[1:]]
    else:
        body = [f"s += {p};" for p in pixels[1:]] + [f"s = s / {len(pixels)}.0f;"]
    lines = [
        f"for (int c = 0; c < {channels}; ++c)",
        f"    for (int r = 0; r < {rows}; ++r)",
        f"        for (int o = 0; o < {columns}; ++o) {{",
        f"            const float *p = {x} + (c * {height} + r * {windows.stride[0]}) * {width}"
        f" + o * {windows.stride[1]};",
        f"            float s = {pixels[0]};",
        *(f"            {line}" for line in body),
        f"            {y}[(c * {rows} + r) * {columns} + o] = s;",
        "        }",
    ]
    program.add("\n".join(lines))


@exports(GlobalAveragePool2D)
def _global_average_pool(program: Program, layer: GlobalAveragePool2D, x: str) -> str:
    channels, height, width = layer.input_shape or ()
    y, pixels = program.value(channels), height * width
    define_total(program)
    program.add(
        f"for (int c = 0; c < {channels}; ++c)"
        f" {y}[c] = total({x} + c * {pixels}, {pixels}) / {pixels}.0f;"
    )
    return y


def _corner(windows: Windows) -> tuple[int, int]:
    """Return how many rows and columns of padding come first."""
    return windows.pads[0][0], windows.pads[1][0]


def _at(bias: str, index: str) -> str:
    """Return a bias, which may be none, at an index."""
    return "0.0f" if bias == "0" else f"{bias}[{index}]"


def _call(function: str, *arguments: str | int) -> str:
    return f"{function}({', '.join(map(str, arguments))});"


