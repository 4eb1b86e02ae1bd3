"""Layer: the contract that everything in a model keeps."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.layers.assignment import Assignment
from tinyframe.layers.build import check_unshared, restored_on_error
from tinyframe.layers.saved import Saved
from tinyframe.layers.tree import Tree
from tinyframe.parameters import ParameterVector
from tinyframe.types import Array, RandomSeed, Shape
from tinyframe.utils.attributes import Hinted
from tinyframe.utils.checks import floating_dtype, random_generator, sample_shape, shape_error
from tinyframe.utils.hints import understood
from tinyframe.utils.reprs import constructor_call

if TYPE_CHECKING:
    from tinyframe.layers.batch_sums import BatchSums


class Layer(Hinted, Assignment, Tree, Saved, ABC):
    """A differentiable function of a batch: y = f(x; θ), with its own derivative.

    A layer of one's own defines `forward` and `backward`, and `setup` if it has parameters or
    changes the shape. `tinyframe.testing.check_layer` then proves its derivative.

    Shapes are those of one sample: a batch of images (32, 28, 28) has the sample shape (28, 28).

    Attributes
    ----------
    input_shape, output_shape
        Sample shapes, None until the layer is built.
    dtype
        float32 or float64: of the parameters, and of what the layer makes from integers.
    takes_integers
        Class attribute: True where integer input (pixels, tokens) is to arrive as it is. Other
        layers get it converted to `dtype`.
    mixes_rows
        Class attribute: True where a row of y depends on other rows of x, as in batch
        normalisation. Training then never splits a batch.
    state_names
        Class attribute: names of attributes, float arrays, that training changes besides the
        parameters, as running averages.
    batch_sums
        Where `forward` gets a part of a batch: what sums over the whole of it, see `BatchSums`.
    random
        Class attribute: True where training draws random numbers, from `self.rng`; `fit` seeds it.
    parameters, trainable_parameters, weights
        Of this layer and all its children: see `Tree`.
    trainable
        Whether training changes the parameters. A frozen layer (`layer.trainable = False`, which
        freezes its children too) still passes gradients through.

    An array that is assigned to a parameter, `layer.weight = W`, is copied into its place.
    tinyframe's own layers refuse attributes that they do not have; a class of one's own keeps any.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, training=False):
    ...         return 2 * x
    ...     def backward(self, dy):
    ...         return 2 * dy
    >>> Double()(np.array([[1.0, 2.0]]))
    array([[2., 4.]])
    """

    input_shape: Shape | None = None
    output_shape: Shape | None = None
    dtype: np.dtype[Any] = np.dtype(np.float32)
    takes_integers: bool = False
    mixes_rows: bool = False
    state_names: tuple[str, ...] = ()
    batch_sums: "BatchSums | None" = None
    random: bool = False
    _is_part: bool = False
    _rng: "np.random.Generator | None" = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Leave a closed form of `row_gradients` to the class whose passes it is of."""
        super().__init_subclass__(**options)
        passes = {"forward", "backward", "backward_parameters"}
        if passes & vars(cls).keys() and "row_gradients" not in vars(cls):
            cls.row_gradients = Layer.row_gradients  # type: ignore[method-assign]

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = f(x), of shape (batch, *output_shape).

        With `training=True` the layer also saves in `self._saved` what `backward` will need.
        Without, it changes nothing. It never writes to x, nor to what it saved.

        Parameters
        ----------
        x
            Shape (batch, *input_shape).
        training
            Whether `backward` follows.
        """

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Return ∂L/∂x and write ∂L/∂θ into each parameter's `grad`, overwriting what was there.

        Parameters
        ----------
        dy
            ∂L/∂y, of shape (batch, *output_shape), for the last `forward(x, training=True)`.

        Raises
        ------
        RuntimeError
            If there was no such forward pass.
        """

    def backward_parameters(self, dy: Array) -> None:
        """Write ∂L/∂θ alone: all that is asked of the lowest layer, whose ∂L/∂x nobody reads."""
        self.backward(dy)

    def row_gradients(self, x: Array, dy: Array) -> Array:
        """Return ∂L/∂θ of each row apart, (batch, weights): row r is ∂(Σᵢ dyᵣᵢ yᵣᵢ)/∂θ.

        Columns are in the order of a `ParameterVector` of `parameters`; the sum over the rows is
        what `backward` writes. A layer without a closed form is asked row by row, which
        overwrites what its forward pass saved and the gradients. Where rows depend on each other
        or on chance (`mixes_rows`, `random`), r stands alone in its batch.

        Parameters
        ----------
        x, dy
            Finite, and ∂L/∂y for it: shapes (batch, *input_shape) and (batch, *output_shape).
        """
        parameters = self.parameters
        gradients = np.empty((len(x), sum(p.size for p in parameters)), self.dtype)
        for r in range(len(x) if parameters else 0):
            self.forward(x[r : r + 1], training=True)
            self.backward_parameters(dy[r : r + 1])
            flat = [p.grad.ravel(p.order) for p in parameters]
            np.concatenate(flat, out=gradients[r])
        return gradients

    @understood
    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return y = f(x) in inference, in an array of its own.

        Parameters
        ----------
        x
            Numbers of shape (batch, *input_shape), or a list of such rows.

        Raises
        ------
        TypeError, ValueError
            If x is not that.
        """
        x = as_numbers(x, "x")
        if x.dtype.kind != "f" and not self.takes_integers:
            x = x.astype(self.dtype)
        y = self.forward(x)
        return y.copy() if np.may_share_memory(x, y) else y

    def setup(self, input_shape: Shape) -> Shape:
        """Create the parameters for `input_shape` and return the output shape; `build` calls it.

        Raises
        ------
        ValueError
            If the layer cannot take inputs of this shape.
        """
        return input_shape

    def build(
        self, input_shape: int | Shape, rng: RandomSeed = None, dtype: npt.DTypeLike | None = None
    ) -> Shape:
        """Fix the shapes, once, and return the output shape.

        Parameters
        ----------
        input_shape
            Sample shape; an integer n means (n,).
        rng
            Seed or generator that draws the initial values now. By default they are drawn when
            they are first needed.
        dtype
            float32 or float64; by default it stays as it is.

        Raises
        ------
        ValueError
            If the layer cannot take this shape, is built for another one already, or two of its
            layers hold the same Parameter.
        """
        input_shape = sample_shape("input_shape", input_shape)
        weights_rng = None if rng is None else random_generator(rng).spawn(1)[0]
        if self.input_shape not in (None, input_shape):
            raise shape_error(repr(self), self.input_shape, input_shape, whole=False)
        if dtype is not None:
            self.dtype = floating_dtype(dtype)
        if self.input_shape is None:
            with restored_on_error(self):
                output_shape = self.setup(input_shape)
            if not isinstance(output_shape, tuple):
                raise TypeError(f"{self!r}: setup has to return a shape, got {output_shape!r}")
            self.input_shape, self.output_shape = input_shape, output_shape
        check_unshared(self)
        for layer in self.walk():
            layer.dtype = self.dtype
        for parameter in self.parameters:
            parameter.cast(self.dtype)
        if weights_rng is not None and self.parameters:
            ParameterVector(self.parameters, weights_rng)
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        return self.output_shape

    def _chain(self) -> tuple["Layer", ...]:
        """Return the flattened chain of layers: this one alone, unless it is a Sequential."""
        return (self,)

    @property
    def rng(self) -> "np.random.Generator":
        """What a layer with `random = True` draws from; fresh entropy until it is set."""
        if self._rng is None:
            self._rng = np.random.default_rng()
        return self._rng

    @rng.setter
    def rng(self, rng: RandomSeed) -> None:
        self._rng = random_generator(rng)

    def _input(self, x: Array) -> Array:
        """Return `x` in this layer's dtype, its shape checked as `_check_input` does."""
        if x.dtype != self.dtype:
            x = np.asarray(x, self.dtype)
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        return x

    def _check_input(self, x: Array) -> None:
        """Build for `x` if that is still to be done; raise ValueError if `x` has another shape."""
        if x.shape[1:] != self.input_shape or x.ndim == 0:
            if self.input_shape is not None or x.ndim < 2:  # noqa: PLR2004 - (batch, features)
                raise shape_error(repr(self), self.input_shape, x.shape)
            self.build(x.shape[1:])

    def __repr__(self) -> str:
        return constructor_call(self)
