"""Checks of single arguments: each returns the plain value, or says what was expected."""

import math
import operator
import sys
from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tinyframe.types import Array, RandomSeed, Shape
from tinyframe.utils.vocabulary import VALUES

Given = TypeVar("Given")

LONG = 200
"""Characters of a value from which on a message names its type alone."""


def positive_integer(name: str, value: Any) -> int:
    """Return `value` as an int ≥ 1; TypeError for what is no integer, ValueError beyond bounds."""
    number = _integer(name, value, "a positive integer", 1)
    if number > sys.maxsize:
        raise ValueError(f"{name} expected an integer up to {sys.maxsize}, got a larger one")
    return number


def integer_from_zero(name: str, value: Any) -> int:
    """Return `value` as an int ≥ 0; TypeError for what is no integer, ValueError below 0."""
    return _integer(name, value, "an integer ≥ 0", 0)


def _integer(name: str, value: Any, expected: str, least: int) -> int:
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        error = TypeError if number is None else ValueError
        hint = f"; {VALUES[value]}" if isinstance(value, str) and value in VALUES else ""
        raise error(f"{name} expected {expected}, got {value!r}{hint}")
    return number


def boolean(name: str, value: Any) -> bool:
    """Return `value` as a bool; TypeError for what is neither True nor False."""
    if not isinstance(value, (bool, np.bool_, int)) or value not in (0, 1):
        raise TypeError(f"{name} expected True or False, got {value!r}")
    return bool(value)


def function(name: str, value: Given) -> Given:
    """Return `value`; TypeError if it cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} expected a function, got {value!r}")
    return value


def iterable(value: Any) -> bool:
    """Whether `value` can be gone through, for a list of things; not so strings and scalars."""
    try:
        iter(value)
    except TypeError:  # a 0-d array, which is an Iterable by its class
        return False
    return not isinstance(value, (str, bytes))


def one_by_one(given: Sequence[Any], single: type[Any] | tuple[()] = ()) -> tuple[Any, ...]:
    """Return arguments that came one by one, f(a, b), or in one list, f([a, b]), as a tuple.

    Parameters
    ----------
    given
        What came.
    single
        A class whose objects are one argument each, though they can be gone through.
    """
    if len(given) == 1 and iterable(given[0]) and not isinstance(given[0], single):
        return tuple(given[0])
    return tuple(given)


def sample_axis(value: Any) -> int:
    """Return `value` as the number of an axis, that of the batch counted; never 0, the batch."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"axis expected an integer, got {value!r}")
    if value == 0:
        raise ValueError("axis expected one of a sample, got 0, that of the batch")
    return int(value)


def check_axis(axis: int, shape: Shape, who: str) -> None:
    """Raise ValueError if samples of this shape have no such axis, that of the batch counted."""
    if not -len(shape) <= axis <= len(shape):
        raise ValueError(f"{who} expected samples with that axis, got {batched(shape)}")


def among(value: Any, *choices: str | int) -> bool:
    """Whether `value` is one of the choices; of anything else, such as an array, it is not."""
    return isinstance(value, (str, int)) and value in choices


def check_kind(name: str, value: Any, kind: type[Any], expected: str) -> None:
    """Raise TypeError if `value` is no object of a class: "model expected a Model, got 3".

    Parameters
    ----------
    name, value
        What it is called, and what came.
    kind, expected
        The class, and how a message says what was expected, with an example.
    """
    if not isinstance(value, kind):
        got = repr(value)
        if len(got) > LONG or "\n" in got:
            got = f"a {type(value).__name__}"
        raise TypeError(f"{name} expected {expected}, got {got}")


def index_below(name: str, value: Any, count: int) -> int:
    """Return `value` as an int in 0 … count − 1; TypeError if it is none, ValueError if outside."""
    expected = f"{name} expected an integer from 0 to {count - 1}, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(expected)
    if not 0 <= value < count:
        raise ValueError(expected)
    return int(value)


def plain_array(values: Any, name: str) -> Array:
    """Return `values` as an array, without a copy where it is one already.

    Raises
    ------
    TypeError
        If NumPy would drop what they say: masks, also those of rows in lists, and sparseness; or
        if they lie on another device.
    ValueError
        If it is a ragged list.
    """
    check_unmasked(values, name)
    if hasattr(values, "toarray"):
        raise TypeError(
            f"{name} expected an array, got a sparse {type(values).__name__}; .toarray() makes it "
            "one"
        )
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} expected rows of one length, got a ragged list ({error})"
        ) from None
    except (TypeError, RuntimeError) as error:  # as PyTorch says it
        raise TypeError(f"{name} expected an array or a tensor of the CPU: {error}") from None


