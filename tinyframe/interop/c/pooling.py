"""How poolings are written in C."""

import math

from tinyframe.interop.c.convolution import call, corner
from tinyframe.interop.c.program import Program, exports
from tinyframe.interop.c.sums import define_total
from tinyframe.layers import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from tinyframe.layers.windows import Windows

UNROLLED = 16
"""Pixels of a window that are written out."""
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
    windows, largest = layer._windows, isinstance(layer, MaxPool2D)  # noqa: SLF001 - where its padding has become numbers
    channels = (layer.input_shape or (0,))[0]
    y = program.value(math.prod(layer.output_shape or ()))
    if not program.small and not windows.has_padding and math.prod(windows.size) <= UNROLLED:
        _pool_windows(program, windows, x, y, channels, largest=largest)
        return y
    sizes = [*windows.image, *windows.output, *windows.size, *windows.stride, *corner(windows)]
    program.define(_MAX_POOL if largest else _AVERAGE_POOL)
    program.add(call("max_pool" if largest else "average_pool", x, y, channels, *sizes))
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
        (
            f"            const float *p = {x} + (c * {height} + r * {windows.stride[0]}) * {width}"
            f" + o * {windows.stride[1]};"
        ),
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
