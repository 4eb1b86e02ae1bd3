"""Inference: the forward pass of a few rows, replayed where Python's part in it would be large."""

import math
from contextvars import copy_context
from functools import partial
from typing import Any

import numpy as np

from tinyframe import recording
from tinyframe.data.arrays import SMALL_SQUARES
from tinyframe.data.source import BLOCK
from tinyframe.layers.build import check_promise
from tinyframe.layers.layer import Layer
from tinyframe.recording.calls import Ready
from tinyframe.recording.comparison import same_bits
from tinyframe.recording.copies import changed, copied, is_given
from tinyframe.recording.kept import draw_again
from tinyframe.recording.program import Program
from tinyframe.recording.standins import StandIn
from tinyframe.recording.tape import Memory, Refused, Tape
from tinyframe.recording.watching import Fingerprint, unwatched
from tinyframe.types import Array

ROWS = 128
"""Rows that are replayed at a time: their numbers stay in cache.

Measured, for 128 rows, against an eighth of 1,024 that are computed as they come: LeNet 2.1 ms for
4.9, an LSTM of 64 units 3.6 for 5.2, a Transformer block 29 for 52.
"""

FEW_NUMBERS = 256
"""Numbers of all layers' outputs of a row up to which 1,024 rows stay in cache.

Measured, 60,000 rows of the document's network: 20 ms in place of 26, and on two threads 13 for 23.
"""

LARGE = 100_000
"""Bytes of x from which on calls are bound to where it lies, which takes less time than a copy."""

TRIES = 9
"""Passes after which a shape that is not learned yet stays plain: other threads change layers."""

SIZES = 6
"""Shapes of x whose programs are kept; those that were met last stay."""


def rows_at_once(layers: tuple[Layer, ...]) -> int:
    """Return how many rows are replayed at a time, which their shapes alone decide."""
    return BLOCK if are_narrow(layers) else ROWS


def are_narrow(layers: tuple[Layer, ...]) -> bool:
    """Whether layers make vectors of vectors, of few numbers in all."""
    leaves = [part for layer in layers for part in layer.walk() if not part.children]
    shapes = [shape for leaf in leaves for shape in (leaf.input_shape, leaf.output_shape)]
    if any(shape is None or len(shape) != 1 for shape in shapes):
        return False
    return sum(math.prod(leaf.output_shape or ()) for leaf in leaves) <= FEW_NUMBERS


def replay(calls: list[Ready]) -> None:
    """Make calls one after the other."""
    for call in calls:
        call()


class _Shape:
    """Passes of one shape: how many there were, what was recorded, and what is replayed."""

    passes = 0
    tape: Tape | None = None
    result: StandIn
    x: Array
    program: Program
    calls: list[Ready] | None = None
    prediction: Array
    checking: list[Ready] | None = None  # those calls, and one more that writes Σ x² to `square`
    square: Array


