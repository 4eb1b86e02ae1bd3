"""Files: written whole or not at all."""

import os
import secrets
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path

from tinyframe.storage.errors import StorageError


def write_atomically(path: Path, content: bytes, *, keep_previous: bool = False) -> None:
    """Write a file so that at any moment, also after a crash, it is the old one or the new one.

    It is written under another name in the same folder, flushed to the disk, and renamed. A file
    keeps its mode. A symbolic link stays one: the file that it points to is written.

    Parameters
    ----------
    path
        The file.
    content
        All of it.
    keep_previous
        Whether the old one stays, as ".previous" after its name, beside it.

    Raises
    ------
    StorageError
        If it cannot be written; the old one is then as it was.
    """
    target = _target(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            _write(temporary, content, _mode(target))
            if keep_previous and target.exists():
                _keep(target, temporary.with_suffix(".old"))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        raise StorageError(
            f"{path} cannot be written: {error}; what was there is as it was"
        ) from error


def previous(path: Path) -> Path:
    """Return where the file before the last one is kept."""
    target = _target(path)
    return target.with_name(target.name + ".previous")


def read(path: Path) -> bytes:
    """Return a file's content; raise StorageError if it cannot be read."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # as above
        raise StorageError(f"{path} cannot be read: {error}") from error


def _target(path: Path) -> Path:
    """Return what a path is once its symbolic links are followed."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _mode(path: Path) -> int | None:
    """Return the mode of a file that is there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _write(path: Path, content: bytes, mode: int | None) -> None:
    """Write a new file, which those whom the mode leaves out never see."""
    opener = partial(os.open, mode=0o666 if mode is None else mode)
    with open(path, "xb", opener=opener) as file:
        if mode is not None:
            with suppress(OSError):  # not every file system has modes
                path.chmod(mode)  # what the umask took away
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path, link: Path) -> None:
    """Give the file a second name, under which it stays."""
    try:
        os.link(path, link)
    except OSError:  # where there are no links, a copy
        _write(link, path.read_bytes(), _mode(path))
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
