"""What `build` promises: nothing is half done, and no parameter is in two layers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tinyframe.parameters import Parameter
from tinyframe.types import Array

if TYPE_CHECKING:
    from tinyframe.layers.layer import Layer


def check_unshared(layer: "Layer") -> None:
    """Raise ValueError if two layers hold the same Parameter: each would overwrite its gradient."""
    owners: dict[int, Layer] = {}
    for part in layer.walk():
        for name, parameter in part._members(Parameter):  # noqa: SLF001 - the same contract
            owner = owners.setdefault(id(parameter), part)
            if owner is not part:
                raise ValueError(
                    f"{layer!r} expected each Parameter in one layer, got one in {owner!r} that is "
                    f"{name} of {part!r} too; make two"
                )


@contextmanager
def restored_on_error(model: "Layer") -> Iterator[None]:
    """Put layers and parameters back as they were if the block raises: nothing is half built."""
    parts = [*model.walk(), *model.parameters]
    before = [(part, dict(vars(part))) for part in parts]
    try:
        yield
    except BaseException:
        for part, attributes in before:
            vars(part).clear()
            vars(part).update(attributes)
        raise


def check_promise(layer: "Layer", y: Array) -> None:
    """Raise ValueError if an output has another shape than `setup` has told."""
    if y.shape[1:] != layer.output_shape:
        raise ValueError(
            f"{layer!r} promised outputs of shape {layer.output_shape}, in setup, and "
            f"returned {y.shape[1:]}"
        )
