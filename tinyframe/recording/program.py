"""A program: a recorded step, bound to memory of its own, to be replayed on other numbers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tinyframe.recording.calls import Ready, bind
from tinyframe.recording.functions import CONSTANTS, expect
from tinyframe.recording.kept import draw_again
from tinyframe.recording.memory import changed, needed, plan, touched
from tinyframe.recording.standins import StandIn, replaced, stand_ins
from tinyframe.recording.tape import Call, Memory, Tape
from tinyframe.types import Array
from tinyframe.utils.aligned import aligned_zeros


class Program:
    """The calls of a step, in order, all of which write to memory that they are bound to.

    Parameters
    ----------
    tape
        What was recorded.
    results
        Stand-ins by name, of what is read from outside when the calls are done.
    apart
        Whether each result has a place of its own, so that all can be looked at afterwards.
    gradient
        The array that holds all gradients, where they are to be written to one of its own instead.

    Attributes
    ----------
    results
        Arrays by name, as of the last replay.
    own_gradient
        That array of its own, if it has one.
    runs_parts
        Whether layers or losses run as they are in it.
    is_pure
        Whether it changes nothing but results and gradients, whenever it runs.
    keeps
        Whether a replay may be given up, and has changed what a plain step would change too.
    """

    def __init__(
        self,
        tape: Tape,
        results: Mapping[str, Any],
        *,
        apart: bool = False,
        gradient: Array | None = None,
    ) -> None:
        wanted = {stand_in.memory for stand_in in stand_ins(dict(results))}
        keep = needed(tape.calls, wanted)
        self._constants = constants(tape.calls)
        fixed = [
            any(result.memory in self._constants for result in call.results) for call in tape.calls
        ]
        keep = [kept and not done for kept, done in zip(keep, fixed, strict=True)]
        calls = [call for call, kept in zip(tape.calls, keep, strict=True) if kept]
        self._turn = sum(keep[: tape.turn])
        if apart:
            wanted = set().union(*map(touched, calls))
        draws = [call.arguments[0] for call in calls if call.function is draw_again]
        self._states = {
            memory
            for call in calls
            for memory in call.written
            if memory.name == "kept" and not memory.is_gradient
        }
        self._find_generators = draws
        misses = [call for call in calls if call.effect and call.function is not draw_again]
        self.keeps = bool(misses) and bool(self._states or draws)
        self.runs_parts = any(call.function is not expect for call in misses)
        self.is_pure = not (self.runs_parts or self._states or draws)
        self.own_gradient: Array | None = None
        if gradient is not None:
            self.own_gradient = aligned_zeros(len(gradient), gradient.dtype)
            self._gradient = Memory(gradient, "kept")
        planned = {memory for memory in wanted - self._constants.keys() if not memory.name}
        self._places, size = plan(calls, planned, self._constants)
        self._room = aligned_zeros(size, np.uint8)
        self._given: dict[str, Array] = {}
        self._moving = [
            (number, _Moving(self._settled(call)))
            for number, call in enumerate(calls)
            if any(memory.moves for memory in touched(call))
        ]
        moving = {number for number, _ in self._moving}
        self._calls: list[Ready | None] = [
            None if number in moving else bind(call, self.view) for number, call in enumerate(calls)
        ]
        self.results = {
            name: self.view(result) if isinstance(result, StandIn) else result
            for name, result in results.items()
        }
        self._gradients = {
            memory for call in calls for memory in call.written if memory.is_gradient
        }
        self._places = {}  # which would keep all arrays that were recorded

    def fills(self, gradient: Array | None) -> bool:
        """Whether it writes all of the array that holds the gradients, and none elsewhere."""
        if gradient is None:
            return not self._gradients
        whole = Memory(gradient, "kept")
        inside = all(whole.holds(memory.array) for memory in self._gradients)
        return inside and sum(memory.size for memory in self._gradients) == whole.size

    def keep_states(self) -> None:
        """Keep what a replay is about to change and a plain step in its place would change too."""
        self._kept = Kept(
            [memory.array for memory in self._states], [find() for find in self._find_generators]
        )

    def restore_states(self) -> None:
        """Give it back."""
        if self.keeps:
            self._kept.restore()

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it works in."""
        return self._room.nbytes

    def view(self, stand_in: StandIn) -> Array:
        """Return the array that a stand-in stands for."""
        memory, real = stand_in.memory, stand_in.actual
        if memory.is_gradient and self.own_gradient is not None:
            buffer, start = self.own_gradient, memory.start - self._gradient.start
        elif memory.name == "kept":
            return real
        elif memory in self._constants:
            buffer, start = self._constants[memory], 0
        elif memory.name:
            buffer, start = self._given[memory.name], 0
        else:
            buffer, start = self._room, self._places[memory]
        start += _start(stand_in)
        return np.ndarray(np.shape(real), real.dtype, buffer, start, real.strides)

    def _settled(self, call: Call) -> Call:
        """Return a call in which stand-ins are left for what lies at another place each time."""

        def settle(stand_in: StandIn) -> Any:
            return stand_in if stand_in.memory.moves else self.view(stand_in)

        parts = (call.arguments, call.options, call.results)
        arguments, options, results = replaced(parts, settle)
        return Call(call.function, arguments, options, results)

    def at(self, **given: Array | None) -> tuple[list[Ready], list[Ready]]:
        """Return the calls of the forward and of the backward pass, for inputs that lie here.

        Parameters
        ----------
        **given
            x, target and weight; contiguous, shaped as those that were recorded.
        """
        self._given = {name: array for name, array in given.items() if array is not None}
        calls: list[Any] = self._calls.copy()
        for number, moving in self._moving:
            calls[number] = moving.bind(self._given, self.view)
        return calls[: self._turn], calls[self._turn :]


