"""Settings: what a Keras layer was made with."""

from typing import Any

from tinyframe.types import Array, Shape


class Settings:
    """What a Keras layer was made with, and its weights.

    Parameters
    ----------
    where
        Which layer, for messages: "layer 3: GRU".
    config, arrays
        Its description, and its arrays in their order.
    shape
        The sample shape of what it takes.
    """

    def __init__(
        self, where: str, config: dict[str, Any], arrays: list[Array], shape: Shape
    ) -> None:
        self.where, self.config, self.arrays, self.shape = where, config, arrays, shape
        self.is_recurrent = "recurrent_activation" in config or "recurrent_initializer" in config

    def __getitem__(self, name: str) -> Any:
        value = self.config[name]
        return tuple(value) if isinstance(value, list) else value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or the default where the file does not have it."""
        return self[name] if name in self.config else default

    def expect(self, **wanted: Any) -> None:
        """Raise ValueError for a setting that has another value than that which we can do."""
        for name, value in wanted.items():
            if self.get(name, value) != value:
                raise ValueError(
                    f"{self.where} with {name}={self.get(name)!r} cannot be imported: tinyframe "
                    f"has it with {name}={value!r} alone"
                )

    def refusal(self, why: str) -> ValueError:
        """Return the error for a layer that cannot be imported."""
        return ValueError(f"{self.where} cannot be imported: {why}")

    def channels_are_last(self, rank: int) -> bool:
        """Whether the channels of images, samples with so many axes, are their last one."""
        return self.get("data_format") != "channels_first" and self.axis_is_last(rank)

    def axis_is_last(self, rank: int) -> bool:
        """Whether what it normalises along is the last axis of samples with so many."""
        axis = self.get("axis", -1)
        return (axis[0] if isinstance(axis, tuple) else axis) in (-1, rank)

    def some(self, *names: str) -> dict[str, Array]:
        """Return the arrays by these names, as many as there are."""
        if len(self.arrays) != len(names):
            raise self.refusal(f"it has {len(self.arrays)} arrays, expected {', '.join(names)}")
        return dict(zip(names, self.arrays, strict=True))

    def weight_and_bias(self, *axes: int) -> dict[str, Array]:
        """Return a kernel, with its axes in this order, and the bias if there is one."""
        found = self.some("weight", *(["bias"] if self["use_bias"] else []))
        return found | {"weight": found["weight"].transpose(axes)}
