"""Where weights live: `Parameter`, one array of them, and `ParameterVector`, all of them in one."""

import math
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tinyframe.initializers import Initializer, zeros
from tinyframe.types import Array, Shape
from tinyframe.utils.aligned import aligned_zeros
from tinyframe.utils.attributes import Changes, Hinted, check_attribute
from tinyframe.utils.checks import fitting, floating_dtype, plain_array, sample_shape

_drawing = threading.Lock()
"""Held while a weight is drawn at first sight: threads that predict at once see the same one."""


class Parameter(Hinted):
    """An array of weights, `value`, and the loss's gradient with respect to it, `grad`.

    Both are views of a place in two flat arrays, which a model's parameters share (see
    `ParameterVector`). They change in place: assigning to `value` or `grad` copies into that place.

    NumPy takes a parameter for its value: `numpy.asarray(layer.weight)` is that view.

    The initial value is drawn when it is first needed, so that `fit(..., rng=0)` can seed the
    weights of a model that was made before.

    Parameters
    ----------
    shape
        Shape of `value` and `grad`.
    initializer
        Function (rng, shape) → array that draws the initial value.
    dtype
        float32 or float64.
    order
        Order in memory. "F" keeps a matrix transposed, where products run faster that way.

    Raises
    ------
    TypeError, ValueError
        If the shape holds other than positive integers, or the dtype is another one.

    Examples
    --------
    >>> weight = Dense(3, 2).weight
    >>> weight.shape, weight.grad.shape, weight.dtype
    ((3, 2), (3, 2), dtype('float32'))
    """

    size: int
    _place: tuple[Array, Array, int] | None  # flat values, flat grads, start
    _value: Array | None  # views of the place
    _grad: Array | None

    def __init__(
        self,
        shape: int | Shape,
        initializer: Initializer = zeros,
        *,
        dtype: npt.DTypeLike = np.float32,
        order: Literal["C", "F"] = "C",
    ) -> None:
        self.shape = sample_shape("shape", shape)
        self.initializer = initializer
        self.dtype = floating_dtype(dtype)
        self.order = order
        self.size = math.prod(self.shape)
        self._place = self._value = self._grad = None

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.dtype})"

    @property
    def value(self) -> Array:
        """The weights, of shape `shape`; a view, to be written in place."""
        if self._value is None:
            self._draw_once()
            assert self._value is not None  # noqa: S101 - tells the type checker
        return self._value

    @value.setter
    def value(self, new: npt.ArrayLike) -> None:
        self._write("value", self.value, new)

    @property
    def grad(self) -> Array:
        """∂L/∂value, of shape `shape`, as the last backward pass left it; a view."""
        if self._grad is None:
            self._draw_once()
            assert self._grad is not None  # noqa: S101 - tells the type checker
        return self._grad

    @grad.setter
    def grad(self, new: npt.ArrayLike) -> None:
        self._write("grad", self.grad, new)

    if not TYPE_CHECKING:  # a type checker would take it for leave to set anything

        def __setattr__(self, name: str, value: Any) -> None:
            check_attribute(self, name)
            object.__setattr__(self, name, value)
            Changes.note()

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.array(self.value, dtype, copy=copy)

    def _write(self, name: str, old: Array, new: npt.ArrayLike) -> None:
        if new is old:  # after `parameter.value -= …`, which has written already
            return
        new = plain_array(new, f"Parameter.{name}")
        if new.shape != self.shape:
            raise ValueError(f"Parameter.{name} expected shape {self.shape}, got {new.shape}")
        if new.dtype != self.dtype and np.can_cast(new.dtype, self.dtype, "same_kind"):
            new = fitting(new, f"Parameter.{name}", self.dtype)
        np.copyto(old, new, casting="same_kind")

    @property
    def drawn(self) -> bool:
        """Whether the initial value has been drawn."""
        return self._place is not None

    def draw(self, rng: "np.random.Generator") -> None:
        """Draw the initial value (again) from `rng`; the gradient becomes zero."""
        initial = fitting(self.initializer(rng, self.shape), "an initial value", self.dtype)
        if self._place is None:
            self.move(initial.flatten(self.order), np.zeros(self.size, self.dtype), 0)
            return
        self.value = initial
        self.grad.fill(0)

    def _draw_once(self) -> None:
        """Draw the initial value, unless another thread has just done so."""
        with _drawing:
            if self._place is None:
                self.draw(np.random.default_rng())

    def cast(self, dtype: npt.DTypeLike) -> None:
        """Change the dtype, keeping the value."""
        dtype = floating_dtype(dtype)
        if dtype == self.dtype:
            return
        self.dtype = dtype
        if self._place is not None:
            self.move(np.empty(self.size, dtype), np.empty(self.size, dtype), 0)

    def move(self, values: Array, grads: Array, start: int) -> None:
        """Make `values[start : start + size]` and likewise `grads` the place of this parameter."""
        old = (self._value, self._grad)
        self._place = (values, grads, start)
        self._view_place()
        for view, content in ((self._value, old[0]), (self._grad, old[1])):
            if view is not None and content is not None:
                view[...] = content

    def _view_place(self) -> None:
        if self._place is not None:
            values, grads, start = self._place
            stop = start + self.size
            self._grad = grads[start:stop].reshape(self.shape, order=self.order)
            self._value = values[start:stop].reshape(self.shape, order=self.order)

    def __getstate__(self) -> dict[str, Any]:
        # A copied view would be detached from the copied flat array: keep the place alone.
        return {**self.__dict__, "_value": None, "_grad": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._view_place()


class ParameterVector:
    """Parameters side by side in two flat arrays, so that one operation reaches them all.

    Parameters that lie side by side already stay where they are, and the vector is a window onto
    them; others are moved to new arrays, in the order given. Those not yet drawn are drawn. The
    vector serves as long as its parameters stay: another vector of only some of them, or another
    dtype, takes them away.

    Parameters
    ----------
    parameters
        Parameters of one dtype.
    rng
        Draws the initial values that are not drawn yet; fresh entropy by default.

    Attributes
    ----------
    value, grad
        The weights and the gradient, each of shape (size,).
    parameters
        The parameters, in the order of their places.

    Raises
    ------
    TypeError, ValueError
        If there are no parameters, or something else, or one twice, or of more than one dtype.

    Examples
    --------
    >>> model = Sequential([Dense(3, 2), Dense(1)])
    >>> parameters = ParameterVector(model.parameters)
    >>> parameters
    ParameterVector(size=11, dtype=float32)
    >>> parameters.value[:] = 1.0
    >>> model[1].bias.value
    array([1.], dtype=float32)
    """

    value: Array
    grad: Array

    def __init__(
        self, parameters: Iterable[Parameter], rng: "np.random.Generator | None" = None
    ) -> None:
        self.parameters = _checked(parameters)
        dtypes = {parameter.dtype for parameter in self.parameters}
        if len(dtypes) > 1:
            raise ValueError(f"ParameterVector expected one dtype, got {sorted(map(str, dtypes))}")
        dtype = dtypes.pop()
        rng = np.random.default_rng() if rng is None else rng
        for parameter in self.parameters:
            if not parameter.drawn:
                parameter.draw(rng)
        size = sum(parameter.size for parameter in self.parameters)
        if not _side_by_side(self.parameters):
            values, grads = aligned_zeros(size, dtype), aligned_zeros(size, dtype)
            start = 0
            for parameter in self.parameters:
                parameter.move(values, grads, start)
                start += parameter.size
        place = self.parameters[0]._place  # noqa: SLF001 - same module
        assert place is not None  # noqa: S101 - tells the type checker
        values, grads, start = place
        self.value = values[start : start + size]
        self.grad = grads[start : start + size]

    def with_room(self, numbers: int) -> Array:
        """Move `grad` to the head of a longer array, and return that.

        What is written behind the gradient can then be sent with it, without a copy.

        Parameters
        ----------
        numbers
            How many shall follow.
        """
        longer = aligned_zeros(len(self) + numbers, self.grad.dtype)
        start = 0
        for parameter in self.parameters:
            parameter.move(self.value, longer, start)
            start += parameter.size
        self.grad = longer[: len(self)]
        return longer

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"ParameterVector(size={len(self)}, dtype={self.value.dtype})"

    def __reduce__(self) -> tuple[type["ParameterVector"], tuple[tuple[Parameter, ...]]]:
        return (ParameterVector, (self.parameters,))  # a window onto the copied parameters


def _checked(parameters: Any) -> tuple[Parameter, ...]:
    """Return the parameters as a tuple; raise TypeError or ValueError for anything else."""
    if not isinstance(parameters, Iterable):
        raise TypeError(f"ParameterVector expected model.parameters, got {parameters!r}")
    found = tuple(parameters)
    for parameter in found:
        if not isinstance(parameter, Parameter):
            raise TypeError(f"ParameterVector expected model.parameters, got {parameter!r}")
    if not found:
        raise ValueError(
            "ParameterVector expected parameters, got none; a model has them once it is built"
        )
    if len(set(map(id, found))) < len(found):
        raise ValueError("ParameterVector expected each Parameter once, got one twice")
    return found


def _side_by_side(parameters: tuple[Parameter, ...]) -> bool:
    """Whether each parameter starts where the one before it ends, in the same flat array."""
    places = [parameter._place for parameter in parameters]  # noqa: SLF001 - same module
    for parameter, place, following in zip(parameters, places, places[1:], strict=False):
        if place is None or following is None or place[0] is not following[0]:
            return False
        if place[2] + parameter.size != following[2]:
            return False
    return True
