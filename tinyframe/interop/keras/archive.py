"""A `.keras` file: a zip archive of JSON and an HDF5 file."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tinyframe.optional import require
from tinyframe.storage.errors import StorageError
from tinyframe.types import Array

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


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
        If it cannot be read, or is no such file. Arrays that claim to be larger than the file, or
        to lie in another one, are never read.
    """

    config: dict[str, Any]
    weights: dict[str, Array]

    def __init__(self, path: Path) -> None:
        h5py = require("h5py", "keras", "a .keras file")
        self.names: dict[str, str] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                self.config = json.loads(_member(archive, CONFIG))
                content = _member(archive, WEIGHTS)
            with h5py.File(io.BytesIO(content), "r") as file:
                self.weights = self._read(h5py, file, len(content))
        except (
            OSError,
            zipfile.BadZipFile,
            KeyError,
            ValueError,
            RuntimeError,
            TypeError,
        ) as error:
            raise StorageError(f"{path} cannot be read as a .keras file: {error}") from error
        if not isinstance(self.config, dict):
            raise StorageError(f"{path} cannot be read as a .keras file: {CONFIG} is no object")

    def _read(self, h5py: Any, file: Any, size: int) -> dict[str, Array]:
        weights: dict[str, Array] = {}

        def visit(place: str, item: Any) -> None:  # comes to what lies in this file alone
            if not isinstance(item, h5py.Dataset):
                if place.endswith("/vars") and "name" in item.attrs:
                    self.names[place.removesuffix("/vars")] = str(item.attrs["name"])
                return
            if item.external or item.is_virtual or item.nbytes > size:
                raise ValueError(f"{place} has {item.nbytes} bytes in a file of {size}")
            array = np.asarray(item[()])
            if array.dtype.kind not in "biuf":
                raise ValueError(f"{place} expected numbers, got {array.dtype}")
            weights[place] = array

        file.visititems(visit)
        return weights

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
            found = {
                int(name.rpartition("/")[2]): array for name, array in self.weights.items()
                if name.rpartition("/")[0] == folder
            }  # fmt: skip
            if found:
                return [found[number] for number in sorted(found)]
        return []


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a file of the archive, unless unpacking would make it a hundred times as large."""
    info = archive.getinfo(name)
    if info.file_size > 100 * info.compress_size + 1_000_000:
        raise ValueError(f"{name} would become {info.file_size} bytes")
    return archive.read(name)


def _snake_case(name: str) -> str:
    """Return LeakyReLU as leaky_re_lu: what Keras calls the places of layers by default."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
