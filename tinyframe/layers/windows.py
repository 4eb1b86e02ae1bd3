"""Windows: what a kernel sees as it moves over an image. Convolution and pooling share it.

Images lie batch last in memory here, (channels, height, width, batch): then a window's rows are
runs of `width × batch` numbers, which are copied and added as fast as memory allows.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np

from tinyframe.types import Array, Shape
from tinyframe.utils.checks import integer_from_zero, positive_integer

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = Literal["valid", "same"] | int | tuple[int, int]
"""Zeros around an image: none, as many as keep its size at stride 1, or a number on each side."""


def pair(name: str, value: int | Pair, *, zero: bool = False) -> Pair:
    """Return (height, width) from a pair of positive integers, or from one that stands for both."""
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:  # noqa: PLR2004 - a pair
        raise ValueError(f"{name} expected an integer or a pair (height, width), got {value!r}")
    height, width = ((integer_from_zero if zero else positive_integer)(name, v) for v in values)
    return height, width


def padding_argument(name: str, value: Padding) -> Padding:
    """Return "valid", "same" or a pair of integers ≥ 0."""
    if isinstance(value, str):
        if value not in ("valid", "same"):
            raise ValueError(
                f'{name} expected "valid", "same", an integer or a pair, got {value!r}'
            )
        return value
    return pair(name, value, zero=True)


def row_major(x: Array) -> Array:
    """Return x in row-major order: itself, or a copy."""
    return x if x.flags.c_contiguous else x.copy()


def batch_last(x: Array) -> Array:
    """Return images (batch, channels, height, width) as (channels, height, width, batch)."""
    return x.transpose(1, 2, 3, 0)


def batch_first(xT: Array) -> Array:
    """Return images (channels, height, width, batch) as (batch, channels, height, width)."""
    return xT.transpose(3, 0, 1, 2)


class Windows:
    """The places of a kernel on an image, with stride, padding and dilation.

    Parameters
    ----------
    who
        The layer, for messages.
    image
        Height and width.
    size, stride, dilation
        Height and width of the kernel, of its steps, and between the pixels that it looks at.
    padding
        See `Padding`.

    Attributes
    ----------
    output
        Height and width of what comes out: how many places there are.
    padded
        Height and width of the padded image.

    Raises
    ------
    ValueError
        If the kernel is larger than the padded image.
    """

    def __init__(
        self,
        who: object,
        image: Pair,
        size: Pair,
        stride: Pair = (1, 1),
        padding: Padding = "valid",
        dilation: Pair = (1, 1),
    ) -> None:
        self.image, self.size, self.stride, self.dilation = image, size, stride, dilation
        reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
        if padding == "same":  # as many places as steps fit on the image
            total = [
                max((-(-i // s) - 1) * s + r - i, 0)
                for i, s, r in zip(image, stride, reach, strict=True)
            ]
            self.pads = tuple((t // 2, t - t // 2) for t in total)
        else:
            sides = (0, 0) if padding == "valid" else pair("padding", padding, zero=True)
            self.pads = tuple((side, side) for side in sides)
        height, width = (i + sum(p) for i, p in zip(image, self.pads, strict=True))
        self.padded: Pair = (height, width)
        if height < reach[0] or width < reach[1]:
            raise ValueError(
                f"{who!r} expected images of at least {reach[0]}×{reach[1]} with their padding, "
                f"got {height}×{width}"
            )
        self.output: Pair = (
            (height - reach[0]) // stride[0] + 1,
            (width - reach[1]) // stride[1] + 1,
        )

    @property
    def inside(self) -> tuple[slice, slice]:
        """Where in the padded image the image is."""
        (top, _), (left, _) = self.pads
        return slice(top, top + self.image[0]), slice(left, left + self.image[1])

    @property
    def apart(self) -> bool:
        """Whether no pixel is in two windows."""
        steps = zip(self.stride, self.size, strict=True)
        return self.dilation == (1, 1) and all(s >= k for s, k in steps)

    @property
    def has_padding(self) -> bool:
        """Whether there is room around the image."""
        return any(map(any, self.pads))

    @property
    def tile(self) -> bool:
        """Whether each pixel is in one window."""
        covered = tuple(k * n for k, n in zip(self.size, self.output, strict=True))
        return self.stride == self.size and self.dilation == (1, 1) and covered == self.padded

    @property
    def trivial(self) -> bool:
        """Whether each window is one pixel, and each pixel a window."""
        return self.size == (1, 1) and self.stride == (1, 1) and not self.has_padding

    def pad(self, xT: Array, value: float = 0.0) -> Array:
        """Return (channels, height, width, batch), row-major, with `value` around the images."""
        if not self.has_padding:
            return row_major(xT)
        padded = np.full((len(xT), *self.padded, xT.shape[-1]), value, xT.dtype, like=xT)
        padded[:, *self.inside] = xT
        return padded

    def view(self, padded: Array) -> Array:
        """Return the windows (channels, size, size, height, width, batch), a view of the image."""
        (sh, sw), (dh, dw) = self.stride, self.dilation
        reach = [(k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True)]
        every = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
        return every[:, ::sh, ::sw, :, ::dh, ::dw].transpose(0, 4, 5, 1, 2, 3)

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield (i, j), the pixels of the kernel, row by row."""
        return ((i, j) for i in range(self.size[0]) for j in range(self.size[1]))

    def at(self, padded: Array, i: int, j: int, rows: slice = slice(None)) -> Array:
        """Return pixel (i, j) of all windows, (channels, height, width, batch): a view."""
        (sh, sw), (dh, dw) = self.stride, self.dilation
        start, stop, _ = rows.indices(self.output[0])
        return padded[
            :,
            i * dh + start * sh : i * dh + (stop - 1) * sh + 1 : sh,
            j * dw : j * dw + (self.output[1] - 1) * sw + 1 : sw,
        ]

    def column(self, padded: Array, j: int, row: int) -> Array:
        """Return pixels (0, j), (1, j), … of a row of windows: (channels, size, width, batch).

        A view, in which no pixel is twice.
        """
        (sh, sw), (dh, dw) = self.stride, self.dilation
        return padded[
            :,
            row * sh : row * sh + (self.size[0] - 1) * dh + 1 : dh,
            j * dw : j * dw + (self.output[1] - 1) * sw + 1 : sw,
        ]


def image_shape(who: object, shape: Shape) -> tuple[int, int, int]:
    """Return (channels, height, width), or raise ValueError: who expected that."""
    if len(shape) != 3:  # noqa: PLR2004 - (channels, height, width)
        hint = f"; put Reshape(1, {shape[0]}, {shape[1]}) before it" if len(shape) == 2 else ""  # noqa: PLR2004
        got = ", ".join(map(str, ("batch", *shape)))
        raise ValueError(f"{who!r} expected (batch, channels, height, width), got ({got}){hint}")
    return shape[0], shape[1], shape[2]
