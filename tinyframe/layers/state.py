"""What a model has learned, as named arrays: its parameters, and what else training changes."""

from collections.abc import Iterator, Mapping

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array


def state_of(model: Layer) -> dict[str, Array]:
    """Return copies of all arrays that training changes, by name: "0.weight", "1.running_mean"."""
    arrays = {
        name: parameter.value.copy("K") for name, parameter in model.named_parameters().items()
    }
    return arrays | {name: getattr(layer, key).copy() for name, layer, key in _kept(model, "")}


def restore_state(model: Layer, arrays: Mapping[str, Array]) -> None:
    """Write such arrays back in place, to the bit.

    Raises
    ------
    ValueError
        If the names, shapes or dtypes are not those of this model; it is then as it was.
    """
    check_state(model, arrays)
    for name, parameter in model.named_parameters().items():
        parameter.value = arrays[name]
    for name, layer, key in _kept(model, ""):
        setattr(layer, key, np.array(arrays[name], getattr(layer, key).dtype))


def check_state(model: Layer, arrays: Mapping[str, Array]) -> None:
    """Raise ValueError if the names, shapes or dtypes are not those of this model."""
    parameters = model.named_parameters()
    kept = {name: (layer, key) for name, layer, key in _kept(model, "")}
    shapes = {name: parameter.shape for name, parameter in parameters.items()}
    shapes |= {name: getattr(layer, key).shape for name, (layer, key) in kept.items()}
    if shapes.keys() != arrays.keys():
        missing, unknown = sorted(shapes.keys() - arrays), sorted(arrays.keys() - shapes)
        raise ValueError(f"the arrays of another model: {missing} missing, {unknown} unknown")
    dtypes = {name: parameter.dtype for name, parameter in parameters.items()}
    dtypes |= {name: getattr(layer, key).dtype for name, (layer, key) in kept.items()}
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != dtypes[name]:
            raise ValueError(
                f"{name} expected {dtypes[name]} of shape {shape}, got {array.dtype} {array.shape}"
            )


def _kept(layer: Layer, prefix: str) -> Iterator[tuple[str, Layer, str]]:
    """Yield (name, layer, attribute) of what is learned besides parameters."""
    if layer.input_shape is not None:
        for key in layer.state_names:
            yield prefix + key, layer, key
    for name, child in layer.children.items():
        yield from _kept(child, f"{prefix}{name}.")
