"""Sequential: a chain of layers, and the model that people make of it."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

from tinyframe.layers.build import check_unshared, restored_on_error
from tinyframe.layers.layer import Layer
from tinyframe.layers.parts import as_layers, option_apart
from tinyframe.model import Model
from tinyframe.storage.registry import register
from tinyframe.training.history import History
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import floating_dtype


@register
class Sequential(Model):
    """Layers in a chain, each taking what the one before it returns: y = fₙ(… f₂(f₁(x))).

    x is (batch, *input_shape), y (batch, *output_shape), that of the last layer.
    By the chain rule the gradient passes through them in reverse. A Sequential is a layer itself,
    so chains nest.

        model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]).fit(X, y)

    Parameters
    ----------
    layers, *more : Layer
        The layers in order, also in one list; each object once. Another Sequential alone stands
        for its layers. None of them: `add` brings them.
    dtype
        float32 or float64: of parameters, activations and predictions.

    Raises
    ------
    TypeError, ValueError
        If something else than layers is given, or none, or the same twice, or their shapes do not
        fit together.

    Examples
    --------
    >>> model = Sequential([Dense(784, 10), ReLU(), Dense(10), Softmax()])
    >>> model.output_shape, len(model)
    ((10,), 4)
    >>> model[:2]
    Sequential([
        Dense(784, 10),
        ReLU(),
    ])
    >>> X, y = np.random.default_rng(0).random((64, 784)), np.arange(64) % 10
    >>> model.fit(X, y, epochs=2, rng=0, verbose=0).predict(X).shape
    (64, 10)
    """

    more: ClassVar[tuple[()]] = ()  # all are in `layers`

    def __init__(
        self,
        layers: Layer | Iterable[Layer] | None = None,
        *more: "Layer | npt.DTypeLike",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        given, dtype = option_apart((layers, *more), dtype)
        self.layers: tuple[Layer, ...] = ()
        self.dtype = floating_dtype(dtype)
        self.history = History()
        if layers is not None or more:
            self._extend(as_layers("Sequential", given, single=()))

    def add(self, layer: Layer) -> None:
        """Put one more layer at the end, as long as this model has not been trained.

        Raises
        ------
        TypeError, ValueError
            If it is none, is here already, does not take what the last one gives, or the model is a
            layer of another, or has been trained: Sequential([*model, layer]) makes a new one.
        """
        if self.optimizer is not None:
            raise ValueError(
                "add expected a model that has not been trained; Sequential([*model, layer]) "
                "makes a new one of these layers and their weights"
            )
        if self._is_part:
            raise ValueError("add expected a model by itself, got one that is a layer of another")
        if isinstance(layer, Layer) and any(part is self for part in layer.walk()):
            raise ValueError("add expected another layer, got one that this model is in")
        with restored_on_error(self):
            self._extend(as_layers("add", (layer,)))

    def _extend(self, layers: tuple[Layer, ...]) -> None:
        self.layers += layers
        seen: set[int] = set()
        for layer in self.walk():
            if id(layer) in seen:
                raise ValueError(
                    f"Sequential expected each layer once, got {layer!r} twice; make two"
                )
            seen.add(id(layer))
        self.takes_integers = self.layers[0].takes_integers
        if self.output_shape is not None:
            for layer in layers:
                self.output_shape = layer.build(self.output_shape, dtype=self.dtype)
            check_unshared(self)
        elif self.layers[0].input_shape is not None:
            self.build(self.layers[0].input_shape)

    # ---------------------------------------------------------------- as a layer

    def setup(self, input_shape: Shape) -> Shape:
        self._chain()  # of one layer at least
        shape = input_shape
        for layer in self.layers:
            shape = layer.build(shape, dtype=self.dtype)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy: Array) -> Array:
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def children(self) -> dict[str, Layer]:
        return {str(number): layer for number, layer in enumerate(self.layers)}

    # ---------------------------------------------------------------- as a sequence

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Any: ...  # of the class that was put there
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return a layer, or for a slice a Sequential of the same layers: model[:2].predict(X)."""
        if not isinstance(index, (slice, int, np.integer)):
            raise TypeError(f"expected the number of a layer, or a slice, got {index!r}")
        if isinstance(index, slice):
            return Sequential(self.layers[index], dtype=self.dtype)
        return self.layers[index]

    def __repr__(self) -> str:
        if not self.layers:
            return "Sequential()"
        inner = "".join(f"{layer!r},\n" for layer in self.layers).replace("\n", "\n    ")
        dtype = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Sequential([\n    {inner.rstrip()}\n]{dtype})"

    # ---------------------------------------------------------------- as a model

    def _chain(self) -> tuple[Layer, ...]:
        """Return the flattened chain: the layers, those of inner Sequentials in their place."""
        if type(self) is not Sequential:  # a subclass may compute something else
            return (self,)
        if not self.layers:
            raise ValueError("Sequential expected at least one layer, got none yet; add(layer)")
        chain: list[Layer] = []
        for layer in self.layers:
            chain += layer._chain()  # noqa: SLF001 - own
        return tuple(chain)
