"""Graph: an ONNX graph as it grows, layer by layer."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.types import Array
from tinyframe.utils.optional import require

Export: TypeAlias = "Callable[[Graph, Any, str], str]"
Function = TypeVar("Function", bound=Callable[..., str])

_exports: dict[type[Layer], Export] = {}


def exports(*layer_classes: type[Layer]) -> Callable[[Function], Function]:
    """Say how layers are exported, also those of one's own: a decorator.

        @exports(Swish)
        def _(graph, layer, x):
            return graph.add("Mul", x, graph.add("Sigmoid", x))

    The function takes the graph, the layer and the name of its input, and returns that of its
    output. It is for these very classes: a subclass may compute something else.

    Parameters
    ----------
    *layer_classes
        For which layers.
    """

    def register(function: Function) -> Function:
        for layer_class in layer_classes:
            _exports[layer_class] = function
        return function

    return register


class Graph:
    """Nodes and constants. Values are known by their names, which its methods return.

    Parameters
    ----------
    dtype
        float32 or float64: of all numbers.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        The operators, in order.
    constants : dict of arrays
        The weights, by names such as "0.weight", and other numbers.
    """

    nodes: list[Any]
    constants: dict[str, Array]

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes, self.constants = [], {}
        self._path: tuple[str, ...] = ()
        self._helper = require("onnx", "onnx", "an ONNX file").helper

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add an operator and return the name of its output.

        Parameters
        ----------
        operator
            As ONNX calls it: "MatMul".
        *inputs
            Names of values.
        output
            The name of its output; by default a new one.
        **attributes
            As ONNX has them.
        """
        name = output or self._new_name(operator)
        self._node(operator, inputs, [name], attributes)
        return name

    def add_many(
        self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any
    ) -> list[str]:
        """Add an operator with several outputs, and return their names; see `add`."""
        name = self._new_name(operator)
        names = [f"{name}.{number}" for number in range(outputs)]
        self._node(operator, inputs, names, attributes)
        return names

    def _node(
        self, operator: str, inputs: Sequence[str], outputs: list[str], attributes: dict[str, Any]
    ) -> None:
        node = self._helper.make_node(operator, inputs, outputs, name=outputs[0], **attributes)
        self.nodes.append(node)

    def constant(self, values: Any, name: str | None = None) -> str:
        """Hold numbers, and return their name.

        Parameters
        ----------
        values
            Integers become int64, other numbers the graph's dtype.
        name
            That of a layer's weights, "weight"; by default a new one.
        """
        array = np.asarray(values)
        dtype = np.dtype(np.int64) if array.dtype.kind in "iu" else self.dtype
        full = self._new_name("constant") if name is None else ".".join((*self._path, name))
        self.constants[full] = np.ascontiguousarray(array, dtype).reshape(array.shape)
        return full

    def layer(self, layer: Layer, x: str, name: str = "") -> str:
        """Add a layer, and return the name of its output.

        Parameters
        ----------
        layer, x
            The layer, built, and its input's name.
        name
            What its parent calls it: "0", "shortcut".

        Raises
        ------
        ValueError
            If it cannot be exported.
        """
        outer = self._path
        self._path = (*outer, name) if name else outer
        try:
            if type(layer) in _exports:
                return _exports[type(layer)](self, layer, x)
            if layer._chain() == (layer,):  # noqa: SLF001 - no Sequential
                raise self.refusal(
                    layer,
                    "ONNX has no operator of that name, and no function says how to compose it; "
                    "see tinyframe.interop.onnx.exports",
                )
            for child_name, child in layer.children.items():
                x = self.layer(child, x, child_name)
            return x
        finally:
            self._path = outer

    def refusal(self, layer: Layer, why: str) -> ValueError:
        """Return the error for a layer that cannot be exported."""
        where = ".".join(self._path)
        place = f"layer {where}: " if where else ""
        return ValueError(f"{place}{layer!r} cannot be exported: {why}")

    def _new_name(self, kind: str) -> str:
        return "/".join((*self._path, f"{kind} {len(self.nodes) + len(self.constants)}"))
