"""From a noted call to one that can be repeated: the same function, bound to memory of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinyframe.recording.functions import setitem
from tinyframe.recording.kept import draw_again
from tinyframe.recording.standins import StandIn, replaced
from tinyframe.recording.tape import Call, Refused
from tinyframe.types import Array
from tinyframe.utils.aligned import aligned_zeros

Ready = Callable[[], object]
"""A call that needs nothing any more."""


def bind(call: Call, view: Callable[[StandIn], Array]) -> Ready:
    """Return the call on the arrays that stand-ins stand for, its results written to theirs.

    Parameters
    ----------
    call
        What was noted.
    view
        Function that gives the array of a stand-in.
    """
    function = call.function
    parts = replaced((call.arguments, call.options, call.results), view)
    arguments, options, outs = parts
    if isinstance(function, np.ufunc):
        return _ufunc(function, arguments, options, outs, call.arguments)
    of = getattr(function, "__self__", None)
    if isinstance(of, np.ufunc) and function.__name__ == "reduce":
        return _reduce(of, *arguments, **_with_out(options, outs))
    form = _FORMS.get(function)
    if form is not None and (outs or "out" in options or function is setitem):
        ready = form(arguments, options, outs)
        if ready is not None:
            return ready
    if not outs:
        return partial(function, *arguments, **options)
    if function in _TAKE_OUT:
        return partial(function, *arguments, **options, out=outs[0])
    return partial(_copy_results, function, arguments, options, outs)


def _copy_results(function: Any, arguments: Any, options: Any, outs: tuple[Array, ...]) -> None:
    """Call a function that has no `out`, and copy what it returns."""
    results = function(*arguments, **options)
    for out, result in zip(outs, results if len(outs) > 1 else (results,), strict=True):
        new = np.asarray(result)
        if new.shape != out.shape or new.dtype != out.dtype:
            raise Refused(f"{new.dtype}{new.shape} where {out.dtype}{out.shape} was recorded")
        np.copyto(out, new)


def _with_out(options: dict[str, Any], outs: tuple[Array, ...]) -> dict[str, Any]:
    """Return options whose `out` is one array, or the fresh result."""
    out = options.get("out", outs or None)
    return {**options, "out": out[0] if isinstance(out, tuple) else out}


def _ufunc(
    function: np.ufunc,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    outs: tuple[Array, ...],
    noted: tuple[Any, ...],
) -> Ready:
    """Bind a ufunc: numbers become arrays without axes, `out` goes by its place.

    What was `noted` tells numbers, which stay, from arrays, which hold another one each time.
    """
    options = dict(options)
    outs = options.pop("out", outs)
    outs = outs if isinstance(outs, tuple) else (outs,)
    if not options:
        kinds = [a.dtype if isinstance(a, np.ndarray | np.generic) else type(a) for a in arguments]
        kinds = [np.dtype(bool) if kind is bool else kind for kind in kinds]
        if all(kind in (int, float) or isinstance(kind, np.dtype) for kind in kinds):
            dtypes = function.resolve_dtypes((*kinds, *[None] * function.nout))
            arguments = tuple(
                a if isinstance(a, np.ndarray) else np.asarray(a, dtype)
                for a, dtype in zip(arguments, dtypes, strict=False)
            )
        if function.signature is None:
            arguments = tuple(_unbroadcast(a, outs[0]) for a in arguments)
        if function in (np.maximum, np.minimum):
            arguments = tuple(
                _zeros_for(a, outs[0]) if isinstance(one, int | float | np.generic) else a
                for a, one in zip(arguments, noted, strict=True)
            )
    if options or function in (np.maximum, np.minimum):  # which take `out` by name alone
        return partial(function, *arguments, out=outs, **options)
    return partial(function, *arguments, *outs)


def _unbroadcast(a: Any, out: Array) -> Any:
    """Return an operand of a ufunc as a view that NumPy need not broadcast, if there is one.

    Where it is one number, or only has no axis of length 1 that `out` has: 0.3 µs in place of 0.7.
    """
    if not isinstance(a, np.ndarray) or a.shape == out.shape or not a.flags.c_contiguous:
        return a
    if a.size == 1:
        return a.reshape(())
    return a.reshape(out.shape) if a.size == out.size else a


def _zeros_for(a: Any, out: Array) -> Any:
    """Return zeros laid as `out` in place of a single zero.

    NumPy's maximum of two arrays is three times as fast as that of an array and a number: for
    300,000 of them 40 µs in place of 112 (measured). All pages of zeros are one page of memory.
    """
    single = isinstance(a, np.ndarray) and a.ndim == 0 and a.dtype == out.dtype
    dense = out.size * out.itemsize == _span(out) and min(out.strides, default=0) >= 0
    if not single or not dense or a or np.signbit(a):
        return a
    return np.ndarray(out.shape, out.dtype, aligned_zeros(out.size, out.dtype), 0, out.strides)


def _span(a: Array) -> int:
    """Return how many bytes an array reaches over."""
    low, high = np.lib.array_utils.byte_bounds(a)
    return int(high - low)


def _reduce(
    function: np.ufunc, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None,
    keepdims: bool = False, **others: Any,
) -> Ready:  # fmt: skip
    reduce: Any = function.reduce
    return partial(reduce, x, axis, dtype, out, bool(keepdims), **others)


def _reduction(function: np.ufunc) -> Callable[..., Ready]:
    def form(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready:
        def of(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, **rest: Any) -> Ready:
            return _reduce(function, x, axis, dtype, out, **rest)

        def of_extremes(x: Any, axis: Any = None, out: Any = None, **rest: Any) -> Ready:
            return _reduce(function, x, axis, None, out, **rest)

        adds = function in (np.add, np.multiply)
        if len(arguments) > (3 if adds else 2):
            return partial(_copy_results, function.reduce, arguments, options, outs)
        return (of if adds else of_extremes)(*arguments, **_with_out(options, outs))

    return form


def _dot(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready:
    a, b, *given = arguments
    given = [*given, *options.values(), *outs]
    return partial(a.dot, b, *(out for out in given if out is not None))


def _take(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready | None:
    a, indices, *axis = arguments
    return partial(a.take, indices, *axis, **options, out=outs[0])


def _where(arguments: Any, _: Any, outs: tuple[Array, ...]) -> Ready | None:
    condition, a, b = arguments
    if getattr(condition, "dtype", None) != np.bool_:
        return None
    (out,) = outs

    def choose() -> None:
        np.copyto(out, b)
        np.copyto(out, a, where=condition)

    return choose


def _copy(arguments: Any, _: Any, outs: tuple[Array, ...]) -> Ready:
    return partial(np.copyto, outs[0], arguments[0], casting="unsafe")


def _reshape(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready | None:
    (out,), x = outs, arguments[0]
    if options or not out.flags.c_contiguous or any(isinstance(a, str) for a in arguments):
        return None  # another order than that of rows
    return partial(np.copyto, out.reshape(x.shape), x)


def _stack(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready:
    """Bind the concatenation that a stack is, of views made once."""
    arrays, axis = arguments[0], (*arguments[1:], *options.values(), 0)[0]
    return partial(np.concatenate, [np.expand_dims(a, axis) for a in arrays], axis, outs[0])


def _fill(value: float | None) -> Callable[..., Ready]:
    def form(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready:
        given = options.get("fill_value", arguments[1] if len(arguments) > 1 else None)
        return partial(np.copyto, outs[0], given if value is None else value, casting="unsafe")

    return form


def _constant(function: Any) -> Callable[..., Ready]:
    def form(arguments: Any, options: Any, outs: tuple[Array, ...]) -> Ready:
        options = {name: value for name, value in options.items() if name != "like"}
        return partial(np.copyto, outs[0], function(*arguments, **options))

    return form


def _setitem(arguments: Any, _: Any, __: Any) -> Ready | None:
    x, index, value = arguments
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(part, int | slice | None | type(...)) for part in parts):
        place = x[index]
        if isinstance(place, np.ndarray):
            return partial(np.copyto, place, value, casting="unsafe")
        place = x[(*parts, ...)]  # a single number: a view without axes
        return partial(np.copyto, place, value, casting="unsafe")
    mask = getattr(index, "dtype", None) == np.bool_ and index.shape == x.shape
    if mask and np.ndim(value) == 0:
        return partial(np.copyto, x, value, where=index, casting="unsafe")
    return None


def _draw(arguments: Any, _: Any, outs: tuple[Array, ...]) -> Ready | None:
    find, name, _given, options = arguments
    if name not in ("random", "standard_normal", "standard_exponential"):
        return None  # it cannot write to given memory
    options = {key: value for key, value in options.items() if key != "size"}
    (out,) = outs
    if out.dtype != np.float64:
        options["dtype"] = out.dtype
    return lambda: getattr(find(), name)(out=out, **options)


_FORMS: dict[Any, Callable[..., Ready | None]] = {
    np.sum: _reduction(np.add),
    np.ndarray.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.ndarray.prod: _reduction(np.multiply),
    np.max: _reduction(np.maximum),
    np.ndarray.max: _reduction(np.maximum),
    np.min: _reduction(np.minimum),
    np.ndarray.min: _reduction(np.minimum),
    np.all: _reduction(np.logical_and),
    np.ndarray.all: _reduction(np.logical_and),
    np.any: _reduction(np.logical_or),
    np.ndarray.any: _reduction(np.logical_or),
    np.dot: _dot,
    np.ndarray.dot: _dot,
    np.take: _take,
    np.where: _where,
    np.copy: _copy,
    np.ndarray.copy: _copy,
    np.ndarray.astype: _copy,
    np.ravel: _reshape,
    np.reshape: _reshape,
    np.ndarray.ravel: _reshape,
    np.ndarray.flatten: _reshape,
    np.ndarray.reshape: _reshape,
    np.stack: _stack,
    np.zeros: _fill(0),
    np.zeros_like: _fill(0),
    np.ones: _fill(1),
    np.ones_like: _fill(1),
    np.full: _fill(None),
    np.full_like: _fill(None),
    np.arange: _constant(np.arange),
    np.eye: _constant(np.eye),
    np.identity: _constant(np.identity),
    np.tri: _constant(np.tri),
    setitem: _setitem,
    draw_again: _draw,
}

_TAKE_OUT = {
    getattr(of, name)
    for name in (
        "argmax",
        "argmin",
        "clip",
        "cumprod",
        "cumsum",
        "mean",
        "round",
        "std",
        "take",
        "var",
    )
    for of in (np, np.ndarray)
} | {np.concatenate, np.einsum, np.outer}
"""Other functions and methods that write to `out`."""