class RecordedForward:
    """The forward pass of layers in inference, for one thread; it changes nothing of theirs.

    The second pass of a shape is recorded, the third taken both ways and compared. Where a layer
    cannot be recorded, or a branch goes another way, passes are plain.

    Parameters
    ----------
    layers
        The layers in a chain.
    """

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self._layers = layers
        self._parts = [part for layer in layers for part in layer.walk()]
        self._known = Fingerprint(list(self._parts))
        self._shapes: dict[Any, _Shape] = {}
        self._last = _Shape()
        self._context = copy_context()  # entered in a tenth of the time of np.errstate
        self._context.run(np.seterr, all="ignore")  # as products are, whose flags mean nothing
        self._plain = any(map(unwatched, self._parts))
        self._mixes_rows = any(part.mixes_rows for part in self._parts)
        self._rows = rows_at_once(layers)

    def is_of(self, layers: tuple[Layer, ...]) -> bool:
        """Whether it still is the forward pass of these layers."""
        return layers == self._layers and not self._known.has_been_set()

    def __call__(self, x: Array) -> Array:
        """Return the last layer's output for x; borrowed until the next call."""
        rows = self._rows
        if len(x) <= rows:
            return self._few(x)
        if self._mixes_rows:
            return self.plain(x)
        first = self._few(x[:rows])
        y = np.empty((len(x), *first.shape[1:]), first.dtype)
        y[:rows] = first
        for start in range(rows, len(x), rows):
            y[start : start + rows] = self._few(x[start : start + rows])
        return y

    def at_once(self, x: Array) -> Array | None:
        """Return the output for rows like the last ones, if they are found to be finite on the way.

        Borrowed until the next call. None where they are not, or nobody looked.
        """
        shape = self._last
        if shape.checking is None or x.shape != shape.x.shape or x.dtype != shape.x.dtype:
            return None
        if self._plain or not recording.enabled:
            return None
        shape.x[...] = x  # in half the time of np.copyto
        try:
            self._context.run(replay, shape.checking)
        except Refused:
            return None
        return shape.prediction if float(shape.square) < SMALL_SQUARES else None

    def _few(self, x: Array) -> Array:
        """Return the output for all rows at once; borrowed until the next call."""
        if self._plain or not recording.enabled:
            return self.plain(x)
        key = x.shape, x.dtype
        shape = self._shapes.get(key)
        if shape is None or shape is not self._last:
            shape = self._last = self._met(key)
        if shape.calls is None:
            return self._learn(shape, x)
        calls = shape.calls
        if x.nbytes >= LARGE and x.flags.c_contiguous:
            calls, _ = shape.program.at(x=x)
        else:
            shape.x[...] = x  # in half the time of np.copyto
        try:
            self._context.run(replay, calls)
        except Refused:
            pass
        else:
            return shape.prediction
        return self.plain(x)

    def bound(self, x: Array) -> tuple[Array, list[Ready] | None]:
        """Return an output, and calls that write to it what it is for the numbers then in x.

        None in place of the calls, where the pass cannot be recorded.
        """
        y = self._few(x)
        for _ in range(TRIES):
            if self._plain or self._last.calls is not None:
                break
            self._known.has_been_set()
            y = self._few(x)
        if self._last.calls is None:
            return y.copy(), None
        calls, _ = self._last.program.at(x=x)
        return self._last.prediction, calls

    def _met(self, key: Any) -> _Shape:
        """Return what is known of a shape, which is the last one met now."""
        shape = self._shapes.pop(key, None) or _Shape()
        self._shapes[key] = shape
        if len(self._shapes) > SIZES:
            del self._shapes[next(iter(self._shapes))]
        return shape

    def plain(self, x: Array) -> Array:
        """Return the output for x, computed by the layers themselves."""
        for layer in self._layers:
            x = layer.forward(x, False)
            check_promise(layer, x)
        return x

    def _learn(self, shape: _Shape, x: Array) -> Array:
        """Take a pass plainly; record the second one, compare the third."""
        y = self.plain(x)
        shape.passes += 1
        if shape.passes == 1:
            return y
        shape.x = np.array(x, order="C")
        try:
            if shape.tape is None:
                self._record(shape)
            else:
                self._check(shape, y)
        except Exception:  # noqa: BLE001 - whatever a layer does where its x is no array
            self._plain = True
        return y

    def _check(self, shape: _Shape, y: Array) -> None:
        """Compare a pass that was recorded with one that was just taken plainly."""
        assert shape.tape is not None  # noqa: S101 - recorded before
        program = Program(shape.tape, {"y": shape.result})
        shape.tape.clear()
        calls, _ = program.at(x=shape.x)
        replay(calls)
        self._plain = not same_bits(program.results["y"], y)
        if not self._known.is_latest:  # a layer may have been another one meanwhile
            shape.tape = None
            return
        shape.program, shape.calls, shape.prediction = program, calls, program.results["y"]
        if shape.x.dtype.char in "fd" and shape.x.nbytes < LARGE:
            flat, shape.square = shape.x.reshape(-1), np.empty((), shape.x.dtype)
            shape.checking = [partial(flat.dot, flat, shape.square), *calls]

    def _record(self, shape: _Shape) -> None:
        tape = Tape()
        layers, twins = copied(tape, self._layers, list(self._parts), {}, training=False)
        before = {part: dict(vars(copy)) for part, copy in twins.items()}
        x: Any = StandIn(tape, shape.x, Memory(shape.x, "x", written=False))
        for layer in layers:
            x = layer.forward(x, False)
        if is_given(x):
            x = x.copy()
        tape.turn = len(tape.calls)
        if any(changed(part, before[part], twins[part]) for part in self._parts):
            raise Refused("changes as it goes")
        if tape.refusal:  # which a layer's own `except` kept to itself
            raise tape.refusal
        if any(call.function is draw_again for call in tape.calls):
            raise Refused("draws numbers, of which the pass that is compared would draw more")
        shape.tape, shape.result = tape, x
