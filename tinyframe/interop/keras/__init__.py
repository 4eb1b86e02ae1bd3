"""Models and weights from `.keras` files, read as data: no code in them is run.

Their weights are read by HDF5, a library in C that is not made for files of strangers: what it
might do with a file that was made to harm is beyond what Python can bound. Read such a file where
nothing can be lost, and keep the result as `.npz`.
"""

import os
from pathlib import Path
from typing import Any

from tinyframe.interop.keras.archive import Archive
from tinyframe.interop.keras.chain import Chain
from tinyframe.sequential import Sequential
from tinyframe.storage.architecture import UNUSABLE
from tinyframe.storage.errors import StorageError
from tinyframe.types import Array, Shape

__all__ = ["from_keras", "keras_weights"]


def from_keras(path: str | os.PathLike[str], input_shape: int | Shape | None = None) -> Sequential:
    """Return a model that predicts what a sequential Keras model predicts.

    Layers that Keras gives an activation become two, and images stay (batch, height, width,
    channels) on the way in and out: `Permute` layers stand where our layers want the channels
    first. What only concerns training in Keras is left out: initializers, regularizers,
    constraints, and dropout inside recurrent layers.

    Parameters
    ----------
    path
        A `.keras` file, as Keras 3 writes it.
    input_shape
        Sample shape, where the file leaves sizes of it open.

    Raises
    ------
    ImportError
        If the library h5py is not installed.
    StorageError
        If the file cannot be read, is damaged, or no `.keras` file.
    ValueError
        If the model is not sequential, or has a layer that cannot be imported: the message says
        which and why.
    """
    archive = Archive(Path(path))
    model = archive.config
    if model.get("class_name") != "Sequential":
        raise ValueError(
            f"from_keras expected a Sequential model, got a {model.get('class_name')}; "
            "keras_weights has the weights of any"
        )
    try:
        return Chain(archive).model(model["config"], input_shape)
    except ValueError:
        raise
    except UNUSABLE as error:
        raise StorageError(f"{path}: its description cannot be used: {error!r}") from error


def keras_weights(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the weights of any Keras model by their places: "layers/dense/vars/0".

    Parameters
    ----------
    path
        A `.keras` file, as Keras 3 writes it.

    Raises
    ------
    ImportError, StorageError
        As `from_keras` does.
    """
    return dict[str, Any](Archive(Path(path)).weights)
