"""MNIST: 70,000 handwritten digits of 28×28 pixels, found on disk or downloaded once."""

import gzip
import math
import os
import sys
import time
import zlib
from pathlib import Path

import numpy as np

from tinyframe.datasets.digits import Split
from tinyframe.datasets.download import CorruptFileError, Expected, download, verify
from tinyframe.types import Array

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

FILES = {
    "train-images-idx3-ubyte": Expected(
        47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": Expected(
        60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": Expected(
        7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": Expected(
        10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}
"""Size in bytes and sha256 of the decompressed files."""


def mnist(*, timeout: float = 60.0) -> Split:
    """Return MNIST: (X, y), (X_test, y_test).

    The files are looked for in the folder that the environment variable TINYFRAME_DATA names (or
    its subfolder `mnist`), then in the cache folder of the operating system; else they are
    downloaded there, 11 MB. Both plain IDX files and gzipped ones will do. The content is verified.

    Parameters
    ----------
    timeout
        Seconds that downloads may take in all.

    Returns
    -------
    (X, y), (X_test, y_test)
        Images (60,000, 28, 28) and (10,000, 28, 28) in uint8, and labels 0 … 9 in int64.

    Raises
    ------
    OSError
        If a file is neither there nor to be had: names the folder and the files to put there.
    ValueError
        If a file in TINYFRAME_DATA is not MNIST's; a bad file in the cache is replaced instead.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

    Examples
    --------
    >>> from tinyframe.datasets import mnist
    >>> (X, y), (X_test, y_test) = mnist()  # doctest: +SKIP
    """
    deadline = time.monotonic() + timeout
    train_images, train_labels, test_images, test_labels = (
        _idx(_content(name, deadline)) for name in FILES
    )
    return (
        (train_images, train_labels.astype(np.int64)),
        (test_images, test_labels.astype(np.int64)),
    )


def cache_folder() -> Path:
    """Return the folder of downloaded data: where the operating system keeps caches."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "tinyframe" / "mnist"


def _content(name: str, deadline: float) -> bytes:
    """Return the verified, decompressed content of one of the files."""
    expected = FILES[name]
    if folder := os.environ.get("TINYFRAME_DATA"):
        base = Path(folder).expanduser()
        for path in _candidates(name, base / "mnist", base):
            return verify(path, _read(path, expected), expected)
    cache = cache_folder()
    for path in _candidates(name, cache):
        try:
            return verify(path, _read(path, expected), expected)
        except CorruptFileError:
            path.unlink()  # our own copy: another one is better
    path = cache / f"{name}.gz"
    try:
        download([f"{mirror}{name}.gz" for mirror in MIRRORS], path, _read, expected, deadline)
    except OSError as error:
        elsewhere = f" nor in TINYFRAME_DATA={folder}" if folder else ""
        files = ", ".join(f"{name}.gz" for name in FILES)
        raise OSError(
            f"MNIST is not in {cache}{elsewhere} and could not be downloaded.\nPut {files} into "
            "that folder, or into one that the environment variable TINYFRAME_DATA names.\n"
            f"({error})"
        ) from error
    return verify(path, _read(path, expected), expected)


def _candidates(name: str, *folders: Path) -> list[Path]:
    paths = [folder / f"{name}{suffix}" for folder in folders for suffix in (".gz", "")]
    return [path for path in paths if path.is_file()]


def _read(path: Path, expected: Expected) -> bytes:
    """Return the decompressed content, reading at most one byte more than expected."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"  # gzip's magic number, whatever the name says
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            return file.read(expected.size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptFileError(f"{path} is damaged: {error}") from error


def _idx(content: bytes) -> Array:
    """Return the array in an IDX file: 0, 0, type 8 (bytes), dimensions, big-endian sizes, data."""
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).astype(int)
    return np.frombuffer(content, np.uint8, math.prod(shape), offset=start).reshape(shape).copy()
