"""Pooling: images made smaller, each window of pixels giving one."""

import math

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.layers.windows import (
    Padding,
    Pair,
    Windows,
    batch_first,
    batch_last,
    image_shape,
    padding_argument,
    pair,
)
from tinyframe.scratch import anew, contiguous
from tinyframe.types import Array, Shape


class _Pool2D(Layer):
    """What poolings share: windows that by default lie side by side.

    Parameters
    ----------
    pool_size : int or (int, int)
        Height and width of a window.
    stride : int or (int, int)
        Height and width of its steps; by default those of the window.
    padding : "valid", "same", int or (int, int)
        Room around the image, none of whose pixels counts.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the window is larger than the image.
    """

    _outside = 0.0  # value of the pixels around the image

    def __init__(
        self,
        pool_size: int | Pair,
        stride: int | Pair | None = None,
        padding: Padding = "valid",
    ) -> None:
        pair("pool_size", pool_size)
        if stride is not None:
            pair("stride", stride)
        padding_argument("padding", padding)
        self.pool_size, self.stride, self.padding = pool_size, stride, padding

    def setup(self, input_shape: Shape) -> Shape:
        channels, height, width = image_shape(self, input_shape)
        size = pair("pool_size", self.pool_size)
        stride = size if self.stride is None else pair("stride", self.stride)
        self._windows = Windows(self, (height, width), size, stride, self.padding)
        if any(max(p) >= k for p, k in zip(self._windows.pads, size, strict=True)):
            raise ValueError(f"{self!r} expected less padding than the window has pixels")
        return (channels, *self._windows.output)

    def _image(self, x: Array, training: bool) -> Array:
        """Return x padded, batch last, contiguous."""
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        reused = self._reused if training else anew
        return self._windows.pad(batch_last(x), reused, self._outside)

    def _scattered(self, padded: Array) -> Array:
        """Return a batch from the gradient of the padded image."""
        return batch_first(padded[:, *self._windows.inside])


class MaxPool2D(_Pool2D):
    """y(u, v) = max x over the window of place (u, v), channel by channel.

    x is (batch, channels, height, width), y (batch, channels, height', width'). dy goes to the
    pixel that was the largest, the first one of equals. The pixels of the padding never are it.

    Parameters
    ----------
    pool_size, stride : int or (int, int)
        Height and width of a window, and of its steps; by default windows lie side by side.
    padding : "valid", "same", int or (int, int)
        Room around the image.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the window is larger than the image.
    """

    _outside = -np.inf

    def setup(self, input_shape: Shape) -> Shape:
        shape = super().setup(input_shape)
        windows = self._windows
        self._inside = np.zeros((1, *windows.padded, 1), bool)
        self._inside[:, *windows.inside] = True
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        image, windows = self._image(x, training), self._windows
        shape = (len(image), *windows.output, len(x))
        reused = self._reused if training else anew
        y = reused("y", np.empty, shape, x.dtype)
        # y = windows.view(image).max(axis=(1, 2)), one pixel of all windows after the other
        first, *others = windows.places()
        np.copyto(y, windows.at(image, *first))
        for i, j in others:
            np.maximum(y, windows.at(image, i, j), out=y)
        if training:
            self._saved = image, y
        return batch_first(y)

    def backward(self, dy: Array) -> Array:
        image, y = self._recall()
        windows = self._windows
        dyT = contiguous(batch_last(dy), "dy", self._reused)
        dx = self._empty("dx", image.shape, image.dtype)
        dx.fill(0)
        # The first pixel of a window that equals y gets its dy; `open_` says where none was found.
        # The padding, which equals y where all pixels are −∞, never is it.
        padded = not self._inside.all()
        open_ = self._empty("open", dyT.shape, bool)
        largest = self._empty("largest", dyT.shape, bool)
        part = self._empty("part", dyT.shape, dyT.dtype)
        open_.fill(True)
        for i, j in windows.places():
            at = windows.at(dx, i, j)
            np.equal(windows.at(image, i, j), y, out=largest)
            if padded:
                largest &= windows.at(self._inside, i, j)
            largest &= open_
            open_ ^= largest
            np.multiply(dyT, largest, out=at if windows.apart else part)
            if not windows.apart:
                np.add(at, part, out=at)
        return self._scattered(dx)


class AveragePool2D(_Pool2D):
    """y(u, v) = mean of x over the window of place (u, v), channel by channel.

    x is (batch, channels, height, width), y (batch, channels, height', width'). dy is shared
    equally among the pixels of the window. The pixels of the padding do not count in the mean.

    Parameters
    ----------
    pool_size, stride : int or (int, int)
        Height and width of a window, and of its steps; by default windows lie side by side.
    padding : "valid", "same", int or (int, int)
        Room around the image.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the window is larger than the image.
    """

    def setup(self, input_shape: Shape) -> Shape:
        shape = super().setup(input_shape)
        windows = self._windows
        pixels = np.zeros((1, *windows.padded, 1))
        pixels[:, *windows.inside] = 1
        self._count = windows.view(pixels).sum(axis=(1, 2))  # (1, height', width', 1)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        image, windows = self._image(x, training), self._windows
        reused = self._reused if training else anew
        y = reused("y", np.empty, (len(image), *windows.output, len(x)), x.dtype)
        # y = windows.view(image).sum(axis=(1, 2)) / count
        count = self._count.astype(y.dtype)
        first, *others = windows.places()
        np.copyto(y, windows.at(image, *first))
        for i, j in others:
            np.add(y, windows.at(image, i, j), out=y)
        y /= count
        if not math.isfinite(y.sum()):  # a sum may overflow where the mean does not
            np.divide(windows.at(image, *first), count, out=y)
            for i, j in others:
                y += windows.at(image, i, j) / count
        if training:
            self._saved = image.shape
        return batch_first(y)

    def backward(self, dy: Array) -> Array:
        shape = self._recall()
        dx = self._empty("dx", shape, dy.dtype)
        dx.fill(0)
        dyT = batch_last(dy)
        share = self._empty("share", dyT.shape, dy.dtype)
        np.divide(dyT, self._count.astype(dy.dtype), out=share)
        for i, j in self._windows.places():
            at = self._windows.at(dx, i, j)
            np.add(at, share, out=at)
        return self._scattered(dx)


class GlobalAveragePool2D(Layer):
    """y = mean of x over height and width: (batch, channels, height, width) → (batch, channels).

    dx = dy / (height · width), the same for all pixels. Source: Lin, Chen and Yan, "Network In
    Network", 2014.
    """

    def setup(self, input_shape: Shape) -> Shape:
        channels, *_ = image_shape(self, input_shape)
        return (channels,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        if training:
            self._saved = x
        xT = batch_last(x)
        y: Array = xT.mean(axis=(1, 2)).T
        if not math.isfinite(y.sum()):  # a sum may overflow where the mean does not
            y = (xT / np.asarray(x[0, 0].size, x.dtype)).sum(axis=(1, 2)).T
        return y

    def backward(self, dy: Array) -> Array:
        x = self._recall()
        dx = self._empty_like("dx", x)
        dx[...] = (dy / np.asarray(math.prod(x.shape[2:]), dy.dtype))[:, :, np.newaxis, np.newaxis]
        return dx
