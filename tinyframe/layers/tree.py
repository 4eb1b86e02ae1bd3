"""Tree: what a layer is made of, other layers and parameters, found among its attributes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar, overload

from tinyframe.parameters import Parameter
from tinyframe.types import Array
from tinyframe.utils.attributes import Readable
from tinyframe.utils.named import Named

if TYPE_CHECKING:
    from tinyframe.layers.layer import Layer

Member = TypeVar("Member")


class _Weights(Readable):
    """The values of all parameters; see `Tree`."""

    @overload
    def __get__(self, layer: None, owner: type[Any]) -> "_Weights": ...
    @overload
    def __get__(self, layer: "Tree", owner: type[Any]) -> dict[str, Array]: ...
    def __get__(self, layer: "Tree | None", owner: type[Any]) -> "_Weights | dict[str, Array]":
        if layer is None:
            return self
        return Named({name: p.value for name, p in layer.named_parameters().items()})


class Tree:
    """A tree of layers, with parameters at its leaves.

    Attributes
    ----------
    weights : dict
        The parameters' values by name, such as "0.weight", in construction order: views, so that
        `model.weights["0.bias"][:] = 0` changes the model.
    """

    weights = _Weights()
    _trainable: bool = True

    @property
    def children(self) -> dict[str, "Layer"]:
        """The layers this one is made of, by name: attributes, and members of lists and tuples."""
        return dict(self._members(Tree))  # type: ignore[arg-type] # all are layers

    def walk(self) -> Iterator["Layer"]:
        """Yield this layer and all that it is made of, in construction order."""
        yield self  # type: ignore[misc] # as above
        for child in self.children.values():
            yield from child.walk()

    def named_parameters(self) -> dict[str, Parameter]:
        """Return the parameters by name, such as "0.weight", in construction order."""
        named = dict(self._members(Parameter))
        for prefix, child in self.children.items():
            named |= {f"{prefix}.{name}": p for name, p in child.named_parameters().items()}
        return named

    def _members(self, kind: type[Member]) -> Iterator[tuple[str, Member]]:
        """Yield what this layer holds of a kind, each once: attributes, or in a list or tuple."""
        seen: list[Member] = []
        for name, value in vars(self).items():
            several = isinstance(value, (list, tuple))
            for number, one in enumerate(value if several else (value,)):
                if isinstance(one, kind) and not any(one is other for other in seen):
                    seen.append(one)
                    yield f"{name}.{number}" if several else name, one

    @property
    def parameters(self) -> "Parameters":
        """The parameters, in construction order."""
        return Parameters(self.named_parameters().values())

    @property
    def trainable(self) -> bool:
        """Whether training changes the parameters; setting it sets it for all children too."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        for layer in self.walk():
            layer._trainable = trainable  # noqa: SLF001 - same class

    @property
    def trainable_parameters(self) -> "Parameters":
        """The parameters that training changes, in construction order."""
        return Parameters(
            parameter
            for layer in self.walk()
            if layer.trainable
            for _, parameter in layer._members(Parameter)  # noqa: SLF001 - same class
        )

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with an addition, in the products of one sample's forward pass."""
        return sum(child.multiply_adds for child in self.children.values())


class Parameters(tuple[Parameter, ...]):
    """A tuple of parameters; calling it, as PyTorch's method is called, says that it is one."""

    __slots__ = ()

    def __call__(self) -> "Parameters":
        raise TypeError(
            "parameters is a tuple, read without brackets: model.parameters. An optimizer gets "
            "them from fit: model.fit(X, y, optimizer=Adam(0.001))"
        )
