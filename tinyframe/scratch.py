"""Memory that lasts from forward to backward, and, inside `fit`, from one step to the next."""

from typing import Any

import numpy as np

from tinyframe.types import Array, Shape


class Scratch:
    """What layers and losses remember: values for the backward pass, and reused buffers.

    Outside `fit` there are no buffers: `_buffer` answers None, and NumPy's `out=None` allocates a
    fresh array, which the caller may keep. Inside `fit` it answers the same array each step.
    Neither what is saved nor the buffers are copied or pickled.
    """

    _saved: Any = None
    _buffers: dict[tuple[str, Shape], Array] | None = None

    def reuse_buffers(self) -> None:
        """Keep buffers from now on; called where `fit` starts."""
        self._buffers = {}

    def release(self) -> None:
        """Forget buffers and saved values; called where `fit` ends."""
        self._buffers = None
        self._saved = None

    def _buffer(self, name: str, shape: Shape, dtype: Any) -> Array | None:
        """Return this object's own array to write into (uninitialised), or None outside `fit`."""
        buffers = self._buffers
        if buffers is None:
            return None
        array = buffers.get((name, shape))
        if array is None:
            array = buffers[name, shape] = np.empty(shape, dtype)
        return array

    def _buffer_like(self, name: str, x: Array, dtype: Any = None) -> Array | None:
        """Return the same with the shape of `x` and its order in memory."""
        buffers = self._buffers
        if buffers is None:
            return None
        array = buffers.get((name, x.shape))
        if array is None:
            array = buffers[name, x.shape] = np.empty_like(x, dtype)
        return array

    def _recall(self) -> Any:
        """Return what the forward pass saved."""
        if self._saved is None:
            raise RuntimeError(
                f"{self!r}: backward needs the values of a forward pass with training=True first"
            )
        return self._saved

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_saved", "_buffers")}
