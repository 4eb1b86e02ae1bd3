"""Threads of ours that compute beside each other, and BLAS held to one thread meanwhile."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tinyframe.types import Array
from tinyframe.utils.second_thread import SecondThread

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")


@cache
def _blas() -> Any:
    """Return what governs BLAS's threads (extra `threads`); None where it is not installed."""
    try:
        from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - of an extra
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


class _Hold:
    """BLAS held to one thread as long as anybody asks for it: it is the same for all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._limit: Any = None
        self._before = 1

    def threads(self) -> int:
        """Return how many threads BLAS has while it is not held."""
        with self._lock:
            return self._before if self._users else _blas_threads()

    def begin(self) -> None:
        """Hold it."""
        with self._lock:
            if not self._users:
                self._before = _blas_threads()
                self._limit = _blas().limit(limits=1)
            self._users += 1

    def end(self) -> None:
        """Give it back, unless others hold it still."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limit.restore_original_limits()


_hold = _Hold()


def can_share() -> bool:
    """Whether BLAS can be kept from taking the threads that ours are to run on (`threads`)."""
    return _blas() is not None


def _blas_threads() -> int:
    return max((library["num_threads"] for library in _blas().info()), default=1)


def threads() -> int:
    """Return how many threads may compute beside each other: as many as BLAS would take.

    One where nothing can keep BLAS from taking them all the same (extra `threads`).
    """
    if not can_share():
        return 1
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(own or 1, _hold.threads())


class Helper(SecondThread):
    """A second thread that computes, as fast as the one it helps: BLAS leaves it its processor.

    Both are in one NumPy context (`errstate`, size of buffers).

    Parameters
    ----------
    gradient
        The array that holds the gradients of what it helps with, if it does so.
    """

    def __init__(self, gradient: Array | None = None) -> None:
        self.gradient = gradient

    def __enter__(self) -> Self:
        _hold.begin()
        return super().__enter__()

    def submit(self, function: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        """Return what will have the function's result; see `SecondThread.submit`."""
        return super().submit(copy_context().run, function, *arguments)

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            _hold.end()


@contextmanager
def helping(objective: Any, gradient: Array | None, *, wanted: bool) -> Iterator[bool]:
    """Give an objective a helper, if that is wanted and there is a processor for it.

    Parameters
    ----------
    objective
        Its attribute `helper` is set; see `tinyframe.training.objective.Objective.begin`.
    gradient
        The array that holds the gradients of all parameters that are trained, in training.
    wanted
        Whether there are blocks to share.
    """
    if not wanted or threads() < 2:  # noqa: PLR2004 - with this one
        yield False
        return
    before = objective.helper  # of a fit that this one is within
    with Helper(gradient) as objective.helper:
        try:
            yield True
        finally:
            objective.helper = before


def share(
    function: Callable[[Iterable[Any]], None],
    items: Sequence[Any],
    track: Callable[..., Any],
    *,
    alone: bool = False,
) -> None:
    """Let a function go through items; two threads do, each of which takes the next, if they can.

    Parameters
    ----------
    function
        Goes through an iterable; what it does with an item does not depend on the others.
    items
        What to go through.
    track
        Shows how far it is: see `tinyframe.utils.progress.track`.
    alone
        Whether no other thread may help.
    """
    if alone or len(items) == 1 or threads() < 2:  # noqa: PLR2004 - this one and another
        function(track(items, len(items)))
        return
    following = iter(items)
    with Helper() as helper:
        rest = helper.submit(function, following)
        try:
            function(track(following, len(items), measure=lambda _: 2))
        finally:
            for _ in following:  # after an error nothing is left for the other one
                pass
        rest.result()
