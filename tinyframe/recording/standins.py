"""Stand-ins: what a step is recorded with in place of arrays, parameters and generators.

A stand-in carries each call out and notes it. It never gives its numbers to Python: what depends
on them by way of Python cannot be recorded by mistake.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinyframe.recording.comparison import same_place
from tinyframe.recording.functions import (
    ABOUT_SHAPES,
    FUNCTIONS,
    METHODS,
    WRITERS,
    expect,
    getitem,
    has_mask,
    power_of_numbers,
    setitem,
)  # fmt: skip
from tinyframe.recording.tape import Call, Memory, Tape
from tinyframe.types import Array, Shape


class StandIn(NDArrayOperatorsMixin):
    """An array or a number of NumPy's, `actual`, in its `memory`; its calls are noted on a tape."""

    __slots__ = ("actual", "memory", "tape")

    def __init__(self, tape: Tape, actual: Any, memory: Memory) -> None:
        self.tape, self.actual, self.memory = tape, actual, memory

    # ---------------------------------------------------------------- what NumPy asks

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if ufunc is np.multiply and any(isinstance(operand, (list, tuple)) for operand in inputs):
            raise self.tape.refuse("a product with a list, which Python may repeat instead")
        if ufunc is np.power and isinstance(inputs[0], np.generic) and _is_number(inputs[1]):
            raise self.tape.refuse("a number to the power of another")  # `**`, or np.power?
        if method == "at":
            return note(self.tape, function, inputs, options, into=inputs[:1])
        return note(self.tape, function, inputs, options)

    def __array_function__(
        self, function: Any, types: Iterable[type], arguments: Any, options: Any
    ) -> Any:
        if function is np.nan_to_num and (len(arguments) > 1 or not options.get("copy", True)):
            raise self.tape.refuse("np.nan_to_num, which may write in place")
        if function in ABOUT_SHAPES:
            return function(*_real(arguments), **_real(options))
        if function in WRITERS:
            return note(self.tape, function, arguments, options, into=arguments[:1])
        if getattr(function, "is_whole", False):
            return note(self.tape, function, arguments, options)
        if function not in FUNCTIONS or (function is np.where and len(arguments) != 3):  # noqa: PLR2004
            name = getattr(function, "__name__", function)
            raise self.tape.refuse(f"np.{name}, whose answer may depend on the numbers")
        return note(self.tape, function, arguments, options)

    def __array__(self, *arguments: Any, **options: Any) -> Array:
        raise self.tape.refuse("np.asarray, or a function that takes plain arrays only")

    # ---------------------------------------------------------------- what Python asks

    def __bool__(self) -> bool:
        """Note a guard: a replay that would branch otherwise goes the plain way."""
        answer = bool(self.actual)
        guard = Call(expect, (self, answer, self.tape.innermost()), {}, effect=True)
        self.tape.calls.append(guard)
        return answer

    def _no_number(self, *_: object) -> Any:
        """Refuse to give a number to Python."""
        raise self.tape.refuse("a number of the batch that is used by Python, as by float()")

    __float__ = __int__ = __index__ = __complex__ = item = tolist = __round__ = _no_number
    __format__ = __contains__ = __str__ = _no_number

    def __hash__(self) -> int:
        if isinstance(self.actual, np.ndarray):
            raise TypeError("an array is not hashable")
        return int(self._no_number())

    def __len__(self) -> int:
        return len(self.actual)

    def __iter__(self) -> Iterator["StandIn"]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"StandIn(shape={self.shape}, dtype={self.dtype})"

    def __deepcopy__(self, memo: object) -> "StandIn":
        return self

    # ---------------------------------------------------------------- what arrays have

    @property
    def shape(self) -> Shape:
        return self.actual.shape

    dtype = property(lambda self: self.actual.dtype)
    ndim = property(lambda self: self.actual.ndim)
    size = property(lambda self: self.actual.size)
    strides = property(lambda self: self.actual.strides)
    itemsize = property(lambda self: self.actual.itemsize)
    nbytes = property(lambda self: self.actual.nbytes)
    flags = property(lambda self: self.actual.flags)

    @property
    def T(self) -> "StandIn":  # noqa: N802 - as arrays have it
        return note(self.tape, np.transpose, (self,), {})

    def __getitem__(self, index: Any) -> Any:
        if has_mask(index):
            raise self.tape.refuse("x[mask], whose shape depends on the numbers")
        return note(self.tape, getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, StandIn) and same_place(self.actual[_real(index)], value.actual):
            return  # the last step of `x[index] += …`, which has written already
        note(self.tape, setitem, (self, index, value), {}, into=(self,))

    def fill(self, value: Any) -> None:
        """Note that all becomes one value."""
        note(self.tape, np.ndarray.fill, (self, value), {}, into=(self,))

    def __pow__(self, power: Any) -> Any:
        """Return the power, by the function that NumPy's own operator takes for small ones."""
        if _is_number(self) and _is_number(power):
            return note(self.tape, power_of_numbers, (self, power), {})
        short = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal, 1: np.positive}
        if type(power) not in (int, float):
            return np.power(self, power)
        if self.dtype.kind != "f":
            return note(self.tape, operator.pow, (self, power), {})
        return short[power](self) if power in short else np.power(self, power)

    def __rpow__(self, base: Any) -> Any:
        if _is_number(self) and _is_number(base):
            return note(self.tape, power_of_numbers, (base, self), {})
        return np.power(base, self)

    def __ipow__(self, power: Any) -> Any:
        return _in_place(self, self.__pow__(power))

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            raise self.tape.refuse(f"the array's .{name}")
        raise AttributeError(name)


