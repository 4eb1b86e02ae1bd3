"""Convolutions: a small kernel of weights moved over images or sequences."""

import math
from typing import Any

import numpy as np

from tinyframe.initializers import Initializer, as_initializer, he_normal, zeros
from tinyframe.layers.correlation import Correlation
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
    row_major,
)
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, boolean, integer_from_zero, positive_integer
from tinyframe.utils.products import sums


class Convolution(Layer):
    """What all convolutions share: their arguments, and `y = W ⋆ x + b` by `Correlation`.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size, stride, dilation : int or (int, int)
        Height and width of the kernel, of its steps, and distance between the pixels it looks at.
    padding : "valid", "same", int or (int, int)
        Zeros around the image: none, as many as keep its size at stride 1, or so many on each side.
    groups : int
        Parts into which channels and filters are divided, each filter looking at its own part
        alone; as many as channels make the convolution depthwise.
    use_bias : bool
        Whether there is a b.
    initializer
        Draws W, by default from 𝒩(0, 2 / inputs of a filter).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, groups do not divide filters and channels, or the kernel is
        larger than the image.
    """

    weight: Parameter
    bias: Parameter

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: Padding = "valid",
        dilation: int | Pair = 1,
        groups: int = 1,
        use_bias: bool = True,
        initializer: Initializer | str = he_normal,
    ) -> None:
        self.filters = positive_integer("filters", filters)
        for name, value in (
            ("kernel_size", kernel_size),
            ("stride", stride),
            ("dilation", dilation),
        ):
            self._pair(name, value)
        self._sides(padding)
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation
        self.padding = padding
        self.groups = positive_integer("groups", groups)
        self.use_bias = boolean("use_bias", use_bias)
        self.initializer = as_initializer(initializer)
        if filters % groups:
            raise ValueError(f"groups expected a divisor of {filters} filters, got {groups}")

    def _check_groups(self, channels: int) -> None:
        if channels % self.groups:
            raise ValueError(
                f"{self!r} expected a multiple of {self.groups} channels, got {channels}"
            )

    def _make_windows(self, image: Pair, kernel: Pair) -> Windows:
        stride, dilation = self._pair("stride", self.stride), self._pair("dilation", self.dilation)
        return Windows(self, image, kernel, stride, self._sides(self.padding), dilation)

    def _pair(self, name: str, value: Any) -> Pair:
        """Return a size as (height, width), or raise TypeError or ValueError: what was expected."""
        return pair(name, value)

    def _sides(self, padding: Padding) -> Padding:
        """Return the padding as one of images, or raise likewise."""
        return padding_argument("padding", padding)

    def _make_parameters(self, windows: Windows, weight_shape: Shape) -> None:
        self._correlation = Correlation(windows, self.groups)
        self.weight = Parameter(weight_shape, self.initializer, dtype=self.dtype)
        if self.use_bias:
            self.bias = Parameter((self.filters,), zeros, dtype=self.dtype)

    @property
    def multiply_adds(self) -> int:
        return self.weight.size * math.prod(self._correlation.windows.output)

    def forward(self, x: Array, training: bool = False) -> Array:
        x = self._input(x)
        image = self._windows.pad(self._lay(x))
        y = self._correlation.forward(image, self._kernel(self.weight.value))
        if self.use_bias:
            y += self.bias.value.reshape(-1, 1, 1, 1)
        if training:
            self._saved = image
        return self._lift(y)

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        dx = self._correlation.image(self._row_major(dy), self._kernel(self.weight.value))
        return self._lift(dx[:, *self._windows.inside])

    def backward_parameters(self, dy: Array) -> None:
        image, dyT = self._recall(), self._row_major(dy)
        self._correlation.weights(image, dyT, self._kernel(self.weight.grad))
        self._add_places(dyT)

    def _add_places(self, dyT: Array) -> None:
        """Write ∂L/∂b, the sum of dy over places and rows."""
        if self.use_bias:
            sums(dyT.reshape(len(dyT), math.prod(dyT.shape[1:])), axis=1, out=self.bias.grad)

    def _row_major(self, dy: Array) -> Array:
        """Return a batch as (channels, height, width, batch), in the layer's dtype."""
        return row_major(self._lay(dy.astype(self.dtype, copy=False)))

    @property
    def _windows(self) -> Windows:
        return self._correlation.windows

    @staticmethod
    def _kernel(weight: Array) -> Array:
        """Return a weight as (filters, channels / groups, height, width): a view."""
        return weight

    @staticmethod
    def _lay(x: Array) -> Array:
        """Return a batch as (channels, height, width, batch): a view."""
        return batch_last(x)

    @staticmethod
    def _lift(yT: Array) -> Array:
        """Return (channels, height, width, batch) as a batch again: a view."""
        return batch_first(yT)


class Conv2D(Convolution):
    """y = W ⋆ x + b: each filter looks for its own pattern all over an image.

    x is (batch, channels, height, width), W (filters, channels / groups, kernel height, kernel
    width), b (filters,), y (batch, filters, height', width'). At place (u, v), with stride 1,

        y_f(u, v) = b_f + Σ_cij W_fcij x_c(u + i, v + j)

    so that y is a `Dense` layer's output for the patch that the kernel sees; `Correlation` has the
    derivatives. Arguments and errors are those of `Convolution`.

    Examples
    --------
    >>> layer = Conv2D(8, 3, padding="same")
    >>> layer(np.zeros((32, 1, 28, 28))).shape
    (32, 8, 28, 28)
    >>> layer.weight.shape
    (8, 1, 3, 3)
    """

    def setup(self, input_shape: Shape) -> Shape:
        channels, height, width = image_shape(self, input_shape)
        self._check_groups(channels)
        kernel = pair("kernel_size", self.kernel_size)
        windows = self._make_windows((height, width), kernel)
        self._make_parameters(windows, (self.filters, channels // self.groups, *kernel))
        return (self.filters, *windows.output)


class Conv1D(Convolution):
    """y = W ⋆ x + b along time: each filter looks for its own pattern all over a sequence.

    x is (batch, time, features), W (filters, features / groups, kernel size), b (filters,),
    y (batch, time', filters). At time t, with stride 1,

        y_f(t) = b_f + Σ_ci W_fci x_c(t + i)

    It is a `Conv2D` of height 1. Arguments and errors are those of `Convolution`, the sizes and the
    padding along time single integers.

    Examples
    --------
    >>> Conv1D(8, 3)(np.zeros((32, 100, 2))).shape
    (32, 98, 8)
    """

    def setup(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:  # noqa: PLR2004 - (time, features)
            raise ValueError(
                f"{self!r} expected (batch, time, features), got {batched(input_shape)}"
            )
        time, channels = input_shape
        self._check_groups(channels)
        kernel = self._pair("kernel_size", self.kernel_size)
        windows = self._make_windows((1, time), kernel)
        self._make_parameters(windows, (self.filters, channels // self.groups, kernel[1]))
        return (windows.output[1], self.filters)

    def _pair(self, name: str, value: Any) -> Pair:
        return 1, positive_integer(name, value)

    def _sides(self, padding: Padding) -> Padding:
        if isinstance(padding, str):
            return padding_argument("padding", padding)
        return 0, integer_from_zero("padding", padding)

    @staticmethod
    def _kernel(weight: Array) -> Array:
        return weight[:, :, np.newaxis]

    @staticmethod
    def _lay(x: Array) -> Array:
        return x.transpose(2, 1, 0)[:, np.newaxis]

    @staticmethod
    def _lift(yT: Array) -> Array:
        return yT[:, 0].transpose(2, 1, 0)
