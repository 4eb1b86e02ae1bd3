"""The tape: every NumPy call of a step, and the memory that each reads and writes."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from traceback import walk_stack
from types import FrameType
from typing import Any

import numpy as np

from tinyframe.types import Array


class Refused(Exception):  # noqa: N818 - it says what happened, and is no error of the user's
    """Something of a step cannot be replayed: its message says what, `part` in which layer."""

    def __init__(self, why: str, part: Any = None) -> None:
        super().__init__(why)
        self.part = part


@dataclass(eq=False)
class Memory:
    """A stretch of memory that calls read and write.

    Parameters
    ----------
    array
        The array that owns it while the step is recorded.
    name
        "x", "target" or "weight" for what a step is given, at another place each time; "kept" for
        arrays that stay where they are (weights, gradients, states); "" for results, whose place
        is planned.
    written
        Whether calls may write to it.
    is_gradient
        Whether each step overwrites it.
    """

    array: Array
    name: str = ""
    written: bool = True
    is_gradient: bool = False

    @property
    def moves(self) -> bool:
        """Whether it lies at another place each time."""
        return self.name not in ("", "kept")

    @cached_property
    def start(self) -> int:
        """The address of its first byte, which is its own as long as the tape is kept."""
        return int(np.lib.array_utils.byte_bounds(self.array)[0])

    @cached_property
    def size(self) -> int:
        """Bytes."""
        low, high = np.lib.array_utils.byte_bounds(self.array)
        return int(high - low)

    def holds(self, array: Array) -> bool:
        """Whether an array lies in it."""
        low, high = np.lib.array_utils.byte_bounds(array)
        return array.size > 0 and self.start <= low and high <= self.start + self.size


@dataclass(eq=False)
class Call:
    """One call: `function(*arguments, **options)`, whose arguments may be stand-ins.

    Parameters
    ----------
    function, arguments, options
        What was called.
    results
        Stand-ins for the fresh arrays that it returned.
    written
        Memory that it wrote into besides.
    effect
        Whether it does more than write to memory: draws numbers, runs a layer as it is.
    """

    function: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    results: tuple[Any, ...] = ()
    written: tuple[Memory, ...] = ()
    effect: bool = False


@dataclass(eq=False)
class Tape:
    """What a step did, in order.

    Attributes
    ----------
    calls
        Its NumPy calls.
    refusal
        Why it cannot be replayed; None as long as it can.
    turn
        How many calls belong to the forward pass.
    parts
        By the id of its copy, each layer and loss that is recorded.
    """

    calls: list[Call] = field(default_factory=list)
    refusal: Refused | None = None
    turn: int = 0
    parts: dict[int, Any] = field(default_factory=dict)

    def clear(self) -> None:
        """Let go of all arrays that were recorded, which programs do not need any more."""
        self.calls, self.parts = [], {}

    def innermost(self, frames: Iterable[FrameType] | None = None) -> Any:
        """Return the layer or loss in whose method, of these frames the last one, a call is.

        By default the frames are those that run.
        """
        if frames is None:
            running = walk_stack(sys._getframe())  # noqa: SLF001 - as in traceback
            frames = [frame for frame, _ in running][::-1]
        owners = [self.parts.get(id(frame.f_locals.get("self"))) for frame in frames]
        return next((owner for owner in reversed(owners) if owner is not None), None)

    def refuse(self, why: str) -> Refused:
        """Return the error to raise where something cannot be replayed, and remember it."""
        self.refusal = self.refusal or Refused(why, self.innermost())
        return self.refusal