def constants(calls: list[Call]) -> dict[Memory, Array]:
    """Return the results that are the same in each replay, computed once, by their memory."""
    written = [memory for call in calls for memory in changed(call)]
    found = {}
    for call in calls:
        given = stand_ins((call.arguments, {**call.options, "like": None}))
        if call.function in CONSTANTS and not given and len(call.results) == 1:
            memory = call.results[0].memory
            if written.count(memory) == 1:
                options = {name: one for name, one in call.options.items() if name != "like"}
                found[memory] = call.function(*call.arguments, **options)
    return found


def _start(stand_in: StandIn) -> int:
    """Return where in its memory a stand-in begins, in bytes; numbers fill theirs."""
    real = stand_in.actual
    if not isinstance(real, np.ndarray):
        return 0
    start: int = real.__array_interface__["data"][0] - stand_in.memory.start
    return start


class _Moving:
    """A call of which some operands lie at another place each time.

    A place is met some thirty times a chunk of rows: what binding finds out is kept, 3 µs for 15.

    Parameters
    ----------
    call
        In which all is settled but those operands.
    """

    def __init__(self, call: Call) -> None:
        self._call: Call | None = call
        self._form: tuple[Any, list[Any], dict[str, Any]] | None = None
        self._bound = False

    def bind(self, given: Mapping[str, Array], view: Callable[[StandIn], Array]) -> Ready:
        """Return the call on operands that lie in these arrays, of which `view` gives one."""
        if self._form is None:
            assert self._call is not None  # noqa: S101 - tells the type checker
            return bind(self._call, view) if self._bound else self._first(self._call, view)
        function, arguments, options = self._form
        if isinstance(function, _Place):
            function = getattr(function.within(given), function.method)
        return partial(
            function, *[a.within(given) if type(a) is _Place else a for a in arguments], **options
        )

    def _first(self, call: Call, view: Callable[[StandIn], Array]) -> Ready:
        """Bind it, and find where in what came of it the moving operands are."""
        moving: dict[int, tuple[Array, StandIn]] = {}

        def noted(stand_in: StandIn) -> Array:
            array = view(stand_in)
            moving[id(array)] = array, stand_in
            return array

        ready, self._bound = bind(call, noted), True
        if not isinstance(ready, partial):
            return ready
        of = getattr(ready.func, "__self__", None)
        found = [one for one in (of, *ready.args) if id(one) in moving]
        if {id(one) for one in found} == moving.keys():
            places = {key: _Place(array, stand_in) for key, (array, stand_in) in moving.items()}
            function: Any = ready.func
            if id(of) in places:
                function = _Place(*moving[id(of)], method=ready.func.__name__)
            arguments = [places.get(id(one), one) for one in ready.args]
            self._form = function, arguments, ready.keywords
            self._call = None  # it would keep the rows that were recorded
        return ready


class _Place:
    """Where in an array that is given an operand lies, and the method of it that is called."""

    def __init__(self, array: Array, stand_in: StandIn, method: str = "") -> None:
        self.method = method
        self._name = stand_in.memory.name
        self._form = array.shape, array.dtype, _start(stand_in), array.strides

    def within(self, given: Mapping[str, Array]) -> Array:
        """Return the operand in the array of its name."""
        shape, dtype, start, strides = self._form
        return np.ndarray(shape, dtype, given[self._name], start, strides)


class Kept:
    """What arrays and generators hold, to be given back."""

    def __init__(self, arrays: list[Array], generators: "list[np.random.Generator]") -> None:
        self._arrays = [(array, array.copy("K")) for array in arrays]
        self._generators = [(g, g.bit_generator.state) for g in generators]

    def restore(self) -> None:
        """Write it back."""
        for array, content in self._arrays:
            array[...] = content
        for generator, state in self._generators:
            generator.bit_generator.state = state
