"""Pooling: images made smaller, each window of pixels giving one."""

import math
from collections.abc import Iterable, Iterator
from functools import reduce

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

    def _image(self, x: Array) -> Array:
        """Return x padded, batch last."""
        xT = batch_last(self._input(x))
        return self._windows.pad(xT, self._outside)

    def _pixels(self, image: Array) -> list[Array]:
        """Return for each (i, j) that pixel of all windows, (channels, height', width', batch)."""
        return [self._windows.at(image, i, j) for i, j in self._windows.places()]

    def _spread(self, image: Array, shares: Iterable[Array]) -> Array:
        """Return ∂L/∂x, given for each (i, j) what that pixel of all windows gets."""
        windows = self._windows
        dx = np.empty_like(image) if windows.tile else np.zeros_like(image)
        for at, share in zip(self._pixels(dx), shares, strict=True):
            if windows.apart:
                at[...] = share
            else:
                at += share
        return batch_first(dx[:, *windows.inside])


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

    Examples
    --------
    >>> MaxPool2D(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]], dtype=float32)
    """

    _outside = -np.inf

    def setup(self, input_shape: Shape) -> Shape:
        shape = super().setup(input_shape)
        padded = np.zeros((1, *self._windows.padded, 1), bool)
        padded[:, *self._windows.inside] = True
        self._inside = padded
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        image = self._image(x)
        y = reduce(np.maximum, self._pixels(image))
        if training:
            self._saved = image, y
        return batch_first(y)

    def backward(self, dy: Array) -> Array:
        image, y = self._recall()
        return self._spread(image, self._shares(image, y, batch_last(dy)))

    def _shares(self, image: Array, y: Array, dy: Array) -> Iterator[Array]:
        """Yield dy for the first pixel of a window that equals y, 0 for the others."""
        none = np.ones_like(y, bool)  # where none was found
        for pixel, inside in zip(self._pixels(image), self._pixels(self._inside), strict=True):
            largest = (pixel == y) & none
            if self._windows.has_padding:  # it equals y where all pixels are −∞
                largest &= inside
            none ^= largest
            yield dy * largest


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

    Examples
    --------
    >>> AveragePool2D(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]], dtype=float32)
    """

    def setup(self, input_shape: Shape) -> Shape:
        shape = super().setup(input_shape)
        windows = self._windows
        pixels = np.zeros((1, *windows.padded, 1))
        pixels[:, *windows.inside] = 1
        self._count = windows.view(pixels).sum(axis=(1, 2))  # (1, height', width', 1)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        image = self._image(x)
        count = self._count.astype(image.dtype)
        y: Array = reduce(np.add, self._pixels(image)) / count
        if not np.isfinite(y.sum()):  # a sum may overflow where the mean does not
            y = reduce(np.add, [pixel / count for pixel in self._pixels(image)])
        if training:
            self._saved = image
        return batch_first(y)

    def backward(self, dy: Array) -> Array:
        share = batch_last(dy) / self._count.astype(dy.dtype)
        return self._spread(self._recall(), [share] * math.prod(self._windows.size))


class GlobalAveragePool2D(Layer):
    """y = mean of x over height and width: (batch, channels, height, width) → (batch, channels).

    dx = dy / (height · width), the same for all pixels. Source: Lin, Chen and Yan, "Network In
    Network", 2014.

    Examples
    --------
    >>> GlobalAveragePool2D()(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[1.5, 5.5]], dtype=float32)
    """

    def setup(self, input_shape: Shape) -> Shape:
        channels, *_ = image_shape(self, input_shape)
        return (channels,)

    def forward(self, x: Array, training: bool = False) -> Array:
        x = self._input(x)
        if training:
            self._saved = x
        pixels = x.shape[2] * x.shape[3]
        y: Array = x.sum(axis=(2, 3)) / pixels
        if not np.isfinite(y.sum()):  # a sum may overflow where the mean does not
            y = (x / pixels).sum(axis=(2, 3))
        return y

    def backward(self, dy: Array) -> Array:
        x = self._recall()
        dx = np.empty_like(x)
        dx[...] = dy[:, :, np.newaxis, np.newaxis] / (x.shape[2] * x.shape[3])
        return dx
