"""Models as files: architecture, weights, and whatever else predicting needs."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinyframe.layers.layer import Layer
from tinyframe.layers.state import restore_state, state_of
from tinyframe.storage.architecture import (
    UNUSABLE,
    describe,
    describe_or_name,
    rebuild,
    rebuild_or_name,
)
from tinyframe.storage.container import (
    pack_npz,
    pack_safetensors,
    unpack_npz,
    unpack_safetensors,
)
from tinyframe.storage.errors import StorageError
from tinyframe.storage.files import read, write_atomically
from tinyframe.types import Array
from tinyframe.utils.checks import sample_shape
from tinyframe.utils.schema import integer
from tinyframe.version import __version__

FORMAT = 1
"""Version of what the files hold; it grows where older programs would misread them."""

SETTINGS = ("loss", "optimizer")
"""What a model trained with, by attribute; None before, and in files of earlier versions."""

CONTAINERS: dict[str, tuple[Callable[..., bytes], Callable[..., Any]]] = {
    ".npz": (pack_npz, unpack_npz),
    ".safetensors": (pack_safetensors, unpack_safetensors),
}


def save_model(model: Layer, path: str | os.PathLike[str]) -> None:
    """Write a built model to a .npz or .safetensors file; see `Model.save`."""
    pack, _ = _container(Path(path))
    if model.input_shape is None:
        raise ValueError("save expected a built model; its shapes are known after fit or build")
    meta = header("model", model)
    meta |= {kind: describe_or_name(getattr(model, kind, None)) for kind in SETTINGS}
    write_atomically(Path(path), pack(meta, state_of(model)))


def load_model(path: str | os.PathLike[str]) -> Layer:
    """Return the model that `save_model` wrote.

    Layers are made from the registry of names, never by running code from the file.

    Raises
    ------
    StorageError
        If the file cannot be read, is damaged, of a newer format, or names layers that are not
        registered.
    ImportError
        For .safetensors without the library of that name.
    """
    path = Path(path)
    _, unpack = _container(path)
    content = read(path)
    try:
        meta, arrays = unpack(content)
        check_header(meta, "model")
        return model_from(meta, arrays)
    except StorageError as error:
        raise StorageError(f"{path}: {error}") from error.__cause__


def header(kind: str, model: Layer) -> dict[str, Any]:
    """Return what every file says of itself: kind, versions, architecture."""
    return {
        "format": FORMAT,
        "tinyframe": __version__,
        "kind": kind,
        "input_shape": list(model.input_shape or ()),
        "dtype": str(model.dtype),
        "model": describe(model),
    }


def check_header(meta: Any, kind: str) -> None:
    """Raise StorageError if a file is of another kind or of a newer format."""
    if not isinstance(meta, dict) or not integer(1).holds(meta.get("format")):
        raise StorageError("it has no description of tinyframe's")
    if meta["format"] > FORMAT:
        raise StorageError(
            f"it has format {meta['format']}, of tinyframe {meta.get('tinyframe')!s:.20}; this "
            f"version reads formats up to {FORMAT}"
        )
    if meta.get("kind") != kind:
        raise StorageError(f"expected a {kind}, got a {meta.get('kind')!s:.20}")


def model_from(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> Layer:
    """Return the model of a header and its arrays; raise StorageError if they do not fit."""
    model: Layer = rebuild(meta.get("model"))
    for kind in SETTINGS:
        if hasattr(model, kind):
            setattr(model, kind, rebuild_or_name(meta.get(kind), kind))
    try:
        shape = sample_shape("input_shape", meta["input_shape"])
        model.build(shape, dtype=meta["dtype"])
        restore_state(model, arrays)
    except UNUSABLE as error:
        raise StorageError(f"its arrays do not fit its layers: {error}") from error
    return model


def _container(path: Path) -> tuple[Callable[..., bytes], Callable[..., Any]]:
    if path.suffix not in CONTAINERS:
        raise ValueError(f"expected a file name in {' or '.join(CONTAINERS)}, got {path.name!r}")
    return CONTAINERS[path.suffix]
