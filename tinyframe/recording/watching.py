"""Watching: whether what a layer computes with can change unseen by a recording."""

import dis
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from tinyframe import saved
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.parameters import Parameter

Part: TypeAlias = Layer | Loss

PASSING = (*saved.PASSING, "mass")
"""Attributes that a pass leaves for the next call."""

_CONSTANT = (
    type(None), bool, int, float, complex, str, bytes, type, slice, np.dtype, np.generic,
    FunctionType, BuiltinFunctionType, np.ufunc, ModuleType,
)  # fmt: skip

_TELLS = (print, input, open)
"""Functions by which a layer would tell of being recorded."""


def attributes(part: Part) -> dict[str, Any]:
    """Return what a part keeps, but for what passes leave for the next call."""
    return {name: value for name, value in vars(part).items() if name not in PASSING}


def held(part: Part, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what a part keeps of a kind, in an attribute or in a list or tuple of one."""
    for name, value in attributes(part).items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, kind):
                yield name, one


def unwatched(part: Part) -> str:
    """Return why a part cannot be recorded by what it computes with; empty where it can."""
    if getattr(part, "across", None) is not None:
        return "mixes its rows with those of other processes"
    for name, value in attributes(part).items():
        if not _is_watched(value):
            return f"keeps a {type(value).__name__} in self.{name}, which may change unseen"
    for base in type(part).__mro__:
        for method in vars(base).values() if not _is_own(base) else ():
            if isinstance(method, FunctionType) and (name := _outside(method, set())):
                return f"uses {name}, which stands outside of it"
    return ""


def _is_watched(value: Any) -> bool:
    stood_in_for = (Parameter, np.ndarray, np.random.Generator)
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_watched, value))
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, Layer | Parameter) for one in value)
    own = type(value).__module__.partition(".")[0] == "tinyframe"
    return own or isinstance(value, (Layer, *_CONSTANT, *stood_in_for))


def _is_own(kind: Any) -> bool:
    """Whether a class or function is of tinyframe, NumPy or Python: its code stays as it is."""
    root = (kind.__module__ or "").partition(".")[0]
    return root in ("tinyframe", "numpy", "builtins", "abc", "typing", "math")


def _outside(function: FunctionType, seen: set[FunctionType]) -> str:
    """Return a variable outside of a function that it uses and that may change; else nothing."""
    seen.add(function)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    used = {name: cell.cell_contents for name, cell in cells if name != "__class__"}
    used |= _globals(function.__code__, function.__globals__)
    for name, value in used.items():
        constant = isinstance(value, _CONSTANT) or (isinstance(value, tuple) and _is_watched(value))
        if value in _TELLS if callable(value) else not constant:
            return name
        if isinstance(value, FunctionType) and value not in seen and not _is_own(value):
            inner = _outside(value, seen)
            if inner:
                return inner
    return ""


def _globals(code: CodeType, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the global variables that code uses, by name."""
    builtins = {function.__name__: function for function in _TELLS}
    used = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    found = {name: names.get(name, builtins.get(name)) for name in used}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _globals(constant, names)
    return found


class Fingerprint:
    """What layers, losses and their parameters kept at a time, to tell whether that has changed.

    Parameters
    ----------
    parts
        The layers and losses.
    """

    def __init__(self, parts: list[Part]) -> None:
        owners = [*parts, *(p for part in parts for _, p in held(part, Parameter))]
        self._of: dict[Any, tuple[dict[str, Any], int, list[tuple[str, Any]]]] = {}
        for owner in owners:
            staying = [(name, one) for name, one in vars(owner).items() if name not in PASSING]
            fixed = [(n, one) for n, one in staying if not isinstance(one, np.random.Generator)]
            self._of[owner] = vars(owner), len(staying), fixed
        self._all = list(self._of.values())

    def has_changed(self) -> bool:
        """Whether an attribute is another object than it was, or there is a new one."""
        for now, count, known in self._all:
            for name, value in known:
                if now.get(name, self) is not value:
                    return True
            if len(now) != count and len(now) - sum(name in now for name in PASSING) != count:
                return True
        return False

    def of(self, part: Part, name: str) -> Any:
        """Return what an attribute was."""
        return dict(self._of[part][2]).get(name)
