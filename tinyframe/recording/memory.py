"""The plan of memory: results that are dead hand their place on."""

from collections.abc import Collection, Iterable

from tinyframe.recording.standins import stand_ins
from tinyframe.recording.tape import Call, Memory
from tinyframe.utils.aligned import LINE


def touched(call: Call) -> set[Memory]:
    """Return all memory that a call reads or writes."""
    operands = stand_ins((call.arguments, call.options, call.results))
    return {stand_in.memory for stand_in in operands} | set(call.written)


def changed(call: Call) -> set[Memory]:
    """Return all memory that a call writes."""
    return {result.memory for result in call.results} | set(call.written)


def needed(calls: list[Call], wanted: Iterable[Memory]) -> list[bool]:
    """Return for each call whether what it writes is used later, or wanted at the end.

    Parameters
    ----------
    calls
        In order.
    wanted
        Memory that is read when all calls are done.
    """
    used = set(wanted)
    keep = []
    for call in reversed(calls):
        written = changed(call)
        lasting = any(memory.name == "kept" for memory in written)
        keep.append(call.effect or lasting or not used.isdisjoint(written))
        if keep[-1]:
            used |= touched(call)
    return keep[::-1]


def plan(
    calls: list[Call], lasting: Iterable[Memory], elsewhere: Collection[Memory] = ()
) -> tuple[dict[Memory, int], int]:
    """Return where in one stretch of memory each result lies, in bytes, and its length.

    A place is free again after the last call that touches it.

    Parameters
    ----------
    calls
        In order.
    lasting
        Memory that keeps its place to the end.
    elsewhere
        Memory that has a place already.
    """
    lasting = {memory for memory in lasting if not memory.name}
    own = [{m for m in touched(call) if not m.name and m not in elsewhere} for call in calls]
    last = {memory: number for number, used in enumerate(own) for memory in used}
    places: dict[Memory, int] = {}
    free = _Free()
    for number, used in enumerate([*own, lasting]):
        for memory in used - places.keys():
            places[memory] = free.take(_rounded(memory.size))
        for memory in used - lasting:
            if last[memory] == number:
                free.give(places[memory], _rounded(memory.size))
    return places, free.end


def _rounded(size: int) -> int:
    return max(1, -(-size // LINE)) * LINE


class _Free:
    """Free stretches, in order, up to an end that grows where none is large enough."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int]] = []  # (start, stop)
        self.end = 0

    def take(self, size: int) -> int:
        """Return the start of the smallest free stretch of at least this size."""
        fitting = [s for s in self._stretches if s[1] - s[0] >= size]
        if not fitting:
            start = self.end
            if self._stretches and self._stretches[-1][1] == self.end:
                start = self._stretches.pop()[0]
            self.end = start + size
            return start
        start, stop = min(fitting, key=lambda s: s[1] - s[0])
        self._stretches.remove((start, stop))
        if stop - start > size:
            self._insert(start + size, stop)
        return start

    def give(self, start: int, size: int) -> None:
        """Make a stretch free again."""
        self._insert(start, start + size)

    def _insert(self, start: int, stop: int) -> None:
        merged = []
        for a, b in self._stretches:
            if b == start:
                start = a
            elif a == stop:
                stop = b
            else:
                merged.append((a, b))
        merged.append((start, stop))
        self._stretches = sorted(merged)
