"""The plan of static memory: values that are dead hand their place on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Life(NamedTuple):
    """How many numbers a value has, and the first and the last statement that mention it."""

    size: int
    first: int
    last: int


def plan(lives: Mapping[str, Life], over: Mapping[str, str]) -> tuple[dict[str, int], int]:
    """Return where in one stretch of memory each value lies, and the length of it all.

    Parameters
    ----------
    lives
        Of each value.
    over
        Of a value that is computed number by number: from which one. It lies where that lay, if
        nothing else reads that later.
    """
    homes: dict[str, str] = {}  # the value in whose place another lies
    spans = dict(lives)
    given: set[str] = set()  # whose place another has taken
    for name in sorted(filter(lives.__contains__, over), key=lambda name: lives[name].first):
        source = over[name]
        if source not in lives or source in given:
            continue
        if not lives[source].first < lives[source].last == lives[name].first:
            continue
        given.add(source)
        home = homes.get(source, source)
        homes[name] = home
        size = max(spans[home].size, lives[name].size)
        spans[home] = Life(size, spans[home].first, spans.pop(name).last)
    by_birth = sorted(spans, key=lambda name: spans[name].first)
    by_size = sorted(spans, key=lambda name: -spans[name].size)
    least = max(map(sum, _alive(spans)), default=0)
    plans = [_lowest(spans, by_size), _lowest(spans, by_birth), _both_ends(spans, by_birth, least)]
    places = min(filter(None, plans), key=lambda found: _length(spans, found), default={})
    places |= {name: places[home] for name, home in homes.items()}
    return places, _length(lives, places)


def _alive(spans: Mapping[str, Life]) -> Iterable[list[int]]:
    """Yield the sizes of all values that live at once, at each first statement."""
    for life in spans.values():
        yield [o.size for o in spans.values() if o.first <= life.first <= o.last]


def _length(spans: Mapping[str, Life], places: Mapping[str, int]) -> int:
    return max((start + spans[name].size for name, start in places.items()), default=0)


def _lowest(spans: Mapping[str, Life], order: Sequence[str]) -> dict[str, int]:
    """Give each value in turn the lowest place that is free while it lives."""
    places: dict[str, int] = {}
    for name in order:
        start, size = 0, spans[name].size
        for low, high in sorted(_taken(spans, places, name)):
            if start + size <= low:
                break
            start = max(start, high)
        places[name] = start
    return places


def _both_ends(spans: Mapping[str, Life], order: Sequence[str], length: int) -> dict[str, int]:
    """Give values in turn the lowest and the highest place; nothing if they do not fit so.

    In a chain of layers, where two values live at a time, they always do.
    """
    places: dict[str, int] = {}
    for number, name in enumerate(order):
        size = spans[name].size
        taken = _taken(spans, places, name)
        starts = (0, length - size) if number % 2 == 0 else (length - size, 0)
        free = [s for s in starts if all(s + size <= low or high <= s for low, high in taken)]
        if not free:
            return {}
        places[name] = free[0]
    return places


def _taken(
    spans: Mapping[str, Life], places: Mapping[str, int], name: str
) -> list[tuple[int, int]]:
    """Return the stretches of those values that live when this one does."""
    life = spans[name]
    return [
        (start, start + spans[other].size)
        for other, start in places.items()
        if spans[other].first <= life.last and life.first <= spans[other].last
    ]
