"""Copies of layers to record with: their arrays, parameters and generators are stand-ins."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.parameters import Parameter
from tinyframe.recording.kept import StandInGenerator, StandInParameter
from tinyframe.recording.seen import Seen
from tinyframe.recording.standins import StandIn
from tinyframe.recording.tape import Call, Memory, Refused, Tape
from tinyframe.recording.watching import PASSING, Part, held, passing


def copied(
    tape: Tape,
    whole: Any,
    parts: list[Part],
    unrecorded: Mapping[Part, Seen],
    *,
    training: bool = True,
) -> tuple[Any, dict[Part, Any]]:
    """Return a copy of an objective, or of layers, to record with, and the copy of each part.

    Parameters
    ----------
    tape
        Where its calls are noted.
    whole
        The objective; left as it is.
    parts
        All layers and losses in it.
    unrecorded
        Those that run as they are.
    training
        Whether arrays that they keep may be written to.
    """
    memo: dict[int, Any] = {}
    for part in parts:
        if part in unrecorded:
            memo[id(part)] = AsItIs(tape, part, unrecorded[part])
            continue
        for _, parameter in held(part, Parameter):
            value = StandIn(tape, parameter.value, Memory(parameter.value, "kept", written=False))
            grad = StandIn(tape, parameter.grad, Memory(parameter.grad, "kept", training, True))
            memo[id(parameter)] = StandInParameter(parameter, value, grad)
        for _, array in held(part, np.ndarray):
            memo[id(array)] = StandIn(tape, array, Memory(array, "kept", training))
        for name, generator in held(part, np.random.Generator):
            own = copy.deepcopy(generator)
            memo[id(generator)] = StandInGenerator(tape, own, _finder(part, name, generator))
    scale = getattr(whole, "scale", None)
    if scale is not None:
        memo[id(scale)] = StandIn(tape, scale, Memory(scale, "kept"))
    twin = copy.deepcopy(whole, memo)
    # What is inside of a layer that runs as it is has no copy.
    return twin, {part: memo[id(part)] for part in parts if id(part) in memo}


def noted(
    tape: Tape,
    objective: Any,
    parts: list[Part],
    unrecorded: Mapping[Part, Seen],
    given: list[StandIn | None],
    training: bool,
    predicts: bool,
) -> tuple[Any, dict[str, Any]]:
    """Let a copy of an objective take a step that is noted; return the copy, and what comes out.

    Parameters
    ----------
    tape, objective, parts, unrecorded
        As in `copied`.
    given
        Stand-ins for x, target and weight.
    training, predicts
        Whether it goes backward too, and whether predictions come out.

    Raises
    ------
    Refused
        If it cannot be replayed.
    """
    twin, twins = copied(tape, objective, parts, unrecorded)
    tape.parts = {id(copy): part for part, copy in twins.items() if part not in unrecorded}
    before = {part: dict(vars(copy)) for part, copy in twins.items()}
    results = {"value": twin.forward(*given, training), "weight_sum": twin.weight_sum}
    if predicts:
        results["prediction"] = twin.prediction
    results = {name: one.copy() if is_given(one) else one for name, one in results.items()}
    for part, own in twins.items():  # now, as a step that is skipped has no backward pass
        if part not in unrecorded and (name := assigned(part, before[part], own)):
            raise Refused(f"changes self.{name} as it goes", part)
    tape.turn = len(tape.calls)
    if training:
        twin.backward()
    for part, own in twins.items():
        name = "" if part in unrecorded else changed(part, before[part], own)
        if name:
            raise Refused(f"changes self.{name} as it goes", part)
    if not isinstance(results["value"], StandIn):
        raise Refused("returns a number of Python's", objective.loss)
    if tape.refusal:  # which a layer's own `except` kept to itself
        raise tape.refusal
    return twin, results


def is_given(result: Any) -> bool:
    """Whether something lies in the memory of x, the target or the weights."""
    return isinstance(result, StandIn) and result.memory.name not in ("", "kept")


def _finder(part: Part, name: str, generator: Any) -> Callable[[], Any]:
    """Return a function that finds a generator, as another may have taken its place."""
    return lambda: vars(part)[name] if vars(part)[name] is not None else generator


def changed(part: Part, before: Mapping[str, Any], twin: Any) -> str:
    """Return the name of an attribute that the step changed; empty if there is none.

    Arrays may change in place, and states by assignment, which is noted as a copy.

    Parameters
    ----------
    part, twin
        The original and its copy.
    before
        Attributes of the copy before the step.
    """
    if name := assigned(part, before, twin):
        return name
    after = vars(twin)
    for name in (before.keys() | after.keys()) - passing(part):
        old, new = before.get(name), after.get(name)
        if old is not new and (
            name not in before or isinstance(old, StandIn) or not _equal(old, new)
        ):
            return name
    return ""


def assigned(part: Part, before: Mapping[str, Any], twin: Any) -> str:
    """Copy states that a copy has assigned to where they were; return one that does not fit."""
    states = []
    for name in getattr(part, "state_names", ()):
        old: Any = before.get(name)
        new: Any = vars(twin).get(name)
        if old is not new and isinstance(old, StandIn):
            if not isinstance(new, StandIn) or (new.dtype, new.shape) != (old.dtype, old.shape):
                return name
            states.append((name, old, new.copy()))  # another one may be moved to where it lies
    for name, old, new in states:
        np.copyto(old, new)
        vars(twin)[name] = old
    return ""


def _equal(old: Any, new: Any) -> bool:
    if old is new:
        return True
    if type(old) is not type(new) or isinstance(old, StandIn | np.ndarray):
        return False
    if isinstance(old, (list, tuple)):
        return len(old) == len(new) and all(map(_equal, old, new))
    return bool(old == new)


class AsItIs:
    """Stands in for a layer or a loss that is not recorded: a program runs the original.

    What goes in is copied, so that the original may keep it.

    Parameters
    ----------
    tape
        Where its passes are noted.
    original
        The layer or loss.
    seen
        What its passes in the plain step returned, which tells their layout.
    """

    _tape: Tape
    _original: Any
    _seen: Seen
    _calls: dict[str, int]

    def __init__(self, tape: Tape, original: Any, seen: Seen) -> None:
        vars(self).update(_tape=tape, _original=original, _seen=seen, _calls={})

    def forward(self, *arguments: Any, **options: Any) -> Any:
        """Note a forward pass."""
        return self._note("forward", arguments, options)

    def backward(self, *arguments: Any, **options: Any) -> Any:
        """Note a backward pass."""
        return self._note("backward", arguments, options)

    def backward_parameters(self, *arguments: Any, **options: Any) -> None:
        """Note a backward pass to the parameters."""
        self._note("backward_parameters", arguments, options)

    @property
    def weight_sum(self) -> Any:
        """What a loss notes in its forward pass."""
        found = self._original.weight_sum
        return None if found is None else self._result(lambda: self._original.weight_sum, (), found)

    def _note(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        seen = self._seen
        number, before = self._calls.get(name, 0), seen.results.get(name, [])
        self._calls[name] = number + 1

        def run(*arguments: Any, **options: Any) -> Any:
            own, named = [*map(_apart, arguments)], {k: _apart(v) for k, v in options.items()}
            return seen.once(name, getattr(self._original, name), *own, **named)

        like = before[number] if number < len(before) else None
        return self._result(run, arguments, like, options)

    def _result(
        self, run: Any, arguments: tuple[Any, ...], like: Any,
        options: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        call = Call(run, arguments, options or {}, effect=True)
        self._tape.calls.append(call)
        if like is None:
            return None
        real = np.asarray(like)
        stand_in = StandIn(self._tape, real if real.ndim else real[()], Memory(real))
        call.results = (stand_in,)
        return stand_in

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._original, name)
        known = hasattr(Layer, name) or hasattr(Loss, name)
        if isinstance(value, Parameter) or (known and name not in (*PASSING, "rng", "_rng")):
            return value
        raise self._tape.refuse(f"reading .{name} of {self._original!r}, which is not recorded")

    def __setattr__(self, name: str, value: Any) -> None:
        raise self._tape.refuse(f"setting .{name} of {self._original!r}, which is not recorded")


def _apart(argument: Any) -> Any:
    return argument.copy("K") if isinstance(argument, np.ndarray) else argument
