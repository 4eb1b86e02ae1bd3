"""Containers: layers made of layers, side by side. `Sequential` is the one that puts them in a row.

Each part takes one input and gives one output, so that branches need no record of what was
computed: a container knows how its parts are joined.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import ClassVar

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.layers.parts import as_layers, option_apart
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, sample_axis


class Residual(Layer):
    """y = x + fₙ(… f₁(x)): layers in a row learn what to add to their input.

    x is (batch, *input_shape), and so is y unless there is a shortcut.
    dx = dy + (∂f/∂x)ᵀ dy: the gradient passes beside the layers unchanged. With a `shortcut` s,
    y = s(x) + f(x), for layers that change the shape. Source: He et al., "Deep Residual Learning
    for Image Recognition", 2016.

        Residual(Conv2D(16, 3, padding="same"), BatchNorm(), ReLU())

    Parameters
    ----------
    *layers : Layer
        f₁ … fₙ, also in one list.
    shortcut : Layer, optional
        s, such as `Conv2D(32, 1, stride=2)`.

    Raises
    ------
    TypeError, ValueError
        If something else than layers is given, or the two sums differ in shape.

    Examples
    --------
    >>> Residual(Dense(16), ReLU(), Dense(3))(np.zeros((32, 3))).shape
    (32, 3)
    >>> Residual(Dense(8), shortcut=Dense(8))(np.zeros((32, 3))).shape
    (32, 8)
    """

    def __init__(self, *layers: Layer | Iterable[Layer], shortcut: Layer | None = None) -> None:
        self.layers = as_layers("Residual", layers)
        self.shortcut = shortcut if shortcut is None else as_layers("shortcut", (shortcut,))[0]
        self.takes_integers = self.layers[0].takes_integers

    def setup(self, input_shape: Shape) -> Shape:
        shape = _build_chain(self.layers, input_shape, self.dtype)
        beside = input_shape
        if self.shortcut is not None:
            beside = self.shortcut.build(input_shape, dtype=self.dtype)
        if shape != beside:
            raise ValueError(
                f"Residual expected layers that keep the shape {batched(beside)}, got "
                f"{batched(shape)}; a shortcut=… may bring the input to that shape"
            )
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        y = x
        for layer in self.layers:
            y = layer.forward(y, training)
        beside = x if self.shortcut is None else self.shortcut.forward(x, training)
        return beside + y

    def backward(self, dy: Array) -> Array:
        dx = dy
        for layer in reversed(self.layers):
            dx = layer.backward(dx)
        beside = dy if self.shortcut is None else self.shortcut.backward(dy)
        return beside + dx


class Add(Layer):
    """y = f₁(x) + … + fₙ(x): branches of one shape, summed.

    x is (batch, *input_shape), y (batch, *output_shape), that of every branch.
    dx = Σᵢ (∂fᵢ/∂x)ᵀ dy.

    Parameters
    ----------
    branches, *more : Layer
        f₁ … fₙ, each a layer or a `Sequential`; also in one list.

    Raises
    ------
    TypeError, ValueError
        If something else than layers is given, or their outputs differ in shape.

    Examples
    --------
    >>> Add(Dense(8), Sequential(Dense(4), ReLU(), Dense(8)))(np.zeros((32, 3))).shape
    (32, 8)
    """

    more: ClassVar[tuple[()]] = ()  # all are in `branches`

    def __init__(self, branches: Layer | Iterable[Layer], *more: Layer) -> None:
        self.branches = as_layers("Add", (branches, *more))
        self.takes_integers = all(branch.takes_integers for branch in self.branches)

    def setup(self, input_shape: Shape) -> Shape:
        shapes = [branch.build(input_shape, dtype=self.dtype) for branch in self.branches]
        if len(set(shapes)) > 1:
            raise ValueError(f"Add expected branches of one output shape, got {_listed(shapes)}")
        return shapes[0]

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        return reduce(np.add, [branch.forward(x, training) for branch in self.branches])

    def backward(self, dy: Array) -> Array:
        return reduce(np.add, [branch.backward(dy) for branch in self.branches])


class Concatenate(Layer):
    """y = [f₁(x), …, fₙ(x)]: the branches' outputs one after the other along an axis.

    dx = Σᵢ (∂fᵢ/∂x)ᵀ dyᵢ, where dyᵢ is branch i's part of dy.

        Concatenate([Conv2D(8, 1), Conv2D(8, 3, padding="same"), Conv2D(8, 5, padding="same")])

    Parameters
    ----------
    branches, *more : Layer
        f₁ … fₙ, each a layer or a `Sequential`; also in one list.
    axis : int
        The axis to join along, that of the batch counted: by default 1, the features of
        (batch, features) and the channels of images; −1 for the features of sequences.

    Raises
    ------
    TypeError, ValueError
        If something else than layers is given, or their outputs differ along another axis.

    Examples
    --------
    >>> Concatenate(Dense(8), Dense(4))(np.zeros((32, 3))).shape
    (32, 12)
    """

    more: ClassVar[tuple[()]] = ()  # all are in `branches`

    def __init__(
        self, branches: Layer | Iterable[Layer], *more: Layer | int, axis: int = 1
    ) -> None:
        given, axis = option_apart((branches, *more), axis)
        self.branches = as_layers("Concatenate", given)
        self.axis = sample_axis(axis)
        self.takes_integers = all(branch.takes_integers for branch in self.branches)

    def setup(self, input_shape: Shape) -> Shape:
        shapes = [branch.build(input_shape, dtype=self.dtype) for branch in self.branches]
        rank = len(shapes[0])
        axis = self.axis - 1 if self.axis > 0 else rank + self.axis  # of a sample
        if not 0 <= axis < rank:
            raise ValueError(f"Concatenate expected an axis of samples, got {self.axis}")
        if len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) > 1:
            raise ValueError(
                f"Concatenate expected outputs that differ along axis {self.axis} alone, got "
                f"{_listed(shapes)}"
            )
        self._splits = tuple(np.cumsum([shape[axis] for shape in shapes])[:-1].tolist())
        size = sum(shape[axis] for shape in shapes)
        return (*shapes[0][:axis], size, *shapes[0][axis + 1 :])

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        outputs = [branch.forward(x, training) for branch in self.branches]
        return np.concatenate(outputs, axis=self.axis)

    def backward(self, dy: Array) -> Array:
        parts = np.split(dy, self._splits, axis=self.axis)
        pairs = zip(self.branches, parts, strict=True)
        return reduce(np.add, [branch.backward(part) for branch, part in pairs])


def _build_chain(layers: Sequence[Layer], shape: Shape, dtype: "np.dtype[np.floating]") -> Shape:
    for layer in layers:
        shape = layer.build(shape, dtype=dtype)
    return shape


def _listed(shapes: list[Shape]) -> str:
    return ", ".join(map(batched, shapes))
