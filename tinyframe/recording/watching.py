"""Watching: whether what a layer computes with can change unseen by a recording."""

import builtins
import dis
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from operator import is_
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.layers.saved import PASSING as OF_A_PASS
from tinyframe.losses import Loss
from tinyframe.parameters import Parameter

Part: TypeAlias = Layer | Loss

PASSING = (*OF_A_PASS, "weight_sum")
"""Attributes that a pass leaves for the next call; the last is a loss's."""

Outside: TypeAlias = tuple[str, Callable[[], Any], Any]
"""A variable outside of a part: its name, how to read it, and what it held."""

_CONSTANT = (
    type(None), bool, int, float, complex, str, bytes, type, slice, np.dtype, np.generic,
    FunctionType, BuiltinFunctionType, np.ufunc, ModuleType,
)  # fmt: skip

_IN_CLASSES = (*_CONSTANT, property, staticmethod, classmethod)

_TELLS = (
    print, input, open, isinstance, issubclass, type, hasattr, getattr, callable, globals, locals,
    vars, str, repr, eval, exec, np.isscalar, np.ndarray, np.generic, np.number, np.floating,
    np.integer, np.inexact, np.signedinteger, np.unsignedinteger,
)  # fmt: skip
"""Functions and classes by which a layer would tell of being recorded, or reach for others."""

_OF_MODELS = ("history", "loss", "optimizer")
"""Attributes of a model by which no pass computes."""

_OWN = ("tinyframe", "numpy", "builtins", "typing", "math")  # not abc: of type("Own", …)
"""Packages whose classes, functions and modules stay as they are."""

_BETWEEN = ("CACHE", "EXTENDED_ARG", "NOP", "PUSH_NULL", "RESUME")
"""Instructions that may stand between a name and what is done with it."""

_WHY = {
    "a default": "keeps what may change as the default of an argument",
    "ndarray": "asks for np.ndarray, which what stands in for an array is not",
    "try": "has a `try` or `with`, which a replay leaves out",
}

_BEFORE = ("__init__", "setup", "__repr__")
"""Methods that no step calls."""


def passing(part: Any) -> set[str]:
    """Return the names of attributes that a part's passes leave for the next call."""
    return set(PASSING if isinstance(part, Loss) else OF_A_PASS)


def attributes(part: Part) -> dict[str, Any]:
    """Return what a part keeps, but for what passes leave for the next call."""
    apart = passing(part)
    return {name: value for name, value in vars(part).items() if name not in apart}


