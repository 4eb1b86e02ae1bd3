"""Attributes: those that objects have, and what is said of those that others have."""

import inspect
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from tinyframe.utils.advice import ADVICE
from tinyframe.utils.hints import hint_for, understood
from tinyframe.utils.vocabulary import WORDS

_CALLED: dict[str, list[str]] = {}
"""Our words: those that other libraries have for them."""

for _name, _words in WORDS.items():
    for _word in _words:
        _CALLED.setdefault(_word, []).append(_name)


class Readable:
    """A descriptor that can be read alone; a class of the user's may set an attribute of its name.

    A property could not be set there.
    """


@cache
def attributes(kind: Any) -> dict[str, Any] | None:
    """Return what may be set on objects of a class of tinyframe's own; None where anything may.

    A class of the user's keeps what it likes. The names are those of the class, of its annotations,
    which are what they stand for here, and of its constructor's arguments.

    Parameters
    ----------
    kind : type
        The class.
    """
    if kind.__module__.partition(".")[0] != "tinyframe":
        return None
    names: dict[str, Any] = dict.fromkeys(inspect.signature(kind).parameters)
    for base in reversed(kind.__mro__):
        names |= dict.fromkeys(n for n, v in vars(base).items() if not isinstance(v, Readable))
        names |= inspect.get_annotations(base)
    return names


def is_ours(instance: object) -> bool:
    """Whether an object is of a class of tinyframe's own, not of the user's."""
    return type(instance).__module__.startswith("tinyframe.")


class Changes:
    """Marks the last time that an attribute of any layer or parameter was set.

    Attributes
    ----------
    latest
        An object that is another one after each change.
    """

    latest: object = None

    @classmethod
    def note(cls) -> None:
        """Say that something has changed just now."""
        cls.latest = object()


def check_attribute(instance: object, name: str) -> None:
    """Raise AttributeError if an object of tinyframe's own has nothing of that name."""
    names = attributes(type(instance))  # type: ignore[arg-type] # classes are hashable
    if names is not None and name not in names:
        raise unknown_attribute(type(instance), name)


def unknown_attribute(kind: Any, name: str) -> AttributeError:
    """Return the error for a name that objects of this class do not have."""
    known = [n for n in attributes(kind) or dir(kind) if not n.startswith("_")]
    if name in known:
        return AttributeError(f"{kind.__name__} has no {name}, or none before it is built")
    owners = [base.__name__ for base in kind.__mro__]
    hint = hint_for(name, owners, known, dotted=True) or "a subclass of your own may have it"
    return AttributeError(f"{kind.__name__} has no attribute {name!r}; {hint}")


class Foreign(Readable):
    """What other libraries' objects have under a name, and ours do not: reading it says so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        for base in owner.__mro__:  # a class beside ours may have it
            value = vars(base).get(self.name, self)
            if not isinstance(value, Foreign):
                return value.__get__(instance, owner) if hasattr(value, "__get__") else value
        raise unknown_attribute(owner, self.name)


class Hinted:
    """Objects that answer what other libraries call their attributes and arguments.

    `layer.kernel` is an AttributeError that says `weight`, `Conv2D(8, 3, strides=2)` a TypeError
    that says `stride`: see `tinyframe.utils.vocabulary`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.__module__.startswith("tinyframe."):
            return
        for name in _foreign(cls):
            if not hasattr(cls, name):
                setattr(cls, name, Foreign(name))
        if "__init__" in vars(cls):
            cls.__init__ = understood(cls.__init__)  # type: ignore[method-assign]
        elif cls.__init__ is object.__init__ and Hinted not in cls.__bases__:
            cls.__init__ = understood(_nothing)  # type: ignore[method-assign]

    def __dir__(self) -> Iterable[str]:
        kinds = type(self).__mro__
        foreign = {n for kind in kinds for n, v in vars(kind).items() if isinstance(v, Foreign)}
        return sorted((set(super().__dir__()) - foreign) | set(vars(self)))


def _nothing(self: object) -> None:
    """Take no arguments."""


_nothing.__name__ = "__init__"


def _foreign(kind: type[Any]) -> Iterator[str]:
    """Yield the names that reading is to answer: those of other libraries, and parameters to be."""
    annotations = kind.__annotations__  # its own, not those of its bases
    code = getattr(vars(kind).get("__init__"), "__code__", None)
    own = {*vars(kind), *annotations, *(code.co_varnames if code else ())}
    if Hinted in kind.__bases__:  # a contract, which has what its other bases have
        own |= {name for base in kind.__mro__ for name in vars(base)}
    yield from (n for n, of in annotations.items() if getattr(of, "__name__", "") == "Parameter")
    yield from (name for name in ADVICE.get(kind.__name__, ()) if name.isidentifier())
    yield from (name for word in own for name in _CALLED.get(word, ()) if name not in own)
