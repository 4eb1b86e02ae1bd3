"""Select: some features of x, such as the columns of a table that go one way."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, one_by_one


class Select(Layer):
    """yⱼ = x_cⱼ: the features c₁ … cₖ of x, in this order.

    x is (batch, …, features), y (batch, …, k). Feature i of dx is the sum of the dyⱼ with cⱼ = i:
    zero where i is not selected, several where it is more than once.

    In a `Concatenate` it sends the columns of a table different ways: here column 0 holds
    categories 0 … 4, and columns 1 to 3 are numbers.

        Concatenate(
            Sequential(Select(0), Embedding(5, 3), Flatten()),
            Select(1, 2, 3),
        )

    Parameters
    ----------
    *columns : int or slice
        c₁ … cₖ, one by one or in one list or array; −1 is the last feature, and
        `Select(slice(1, None))` all but the first. A slice takes what there is of it.

    Raises
    ------
    TypeError, ValueError
        If they are not that, or x has no such feature.

    Examples
    --------
    >>> Select(0, -1)(np.array([[1, 2, 3, 4]]))
    array([[1., 4.]], dtype=float32)
    """

    def __init__(self, *columns: int | slice | Iterable[int]) -> None:
        self.columns = tuple(map(_column, one_by_one(columns)))
        if not self.columns:
            raise ValueError("Select expected at least one column, got none")

    def setup(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ValueError(f"{self!r} expected (batch, …, features), got (batch,)")
        features = np.arange(input_shape[-1])
        try:
            parts = [np.atleast_1d(features[column]) for column in self.columns]
        except IndexError:
            raise ValueError(
                f"{self!r} expected columns from {-len(features)} to {len(features) - 1}, for x of "
                f"{batched(input_shape)}"
            ) from None
        self._chosen = np.concatenate(parts)
        if not len(self._chosen):
            raise ValueError(f"{self!r} selects none of {batched(input_shape)}")
        self._repeats = len(np.unique(self._chosen)) < len(self._chosen)
        return (*input_shape[:-1], len(self._chosen))

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        return x.T[self._chosen].T

    def backward(self, dy: Array) -> Array:
        assert self.input_shape is not None  # noqa: S101 - tells the type checker
        dx = np.zeros((*self.input_shape[::-1], len(dy)), dy.dtype, like=dy).T
        if self._repeats:
            np.add.at(dx.T, self._chosen, dy.T)
        else:
            dx.T[self._chosen] = dy.T
        return dx


def _column(value: Any) -> int | slice:
    """Return a column as an int, or columns as a slice of ints."""
    if isinstance(value, slice):
        first, last, step = (
            end if end is None else _integer(end, value)
            for end in (value.start, value.stop, value.step)
        )
        if step == 0:
            raise ValueError(f"Select expected slices with a step other than 0, got {value!r}")
        return slice(first, last, step)
    return _integer(value, value)


def _integer(value: Any, given: Any) -> int:
    """Return `value` as an int; TypeError if it is none, with what was given."""
    if isinstance(value, (bool, np.bool_)):
        hint = "np.flatnonzero(mask) has the columns of a mask"
        raise TypeError(f"Select expected integers or slices, got {given!r}; {hint}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"Select expected integers or slices, got {given!r}") from None
