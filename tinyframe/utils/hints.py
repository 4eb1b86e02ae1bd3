"""Hints: what people type who know another library, answered by how it is said here.

`vocabulary` has the words and `advice` the sentences; here they are looked up.
"""

import inspect
import sys
from collections.abc import Callable, Collection, Iterable
from functools import wraps
from importlib.util import find_spec
from typing import Any, TypeVar

from tinyframe.utils.advice import ADVICE
from tinyframe.utils.vocabulary import METRICS, NAMES, WORDS

Function = TypeVar("Function", bound=Callable[..., Any])


def hint_for(
    name: str, owners: Iterable[str], known: Collection[str], *, dotted: bool = False
) -> str | None:
    """Return what to say instead of a name: "here it is 'learning_rate'"; None if nobody knows.

    Parameters
    ----------
    name
        What was said.
    owners
        The classes or the function that it was said to, by name, the nearest first.
    known
        What can be said there.
    dotted
        Whether a word may be the attribute of something else: "optimizer.learning_rate".
    """
    for owner in owners:
        if name in ADVICE.get(owner, {}):
            return ADVICE[owner][name]
    for word in WORDS.get(name.lower(), ()):
        if word in known or (dotted and "." in word):
            return f"here it is {word!r}"
    near = closest(name, known)
    return None if near is None else f"did you mean {near!r}?"


def missing_export(module: str, name: str, known: Collection[str]) -> Exception:
    """Return the error for a name that a module does not have, with what to say instead.

    An AttributeError, whose words `from tinyframe import Linear` would drop: for that, where there
    is something to say, an ImportError.

    Parameters
    ----------
    module, name, known
        Which module, what it was asked for, and what it has.
    """
    word, hint = NAMES.get(name), None
    if word in known:
        hint = f"here it is {word!r}"
    elif not name.startswith("_"):
        hint = hint_for(name, ["tinyframe"], known)
    message = f"module {module!r} has no attribute {name!r}"
    if hint is None:
        return AttributeError(message)
    caller = sys._getframe(2).f_globals  # noqa: SLF001 - nothing else tells who asks
    importing = caller.get("__name__") == "importlib._bootstrap"
    if importing and find_spec(f"{module}.{name}") is None:
        return ImportError(f"{message}; {hint}", name=module)
    return AttributeError(f"{message}; {hint}")


def closest(name: str, known: Collection[str]) -> str | None:
    """Return the known word that is spelled most like a name, if one is."""
    import difflib  # noqa: PLC0415 - spares `import tinyframe`

    small = {word.lower(): word for word in known}
    found = difflib.get_close_matches(name.lower(), small, n=1, cutoff=0.65)
    return small[found[0]] if found else None


def figure_hint(name: str, known: Collection[str] = ()) -> str:
    """Return "; here it is 'val_accuracy'" for a figure that is called otherwise, or nothing.

    Parameters
    ----------
    name, known
        What was asked for, and which figures there are.
    """
    val, bare = ("val_", name[4:]) if name.startswith("val_") else ("", name)
    right = val + METRICS.get(bare, bare)
    if bare in METRICS and (right in known or not known):
        return f"; here it is {right!r}"
    near = closest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"


def understood(function: Function) -> Function:
    """Let a call that does not fit this function say what would: a decorator.

    Where an argument has another name elsewhere, the TypeError says what it is here; otherwise it
    shows the arguments that there are. What the function itself raises is left alone.
    """

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from within the function, which has words of its own
            mended = _explained(function, arguments, options)
        raise mended

    return call  # type: ignore[return-value] # called as the function is


class _Shown:
    """A function that shows itself by its name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = function.__name__

    def __repr__(self) -> str:
        return self.name


def _explained(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> TypeError:
    """Return the error for a call that does not fit the function."""
    signature = inspect.signature(function)
    method = next(iter(signature.parameters), "") in ("self", "cls")
    name, owners = function.__name__, [function.__name__]
    if method:
        kind = arguments[0] if isinstance(arguments[0], type) else type(arguments[0])
        owners = [base.__name__ for base in kind.__mro__]
        if name == "__init__":
            name = kind.__name__
        else:
            owners = [name, *owners]
    shown = [p for p in signature.parameters if p not in ("self", "cls")]
    unknown = [option for option in options if option not in shown]
    if unknown:
        return unknown_argument(name, owners, unknown[0], shown)
    for owner in owners:
        if "*" in ADVICE.get(owner, {}) and len(arguments) > method:
            count = len(arguments) - method
            return TypeError(f"{name} got {count} arguments by position; {ADVICE[owner]['*']}")
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        plain = [
            p.replace(annotation=p.empty, default=_Shown(p.default))
            if inspect.isfunction(p.default)
            else p.replace(annotation=p.empty)
            for p in signature.parameters.values()
        ]
        return TypeError(f"{name}{inspect.Signature(plain[method:])}: {error}")
    return TypeError(f"{name} got arguments that do not fit")


def unknown_argument(
    name: str, owners: Iterable[str], argument: str, known: Collection[str]
) -> TypeError:
    """Return the error for an argument that a function or a class does not have.

    Parameters
    ----------
    name, owners
        What was called, and what `hint_for` knows it as.
    argument, known
        What was given, and what can be.
    """
    there_is = f"it takes {', '.join(known)}" if known else "it takes none"
    hint = hint_for(argument, owners, known) or there_is
    return TypeError(f"{name} has no argument {argument!r}; {hint}")
