"""Files fetched from mirrors: verified before they take their name, so that no half file stays."""

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tinyframe.utils.progress import track

CHUNK = 1 << 16


class Expected(NamedTuple):
    """What a file must hold once decompressed: size in bytes, and sha256 in hexadecimal."""

    size: int
    sha256: str


class CorruptFileError(ValueError):
    """A file does not hold what it should."""


def verify(path: Path, content: bytes, expected: Expected) -> bytes:
    """Return `content` if it is what was expected of `path`; else raise CorruptFileError."""
    if len(content) != expected.size:
        than = "more than " if len(content) > expected.size else ""
        raise CorruptFileError(
            f"{path} expected {expected.size} bytes decompressed, got "
            f"{than}{min(len(content), expected.size)}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected.sha256:
        raise CorruptFileError(f"{path} expected sha256 {expected.sha256}, got {digest}")
    return content


def download(
    urls: Iterable[str],
    path: Path,
    read: Callable[[Path, Expected], bytes],
    expected: Expected,
    deadline: float,
) -> None:
    """Fetch the first of `urls` that delivers the expected content, and name it `path`.

    It is written to a temporary file beside `path`, verified, and renamed; whatever happens, `path`
    is the whole file or not there, and nothing else stays.

    Parameters
    ----------
    urls
        Where to look, in this order.
    path
        Where to put the file; folders are made.
    read
        Function (path, expected) → decompressed content.
    expected
        What that must be.
    deadline
        `time.monotonic()` at which to give up.

    Raises
    ------
    OSError
        If none delivers it in time: says why, for each.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in urls:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                _fetch(url, file.write, expected.size + CHUNK, deadline)
            verify(temporary, read(temporary, expected), expected)
            temporary.replace(path)
        except (OSError, CorruptFileError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is a response, too
            failures.append(f"{url}: {str(error).replace(name, 'what came')}")
        else:
            return
        finally:
            temporary.unlink(missing_ok=True)
    raise OSError("; ".join(failures))


def _fetch(url: str, write: Callable[[bytes], object], limit: int, deadline: float) -> None:
    """Write what `url` delivers, up to `limit` bytes and until the deadline."""
    received = 0
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("no time left")
    with urllib.request.urlopen(url, timeout=min(10.0, remaining)) as response:  # noqa: S310 - our own https addresses
        promised = response.headers.get("Content-Length")
        total = None if promised is None else int(promised)
        chunks = iter(lambda: response.read1(CHUNK), b"")
        for chunk in track(chunks, total, url.rpartition("/")[2], "B", measure=len):
            received += len(chunk)
            if received > limit:
                raise OSError(f"more than {limit} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {received} bytes in time")
            write(chunk)
        if total is not None and received != total:
            raise OSError(f"{total} bytes promised, {received} delivered")
