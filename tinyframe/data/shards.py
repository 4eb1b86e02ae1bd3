"""Shards: data on disk, more than memory holds, as rows of .npy files."""

import glob
import math
import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from tinyframe.types import Array, Shape
from tinyframe.utils.checks import positive_integer

Paths: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A file, a pattern such as "train/x-*.npy", or a list of files."""


class Shards:
    """Rows in one .npy file or many, as `numpy.save` writes them, which `fit` reads bit by bit.

        model.fit(Shards("train/x-*.npy", "train/y-*.npy"), batch_size=128)

    An epoch goes through blocks of neighbouring rows in a random order. At any time rows are drawn
    from dozens of blocks, while a thread reads the next ones: shuffled well, and never a single
    row read on its own. Processes that train together read only what they need.

    Parameters
    ----------
    X, y
        Files, of as many rows in all: arrays of shape (rows, …). A pattern stands for the files it
        matches, in the order of their names.
    weight
        Files of what each row counts, of shape (rows,).
    memory : int
        About how many bytes of X are held at once, by all processes together. What is held is what
        is shuffled: more of it mixes the rows better.

    Attributes
    ----------
    rows : int
        How many there are.

    Raises
    ------
    TypeError, ValueError
        If a file is not as above.
    OSError
        If one is not there, or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> np.save(f"{folder}/x-0.npy", np.ones((50, 3), np.float32))
    >>> np.save(f"{folder}/x-1.npy", np.ones((70, 3), np.float32))
    >>> np.save(f"{folder}/y.npy", np.zeros((120, 1), np.float32))
    >>> shards = Shards(f"{folder}/x-*.npy", f"{folder}/y.npy")
    >>> shards.rows
    120
    >>> model = Sequential([Dense(1)]).fit(shards, verbose=0)
    """

    def __init__(
        self, X: Paths, y: Paths, weight: Paths | None = None, *, memory: int = 128_000_000
    ) -> None:
        self.memory = positive_integer("memory", memory)
        self.X, self.y = NpyRows("X", X), NpyRows("y", y)
        self.weight = None if weight is None else NpyRows("weight", weight)
        self.rows = self.X.rows
        for other in (self.y, self.weight):
            if other is not None and other.rows != self.rows:
                raise ValueError(
                    f"Shards expected as many rows of {other.name} as of X, {self.rows}, got "
                    f"{other.rows}"
                )

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        files = len(self.X.files)
        return f"Shards({self.rows} rows of shape {self.X.shape} in {files} files)"


class NpyRows:
    """The rows of .npy files, one file after the other.

    Parameters
    ----------
    name
        What they are, for messages.
    paths
        As in `Shards`.

    Attributes
    ----------
    files : tuple of str
        Their paths.
    rows : int
        How many rows they have.
    shape, dtype
        Of each row.
    """

    def __init__(self, name: str, paths: Paths) -> None:
        self.name = name
        self.files = tuple(_found(name, paths))
        heads = [_head(name, file) for file in self.files]
        self.shape: Shape = heads[0][0][1:]
        self.dtype: np.dtype[Any] = heads[0][1]
        for file, (shape, dtype, _) in zip(self.files, heads, strict=True):
            if (shape[1:], dtype) != (self.shape, self.dtype):
                raise ValueError(
                    f"Shards expected rows of {self.dtype} {self.shape} in all files of {name}, as "
                    f"in {self.files[0]}; {file} has {dtype} {shape[1:]}"
                )
        self._offsets = [offset for _, _, offset in heads]
        self._ends = np.cumsum([shape[0] for shape, _, _ in heads])
        self.rows = int(self._ends[-1])
        if not self.rows:
            raise ValueError(f"Shards expected rows of {name}, got empty files")

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * math.prod(self.shape)

    def read(self, ranges: Iterable[tuple[int, int]]) -> Array:
        """Return the rows of some ranges (start, stop), in a fresh array.

        Raises
        ------
        OSError
            If a file cannot be read, or has become shorter.
        """
        ranges = list(ranges)
        rows = np.empty((sum(stop - start for start, stop in ranges), *self.shape), self.dtype)
        content = rows.reshape(-1).view(np.uint8).data
        at = 0
        for start, stop in ranges:
            for file, first, last in self._in_files(start, stop):
                wanted = content[at : at + (last - first) * self.row_bytes]
                with open(self.files[file], "rb", buffering=0) as stream:  # noqa: PTH123 - of str
                    stream.seek(self._offsets[file] + first * self.row_bytes)
                    while len(wanted):
                        read = stream.readinto(wanted) or 0
                        if not read:
                            raise OSError(
                                f"{self.files[file]} has fewer rows than when it was opened"
                            )
                        wanted, at = wanted[read:], at + read
        return rows

    def _in_files(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield (number of the file, first row in it, last row in it + 1) of a range."""
        file = int(np.searchsorted(self._ends, start, side="right"))
        while start < stop:
            end = int(self._ends[file])
            begin = int(self._ends[file - 1]) if file else 0
            yield file, start - begin, min(stop, end) - begin
            start, file = end, file + 1


def _found(name: str, paths: Paths) -> list[str]:
    """Return the files that paths stand for."""
    if isinstance(paths, (str, os.PathLike)):
        path = os.fspath(paths)
        files = [path] if os.path.exists(path) else sorted(glob.glob(path))  # noqa: PTH110, PTH207 - spares pathlib
        if not files:
            raise FileNotFoundError(f"Shards found no file {path} for {name}")
        return files
    if not isinstance(paths, Iterable) or hasattr(paths, "dtype"):
        raise TypeError(
            f"Shards expected {name} as a path, a pattern or a list of paths, got a "
            f"{type(paths).__name__}"
        )
    files = [os.fspath(path) for path in paths]
    if not files:
        raise ValueError(f"Shards expected files of {name}, got none")
    return files


def _head(name: str, file: str) -> tuple[Shape, np.dtype[Any], int]:
    """Return shape and dtype of the array in a file, and where its content begins."""
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # NumPy raises whatever its parsers do, and warns of a pickle
        raise ValueError(f"{file} is no .npy file of numbers: {error}") from error
    if not isinstance(array, np.memmap):
        raise ValueError(  # noqa: TRY004 - what is in the file is wrong
            f"{file} is no .npy file; take the arrays out of an archive first"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"{file}: {name} expected real numbers, got dtype {array.dtype}")
    if not array.ndim or not array.flags.c_contiguous:
        raise ValueError(
            f"{file}: {name} expected rows one after the other (C order), got shape {array.shape}"
            f"{'' if array.flags.c_contiguous else ' in Fortran order'}"
        )
    return array.shape, array.dtype, array.offset