def check_unmasked(values: Any, name: str) -> None:
    """Raise TypeError for a masked array, or a list of them, whose mask NumPy would drop."""
    if type(values) is np.ndarray:
        return
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} expected plain numbers, got a masked array; fill it first")
    if isinstance(values, (list, tuple)):
        for kind in set(map(type, values)):  # few, where the items are many
            if issubclass(kind, (list, tuple, np.ma.MaskedArray)):
                for item in values:
                    check_unmasked(item, name)


def fitting(array: Array, name: str, dtype: np.dtype[Any]) -> Array:
    """Return real numbers in another dtype; ValueError if one has no place in it.

    Parameters
    ----------
    array, name
        The numbers, integers if dtype is one of integers, and what messages call them.
    dtype
        What they become: 0.1 is rounded to float32, but 1e300 is not.
    """
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
        lost = np.isinf(converted) & ~np.isinf(array) if dtype.kind == "f" else converted != array
    if lost.any():
        raise ValueError(f"{name} expected numbers that fit into {dtype}, got {array[lost][0]}")
    return converted


def real_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
) -> float:
    """Return `value` as a finite float within the bounds; else raise TypeError or ValueError."""
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("above", above), ("at least", at_least), ("below", below))
        if bound is not None
    ]
    expected = " ".join(["a finite number", " and ".join(bounds)]).rstrip()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} expected {expected}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if (
        not math.isfinite(number)
        or (above is not None and number <= above)
        or (at_least is not None and number < at_least)
        or (below is not None and number >= below)
    ):
        raise ValueError(f"{name} expected {expected}, got {value!r}")
    return number


def sample_shape(name: str, value: Any) -> Shape:
    """Return `value` as a tuple of positive integers; a single integer n means (n,)."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"{name} expected a shape, got an array; its shape is {value.shape}")
    if not isinstance(value, (tuple, list)):
        value = (value,)
    if len(value) > 1 and value[0] is None:
        rest = value[1] if len(value) == 2 else tuple(value[1:])  # noqa: PLR2004 - (None, features)
        raise TypeError(f"{name} expected no batch in it, got {tuple(value)}; leave it out: {rest}")
    return tuple(positive_integer(name, size) for size in value)


def floating_dtype(value: npt.DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64 as a dtype; anything else raises TypeError."""
    dtype = _dtype(value)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"dtype expected float32 or float64, got {value!r}")
    return np.dtype(dtype)


def number_dtype(value: npt.DTypeLike) -> np.dtype[Any]:
    """Return a dtype of real numbers; anything else raises TypeError."""
    dtype = _dtype(value)
    if dtype is None or dtype.kind not in "iuf":
        raise TypeError(f"dtype expected one of real numbers, such as float32, got {value!r}")
    return dtype


def _dtype(value: Any) -> np.dtype[Any] | None:
    """Return what NumPy understands as a dtype; None stands for what is none, and for None."""
    try:
        return None if value is None else np.dtype(value)
    except TypeError:
        return None


def random_generator(rng: RandomSeed) -> "np.random.Generator":
    """Return `rng` itself if it is a Generator, else a new one seeded with it."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is not None:
        if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)):
            raise TypeError(
                f"rng expected an integer, a numpy.random.Generator or None, got {rng!r}"
            )
        if rng < 0:
            raise ValueError(f"rng expected a non-negative integer, got {rng!r}")
    return np.random.default_rng(rng)


def batched(shape: Shape) -> str:
    """Return how a batch of samples of `shape` is written in messages: (batch, 28, 28)."""
    return f"(batch, {', '.join(map(str, shape))})" if shape else "(batch,)"


def shape_error(who: str, expected: Shape | None, got: Shape, *, whole: bool = True) -> ValueError:
    """Return the error for an array, or a sample if not `whole`, of another shape than expected.

    Parameters
    ----------
    who
        Who expected it.
    expected
        Sample shape; None for any that has at least one axis.
    got
        The shape that came, with the batch if `whole`.
    """
    sample = got[1:] if whole else got
    hint = ""
    if whole and got == expected:
        hint = "; one row is x[np.newaxis]"
    elif len(sample) > 1 and (expected is None or len(expected) == 1):
        hint = "; put Flatten() before it"
    wanted = "(batch, features)" if expected is None else batched(expected)
    return ValueError(f"{who} expected {wanted}, got {got if whole else batched(got)}{hint}")
