"""Layers that only rearrange: the numbers stay, their shape changes."""

import math
from collections.abc import Iterable

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, check_axis, one_by_one, positive_integer, sample_axis


class Flatten(Layer):
    """(batch, a, b, …) → (batch, a·b·…), in row-major order: 28×28 images become rows of 784.

    dx is dy in the shape of x.

    Examples
    --------
    >>> Flatten()(np.zeros((32, 28, 28))).shape
    (32, 784)
    """

    def setup(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._saved = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy: Array) -> Array:
        return dy.reshape(self._recall())


class Reshape(Layer):
    """(batch, *anything) → (batch, *shape), in row-major order.

    dx is dy in the shape of x.

    Parameters
    ----------
    *shape : int
        The new sample shape, also as one tuple; one size may be −1: what is left for it.
        `Reshape(1, 28, 28)` makes rows of 784 images of one channel.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer or −1, or the samples have another number of elements.

    Examples
    --------
    >>> Reshape(1, 28, 28)(np.zeros((32, 784))).shape
    (32, 1, 28, 28)
    """

    def __init__(self, *shape: int | Iterable[int]) -> None:
        sizes = one_by_one(shape)
        self.shape = tuple(
            -1
            if isinstance(size, (int, np.integer)) and size == -1
            else positive_integer("each size of Reshape", size)
            for size in sizes
        )
        if not sizes or self.shape.count(-1) > 1:
            raise ValueError(f"Reshape expected sizes, one of them −1 at most, got {sizes}")

    def setup(self, input_shape: Shape) -> Shape:
        try:
            return np.empty(input_shape, bool).reshape(self.shape).shape
        except ValueError:
            raise ValueError(
                f"{self!r} expected samples of {abs(math.prod(self.shape))} elements, "
                f"got {batched(input_shape)}"
            ) from None

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        return x.reshape(len(x), *self.output_shape)

    def backward(self, dy: Array) -> Array:
        assert self.input_shape is not None  # noqa: S101 - tells the type checker
        return dy.reshape(len(dy), *self.input_shape)


class Permute(Layer):
    """Reorder the axes: axis k of y is axis axes[k] of x. The batch stays axis 0.

    `Permute(2, 1)` swaps time and features of sequences; `Permute(3, 1, 2)` takes images with
    channels last, (batch, height, width, channels), to (batch, channels, height, width).

    dx is dy with the axes put back.

    Parameters
    ----------
    *axes : int
        1 … n in the new order, also as one tuple.

    Raises
    ------
    TypeError, ValueError
        If they are not that, or the samples have not n axes.

    Examples
    --------
    >>> Permute(2, 1)(np.zeros((32, 10, 3))).shape
    (32, 3, 10)
    """

    def __init__(self, *axes: int | Iterable[int]) -> None:
        order = one_by_one(axes)
        self.axes = tuple(positive_integer("each axis of Permute", axis) for axis in order)
        if not order or sorted(self.axes) != list(range(1, len(order) + 1)):
            raise ValueError(f"Permute expected the axes 1 … n in a new order, got {order}")

    def setup(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.axes):
            raise ValueError(
                f"{self!r} expected samples of {len(self.axes)} axes, got {batched(input_shape)}"
            )
        return tuple(input_shape[axis - 1] for axis in self.axes)

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        return x.transpose(0, *self.axes)

    def backward(self, dy: Array) -> Array:
        return dy.transpose(0, *(1 + np.argsort(self.axes)))


class Reverse(Layer):
    """y_t = x_{T−1−t}: time runs backwards.

    x and y are (batch, time, …), and so is dx: dy with its time reversed.

    A recurrent layer behind it reads sequences from their end; beside another one it makes a
    recurrence of both directions, and a second `Reverse` brings its sequence back into order:

        Concatenate(LSTM(8), Sequential(Reverse(), LSTM(8)))
        Concatenate(
            LSTM(8, return_sequences=True),
            Sequential(Reverse(), LSTM(8, return_sequences=True), Reverse()),
            axis=-1,
        )

    What fills up the ends of shorter sequences comes first when they are reversed. Recurrent layers
    that are told of it (`padding=0.0`) begin behind it, and give what they give without it.

    Source: Schuster and Paliwal, "Bidirectional Recurrent Neural Networks", 1997.

    Parameters
    ----------
    axis : int
        The axis that is reversed, that of the batch counted: by default 1, time.

    Raises
    ------
    TypeError, ValueError
        If it is no axis of x, or that of the batch.

    Examples
    --------
    >>> Reverse()(np.array([[[1], [2], [3]]])).ravel()
    array([3., 2., 1.], dtype=float32)
    """

    def __init__(self, axis: int = 1) -> None:
        self.axis = sample_axis(axis)

    def setup(self, input_shape: Shape) -> Shape:
        check_axis(self.axis, input_shape, repr(self))
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        return np.flip(x, self.axis)

    def backward(self, dy: Array) -> Array:
        return np.flip(dy, self.axis)
