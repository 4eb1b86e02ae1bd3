"""Architectures as plain data: each layer's registered name, and the arguments that made it."""

import inspect
from collections.abc import Callable
from typing import Any

from tinyframe import initializers
from tinyframe.layers.layer import Layer
from tinyframe.registry import is_registered, registered
from tinyframe.storage.errors import StorageError

INITIALIZERS = {
    name: function for name, function in vars(initializers).items()
    if inspect.isfunction(function) and "rng" in inspect.signature(function).parameters
}  # fmt: skip


def describe(layer: Layer) -> dict[str, Any]:
    """Return a layer as JSON can hold it.

    Raises
    ------
    StorageError
        If its class is not registered, or an argument is nothing that can be written.
    """
    if not is_registered(type(layer)):
        raise StorageError(
            f"{type(layer).__name__} is not registered: put @tinyframe.register before the class"
        )
    positional, named = _arguments(layer)
    described: dict[str, Any] = {"layer": type(layer).__name__, "arguments": named}
    if positional:
        described["positional"] = positional
    if not layer._trainable:  # noqa: SLF001 - its own, not that of its children
        described["frozen"] = True
    return described


def _arguments(layer: Layer) -> tuple[list[Any], dict[str, Any]]:
    """Return what a layer was made with, by position and by name."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, argument in inspect.signature(type(layer)).parameters.items():
        if not hasattr(layer, name):
            if argument.default is argument.empty and argument.kind is not argument.VAR_KEYWORD:
                raise StorageError(f"{type(layer).__name__} does not keep its argument {name!r}")
            continue
        value = getattr(layer, name)
        if argument.kind is argument.VAR_POSITIONAL:
            positional += [_plain(layer, name, item) for item in value]
        elif name == "dtype":
            named[name] = str(value)
        elif not (callable(value) and not isinstance(value, Layer)):
            named[name] = _plain(layer, name, value)
        elif value is not argument.default and _initializer_name(value):
            named[name] = {"initializer": _initializer_name(value)}
    return positional, named


def rebuild(described: Any) -> Layer:
    """Return the layer that was described; only registered classes are ever called.

    Raises
    ------
    StorageError
        If it is no description, names a class that is not registered, or its arguments are not
        taken.
    """
    try:
        name, arguments = described["layer"], described["arguments"]
        layer_class = registered(name)
        if layer_class is None:
            raise StorageError(
                f"the layer {name!r} is not registered here: put @register before it"
            )
        positional = [_value(item) for item in described.get("positional", ())]
        layer = layer_class(*positional, **{key: _value(v) for key, v in arguments.items()})
        layer._trainable = not described.get("frozen", False)  # noqa: SLF001 - as above
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError, MemoryError) as error:
        raise StorageError(f"the description of a layer cannot be used: {error}") from error
    return layer


def _plain(layer: Layer, name: str, value: Any) -> Any:
    if isinstance(value, Layer):
        return describe(value)
    if isinstance(value, (tuple, list)):
        return [_plain(layer, name, item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise StorageError(f"{layer!r} cannot be written: its {name} is a {type(value).__name__}")


def _value(plain: Any) -> Any:
    if isinstance(plain, dict) and "layer" in plain:
        return rebuild(plain)
    if isinstance(plain, dict):
        return _initializer(plain["initializer"])
    return tuple(map(_value, plain)) if isinstance(plain, list) else plain


def _initializer_name(value: Any) -> Any:
    if isinstance(value, initializers.Constant):
        return value.value
    names = [name for name, function in INITIALIZERS.items() if function is value]
    return names[0] if names else None  # another draws nothing in a file that has the weights


def _initializer(name: Any) -> Callable[..., Any]:
    if isinstance(name, float):
        return initializers.constant(name)
    return INITIALIZERS[name]
