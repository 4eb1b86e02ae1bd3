"""Schemas: what a text in a file may say, written down as data and checked before any use."""

import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

LARGEST = 2**63 - 1
"""The largest integer that a file may hold, but for the states of random generators."""


class Rule(NamedTuple):
    """What one value has to be, in words and as a function."""

    expected: str
    holds: Callable[[Any], bool]


Schema: TypeAlias = "Rule | Mapping[str, Schema] | list[Schema]"
"""A rule for a value, {key: schema} for an object with at least these keys, or [schema of each]."""


def check_schema(value: Any, schema: Schema, where: str, *, exact: bool = False) -> None:
    """Raise ValueError if a value, or a part of it, is not as its schema says.

    Parameters
    ----------
    value
        What JSON, or a callback's state, holds.
    schema
        See `Schema`.
    where
        What it is, for the message.
    exact
        Whether keys that the schema does not name are refused, rather than not looked at.
    """
    if isinstance(schema, Rule):
        if not schema.holds(value):
            raise ValueError(f"{where} expected {schema.expected}, got {reprlib.repr(value)}")
    elif isinstance(schema, list):
        check_schema(value, LIST, where)
        for number, item in enumerate(value):
            check_schema(item, schema[0], f"{where}[{number}]", exact=exact)
    else:
        check_schema(value, OBJECT, where)
        for key, part in schema.items():
            if key not in value:
                raise ValueError(f"{where} expected {key!r}, which is missing")
            check_schema(value[key], part, f"{where}.{key}", exact=exact)
        if exact and len(value) > len(schema):
            raise ValueError(f"{where} expected {', '.join(schema)}, got {', '.join(value)}")


TEXT = Rule("a text", lambda value: isinstance(value, str))
LIST = Rule("a list", lambda value: isinstance(value, list))
OBJECT = Rule("an object", lambda value: isinstance(value, Mapping))
PLAIN = Rule(
    "a number, a text or null",
    lambda value: value is None or isinstance(value, (bool, int, float, str)),
)


def integer(at_least: int = 0, at_most: int = LARGEST) -> Rule:
    """Return the rule of an integer between bounds."""
    return Rule(
        f"an integer from {at_least} to {at_most}",
        lambda value: type(value) is int and at_least <= value <= at_most,
    )


def number(at_least: float = -math.inf, *, finite: bool = True) -> Rule:
    """Return the rule of a number; one that need not be finite may be infinite, but not NaN."""
    return Rule(
        f"a {'finite ' * finite}number" + (f" from {at_least:g}" if at_least > -math.inf else ""),
        lambda value: (
            (type(value) is float or (type(value) is int and abs(value) <= LARGEST))
            and value >= at_least
            and (math.isfinite(value) or not finite)
        ),
    )


def object_of(rule: Rule) -> Rule:
    """Return the rule of an object with any keys, whose values keep a rule."""
    return Rule(
        f"an object, each of whose values is {rule.expected}",
        lambda value: isinstance(value, dict) and all(map(rule.holds, value.values())),
    )


def optional(rule: Rule) -> Rule:
    """Return the rule of what may also be None."""
    return Rule(f"{rule.expected} or null", lambda value: value is None or rule.holds(value))


def one_of(*values: str) -> Rule:
    """Return the rule of one of some texts."""
    return Rule(
        f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values
    )


def equal(wanted: Any) -> Rule:
    """Return the rule of one value alone."""
    return Rule(reprlib.repr(wanted), lambda value: bool(value == wanted))


def words(count: int, bits: int) -> Rule:
    """Return the rule of so many unsigned integers."""
    return Rule(
        f"{count} integers below 2**{bits}",
        lambda value: (
            isinstance(value, list)
            and len(value) == count
            and all(type(word) is int and 0 <= word < 2**bits for word in value)
        ),
    )
