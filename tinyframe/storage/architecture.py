"""Architectures as plain data: each part's registered name, and the arguments that made it."""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tinyframe import initializers
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.optimizers import Optimizer
from tinyframe.optimizers.schedules import Schedule
from tinyframe.storage.errors import StorageError
from tinyframe.storage.registry import KINDS, is_registered, registered
from tinyframe.utils.warn import warn

Part: TypeAlias = Layer | Loss | Optimizer | Schedule

UNUSABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a layer may raise where a file's words for it are nonsense."""


class _NotRegisteredError(StorageError):
    """A class that a file names is not registered here."""


class Unregistered:
    """Stands in a loaded model for a loss or an optimizer that its file can only name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name}, of which the file holds the name alone: it was not registered"


def describe(part: Part) -> dict[str, Any]:
    """Return a layer, a loss, an optimizer or a schedule as JSON can hold it.

    Raises
    ------
    StorageError
        If its class is not registered, or an argument is nothing that can be written.
    """
    name = type(part).__name__
    if not is_registered(type(part)):
        raise StorageError(f"{name} is not registered: put @tinyframe.register before the class")
    positional, named = _arguments(part)
    kind = next(kind for kind, base in KINDS.items() if isinstance(part, base))
    described: dict[str, Any] = {kind: name, "arguments": named}
    if positional:
        described["positional"] = positional
    if isinstance(part, Layer) and not part._trainable:  # noqa: SLF001 - its own, not its children's
        described["frozen"] = True
    return described


def _arguments(part: Part) -> tuple[list[Any], dict[str, Any]]:
    """Return what a part was made with, by position and by name."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, argument in inspect.signature(type(part)).parameters.items():
        if not hasattr(part, name):
            if argument.default is argument.empty and argument.kind is not argument.VAR_KEYWORD:
                raise StorageError(f"{type(part).__name__} does not keep its argument {name!r}")
            continue
        value = getattr(part, name)
        if argument.kind is argument.VAR_POSITIONAL:
            positional += [_plain(part, name, item) for item in value]
        elif argument.kind is argument.VAR_KEYWORD and isinstance(value, dict):
            named |= {key: _plain(part, key, option) for key, option in value.items()}
        elif name == "dtype":
            named[name] = str(value)
        elif isinstance(value, tuple(KINDS.values())) or not callable(value):
            named[name] = _plain(part, name, value)
        elif value is not argument.default and _initializer_name(value):
            named[name] = {"initializer": _initializer_name(value)}
    return positional, named


def rebuild(described: Any, kind: str = "layer") -> Any:
    """Return the part that was described; only registered classes are ever called.

    Raises
    ------
    StorageError
        If it is no description of this kind, names a class that is not registered, or its
        arguments are not taken.
    """
    try:
        name, arguments = described[kind], described["arguments"]
        part_class = registered(name, kind)
        if part_class is None:
            raise _NotRegisteredError(
                f"the {kind} {name!r} is not registered here: put @register before it"
            )
        positional = [_value(item) for item in described.get("positional", ())]
        part = part_class(*positional, **{key: _value(v) for key, v in arguments.items()})
        if kind == "layer":
            part._trainable = not described.get("frozen", False)  # noqa: SLF001 - as above
    except UNUSABLE as error:
        raise StorageError(f"the description of a {kind} cannot be used: {error}") from error
    return part


def describe_or_name(part: Loss | Optimizer | None) -> dict[str, Any] | None:
    """Return the description of a loss or optimizer, its name alone where it cannot be described.

    A file without it is worth having still, since predicting needs neither.
    """
    if part is None or isinstance(part, Unregistered):
        return part if part is None else {"name": part.name}
    try:
        return describe(part)
    except StorageError as error:
        name = type(part).__name__
        warn(
            f"the file holds the name of {name} alone, so that a loaded model has to be given one "
            f"to fit or evaluate: {error}"
        )
        return {"name": name}


def rebuild_or_name(described: Any, kind: str) -> Any:
    """Return the loss or optimizer that was described, None if none was, else what has its name."""
    if described is None:
        return None
    if isinstance(described, dict) and isinstance(described.get("name"), str):
        return Unregistered(described["name"])
    try:
        return rebuild(described, kind)
    except _NotRegisteredError:
        return Unregistered(str(described[kind]))


def _plain(part: Part, name: str, value: Any) -> Any:
    if isinstance(value, (Layer, Loss, Optimizer, Schedule)):
        return describe(value)
    if isinstance(value, (tuple, list)):
        return [_plain(part, name, item) for item in value]
    if isinstance(value, slice):
        return {"slice": _plain(part, name, (value.start, value.stop, value.step))}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise StorageError(f"{part!r} cannot be written: its {name} is a {type(value).__name__}")


def _value(plain: Any) -> Any:
    if isinstance(plain, dict) and "slice" in plain:
        return slice(*plain["slice"])
    if isinstance(plain, dict):
        kind = next((kind for kind in KINDS if kind in plain), None)
        return _initializer(plain["initializer"]) if kind is None else rebuild(plain, kind)
    return tuple(map(_value, plain)) if isinstance(plain, list) else plain


def _initializer_name(value: Any) -> Any:
    if isinstance(value, initializers.Constant):
        return value.value
    names = [name for name, function in initializers.NAMED.items() if function is value]
    return names[0] if names else None  # another draws nothing in a file that has the weights


def _initializer(name: Any) -> Callable[..., Any]:
    if isinstance(name, float):
        return initializers.constant(name)
    return initializers.NAMED[name]
