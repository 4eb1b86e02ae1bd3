"""How objects show themselves: as the call that makes them."""

import functools
import inspect
import math

LONG = 9
"""Characters of a number from which on it may be a fraction."""


def constructor_call(instance: object) -> str:
    """Return `Dense(784, 10)` for Dense(784, 10): arguments that have their default are left out.

    It reads each argument of the constructor from the attribute of the same name, and leaves out
    those that are kept under another name.
    """
    arguments: list[str] = []
    signature = _signature(type(instance))  # type: ignore[arg-type] # classes are hashable
    for name, argument in signature.parameters.items():
        if not hasattr(instance, name):
            continue
        value = getattr(instance, name)
        if argument.kind is argument.VAR_POSITIONAL:
            arguments += map(shown, value)
        elif argument.kind is argument.VAR_KEYWORD:
            arguments += [f"{key}={shown(option)}" for key, option in value.items()]
        elif argument.default is argument.empty:
            arguments.append(shown(value))
        elif argument.default != value:
            arguments.append(f"{name}={shown(value)}")
    return f"{type(instance).__name__}({', '.join(arguments)})"


@functools.lru_cache(256)
def _signature(kind: type) -> inspect.Signature:
    return inspect.signature(kind)


def shown(value: object) -> str:
    """Return the repr of a value; of a function its name, of 1/255 that fraction."""
    if isinstance(value, float) and len(repr(value)) > LONG:
        from fractions import Fraction  # noqa: PLC0415 - spares `import tinyframe`

        over = Fraction(value).limit_denominator(1000) if math.isfinite(value) else Fraction(0)
        small = over.denominator > 1 and abs(over.numerator) <= 1000  # noqa: PLR2004 - as below it
        if small and over.numerator / over.denominator == value:
            return f"{over.numerator}/{over.denominator}"
    return value.__name__ if inspect.isfunction(value) else repr(value)


def shortened(text: str, most: int = 44) -> str:
    """Return a text of at most so many characters, which ends in "…" where some are left out."""
    return text if len(text) <= most else text[: most - 1] + "…"