def held(part: Part, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what a part keeps of a kind, in an attribute or in a list or tuple of one."""
    for name, value in attributes(part).items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, kind):
                yield name, one


def unwatched(part: Part) -> str:
    """Return why a part cannot be recorded by what it computes with; empty where it can."""
    if getattr(part, "batch_sums", None) is not None:
        return "mixes its rows with those of other processes"
    for name, value in attributes(part).items():
        if not (_is_watched(value) or (name in _OF_MODELS and hasattr(part, "fit"))):
            return f"keeps a {type(value).__name__} in self.{name}, which may change unseen"
    for name, _, value in outside(part):
        if not _is_constant(value):
            return _WHY.get(name, f"uses {name}, which stands outside of it and may change")
    return ""


def _is_watched(value: Any) -> bool:
    stood_in_for = (Parameter, np.ndarray, np.random.Generator)
    if isinstance(value, tuple):  # a stand-in takes the place of an array in it, not deeper
        kinds = (Layer, *stood_in_for)
        return all((isinstance(one, kinds) and _is_plain(one)) or _is_fixed(one) for one in value)
    if isinstance(value, list):
        return bool(value) and all(
            isinstance(one, Layer | Parameter) and _is_plain(one) for one in value
        )
    followed = isinstance(value, (Layer, FunctionType, *stood_in_for))
    return (followed and _is_plain(value)) or _is_fixed(value)


def _is_plain(value: Any) -> bool:
    """Whether a Parameter is one of tinyframe's, which keeps nothing besides its numbers."""
    return not isinstance(value, Parameter) or _is_own(type(value))


def _is_fixed(value: Any) -> bool:
    """Whether a value never changes: a constant, or what a layer made when it was built."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_fixed, value))
    made = ("tinyframe.layers.", "tinyframe.losses.", "tinyframe.initializers")
    own = type(value).__module__.startswith(made) and not isinstance(value, Loss)
    if isinstance(value, (type, ModuleType, FunctionType)):
        return _is_own(value)  # what others have may change
    return own or (isinstance(value, _CONSTANT) and _is_own(type(value)))


def _is_own(kind: Any) -> bool:
    """Whether a class, function or module is of tinyframe, NumPy or Python: it stays as it is."""
    name = kind.__name__ if isinstance(kind, ModuleType) else kind.__module__
    return (name or "").partition(".")[0] in _OWN


def _is_constant(value: Any) -> bool:
    """Whether what a variable holds never becomes another thing by itself."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_constant, value))
    if isinstance(value, type) or not callable(value):
        return isinstance(value, _IN_CLASSES) and not any(value is one for one in _TELLS)
    of = getattr(value, "__self__", None)  # of a generator, say, or of the module math
    known = isinstance(value, _CONSTANT) or type(value).__module__ == "numpy"
    tells = any(value is one for one in _TELLS)
    return known and not tells and isinstance(of, (type(None), ModuleType, type))


def outside(part: Part) -> Iterator[Outside]:
    """Yield what a class of one's own keeps for all its objects, and what its methods use."""
    seen: set[Any] = set()
    for base in type(part).__mro__:
        for name, value in () if _is_own(base) else tuple(vars(base).items()):
            function = getattr(value, "fget", getattr(value, "__func__", value))
            if isinstance(function, FunctionType) and name not in _BEFORE:
                yield from _used(function, seen)
            if not name.startswith("__") and name != "_abc_impl":
                yield name, partial(vars(base).get, name), value
    for value in attributes(part).values():
        if isinstance(value, FunctionType) and not _is_own(value):
            yield from _used(value, seen)


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
        if isinstance(value, FunctionType) and value not in seen and not _is_own(value):
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
        if read is not None and not (space is not None and _is_own(space) and _is_constant(value)):
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
    if step.opname == "IMPORT_NAME" and step.argval.partition(".")[0] not in _OWN:
        return f"import {step.argval}"
    follows = step.opname in ("LOAD_ATTR", "LOAD_METHOD")
    if space is None or _is_own(space) or isinstance(space, FunctionType) != follows:
        return ""
    return str(space.__name__)


def _catches(code: CodeType) -> bool:
    """Whether there is a `try` or a `with` in code, or in a function inside of it."""
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    generator = code.co_flags & inspect.CO_GENERATOR  # has a table of its own accord
    return bool(code.co_exceptiontable and not generator) or any(map(_catches, inner))


def _seen_through(value: Any) -> Any:
    """Return a value, but for a module or class in a closure, whose attributes are not followed."""
    return ... if isinstance(value, (type, ModuleType)) and not _is_own(value) else value


def _itself(value: Any) -> Any:
    return value


class Fingerprint:
    """What layers, losses and their parameters kept at a time, to tell whether that has changed.

    Parameters
    ----------
    parts
        The layers and losses.
    """

    def __init__(self, parts: list[Part]) -> None:
        owners = [*parts, *(p for part in parts for _, p in held(part, Parameter))]
        self._of: dict[Any, tuple[dict[str, Any], set[str], int, list[tuple[str, Any]]]] = {}
        for owner in owners:
            apart = passing(owner)
            staying = [(name, one) for name, one in vars(owner).items() if name not in apart]
            fixed = [(n, one) for n, one in staying if not isinstance(one, np.random.Generator)]
            if type(owner) is Parameter:  # the rest says how its numbers were made
                fixed = [(n, one) for n, one in fixed if n in ("_value", "_grad", "_place")]
            self._of[owner] = vars(owner), apart, len(staying), fixed
        self._lists = [
            (one, tuple(one)) for *_, fixed in self._of.values() for _, one in fixed
            if isinstance(one, list)
        ]  # fmt: skip
        self._outside = [(read, value) for part in parts for _, read, value in outside(part)]
        self._all = list(self._of.values())

    def leave_out(self, part: Part) -> None:
        """Let a part that is not recorded change what it keeps: it runs as it is."""
        now, apart, _, known = self._of[part]
        fixed = [(n, one) for n, one in known if hasattr(Layer, n) or isinstance(one, Parameter)]
        self._of[part] = now, apart, -1, fixed
        self._all = list(self._of.values())

    def has_changed(self) -> bool:
        """Whether an attribute is another object than it was, or there is a new one."""
        for now, apart, count, known in self._all:
            for name, value in known:
                if now.get(name, self) is not value:
                    return True
            if len(now) != count >= 0 and len(now) - sum(n in now for n in apart) != count:
                return True
        for now_in_it, before in self._lists:
            if len(now_in_it) != len(before) or not all(map(is_, now_in_it, before)):
                return True
        return bool(self._outside) and any(read() is not value for read, value in self._outside)

    def of(self, part: Part, name: str) -> Any:
        """Return what an attribute was."""
        return dict(self._of[part][3]).get(name)
