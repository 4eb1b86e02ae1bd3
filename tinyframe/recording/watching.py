"""Watching: whether what a layer computes with can change unseen by a recording."""

from collections.abc import Iterator
from operator import is_
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.layers.saved import PASSING as OF_A_PASS
from tinyframe.losses import Loss
from tinyframe.parameters import Parameter
from tinyframe.recording.outside import CONSTANT, Outside, is_constant, is_own, outside
from tinyframe.utils.attributes import Changes

Part: TypeAlias = Layer | Loss

PASSING = (*OF_A_PASS, "weight_sum")
"""Attributes that a pass leaves for the next call; the last is a loss's."""

_OF_MODELS = ("history", "loss", "optimizer")
"""Attributes of a model by which no pass computes."""

_WHY = {
    "a default": "keeps what may change as the default of an argument",
    "ndarray": "asks for np.ndarray, which what stands in for an array is not",
    "try": "has a `try` or `with`, which a replay leaves out",
}


def passing(part: Any) -> set[str]:
    """Return the names of attributes that a part's passes leave for the next call."""
    return set(PASSING if isinstance(part, Loss) else OF_A_PASS)


def attributes(part: Part) -> dict[str, Any]:
    """Return what a part keeps, but for what passes leave for the next call."""
    apart = passing(part)
    return {name: value for name, value in vars(part).items() if name not in apart}


def held(part: Part, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what a part keeps of a kind, in an attribute or in a list or tuple of one."""
    for name, value in attributes(part).items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, kind):
                yield name, one


def unwatched(part: Part) -> str:
    """Return why a part cannot be recorded by what it computes with; empty where it can."""
    if getattr(part, "batch_sums", None) is not None:
        return "mixes its rows with those of other processes"
    for name, value in attributes(part).items():
        if not (_is_watched(value) or (name in _OF_MODELS and hasattr(part, "fit"))):
            return f"keeps a {type(value).__name__} in self.{name}, which may change unseen"
    for name, _, value in _outside(part):
        if not is_constant(value):
            return _WHY.get(name, f"uses {name}, which stands outside of it and may change")
    return ""


def _outside(part: Part) -> Iterator[Outside]:
    return outside(part, attributes(part).values())


def _is_watched(value: Any) -> bool:
    """Whether a change of what an attribute holds is seen."""
    if isinstance(value, tuple):  # a stand-in takes the place of an array in it, not deeper
        return all(_has_stand_in(one) or _is_fixed(one) for one in value)
    if isinstance(value, list):
        children = (isinstance(one, Layer | Parameter) and _has_stand_in(one) for one in value)
        return bool(value) and all(children)
    return _has_stand_in(value) or isinstance(value, FunctionType) or _is_fixed(value)


def _has_stand_in(value: Any) -> bool:
    """Whether a value is copied or stood in for; a Parameter, if it keeps its numbers alone."""
    if isinstance(value, Parameter):
        return is_own(type(value))
    return isinstance(value, (Layer, np.ndarray, np.random.Generator))


def _is_fixed(value: Any) -> bool:
    """Whether a value never changes: a constant, or what a layer made when it was built."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_fixed, value))
    made = ("tinyframe.layers.", "tinyframe.losses.", "tinyframe.initializers")
    own = type(value).__module__.startswith(made) and not isinstance(value, Loss | Layer)
    if isinstance(value, (type, ModuleType, FunctionType)):
        return is_own(value)  # what others have may change
    return own or (isinstance(value, CONSTANT) and is_own(type(value)))


class Fingerprint:
    """What layers, losses and their parameters kept at a time, to tell whether that has changed.

    Parameters
    ----------
    parts
        The layers and losses.
    """

    def __init__(self, parts: list[Part]) -> None:
        self._seen = Changes.latest  # before all is looked at
        owners = [*parts, *(p for part in parts for _, p in held(part, Parameter))]
        self._of: dict[Any, tuple[dict[str, Any], set[str], int, list[tuple[str, Any]]]] = {}
        for owner in owners:
            apart = passing(owner)
            staying = [(name, one) for name, one in vars(owner).items() if name not in apart]
            fixed = [(n, one) for n, one in staying if not isinstance(one, np.random.Generator)]
            if type(owner) is Parameter:  # the rest says how its numbers were made
                fixed = [(n, one) for n, one in fixed if n in ("_value", "_grad", "_place")]
            self._of[owner] = vars(owner), apart, len(staying), fixed
        self._lists = [
            (one, tuple(one)) for *_, fixed in self._of.values() for _, one in fixed
            if isinstance(one, list)
        ]  # fmt: skip
        self._outside = [(read, value) for part in parts for _, read, value in _outside(part)]
        self._all = list(self._of.values())

    def leave_out(self, part: Part) -> None:
        """Let a part that is not recorded change what it keeps: it runs as it is."""
        if part not in self._of:  # made since then, by a layer that is left out
            return
        now, apart, _, known = self._of[part]
        fixed = [(n, one) for n, one in known if hasattr(Layer, n) or isinstance(one, Parameter)]
        self._of[part] = now, apart, -1, fixed
        self._all = list(self._of.values())

    @property
    def is_latest(self) -> bool:
        """Whether no attribute was set since it was asked last whether any was."""
        return self._seen is Changes.latest

    def has_been_set(self) -> bool:
        """Whether anything has changed, where all attributes were set in the usual way."""
        latest = Changes.latest  # before all is looked at
        if latest is self._seen and not (self._lists or self._outside):
            return False
        self._seen = latest
        return self.has_changed()

    def has_changed(self) -> bool:
        """Whether an attribute is another object than it was, or there is a new one."""
        for now, apart, count, known in self._all:
            for name, value in known:
                if now.get(name, self) is not value:
                    return True
            if len(now) != count >= 0 and len(now) - sum(n in now for n in apart) != count:
                return True
        for now_in_it, before in self._lists:
            if len(now_in_it) != len(before) or not all(map(is_, now_in_it, before)):
                return True
        return bool(self._outside) and any(read() is not value for read, value in self._outside)

    def adopt(self, part: Part, name: str, array: Any) -> None:
        """Take an array to be what an attribute was."""
        known = self._of[part][3]
        known[:] = [(n, array if n == name else one) for n, one in known]

    def of(self, part: Part, name: str) -> Any:
        """Return what an attribute was."""
        return dict(self._of[part][3]).get(name)
