"""What comes in: arrays checked once, then fed to the layers batch by batch."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyframe.checks import batched, shape_error
from tinyframe.targets import are_labels, check_labels
from tinyframe.types import Array, Shape

BLOCK = 1024
"""Rows that are worked on at a time where nothing else is asked: few enough to stay in cache."""


LARGE = 16_000_000
"""Bytes from which on two threads share the check of an array."""

CHUNK = 1024
"""Rows that are fetched at a time: enough that handing them over costs little."""


def as_numbers(values: Any, name: str) -> Array:
    """Return `values` as an array of real numbers, without a copy where it is one already.

    Raises
    ------
    TypeError
        If it holds anything but real numbers.
    ValueError
        If it is a ragged list.
    """
    if type(values) is not np.ndarray and isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} expected plain numbers, got a masked array; fill it first")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} expected rows of one length, got a ragged list ({error})"
        ) from None
    if array.dtype.kind not in "buif":
        hint = ""
        if name == "y" and array.dtype.kind in "OSU":
            hint = "; names of classes become labels by np.unique(y, return_inverse=True)[1]"
        elif array.dtype.kind == "O":
            hint = "; convert it first, as by .astype(float)"
        raise TypeError(f"{name} expected real numbers, got dtype {array.dtype}{hint}")
    return array


def check_finite(array: Array, name: str, dtype: np.dtype[Any]) -> None:
    """Raise ValueError if `array` has a NaN, an infinity, or a number too large for `dtype`."""
    if array.dtype.kind != "f":
        return
    if array.nbytes < LARGE:
        _check_rows(array, name, dtype, 0)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - spares `import tinyframe`

    half = len(array) // 2
    with ThreadPoolExecutor(1) as pool:  # two threads read memory faster than one
        rest = pool.submit(_check_rows, array[half:], name, dtype, half)
        _check_rows(array[:half], name, dtype, 0)
        rest.result()


def _check_rows(rows: Array, name: str, dtype: np.dtype[Any], first: int) -> None:
    """Check rows of which the first has this number, as many at a time as stay in cache."""
    for start in range(0, len(rows), BLOCK):
        block = rows if len(rows) <= BLOCK else rows[start : start + BLOCK]
        # The sum of squares is small only if every number is; it is the cheaper thing to ask.
        flat = block.ravel("K")
        if rows.dtype.char in "fd" and flat.dot(flat) < 1e38:  # noqa: PLR2004
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            bad = ~(np.abs(block) <= np.finfo(dtype).max)
        if bad.any():
            where = tuple(map(int, np.argwhere(bad)[0]))
            raise ValueError(
                f"{name} expected finite {dtype} numbers, got {block[where]} "
                f"in row {first + start + where[0]}"
            )


def as_inputs(X: Any, input_shape: Shape | None, dtype: np.dtype[Any], expected: object) -> Array:
    """Return X as an array (rows, *input_shape) of finite numbers.

    Parameters
    ----------
    X
        Anything that NumPy reads as numbers.
    input_shape
        Sample shape, or None where any shape will do.
    dtype
        What the numbers must fit into.
    expected
        Who expects the shape: named in the message.

    Raises
    ------
    TypeError, ValueError
        If X is not that.
    """
    array = as_numbers(X, "X")
    if array.ndim < 2 or (input_shape is not None and array.shape[1:] != input_shape):  # noqa: PLR2004
        raise shape_error(repr(expected), input_shape, array.shape)
    if array.size == 0:
        raise ValueError(f"X expected at least one row and one feature, got shape {array.shape}")
    check_finite(array, "X", dtype)
    return array


def as_targets(
    y: Any, rows: int, output_shape: Shape, dtype: np.dtype[Any], ignored: int | None = None
) -> Array:
    """Return y as integer labels (rows, …), or as numbers of `dtype` (rows, *output_shape).

    Integers of the shape of the outputs without their last axis are class labels, where there is
    more than one output. A single column may come without its axis. `ignored` is a label that is
    no class.

    Raises
    ------
    TypeError, ValueError
        If y is not that, has another length than X, or a label is no class.
    """
    array = as_numbers(y, "y")
    if array.ndim == 0 or len(array) != rows:
        got = "a single number" if array.ndim == 0 else f"{len(array)} rows"
        raise ValueError(f"y expected {rows} rows, as many as X, got {got}")
    shape = (rows, *output_shape)
    if array.dtype.kind in "bui" and array.shape == (*shape[:-1], 1) and shape[-1] > 1:
        array = array[..., 0]  # a column of labels
    if array.dtype.kind == "b" and array.shape == shape[:-1]:
        array = array.astype(np.intp)
    if are_labels(array, shape):
        check_labels(array, shape[-1], ignored)
        return array.astype(np.intp, copy=False)
    check_finite(array, "y", dtype)
    if array.shape == shape:
        return array.astype(dtype, copy=False)
    if (*array.shape, 1) == shape:
        return array[..., np.newaxis].astype(dtype, copy=False)
    expected = f"{batched(output_shape)} numbers"
    if shape[-1] > 1:
        expected += f" or {batched(output_shape[:-1])} integer labels"
    hint = ""
    if array.shape == shape[:-1]:
        hint = "; labels become integers by y.astype(int)"
    elif array.ndim < len(shape) - 1:
        hint = "; outputs keep the axes of X: put Flatten() before the layers"
    raise ValueError(f"y expected {expected}, got {array.dtype} of shape {array.shape}{hint}")


class Feed:
    """Rows of X and y as the layers want them: gathered, and converted, into reused buffers.

    A batch is valid until the next one is asked for.

    Parameters
    ----------
    X, y
        Arrays of as many rows.
    dtype
        What the first layer wants X in.
    """

    def __init__(self, X: Array, y: Array, dtype: np.dtype[Any]) -> None:
        self.X, self.y = X, y
        self.dtype = dtype
        self._buffers: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.X)

    def blocks(
        self, spans: list[tuple[int, int]], order: Array | None = None, *, ahead: bool = False
    ) -> Iterator[tuple[Array, Array]]:
        """Yield the rows of each span: order[start:stop], or start … stop − 1 without an order.

        Parameters
        ----------
        spans
            Pairs (start, stop), each beginning where the one before ends.
        order
            A permutation of all rows.
        ahead
            Whether a second thread fetches the next rows, some `CHUNK` at a time, while this one
            computes. Most of that work is waiting for memory.
        """
        if order is None and not ahead:
            for start, stop in spans:
                yield self._convert(self.X[start:stop], "x"), self.y[start:stop]
            return
        each = max(1, CHUNK // (spans[0][1] - spans[0][0]))
        chunks = [spans[i : i + each] for i in range(0, len(spans), each)]
        ranges = [slice(chunk[0][0], chunk[-1][1]) for chunk in chunks]
        wanted: Iterator[Array | slice] = iter(ranges)
        if order is not None:
            wanted = (order[rows] for rows in ranges)
        fetched = self._ahead(wanted) if ahead else (self._fetch(rows, "a") for rows in wanted)
        for chunk, (x, y) in zip(chunks, fetched, strict=True):
            base = chunk[0][0]
            for start, stop in chunk:
                yield x[start - base : stop - base], y[start - base : stop - base]

    def _ahead(self, wanted: Iterator[Array | slice]) -> Iterator[tuple[Array, Array]]:
        """Yield the rows of each chunk, always fetching the next one meanwhile."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - spares `import tinyframe`

        sides = itertools.cycle("ab")  # of two buffers
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._fetch, next(wanted), next(sides))
            for rows in wanted:
                block = coming.result()
                coming = pool.submit(self._fetch, rows, next(sides))
                yield block
            yield coming.result()

    def _fetch(self, rows: Array | slice, side: str) -> tuple[Array, Array]:
        """Return rows by number, or a range of them, in a buffer."""
        if isinstance(rows, slice):
            x = self._buffer(f"x {side}", self.X, rows.stop - rows.start, self.dtype)
            np.copyto(x, self.X[rows], casting="unsafe")
            return x, self.y[rows]
        x = self._buffer(f"gathered x {side}", self.X, len(rows), self.X.dtype)
        y = self._buffer(f"gathered y {side}", self.y, len(rows), self.y.dtype)
        # "clip" spares the copy that NumPy makes to leave `out` whole on an error; none can occur.
        self.X.take(rows, axis=0, out=x, mode="clip")
        self.y.take(rows, axis=0, out=y, mode="clip")
        return self._convert(x, f"x {side}"), y

    def _convert(self, x: Array, name: str) -> Array:
        if x.dtype == self.dtype:
            return x
        converted = self._buffer(name, x, len(x), self.dtype)
        np.copyto(converted, x, casting="unsafe")  # float64 to float32; the range is checked
        return converted

    def _buffer(self, name: str, like: Array, rows: int, dtype: np.dtype[Any]) -> Array:
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < rows:
            buffer = np.empty((rows, *like.shape[1:]), dtype)
            self._buffers[name] = buffer
        return buffer[:rows]
