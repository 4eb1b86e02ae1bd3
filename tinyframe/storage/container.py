"""The two containers: NumPy's .npz, and .safetensors; every byte covered by a checksum.

Both hold named arrays and one JSON text. A .npz is a zip archive of .npy files, uncompressed;
`numpy.load` opens it too. Its checksum, SHA-256 of all bytes before, is the archive's comment, at
the end of the file: it is verified before anything is parsed. In a .safetensors it is part of the
metadata, and covers the JSON text and each array's name, dtype, shape and bytes.
"""

import hashlib
import io
import json
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyframe.storage.errors import StorageError
from tinyframe.types import Array
from tinyframe.utils.optional import require

META = "tinyframe.json"
"""Name of the JSON text among the arrays of a .npz."""

COMMENT = b"tinyframe sha256 "
DIGEST_LENGTH = 64

DTYPES = {"f4": "float32", "f8": "float64", "i8": "int64", "u1": "uint8", "b1": "bool"}
"""The dtypes a file may hold, as .npy names them, without the byte order."""

NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '[<|](?P<kind>\w\d)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(\d{1,18}, ){0,31}(\d{1,18},?)?)\), \} *\n?",
    re.DOTALL,
)
"""The head of a .npy file of version 1.0, as NumPy writes it."""

DAMAGE = (
    EOFError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,  # a shape that is none, a name in bad UTF-8
    struct.error,
    zipfile.BadZipFile,
)
"""What zipfile and NumPy raise for nonsense."""


def pack_npz(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return a .npz of the arrays and the JSON text."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {META: text, **arrays}.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
        archive.comment = COMMENT + b"0" * DIGEST_LENGTH
    content = buffer.getvalue()[:-DIGEST_LENGTH]
    return content + hashlib.sha256(content).hexdigest().encode()


def unpack_npz(content: bytes) -> tuple[Any, dict[str, Array]]:
    """Return (JSON value, arrays) of what `pack_npz` made.

    Raises
    ------
    StorageError
        If a byte is not as it was written, or it is something else.
    """
    body, digest = content[:-DIGEST_LENGTH], content[-DIGEST_LENGTH:]
    if not body.endswith(COMMENT):
        raise StorageError("not a file of tinyframe's, or not all of one")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise StorageError("its checksum is wrong: the file is damaged")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_sizes(entries, len(content))
            arrays = {
                entry.filename.removesuffix(".npy"): _npy(archive.read(entry), entry.filename)
                for entry in entries
            }
        text = arrays.pop(META)
    except DAMAGE as error:
        raise StorageError(f"not a .npz of tinyframe's: {error}") from error
    if len(arrays) + 1 < len(entries):
        raise StorageError("it holds an array twice")
    return _json(text.tobytes()), arrays


def _check_sizes(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Raise StorageError if members would become more than the file is."""
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise StorageError(f"{entry.filename} is compressed")
    total = sum(entry.file_size for entry in entries)
    if total > size:  # they overlap, or end behind it
        raise StorageError(f"its members have {total} bytes, more than the file")


def _npy(content: bytes, name: str) -> Array:
    """Return the array of a .npy file as NumPy writes it; its header is matched, never run."""
    match = NPY.match(content)
    kind = match["kind"].decode() if match else ""
    if not match or kind not in DTYPES or match.end() != 10 + int.from_bytes(match[1], "little"):
        raise StorageError(f"{name} has an array of another kind than tinyframe writes")
    dtype = np.dtype(f"<{kind}")
    shape = tuple(map(int, re.findall(rb"\d+", match["shape"])))
    data = content[match.end() :]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise StorageError(f"{name} has {len(data)} bytes, not those of shape {shape}")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def pack_safetensors(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return a .safetensors of the arrays, with the JSON text in its metadata.

    Raises
    ------
    ImportError
        Without the library safetensors (extra of the same name).
    """
    library = require("safetensors.numpy", "safetensors", "a .safetensors file")
    text = json.dumps(meta)
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"tinyframe": text, "sha256": _digest(text, tensors)}
    packed: bytes = library.save(tensors, metadata)
    return packed


def unpack_safetensors(content: bytes) -> tuple[Any, dict[str, Array]]:
    """Return (JSON value, arrays) of what `pack_safetensors` made; errors as of both others."""
    library = require("safetensors.numpy", "safetensors", "a .safetensors file")
    error_class = require("safetensors", "safetensors", "a .safetensors file").SafetensorError
    try:
        arrays: dict[str, Array] = library.load(content)
        length = int.from_bytes(content[:8], "little")
        header = _json(content[8 : 8 + length])
        metadata = header["__metadata__"]
        text, digest = metadata["tinyframe"], metadata["sha256"]
    except (error_class, KeyError, TypeError, ValueError, OverflowError) as error:
        raise StorageError(f"not a .safetensors of tinyframe's: {error}") from error
    if set(metadata) != {"tinyframe", "sha256"} or _digest(text, arrays) != digest:
        raise StorageError("its checksum is wrong: the file is damaged")
    return _json(text.encode()), arrays


def _digest(text: str, arrays: Mapping[str, Array]) -> str:
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"its description cannot be read: {error}") from None
