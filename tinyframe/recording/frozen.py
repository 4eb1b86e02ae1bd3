"""Frozen: a model's forward pass as it is now, for loops in which microseconds count."""

from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.recording.inference import RecordedForward, replay
from tinyframe.recording.tape import Refused
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.recording.calls import Ready


class FrozenPredictor:
    """The outputs of layers for so many rows, by the weights that they had when this was made.

    Numbers are not checked, and each call returns the same array, with other numbers in it: copy
    what is to stay. For one thread alone.

    Parameters
    ----------
    layers
        The layers in a chain, which nobody changes any more.
    x : array of shape (rows, *input_shape)
        Memory for what they take.

    Attributes
    ----------
    x
        That memory: `frozen.x[...] = image; y = frozen(frozen.x)` spares a copy.
    """

    def __init__(self, layers: tuple[Layer, ...], x: Array) -> None:
        self.x = x
        self._forward = RecordedForward(layers)
        self._y, calls = self._forward.bound(x)
        self._calls: list[Ready] = [self._plain] if calls is None else calls
        self._context = copy_context()
        self._context.run(np.seterr, all="ignore")  # as products are, whose flags mean nothing

    def __call__(self, x: Any) -> Array:
        """Return the outputs for x, of shape (rows, *output_shape), until the next call.

        Parameters
        ----------
        x
            Numbers of shape (rows, *input_shape).

        Raises
        ------
        TypeError, ValueError
            If x has another shape, or numbers that do not become what `x` holds.
        """
        if x is not self.x:
            self._take(x)
        try:
            self._context.run(replay, self._calls)
        except Refused:
            pass
        else:
            return self._y
        self._plain()
        return self._y

    def _take(self, x: Any) -> None:
        own = self.x
        if type(x) is np.ndarray and x.shape == own.shape and x.dtype is own.dtype:
            own[...] = x  # in half the time of np.copyto
            return
        if np.shape(x) != own.shape:
            raise ValueError(f"the predictor expected shape {own.shape}, got {np.shape(x)}")
        try:
            np.copyto(own, x)
        except TypeError:
            kinds = f"{own.dtype}, got {np.asarray(x).dtype}"
            raise TypeError(
                f"the predictor expected numbers that become {kinds}; predictor(rows, dtype=…)"
            ) from None

    def __repr__(self) -> str:
        return (
            f"FrozenPredictor(x {self.x.dtype} {self.x.shape}, y {self._y.dtype} {self._y.shape})"
        )

    def _plain(self) -> None:
        np.copyto(self._y, self._forward.plain(self.x))