def _method(name: str) -> Callable[..., Any]:
    def method(self: StandIn, *arguments: Any, **options: Any) -> Any:
        return note(self.tape, getattr(np.ndarray, name), (self, *arguments), options)

    method.__doc__ = f"Note a call of the array's {name}."
    return method


for _name in METHODS:
    setattr(StandIn, _name, _method(_name))


def _operator(name: str, ufunc: Any) -> Callable[..., Any]:
    def in_place(self: StandIn, other: Any) -> Any:
        if isinstance(self.actual, np.generic):  # numbers are not changed in place
            return ufunc(self, other)
        return ufunc(self, other, out=(self,))

    in_place.__name__ = name
    return in_place


for _name, _ufunc in {
    "__iadd__": np.add, "__isub__": np.subtract, "__imul__": np.multiply,
    "__itruediv__": np.true_divide, "__ifloordiv__": np.floor_divide, "__imod__": np.remainder,
    "__iand__": np.bitwise_and, "__ior__": np.bitwise_or, "__ixor__": np.bitwise_xor,
}.items():  # fmt: skip
    setattr(StandIn, _name, _operator(_name, _ufunc))


def _in_place(target: Any, value: Any) -> Any:
    if isinstance(target.actual, np.generic):
        return value
    np.copyto(target, value)
    return target


def note(
    tape: Tape, function: Any, arguments: Any, options: dict[str, Any], into: Iterable[Any] = ()
) -> Any:
    """Carry a call out and note it; return what it returns, as stand-ins.

    Parameters
    ----------
    tape
        Where to note it.
    function, arguments, options
        The call.
    into
        Those of its arguments that it writes into, besides `out`.

    Raises
    ------
    Refused
        If it writes to what is not the step's own, or returns other things than arrays.
    """
    if tape.refusal:
        raise tape.refusal
    out = options.get("out")
    targets = (*into, *(out if isinstance(out, tuple) else (out,)))
    written = [_owned(tape, target) for target in targets if target is not None]
    given = _real(arguments)
    if isinstance(given[0], np.generic) and getattr(function, "__objclass__", None) is np.ndarray:
        given = (np.asarray(given[0]), *given[1:])  # a number has an array's methods
    real = function(*given, **_real(options))
    if isinstance(real, np.ndarray):  # which is the `out` of a function that was told it by place
        pairs = zip(arguments[1:], given[1:], strict=True)
        written += [_owned(tape, argument) for argument, array in pairs if array is real]
    operands = stand_ins((arguments, options))
    fresh: list[StandIn] = []
    result = _wrapped(tape, real, operands, fresh)
    if fresh or written:
        if fresh and function in (np.empty_like, np.empty):
            return result  # uninitialised: nothing to do in a replay
        tape.calls.append(Call(function, arguments, options, tuple(fresh), tuple(written)))
    return result


def _owned(tape: Tape, target: Any) -> Memory:
    """Return the memory of a target; raise `Refused` if it is not the step's own to write to."""
    if not isinstance(target, StandIn):
        raise tape.refuse("writing to an array that was made apart from the batch")
    if not target.memory.written:
        raise tape.refuse("writing to x, dy of the layer above, or weights")
    return target.memory


def _wrapped(tape: Tape, real: Any, operands: list[StandIn], fresh: list[StandIn]) -> Any:
    """Return stand-ins for what a call returned; append those for fresh arrays to `fresh`."""
    if real is None:
        return None
    if isinstance(real, (list, tuple)):
        return type(real)(_wrapped(tape, part, operands, fresh) for part in real)
    if isinstance(real, np.ndarray):
        for operand in operands:
            if operand.actual is real:
                return operand
        for operand in operands:
            if isinstance(operand.actual, np.ndarray) and operand.memory.holds(real):
                if len(operands) > 1:  # such as x[k], which lies elsewhere for another k
                    raise tape.refuse("a view that is chosen by numbers")
                return StandIn(tape, real, operand.memory)
    elif not isinstance(real, np.generic):
        raise tape.refuse(f"a call that returns {type(real).__name__}")
    stand_in = StandIn(tape, real, Memory(np.asarray(real)))
    fresh.append(stand_in)
    return stand_in


def _is_number(operand: Any) -> bool:
    """Whether an operand is a number, with whose operators Python computes and not a ufunc."""
    real = operand.actual if isinstance(operand, StandIn) else operand
    return isinstance(real, np.generic | int | float)


def _real(operands: Any) -> Any:
    """Return the operands with stand-ins replaced by what they stand for."""
    return replaced(operands, lambda stand_in: stand_in.actual)


def replaced(operands: Any, by: Callable[[StandIn], Any]) -> Any:
    """Return operands, also in lists, tuples and dicts, with each stand-in replaced."""
    if isinstance(operands, StandIn):
        return by(operands)
    if type(operands) in (list, tuple):
        return type(operands)(replaced(operand, by) for operand in operands)
    if type(operands) is dict:
        return {name: replaced(operand, by) for name, operand in operands.items()}
    return operands


def stand_ins(operands: Any) -> list[StandIn]:
    """Return the stand-ins among operands, also in lists, tuples and dicts."""
    found, within = [], [operands]
    for operand in within:  # which grows
        if isinstance(operand, StandIn):
            found.append(operand)
        elif type(operand) in (list, tuple):
            within += operand
        elif type(operand) is dict:
            within += operand.values()
    return found
