"""Memory that lasts from forward to backward, and, inside `fit`, from one step to the next."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tinyframe.types import Array, Shape

Made = TypeVar("Made")

KEPT = 6
"""Numbers of rows for which buffers are kept: a batch and the last, smaller one of an epoch, the
same of the validation data, and two more where a batch's parts differ by a row.
"""

Kept: TypeAlias = tuple[Any, Any]
"""(asked, made): what is kept under a name, as long as the same is asked for."""


class Scratch:
    """What layers and losses remember: values for the backward pass, and reused buffers.

    Outside `fit` there are no buffers: `_buffer` answers None, and NumPy's `out=None` allocates a
    fresh array, which the caller may keep. Inside `fit` a name stands for the same array from step
    to step, as long as it is asked for with the same shape and dtype; else a new array takes its
    place. Each name is for one use. Buffers are kept for the last few numbers of rows. Neither what
    is saved nor the buffers are copied or pickled.
    """

    _saved: Any = None
    _buffers: dict[str, Kept] | None = None  # those for the number of rows in use
    _buffers_by_rows: dict[int, dict[str, Kept]] | None = None  # the last used one is last

    def reuse_buffers(self, rows: int) -> None:
        """Keep buffers from now on, and use those for so many rows; `fit` calls it."""
        if self._buffers_by_rows is None:
            self._buffers_by_rows = {}
        kept = self._buffers_by_rows
        self._buffers = kept[rows] = kept.pop(rows, {})
        if len(kept) > KEPT:
            del kept[next(iter(kept))]

    def release(self) -> None:
        """Forget buffers and saved values; called where `fit` ends."""
        self._buffers = self._buffers_by_rows = self._saved = None

    def _buffer(self, name: str, shape: Shape, dtype: Any) -> Array | None:
        """Return this object's own array to write into (uninitialised), or None outside `fit`."""
        buffers = self._buffers
        if buffers is None:
            return None
        asked = shape, dtype
        kept = buffers.get(name)
        if kept is None or kept[0] != asked:
            kept = buffers[name] = asked, np.empty(shape, dtype)
        array: Array = kept[1]
        return array

    def _buffer_like(self, name: str, x: Array, dtype: Any = None) -> Array | None:
        """Return the same with the shape of `x`; at first, with its order in memory too."""
        buffers = self._buffers
        if buffers is None:
            return None
        asked = x.shape, x.dtype, dtype
        kept = buffers.get(name)
        if kept is None or kept[0] != asked:
            kept = buffers[name] = asked, np.empty_like(x, dtype)
        array: Array = kept[1]
        return array

    def _empty(self, name: str, shape: Shape, dtype: Any) -> Array:
        """Return an uninitialised array: this object's own inside `fit`, else a fresh one."""
        return self._reused(name, np.empty, shape, dtype)

    def _empty_like(self, name: str, x: Array) -> Array:
        """Return the same with the shape of `x`; at first, with its order in memory too."""
        return self._reused_like(name, np.empty_like, x)

    def _reused(self, name: str, make: Callable[..., Made], *arguments: Any) -> Made:
        """Return make(*arguments), whatever it makes; inside `fit` once, as long as they stay.

        The arguments are compared by ==; so they are no arrays.
        """
        buffers = self._buffers
        if buffers is None:
            return make(*arguments)
        asked = make, arguments
        kept = buffers.get(name)
        if kept is None or kept[0] != asked:
            kept = buffers[name] = asked, make(*arguments)
        made: Made = kept[1]
        return made

    def _reused_like(self, name: str, make: Callable[[Array], Array], x: Array) -> Array:
        """Return make(x), as np.zeros_like(x); inside `fit` once, as long as x has this shape."""
        buffers = self._buffers
        if buffers is None:
            return make(x)
        asked = make, x.shape, x.dtype
        kept = buffers.get(name)
        if kept is None or kept[0] != asked:
            kept = buffers[name] = asked, make(x)
        array: Array = kept[1]
        return array

    def _recall(self) -> Any:
        """Return what the forward pass saved."""
        saved = self._saved
        if saved is None:
            raise RuntimeError(
                f"{self!r}: backward needs the values of a forward pass with training=True first"
            )
        return saved

    def __getstate__(self) -> dict[str, Any]:
        own = ("_saved", "_buffers", "_buffers_by_rows")
        return {name: value for name, value in self.__dict__.items() if name not in own}


def anew(name: str, make: Callable[..., Made], *arguments: Any) -> Made:  # noqa: ARG001 - as `_reused`
    """Return make(*arguments): what stands in for `_reused` in inference, which keeps nothing."""
    return make(*arguments)


def contiguous(x: Array, name: str, reused: Callable[..., Array]) -> Array:
    """Return x in row-major order: itself, or a copy in `reused(name, …)`."""
    if x.flags.c_contiguous:
        return x
    copy = reused(name, np.empty, x.shape, x.dtype)
    copy[...] = x
    return copy


PIECE = 65_536
"""Numbers that are worked on at a time where many operations follow each other."""


def pieces(*arrays: Array, size: int = PIECE) -> Iterator[tuple[Array, ...]]:
    """Yield the same stretch of each array, small enough to stay in cache from one use to the next.

    For functions of each element on its own. Arrays that do not lie alike in memory come whole.
    """
    first = arrays[0]
    if first.size <= size:
        yield arrays
        return
    alike = all(a.strides == first.strides and a.shape == first.shape for a in arrays)
    order = np.argsort(first.strides)[::-1]
    if not alike or not first.transpose(order).flags.c_contiguous:
        yield arrays
        return
    flat = [a.transpose(order).reshape(-1) for a in arrays]
    for start in range(0, first.size, size):
        yield tuple(a[start : start + size] for a in flat)
