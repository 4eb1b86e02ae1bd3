"""The registry: which classes files may name."""

import inspect
from typing import Any, TypeVar

from tinyframe import layers, losses, optimizers
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.optimizers import Optimizer, schedules
from tinyframe.optimizers.schedules import Schedule

Class = TypeVar("Class", bound=type[Layer] | type[Loss] | type[Optimizer] | type[Schedule])

KINDS: dict[str, type[Any]] = {
    "layer": Layer,
    "loss": Loss,
    "optimizer": Optimizer,
    "schedule": Schedule,
}
"""What files describe, by the word that they have for it."""

_KINDS = frozenset(KINDS.values())

_classes: dict[str, type[Any]] = {}


def register(kept_class: Class) -> Class:
    """Let files name a layer class of one's own, a loss, optimizer or schedule: `@register`.

    Its objects keep each argument of their constructor as an attribute of the same name: numbers,
    texts, None, tuples or lists of them, layers.

    Parameters
    ----------
    kept_class
        The class; files call it by its name.

    Raises
    ------
    TypeError, ValueError
        If it is no class of these, or its name stands for another one.

    Examples
    --------
    >>> @register
    ... class Double(Layer):
    ...     def forward(self, x, training=False):
    ...         return 2 * x
    ...
    ...     def backward(self, dy):
    ...         return 2 * dy
    ...
    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/model.npz"
    >>> Sequential([Dense(3, 2), Double()]).save(file)
    >>> Sequential.load(file)[1]
    Double()
    """
    if not _is_kept(kept_class):
        raise TypeError(
            "register expected a class of layers, losses, optimizers or schedules, got "
            f"{kept_class!r}"
        )
    known = _classes.get(kept_class.__name__, kept_class)
    if (known.__module__, known.__qualname__) != (kept_class.__module__, kept_class.__qualname__):
        raise ValueError(
            f"{kept_class.__name__} is registered already, for {known.__module__}."
            f"{known.__qualname__}"
        )
    _classes[kept_class.__name__] = kept_class  # the newest, where a notebook's cell runs again
    return kept_class


def _is_kept(value: Any) -> bool:
    """Whether it is a class of one of the kinds; by its bases, as asking ABCs takes long."""
    return isinstance(value, type) and not _KINDS.isdisjoint(value.__mro__)


def registered(name: object, kind: str) -> type[Any] | None:
    """Return the class of that name and kind, or None."""
    found = _classes.get(name) if isinstance(name, str) else None
    return found if found is not None and issubclass(found, KINDS[kind]) else None


def registered_classes(kind: str) -> list[type[Any]]:
    """Return all classes of a kind."""
    return [found for found in _classes.values() if issubclass(found, KINDS[kind])]


def is_registered(kept_class: type[Any]) -> bool:
    """Whether files can name this very class."""
    return _classes.get(kept_class.__name__) is kept_class


for _module in (layers, losses, optimizers, schedules):
    for _class in vars(_module).values():
        if _is_kept(_class) and not inspect.isabstract(_class):
            register(_class)
