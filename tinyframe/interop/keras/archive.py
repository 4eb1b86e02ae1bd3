"""A `.keras` file: a zip archive of JSON and an HDF5 file."""

import io
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tinyframe.storage.container import DAMAGE
from tinyframe.storage.errors import StorageError
from tinyframe.types import Array
from tinyframe.utils.optional import require

CONFIG, WEIGHTS = "config.json", "model.weights.h5"

OBJECTS, DEPTH, NAME = 100_000, 64, 1000
"""How many groups and arrays there may be, how deep, and how many bytes a layer's name may have."""


class Archive:
    """What is in a `.keras` file.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    config : dict
        The description of the model.
    weights : dict of arrays
        By place: "layers/dense/vars/0".
    names : dict
        For each place that has one, such as "layers/dense", the layer's own name, "head".

    Raises
    ------
    StorageError
        If it cannot be read, or is no such file. Nothing is read that lies in another file, is
        compressed, or is larger than the file, all arrays together.
    """

    config: dict[str, Any]
    weights: dict[str, Array]

    def __init__(self, path: Path) -> None:
        h5py = require("h5py", "keras", "a .keras file")
        self.names: dict[str, str] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                size = path.stat().st_size
                self.config = json.loads(_member(archive, CONFIG, size))
                content = _member(archive, WEIGHTS, size)
            with h5py.File(io.BytesIO(content), "r") as file:
                self.weights = self._read(h5py, file, len(content))
        except (OSError, MemoryError, TypeError, zlib.error, *DAMAGE) as error:
            raise StorageError(f"{path} cannot be read as a .keras file: {error}") from error
        self._folders: dict[str, list[tuple[str, Array]]] = {}
        for place, array in self.weights.items():
            folder, _, name = place.rpartition("/")
            self._folders.setdefault(folder, []).append((name, array))
        if not isinstance(self.config, dict):
            raise StorageError(f"{path} cannot be read as a .keras file: {CONFIG} is no object")

    def _read(self, h5py: Any, file: Any, size: int) -> dict[str, Array]:
        """Return the arrays of an HDF5 file, walked group by group, so that nothing is endless."""
        weights: dict[str, Array] = {}
        groups, found, left = [("", file)], 0, size
        while groups:
            within, group = groups.pop()
            if within.count("/") >= DEPTH:
                raise ValueError(f"it has more than {DEPTH} groups in groups of groups")
            for name in group:
                found += 1
                if found > OBJECTS:
                    raise ValueError(f"it has more than {OBJECTS} groups and arrays")
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    continue  # a link to somewhere else, maybe to another file
                place, item = f"{within}/{name}".removeprefix("/"), group[name]
                if isinstance(item, h5py.Group):
                    groups.append((place, item))
                    if name == "vars":
                        self._read_name(h5py, within, item)
                elif isinstance(item, h5py.Dataset):
                    weights[place] = _array(place, item, left, size)
                    left -= item.nbytes
        return weights

    def _read_name(self, h5py: Any, place: str, group: Any) -> None:
        """Note the name of the layer at a place, if its variables say it."""
        if "name" not in group.attrs:
            return
        attribute = h5py.h5a.open(group.id, b"name")
        if attribute.shape != () or attribute.get_storage_size() > NAME:
            raise ValueError(f"{place}: its name is not one of up to {NAME} bytes")
        self.names[place] = str(group.attrs["name"])

    def place_of(self, layer: dict[str, Any], within: str, counts: dict[str, int]) -> str:
        """Return the place of a layer's weights.

        Parameters
        ----------
        layer
            Its description.
        within
            The place of the layers it is among.
        counts
            How many layers of each class there were before it; it is counted.
        """
        stem = _snake_case(layer["class_name"])
        number = counts[stem] = counts.get(stem, -1) + 1
        own = layer["config"].get("name")
        named = [
            place for place, name in self.names.items()
            if name == own and place.rpartition("/")[0] == within
        ]  # fmt: skip
        return (
            named[0] if len(named) == 1 else f"{within}/{stem}" + (f"_{number}" if number else "")
        )

    def variables(self, place: str) -> list[Array]:
        """Return a layer's arrays in their order."""
        for folder in (f"{place}/vars", f"{place}/cell/vars"):
            if found := {int(name): array for name, array in self._folders.get(folder, ())}:
                return [found[number] for number in sorted(found)]
        return []


def _array(place: str, item: Any, left: int, size: int) -> Array:
    """Return an array of an HDF5 file, if it is one of numbers and no larger than what is left."""
    if item.dtype.kind not in "biuf":
        raise ValueError(f"{place} expected numbers, got {item.dtype}")
    if item.external or item.is_virtual or item.chunks is not None:
        raise ValueError(f"{place} is not in one piece in this file")
    if item.nbytes > left:
        total = size - left + item.nbytes
        raise ValueError(f"{place} makes it {total} bytes in a file of {size}")
    return np.asarray(item[()])


def _member(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """Return a file of the archive, unless unpacking would make it a hundred times as large."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a way that Keras does not use")
    if info.file_size > 100 * min(info.compress_size, size) + 1_000_000:
        raise ValueError(f"{name} would become {info.file_size} bytes")
    return archive.read(name)


def _snake_case(name: str) -> str:
    """Return LeakyReLU as leaky_re_lu: what Keras calls the places of layers by default."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
