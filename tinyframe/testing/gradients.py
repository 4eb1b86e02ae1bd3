"""Proof that a layer keeps its contract, its derivative above all."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.testing.differences import assert_close, compare
from tinyframe.testing.recordings import check_recording
from tinyframe.testing.rows import check_rows
from tinyframe.types import Array, RandomSeed, Shape
from tinyframe.utils.checks import positive_integer, random_generator, real_number, sample_shape

COVECTORS = 128
"""Outputs up to which the full Jacobian is checked; beyond, this many random combinations are."""


def check_layer(
    layer: Layer,
    input_shape: int | Shape,
    *,
    x: npt.ArrayLike | None = None,
    batch_size: int = 2,
    rng: RandomSeed = 0,
    tolerance: float = 1e-6,
) -> None:
    """Prove a layer: its derivative, and the rest of what `Layer` asks.

    The Jacobians of the output with respect to the input and to each parameter, from `backward`
    seeded with one-hot vectors and a few random ones, are compared with central differences.

    Further: the output has the shape that `setup` promised; `backward` overwrites gradients; x and
    dy are not written to; `forward` without training leaves no trace; float32 stays float32; any
    order in memory gives the same result; a row depends on no other, and its `row_gradients` are
    those of `backward` for it alone, unless the layer says `mixes_rows`; and recorded steps have
    the bits of plain ones. A layer that says `random` draws the same numbers each time while it is
    checked.

    The layer itself is not touched: a copy is checked, its parameters moved by up to 0.1, away from
    special points such as biases of zero.

    Parameters
    ----------
    layer
        Layer, or container of layers.
    input_shape
        Sample shape to check it with; an integer n means (n,).
    x
        Where to check, of shape (batch, *input_shape); by default random numbers in ±[0.1, 1], away
        from the kink of ReLU and its like. By integers, such as tokens, nothing is differentiated.
    batch_size
        Rows of the default x.
    rng
        Seed or generator for x, the weights, and the combinations checked in place of each of more
        than 128 outputs.
    tolerance
        Largest difference allowed, relative to the larger of the entry and 10⁻³ of the largest
        entry.

    Raises
    ------
    AssertionError
        If the layer breaks the contract: says where and by how much.
    TypeError, ValueError
        If it is no layer, or an argument is not as above.

    Examples
    --------
    >>> from tinyframe.testing import check_layer
    >>> check_layer(Sequential([Dense(3, 4), Softmax()]), input_shape=3)
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"check_layer expected a layer, got {layer!r}")
    input_shape = sample_shape("input_shape", input_shape)
    batch_size = positive_integer("batch_size", batch_size)
    tolerance = real_number("tolerance", tolerance, at_least=0)
    rng = random_generator(rng)
    layer = copy.deepcopy(layer)
    promised = layer.build(input_shape, dtype=np.float64)
    for parameter in layer.parameters:
        if not parameter.drawn:
            parameter.draw(rng)
        parameter.value += rng.uniform(-0.1, 0.1, parameter.shape)
    if x is None:
        shape = (batch_size, *input_shape)
        x = rng.uniform(0.1, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
    x = np.array(as_numbers(x, "x"))
    x = read_only(x if x.dtype.kind in "iu" else x.astype(np.float64))
    for part in layer.walk():
        if part.random:
            part.rng = _Repeating(part.rng)

    y = _forward(layer, x)
    if y.shape != (len(x), *promised):
        raise AssertionError(
            f"{layer!r}: setup promised outputs of shape {promised}, forward returned {y.shape}"
        )
    y = y.copy()
    _check_jacobians(layer, x, y, _seeds(y.shape, rng), tolerance)
    _check_purity(layer, x, y, rng.standard_normal(y.shape))
    if not any(part.random for part in layer.walk()):
        _check_memory_order(layer, x, y)
    if not any(part.mixes_rows for part in layer.walk()):
        check_rows(layer, x, read_only(rng.standard_normal(y.shape)), tolerance)
    _check_float32(layer, x)
    check_recording(layer, x, rng)


class _Repeating(np.random.Generator):
    """A generator whose every `random` draws the same numbers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._seed = int(rng.integers(2**32))
        super().__init__(np.random.PCG64(self._seed))

    def random(self, *arguments: Any, **options: Any) -> Any:
        return np.random.default_rng(self._seed).random(*arguments, **options)


def read_only(array: Array) -> Array:
    """Return the array, which may not be written to from now on."""
    array.flags.writeable = False
    return array


def _seeds(shape: Shape, rng: np.random.Generator) -> Array:
    """Return the covectors to seed `backward` with, one a row: one-hot, or random where many.

    Some random ones follow the one-hot ones, which dy² or |dy| would pass.
    """
    size = int(np.prod(shape))
    one_hot = np.eye(size) if size <= COVECTORS else np.empty((0, size))
    return np.concatenate(
        [one_hot, rng.standard_normal((3 if size <= COVECTORS else COVECTORS, size))]
    )


def _check_jacobians(layer: Layer, x: Array, y: Array, seeds: Array, tolerance: float) -> None:
    """Compare seeds @ ∂y/∂x and seeds @ ∂y/∂θ, for each parameter, with central differences."""
    mixed = "combination of outputs"
    outputs = f"output, from {y.size} on a {mixed}" if y.size <= COVECTORS else mixed
    parameters = layer.named_parameters()
    by_input: list[Array] = []
    by_parameter: dict[str, list[Array]] = {name: [] for name in parameters}
    for seed in seeds:
        dy = read_only(seed.reshape(y.shape).copy())
        dx, gradients = _backward(layer, dy, x.shape)
        by_input.append(dx.ravel())
        for name, gradient in gradients.items():
            by_parameter[name].append(gradient.ravel())

    def output_at_input(at: Array) -> Array:
        return seeds @ layer.forward(at, training=True).ravel()

    if x.dtype.kind == "f":
        what = f"{layer!r}: ∂y/∂x ({outputs}, input)"
        compare(what, np.array(by_input), output_at_input, x, tolerance)
    for name, parameter in parameters.items():
        value = parameter.value.copy()

        def output_at_parameter(at: Array, parameter: Parameter = parameter) -> Array:
            parameter.value = at
            return seeds @ layer.forward(x, training=True).ravel()

        what = f"{layer!r}: ∂y/∂θ ({outputs}, entry of {name})"
        compare(what, np.array(by_parameter[name]), output_at_parameter, value, tolerance)
        parameter.value = value


def _forward(layer: Layer, x: Array) -> Array:
    """Return y of an x that is read-only."""
    try:
        return layer.forward(x, training=True)
    except ValueError as error:
        wrote = "read-only" in str(error)
        raise (AssertionError(f"{layer!r}: forward writes to x") if wrote else error) from error


def _backward(layer: Layer, dy: Array, shape: Shape) -> tuple[Array, dict[str, Array]]:
    """Return ∂L/∂x, of the shape given, and each parameter's gradient, checking how they come."""
    parameters = layer.named_parameters()
    for parameter in parameters.values():
        parameter.grad.fill(np.nan)  # must be overwritten, all of it
    try:
        dx = layer.backward(dy)
    except ValueError as error:
        if "read-only" in str(error):
            raise AssertionError(f"{layer!r}: backward writes to dy or x") from error
        raise
    if not isinstance(dx, np.ndarray) or dx.shape != shape:
        got = dx.shape if isinstance(dx, np.ndarray) else dx
        raise AssertionError(f"{layer!r}: backward has to return ∂L/∂x of shape {shape}, got {got}")
    dx = dx.copy()
    gradients = {name: parameter.grad.copy() for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        if np.isnan(parameter.grad).any():
            raise AssertionError(
                f"{layer!r}: backward has to overwrite all of the gradient of {name} (=, not +=)"
            )
        parameter.grad.fill(np.nan)
    layer.backward_parameters(dy)
    for name, parameter in parameters.items():
        what = f"{layer!r}: backward_parameters and backward, gradient of {name}"
        assert_close(what, parameter.grad, gradients[name], 1e-12)
    return dx, gradients


def _check_purity(layer: Layer, x: Array, y: Array, dy: Array) -> None:
    """Check that inference between forward and backward leaves no trace, nor backward in y."""
    first = layer.forward(x, training=True)
    dx, gradients = _backward(layer, dy, x.shape)
    saved = [(part, part._saved) for part in layer.walk()]  # noqa: SLF001 - the same contract
    layer.forward(read_only(x[-1:] if x.dtype.kind in "iu" else -x[:1]))
    for part, before in saved:
        if part._saved is not before:  # noqa: SLF001 - as above
            raise AssertionError(
                f"{part!r}: forward saves in inference too; save only if training: "
                "`if training: self._saved = …`"
            )
    dx_again, gradients_again = _backward(layer, dy, x.shape)
    what = f"{layer!r}: after an inference in between,"
    assert_close(f"{what} ∂L/∂x", dx_again, dx, 1e-12)
    for name, gradient in gradients.items():
        assert_close(f"{what} gradient of {name}", gradients_again[name], gradient, 1e-12)
    assert_close(f"{layer!r}: its output, after backward", first, y, 0.0)


def _check_memory_order(layer: Layer, x: Array, y: Array) -> None:
    """Check that views of any order in memory give the same output."""
    spread = np.zeros((2 * len(x), *x.shape[1:]), x.dtype)
    spread[::2] = x
    for name, view in (("column-major", np.asfortranarray(x)), ("strided", spread[::2])):
        output = layer.forward(read_only(view), training=True)
        assert_close(f"{layer!r}: output of {name} input", output, y, 1e-9)


def _check_float32(layer: Layer, x: Array) -> None:
    """Check that a float32 layer answers in float32, forward and backward."""
    assert layer.input_shape is not None  # noqa: S101 - it is built
    single = copy.deepcopy(layer)
    for part in single.walk():
        part.dtype = np.dtype(np.float32)
    for parameter in single.parameters:
        parameter.cast(np.float32)
    # BLAS's kernels for float32 raise the processor's flags now and then where nothing is invalid.
    with np.errstate(all="ignore"):
        y = single.forward(x if x.dtype.kind in "iu" else x.astype(np.float32), training=True)
        dx = single.backward(np.ones_like(y))
    for name, array in (("forward", y), ("backward", dx)):
        if not np.isfinite(array).all():
            raise AssertionError(f"{layer!r}: {name} in float32 is not finite")
        if array.dtype != np.float32:
            raise AssertionError(f"{layer!r}: {name} made {array.dtype} from float32")
