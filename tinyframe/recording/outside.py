"""What stands outside of a layer or a loss, by its classes and its methods' bytecode."""

import builtins
import dis
from abc import ABC
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from tinyframe.layers.layer import Layer

Outside: TypeAlias = tuple[str, Callable[[], Any], Any]
"""A variable outside of a part: its name, how to read it, and what it held."""

CONSTANT = (
    type(None), bool, int, float, complex, str, bytes, type, slice, np.dtype, np.generic,
    FunctionType, BuiltinFunctionType, np.ufunc, ModuleType,
)  # fmt: skip

_IN_CLASSES = (*CONSTANT, property, staticmethod, classmethod)

_TELLS = (
    print, input, open, isinstance, issubclass, type, hasattr, getattr, callable, globals, locals,
    vars, str, repr, eval, exec, np.isscalar, np.ndarray, np.generic, np.number, np.floating,
    np.integer, np.inexact, np.signedinteger, np.unsignedinteger,
)  # fmt: skip
"""Functions and classes by which a layer would tell of being recorded, or reach for others."""

OWN = ("tinyframe", "numpy", "builtins", "typing", "math")  # not abc: of type("Own", …)
"""Packages whose classes, functions and modules stay as they are."""

_BETWEEN = ("CACHE", "EXTENDED_ARG", "NOP", "PUSH_NULL", "RESUME")
"""Instructions that may stand between a name and what is done with it."""

_OF_CLASSES = {
    *(name for name in vars(Layer) if name.startswith("__")), *vars(type("", (), {})), "_abc_impl",
    "__annotations__", "__static_attributes__", "__firstlineno__", "__type_params__",
    "__annotate__", "__annotate_func__", "__annotations_cache__",
}  # fmt: skip
"""What classes have of their own accord."""

_BEFORE = ("__init__", "setup", "__repr__")
"""Methods that no step calls."""


def is_own(kind: Any) -> bool:
    """Whether a class, function or module is of tinyframe, NumPy or Python: it stays as it is."""
    name = kind.__name__ if isinstance(kind, ModuleType) else kind.__module__
    return (name or "").partition(".")[0] in OWN


def is_constant(value: Any) -> bool:
    """Whether what a variable holds never becomes another thing by itself."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(is_constant, value))
    if isinstance(value, staticmethod):
        return True  # its function is followed
    if isinstance(value, type) or not callable(value):
        return isinstance(value, _IN_CLASSES) and not any(value is one for one in _TELLS)
    of = getattr(value, "__self__", None)  # of a generator, say, or of the module math
    known = isinstance(value, CONSTANT) or type(value).__module__ == "numpy"
    tells = any(value is one for one in _TELLS)
    return known and not tells and isinstance(of, (type(None), ModuleType, type))


def outside(part: object, kept: Iterable[Any]) -> Iterator[Outside]:
    """Yield what a class of one's own keeps for all its objects, and what its methods use.

    Parameters
    ----------
    part, kept
        A layer or a loss, and what its attributes hold.
    """
    seen: set[Any] = set()
    for base in type(part).__mro__:
        if base is ABC or is_own(base):
            continue
        for name, value in tuple(vars(base).items()):
            function = getattr(value, "fget", getattr(value, "__func__", value))
            if isinstance(function, FunctionType) and name not in _BEFORE:
                yield from _used(function, seen)
            if name not in _OF_CLASSES:
                yield name, partial(vars(base).get, name), value
        names = tuple(vars(base))
        yield "a class attribute", partial(_unless_new, base, names), names
    for value in kept:
        if isinstance(value, FunctionType) and not is_own(value):
            yield from _used(value, seen)


def _unless_new(kind: type, names: tuple[str, ...]) -> Any:
    """Return the names, unless a class has got others since."""
    return names if len(vars(kind)) == len(names) and all(n in vars(kind) for n in names) else None


def _used(function: FunctionType, seen: set[Any]) -> Iterator[Outside]:
    """Yield the variables outside of a function that it uses, or that functions do that it uses."""
    seen.add(function)
    code = function.__code__
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield "a default", partial(_itself, default), default
    if _catches(code):  # a replay neither catches an error nor sets what a block sets
        yield "try", partial(_itself, ...), ...
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    found: list[Outside] = [
        (name, partial(getattr, cell, "cell_contents", None), _seen_through(cell.cell_contents))
        for name, cell in cells
        if name != "__class__"
    ]
    for one in (*found, *_named(code, function.__globals__, code.co_freevars)):
        yield one
        value = one[2]
        if isinstance(value, FunctionType) and value not in seen and not is_own(value):
            yield from _used(value, seen)


def _named(code: CodeType, names: dict[str, Any], free: tuple[str, ...]) -> Iterator[Outside]:
    """Yield the variables of modules and classes that code uses, and those that it sets.

    Parameters
    ----------
    code, names, free
        Of a function, or of one inside of it, and the function's global and free variables.
    """
    space: Any = None  # the module or class that the step before has loaded
    for step in dis.get_instructions(code):
        name, read = step.argval, None
        if step.opname in _BETWEEN:
            continue
        if strange := _out_of_sight(step, space):
            yield strange, partial(_itself, ...), ...
        if step.opname == "LOAD_GLOBAL":
            read = partial(names.get, name) if name in names else partial(getattr, builtins, name)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and space is not None:
            read = partial(getattr, space, name, None)
        elif step.opname == "STORE_GLOBAL" or (step.opname == "STORE_DEREF" and name in free):
            yield name, partial(names.get, name), ...
        value = None if read is None else read()
        if read is not None and not (space is not None and is_own(space) and is_constant(value)):
            yield name, read, value
        space = value if isinstance(value, (ModuleType, type, FunctionType)) else None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named(constant, names, free)


def _out_of_sight(step: dis.Instruction, space: Any) -> str:
    """Return what a step reaches for in a way that is not followed; empty if nothing.

    Modules and classes are followed to their attributes, functions into their code: not where the
    first are handed on or called, nor to attributes of the second.
    """
    if step.opname == "IMPORT_NAME" and step.argval.partition(".")[0] not in OWN:
        return f"import {step.argval}"
    follows = step.opname in ("LOAD_ATTR", "LOAD_METHOD")
    if space is None or is_own(space) or isinstance(space, FunctionType) != follows:
        return ""
    return str(space.__name__)


def _catches(code: CodeType) -> bool:
    """Whether there is a `try` or a `with` in code, or in a function inside of it."""
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    handles = any(step.opname == "PUSH_EXC_INFO" for step in dis.get_instructions(code))
    return handles or any(map(_catches, inner))  # generators and comprehensions have other tables


def _seen_through(value: Any) -> Any:
    """Return a value, but for a module or class in a closure, whose attributes are not followed."""
    return ... if isinstance(value, (type, ModuleType)) and not is_own(value) else value


def _itself(value: Any) -> Any:
    return value
