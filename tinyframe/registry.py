"""The registry: which layer classes files may name."""

from typing import TypeVar

from tinyframe import layers
from tinyframe.layers.layer import Layer

LayerClass = TypeVar("LayerClass", bound=type[Layer])

_classes: dict[str, type[Layer]] = {}


def register(layer_class: LayerClass) -> LayerClass:
    """Let files name a layer class of one's own: the decorator `@register`.

    Such a layer keeps each argument of its constructor as an attribute of the same name: numbers,
    texts, None, tuples or lists of them, layers.

    Parameters
    ----------
    layer_class
        The class; files call it by its name.

    Raises
    ------
    TypeError, ValueError
        If it is no class of layers, or its name stands for another one.
    """
    if not (isinstance(layer_class, type) and issubclass(layer_class, Layer)):
        raise TypeError(f"register expected a class of layers, got {layer_class!r}")
    known = _classes.get(layer_class.__name__, layer_class)
    if (known.__module__, known.__qualname__) != (layer_class.__module__, layer_class.__qualname__):
        raise ValueError(
            f"{layer_class.__name__} is registered already, for {known.__module__}."
            f"{known.__qualname__}"
        )
    _classes[layer_class.__name__] = layer_class  # the newest, where a notebook's cell runs again
    return layer_class


def registered(name: object) -> type[Layer] | None:
    """Return the class of that name, or None."""
    return _classes.get(name) if isinstance(name, str) else None


def is_registered(layer_class: type[Layer]) -> bool:
    """Whether files can name this very class."""
    return _classes.get(layer_class.__name__) is layer_class


for _name in layers.__all__:
    if _name != "Layer":
        register(getattr(layers, _name))
