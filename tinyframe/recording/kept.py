"""Stand-ins for what layers keep besides arrays: parameters and generators."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyframe.parameters import Parameter
from tinyframe.recording.standins import StandIn
from tinyframe.recording.tape import Call, Memory, Tape
from tinyframe.types import Array


class StandInParameter(Parameter):
    """A parameter whose `value` and `grad` are stand-ins for those of another."""

    def __init__(self, parameter: Parameter, value: StandIn, grad: StandIn) -> None:
        self.__dict__.update({**vars(parameter)})
        self._value, self._grad = value, grad  # type: ignore[assignment] # they answer as arrays do

    def _write(self, name: str, old: Any, new: Any) -> None:  # noqa: ARG002 - as its base's
        if new is not old:
            np.copyto(old, new, casting="same_kind")

    def __deepcopy__(self, memo: object) -> "StandInParameter":
        return self


class StandInGenerator:
    """A generator whose arrays of random numbers are drawn anew in each replay.

    Parameters
    ----------
    tape
        Where draws are noted.
    real
        A copy of the generator, to record with.
    find
        Function that returns the generator of the layer as it is when a replay draws.
    """

    def __init__(
        self,
        tape: Tape,
        real: "np.random.Generator",
        find: Callable[[], "np.random.Generator"],
    ) -> None:
        self._tape, self._real, self._find = tape, real, find

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self._real, name)
        if not callable(method) or name in ("spawn", "shuffle"):
            raise self._tape.refuse(f"the generator's .{name}")

        def draw(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            if type(result) is not np.ndarray:
                raise self._tape.refuse("a random number that is used by Python")
            stand_in = StandIn(self._tape, result, Memory(result))
            call = Call(draw_again, (self._find, name, arguments, options), {}, (stand_in,))
            call.effect = True
            self._tape.calls.append(call)
            return stand_in

        return draw

    def __deepcopy__(self, memo: object) -> "StandInGenerator":
        return self


def draw_again(
    find: Callable[[], "np.random.Generator"], name: str, arguments: Any, options: Any
) -> Array:
    """Return what a generator's method draws."""
    return getattr(find(), name)(*arguments, **options)
