"""Chain: a sequential Keras model as it becomes one of ours, layer by layer."""

from typing import Any

import numpy as np

from tinyframe.interop.keras.archive import Archive
from tinyframe.interop.keras.layers import ACTIVATIONS, CONVERSIONS, IMAGES, MERGES
from tinyframe.interop.keras.settings import Settings
from tinyframe.layers import Layer, LogSoftmax, Permute, Reverse, Softmax
from tinyframe.parameters import Parameter
from tinyframe.sequential import Sequential
from tinyframe.types import Array, Shape

ANYWHERE = {"Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Dropout", "Rescaling"}
"""Layers for which it is one, along which axis the channels are, or which can be told."""


class Chain:
    """Our layers so far, the shape of their output, and where its channels are.

    Keras keeps the channels of images last. Ours come first: they are brought there where a layer
    works on images, and back where a layer does not.

    Parameters
    ----------
    archive
        The file.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.layers: list[Layer] = []
        self.weights: list[tuple[Layer, str, dict[str, Array]]] = []
        self.shape: Shape = ()
        self.channels_first = False
        self.number = 0  # of the Keras layer

    def model(self, config: dict[str, Any], input_shape: int | Shape | None) -> Sequential:
        """Return the model of a description; see `from_keras`."""
        sizes = config.get("build_input_shape") or _input_of(config)
        if input_shape is None:
            if sizes is None or None in sizes[1:]:
                raise ValueError(
                    f"the file leaves the input's shape open, {sizes}: give input_shape"
                )
            input_shape = tuple(sizes[1:])
        self.shape = input_shape if isinstance(input_shape, tuple) else (input_shape,)
        first = self.shape
        self.extend(config, "layers")
        self.bring_back()
        model = Sequential(self.layers, dtype="float64" if _is_double(config) else "float32")
        model.build(first)
        for layer, where, arrays in self.weights:
            for name, array in arrays.items():
                _write(layer, name, array, where)
        return model

    def extend(self, config: dict[str, Any], within: str) -> None:
        """Add the layers of a description, whose weights lie within a place."""
        counts: dict[str, int] = {}
        for described in config["layers"]:
            kind = described["class_name"]
            place = self.archive.place_of(described, within, counts)
            if kind == "Sequential":
                self.extend(described["config"], f"{place}/layers")
            elif kind == "Bidirectional":
                self.both_ways(described["config"], place)
                self.number += 1
            elif kind != "InputLayer":
                self.convert(kind, described["config"], self.archive.variables(place))
                self.number += 1

    def convert(self, kind: str, config: dict[str, Any], arrays: list[Array]) -> None:
        """Add a Keras layer."""
        settings = Settings(f"layer {self.number}: {kind}", config, arrays, self.shape)
        if kind not in CONVERSIONS:
            raise settings.refusal("tinyframe has no such layer")
        rank = len(self.shape)
        of_images = kind in IMAGES or (kind == "BatchNormalization" and rank == 3)  # noqa: PLR2004
        if of_images and settings.channels_are_last(rank):
            self.bring_channels_first()
        elif kind not in ANYWHERE:
            self.bring_back()
        settings.shape = self.shape
        layers, weights = CONVERSIONS[kind](settings)
        for layer in layers:
            self.add(layer)
        if weights:
            (layer,) = (layer for layer in layers if hasattr(layer, next(iter(weights))))
            self.weights.append((layer, settings.where, weights))
        if len(self.shape) != rank:
            self.channels_first = False
        self.activate(settings)

    def both_ways(self, config: dict[str, Any], place: str) -> None:
        """Add a Bidirectional: two recurrent layers, the second of which reads from the end."""
        self.bring_back()
        where = f"layer {self.number}: Bidirectional"
        whole = Settings(where, config, [], self.shape)
        merge = whole.get("merge_mode")
        if not isinstance(merge, str) or merge not in MERGES:
            raise whole.refusal(f"its merge_mode {merge!r} is none of {', '.join(MERGES)}")
        branches: list[Layer] = []
        for name, described in (
            ("forward_layer", config["layer"]),
            ("backward_layer", config["backward_layer"]),
        ):
            kind, arrays = described["class_name"], self.archive.variables(f"{place}/{name}")
            settings = Settings(f"{where}: {kind}", described["config"], arrays, self.shape)
            if not settings.is_recurrent or kind not in CONVERSIONS:
                raise whole.refusal(f"its {name} is a {kind}")
            layers, weights = CONVERSIONS[kind](settings)
            self.weights.append((layers[-1], settings.where, weights))
            if name == "backward_layer" and settings["return_sequences"]:
                layers.append(Reverse())
            branches.append(Sequential(layers))
        self.add(MERGES[merge](branches))

    def activate(self, settings: Settings) -> None:
        """Add the activation that Keras's layers have built in, but for recurrent ones."""
        if settings.is_recurrent:
            return
        name = settings.get("activation", "linear")
        if not isinstance(name, str) or name not in ACTIVATIONS:
            raise settings.refusal(f"its activation {name!r} is none of {', '.join(ACTIVATIONS)}")
        activation = ACTIVATIONS[name]
        if activation is not None:
            self.add(activation())

    def add(self, layer: Layer) -> None:
        """Add one of our layers, built."""
        if self.channels_first and isinstance(layer, Softmax | LogSoftmax) and layer.axis == -1:
            layer = type(layer)(1)  # over the channels, wherever they are
        self.shape = layer.build(self.shape)
        self.layers.append(layer)

    def bring_channels_first(self) -> None:
        """Let what follows see images as (channels, height, width)."""
        if not self.channels_first:
            self.add(Permute(3, 1, 2))
            self.channels_first = True

    def bring_back(self) -> None:
        """Let what follows see images as Keras does."""
        if self.channels_first:
            self.add(Permute(2, 3, 1))
            self.channels_first = False


def _write(layer: Layer, name: str, array: Array, where: str) -> None:
    """Write an array to a layer's parameter or running average."""
    target = getattr(layer, name)
    if target.shape != array.shape:
        raise ValueError(
            f"{where}: its {name} expected shape {target.shape}, in our order of axes, got "
            f"{array.shape}"
        )
    if isinstance(target, Parameter):
        target.value = array.astype(target.dtype)
    else:
        setattr(layer, name, np.array(array, target.dtype))


def _input_of(config: dict[str, Any]) -> Any:
    """Return the batch shape of a description's input layer, if it has one."""
    first = config["layers"][0]
    return first["config"].get("batch_shape") if first["class_name"] == "InputLayer" else None


def _is_double(config: dict[str, Any]) -> bool:
    dtype = config.get("dtype")
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    return name == "float64"
