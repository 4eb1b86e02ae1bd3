"""Parts: the layers that a container is given, one by one or in one list."""

from collections.abc import Sequence
from typing import Any

from tinyframe.layers.layer import Layer
from tinyframe.utils.checks import iterable, one_by_one


def as_layers(
    who: str, given: Sequence[Any], single: type[Layer] | tuple[()] = Layer
) -> tuple[Layer, ...]:
    """Return layers that came one by one, or in one list, as a tuple.

    Parameters
    ----------
    who
        Who takes them: named in messages.
    given
        What came.
    single
        The class whose objects are one layer each, though they may be chains of several.

    Raises
    ------
    TypeError, ValueError
        If something else than layers came, or nothing.
    """
    layers = one_by_one(given, single)
    if not layers:
        raise ValueError(f"{who} expected at least one layer, got none")
    for number, layer in enumerate(layers):
        if _is_class(layer):
            raise TypeError(
                f"{who} expected layers, got the class {layer.__name__} at {number}; "
                f"make one: {layer.__name__}()"
            )
        if not isinstance(layer, Layer):
            raise TypeError(f"{who} expected layers, got {layer!r} at {number}")
        if type(layer).__eq__ is not object.__eq__:
            raise TypeError(
                f"{who} expected layers that are themselves alone, got {layer!r} at {number}, "
                "which compares by value; @dataclass(eq=False) makes such a class"
            )
    for layer in layers:
        vars(layer)["_is_part"] = True  # so that it does not grow by itself
    return layers


def option_apart(given: tuple[Any, ...], option: Any) -> tuple[tuple[Any, ...], Any]:
    """Return the layers that came, and the option, which may stand behind a list: f([a, b], 3)."""
    match given:
        case (layers, behind) if iterable(layers):
            if not isinstance(behind, Layer) and not _is_class(behind):
                return (layers,), behind
    return given, option


def _is_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Layer)
