"""Seen: the passes of a layer or a loss that runs as it is, each made once a step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinyframe.recording.watching import Part

PASSES = ("forward", "backward", "backward_parameters")
"""What a layer or a loss does in a step."""


class Seen:
    """The passes of a layer or loss that is not recorded, each made once a step.

    A step may be taken by a replay and then plainly, as where a branch goes the other way, or to
    compare the two: the second gets what the first was given, call by call.

    Attributes
    ----------
    results
        By the method's name, what each of its calls in this step returned.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self.results: dict[str, list[Any]] = {}
        self._calls: dict[str, int] = {}  # how many this passage through the step has made
        self._given: dict[str, Any] = {}  # methods that the user gave this very part

    def begin(self, *, new: bool) -> None:
        """Begin a step, or where it is not `new`, go through the same one again."""
        if new:
            self.results = {}
        self._calls = {}

    def once(
        self, name: str, method: Callable[..., Any], /, *arguments: Any, **options: Any
    ) -> Any:
        """Return what this call of a method returns, or returned before in this step."""
        number, results = self._calls.get(name, 0), self.results.setdefault(name, [])
        if number == len(results):
            result = method(*arguments, **options)
            results.append(result.copy("K") if isinstance(result, np.ndarray) else result)
        self._calls[name] = number + 1
        return results[number]

    def watch(self) -> None:
        """Let the part's passes be made by `once`, until `leave`."""
        self._given = {name: vars(self._part)[name] for name in PASSES if name in vars(self._part)}
        for name in PASSES:
            if hasattr(self._part, name):
                method = getattr(self._part, name)
                vars(self._part)[name] = partial(self.once, name, method)

    def leave(self) -> None:
        """Give the part its own methods back."""
        for name in PASSES:
            vars(self._part).pop(name, None)
        vars(self._part).update(self._given)
