"""Program: a C function as it grows, layer by layer."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from tinyframe.layers import BatchNorm, Layer
from tinyframe.types import Array

Emit: TypeAlias = "Callable[[Program, Any, str], str]"
Function = TypeVar("Function", bound=Callable[..., str])

MOST_WEIGHTS = 10_000_000
"""Numbers in a file: some 160 MB of text, which compilers still take."""

ENTRY = "x"
"""The name of the input."""


class Export(NamedTuple):
    """How a layer is written, and whether its input may be integers."""

    emit: Emit
    integers: bool


_exports: dict[type[Layer], Export] = {}


def exports(*layer_classes: type[Layer], integers: bool = False) -> Callable[[Function], Function]:
    """Say how layers are written in C, also those of one's own: a decorator.

        @exports(Square)
        def _(program, layer, x):
            return program.map(x, f"{x}[i] * {x}[i]")

    The function takes the program, the layer and the name of its input, which points to numbers of
    shape `layer.input_shape`, row by row, and returns the name of its output. It is for these very
    classes: a subclass may compute something else.

    Parameters
    ----------
    *layer_classes
        For which layers.
    integers
        Whether x may point to integers, as pixels or tokens; else they are converted before.
    """

    def register(function: Function) -> Function:
        for layer_class in layer_classes:
            _exports[layer_class] = Export(function, integers)
        return function

    return register


class Program:
    """Statements, constants and functions. Values are known by their names, "v1", "v2", ….

    Parameters
    ----------
    dtype
        float32 or float64: of all numbers. Emitters write C for float; where the model's dtype is
        float64, `float` becomes `double` and `expf` becomes `exp` when the file is written.
    size
        Numbers of the input.
    entering
        dtype of the input, an integer one or the model's.
    small
        Whether code is to be short rather than fast.
    int8
        Whether weights are to have eight bits.

    Attributes
    ----------
    statements : list of str
        In order.
    constants : dict of arrays
        The weights, and tables of integers, by their names.
    functions : list of str
        C functions that the statements call.
    sizes : dict of int
        How many numbers each value has.
    beyond : dict of int
        How many numbers behind a value may be read besides, whatever they are.
    over : dict of str
        Of values computed number by number, from which one.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        size: int,
        entering: np.dtype[Any],
        *,
        small: bool,
        int8: bool,
    ) -> None:
        self.dtype, self.entering = dtype, entering
        self.small, self.int8 = small, int8
        self.statements: list[str] = []
        self.constants: dict[str, Array] = {}
        self.functions: list[str] = []
        self.sizes: dict[str, int] = {ENTRY: size}
        self.beyond: dict[str, int] = {}
        self.over: dict[str, str] = {}
        self._path: tuple[str, ...] = ()
        self._norms: dict[int, BatchNorm] = {}
        self._converted = ""

    def add(self, statement: str) -> None:
        """Add a statement, which may mention values and constants by their names.

        Parameters
        ----------
        statement
            C, of one line or more.
        """
        self.statements.append(statement)

    def value(self, size: int, over: str | None = None) -> str:
        """Return the name of a new value: a `float *` with room for its numbers.

        Parameters
        ----------
        size
            How many.
        over
            A value of that size in whose place it may lie, if nothing reads that later.
        """
        name = f"v{len(self.sizes)}"
        self.sizes[name] = int(size)
        if over is not None:
            self.over[name] = over
        return name

    def constant(self, values: Any, label: str = "table") -> str:
        """Hold numbers and return their name, which begins with the label.

        Parameters
        ----------
        values
            int8 stays, other integers become `int`, other numbers the program's dtype.
        label
            A word: "weight".

        Raises
        ------
        ValueError
            If they are not all finite.
        """
        array = np.asarray(values)
        if array.dtype != np.int8:
            array = array.astype(np.int32 if array.dtype.kind in "iu" else self.dtype)
        if not np.isfinite(array).all():
            raise ValueError(f"a C file holds finite weights, got others in layer {self.place}")
        name = f"{label}_{len(self.constants)}"
        self.constants[name] = array.reshape(-1)
        return name

    def number(self, value: float) -> str:
        """Return a number as C has it."""
        return literals(np.array([value], self.dtype))[0]

    def define(self, *functions: str) -> None:
        """Add C functions that statements call; those that are there already are left.

        Parameters
        ----------
        *functions
            Their texts, those first which others call.
        """
        self.functions.extend(f for f in functions if f not in self.functions)

    def map(self, x: str, expression: str) -> str:
        """Add a loop over the numbers of x, and return the name of the value that it makes.

        Parameters
        ----------
        x
            A value.
        expression
            C for number i: f"{x}[i] * 2"; it must read no other number of x.
        """
        y = self.value(self.sizes[x], over=x)
        self.add(f"for (int i = 0; i < {self.sizes[x]}; ++i) {y}[i] = {expression};")
        return y

    def floats(self, x: str) -> str:
        """Return x, converted where it is an input of integers."""
        if x != ENTRY or self.entering.kind == "f":
            return x
        if not self._converted:
            self._converted = self.map(x, f"(float){x}[i]")
        return self._converted

    def layer(self, layer: Layer, x: str, name: str = "", norm: BatchNorm | None = None) -> str:
        """Add a layer, and return the name of its output.

        Parameters
        ----------
        layer, x
            The layer, built, and its input's name.
        name
            What its parent calls it: "0", "shortcut".
        norm
            Batch statistics right behind it.

        Raises
        ------
        ValueError
            If it cannot be written.
        """
        outer = self._path
        self._path = (*outer, name) if name else outer
        try:
            found = _exports.get(type(layer))
            if found:
                self.add(f"/* {as_word(f'{self.place}: {type(layer).__name__}')} */")
                if norm:
                    self._norms[id(layer)] = norm
                y = found.emit(self, layer, x if found.integers else self.floats(x))
                left = self.take_norm(layer)
                return self.layer(left, y) if left else y
            if layer._chain() == (layer,):  # noqa: SLF001 - no Sequential
                why = "no function says how; see tinyframe.interop.c.exports"
                raise ValueError(f"layer {self.place}: {layer!r} cannot be written in C: {why}")
            return self.chain(layer.children, x)
        finally:
            self._path = outer

    def chain(self, layers: Mapping[str, Layer], x: str) -> str:
        """Add layers in a row, by their names, and return the name of the last one's output."""
        waiting = list(layers.items())
        while waiting:
            name, layer = waiting.pop(0)
            after = waiting[0][1] if waiting else None
            norm = after if type(after) is BatchNorm else None
            del waiting[: norm is not None]
            x = self.layer(layer, x, name, norm)
        return x

    def take_norm(self, layer: Layer) -> BatchNorm | None:
        """Return the batch statistics right behind a layer, for it to fold into its weights."""
        return self._norms.pop(id(layer), None)

    @property
    def place(self) -> str:
        """Where in the model the layer stands that is being added: "2.shortcut"."""
        return ".".join(self._path) or "0"


def as_word(text: str) -> str:
    """Return a name in letters that can end no comment."""
    return re.sub(r"[^\w.: ]", "_", text, flags=re.ASCII)


def literals(array: Array) -> list[str]:
    """Return numbers as C has them, to the bit."""
    if array.dtype.kind in "iu":
        return list(map(str, array.tolist()))
    digits = "%#.9gf" if array.dtype == np.float32 else "%#.17g"
    return [digits % number for number in array.tolist()]


def as_double(text: str) -> str:
    """Return C for float as C for double."""
    text = re.sub(r"\bfloat\b", "double", text)
    text = re.sub(r"\b(exp|expm1|log|log1p|tanh|sqrt|fabs)f\(", r"\1(", text)
    return re.sub(r"\b(\d[\d.]*(?:e[+-]?\d+)?)f\b", r"\1", text)
