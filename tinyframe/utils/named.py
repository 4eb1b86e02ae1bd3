"""Named: what is asked for by name, and says which names there are."""

from typing import Any, TypeVar

from tinyframe.utils.hints import closest

Value = TypeVar("Value")


class Named(dict[str, Value]):
    """A dict whose KeyError tells the names that there are."""

    def __missing__(self, key: Any) -> Value:
        near = closest(key, self) if isinstance(key, str) else None
        hint = "" if near is None else f"; did you mean {near!r}?"
        raise KeyError(f"there is no {key!r} among {', '.join(self) or 'no names at all'}{hint}")
