"""Files: written whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tinyframe.storage.errors import StorageError


def write_atomically(path: Path, content: bytes, *, keep_previous: bool = False) -> None:
    """Write a file so that at any moment, also after a crash, it is the old one or the new one.

    It is written under another name in the same folder, flushed to the disk, and renamed.

    Parameters
    ----------
    path
        The file.
    content
        All of it.
    keep_previous
        Whether the old one stays, as `path` with ".previous" after it.

    Raises
    ------
    StorageError
        If it cannot be written; the old one is then as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            _write(temporary, content)
            if keep_previous and path.exists():
                _keep(path, temporary.with_suffix(".old"))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error}; what was there is as it was"
        ) from error


def previous(path: Path) -> Path:
    """Return where the file before the last one is kept."""
    return path.with_name(path.name + ".previous")


def read(path: Path) -> bytes:
    """Return a file's content; raise StorageError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path, link: Path) -> None:
    """Give the file a second name, under which it stays."""
    try:
        os.link(path, link)
    except OSError:  # where there are no links, a copy
        _write(link, path.read_bytes())
    try:
        link.replace(previous(path))
    finally:
        link.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name last; not every system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
