"""The checks themselves: each catches the mistake it is there for."""

import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from cases import LAYERS
from hypothesis import find, given
from hypothesis import strategies as st

from tinyframe import (
    ELU,
    Dense,
    Layer,
    LeakyReLU,
    MSELoss,
    Parameter,
    ReLU,
    Rescale,
    Sequential,
    Softmax,
)
from tinyframe.testing import check_layer, check_loss, numeric_jacobian


def test_numeric_jacobian_of_known_functions():
    x = np.array([0.3, -1.2, 2.0])
    np.testing.assert_allclose(numeric_jacobian(np.sin, x), np.diag(np.cos(x)), atol=1e-12)
    matrix = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(numeric_jacobian(lambda at: matrix @ at, x), matrix, atol=1e-11)


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"Sequential"}))
def test_a_backward_of_zeros_is_caught(name, monkeypatch):
    layers, sample_shapes = LAYERS[name]
    layer = find(layers, lambda layer: getattr(layer, "scale", 1) == 1)
    shape = find(sample_shapes, lambda shape: shape[-1] > 1)
    check_layer(layer, shape)
    right = type(layer).backward
    monkeypatch.setattr(type(layer), "backward", lambda self, dy: 0 * right(self, dy))
    with pytest.raises(AssertionError, match="∂y/∂x"):
        check_layer(layer, shape)


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_parameter_gradient_of_zeros_is_caught(name, monkeypatch):
    right = Dense.backward_parameters

    def broken(self, dy):
        right(self, dy)
        getattr(self, name).grad[...] = 0

    monkeypatch.setattr(Dense, "backward_parameters", broken)
    with pytest.raises(AssertionError, match="∂y/∂θ"):
        check_layer(Dense(3, 2), 3)


def test_a_softmax_without_its_off_diagonal_terms_is_caught(monkeypatch):
    def diagonal(self, dy):
        y = self._saved
        return dy * y * (1 - y)

    monkeypatch.setattr(Softmax, "backward", diagonal)
    with pytest.raises(AssertionError, match="∂y/∂x"):
        check_layer(Softmax(), 4)
    with pytest.raises(AssertionError, match="∂y/∂x"):
        check_layer(Sequential([Dense(3, 4), Softmax()]), 3)


class Square(Layer):
    """y = g x², right in all respects; the classes below each break one."""

    def setup(self, input_shape):
        self.gain = Parameter(input_shape, lambda rng, shape: rng.uniform(1, 2, shape))
        return input_shape

    def forward(self, x, training=False):
        self._check_input(x)
        if training:
            self._saved = x
        return self.gain.value * x * x

    def backward(self, dy):
        x = self._recall()
        np.sum(dy * x * x, axis=0, out=self.gain.grad)
        return 2 * self.gain.value * x * dy


class AddsToGradient(Square):
    def backward(self, dy):
        self.gain.grad += (dy * self._saved**2).sum(axis=0)
        return 2 * self.gain.value * self._saved * dy


class LosesBatch(Square):
    def backward(self, dy):
        dx = super().backward(dy)
        self.gain.grad /= len(dy)
        return dx


class WritesToInput(Square):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        x += 0
        return y


class WritesToDy(Square):
    def backward(self, dy):
        dx = super().backward(dy)
        dy *= 2
        return dx


class SavesInInference(Square):
    def forward(self, x, training=False):
        return super().forward(x, training=True)


class PromisesAnotherShape(Square):
    def setup(self, input_shape):
        return (*super().setup(input_shape), 1)


class Upcasts(Square):
    def forward(self, x, training=False):
        return super().forward(x, training) * np.ones(1)


class MixesRows(Layer):
    def forward(self, x, training=False):
        return x - x.mean(axis=0)

    def backward(self, dy):
        return dy - dy.mean(axis=0)


class BackwardSpoilsOutput(Square):
    def forward(self, x, training=False):
        self.y = super().forward(x, training)
        return self.y

    def backward(self, dy):
        dx = super().backward(dy)
        self.y *= 2
        return dx


class SquaresDy(Square):
    def backward(self, dy):
        super().backward(dy)
        return 2 * self.gain.value * self._saved * dy**2


class ReturnsNothing(Square):
    def backward(self, dy):
        super().backward(dy)


class SetupReturnsNothing(Square):
    def setup(self, input_shape):
        super().setup(input_shape)


class ForgetsParametersAlone(Square):
    def backward_parameters(self, dy):
        pass


def test_a_right_layer_passes():
    check_layer(Square(), (2, 3))
    declared = MixesRows()
    declared.mixes_rows = True
    check_layer(declared, 3)


class MixesRowGradients(Square):
    def row_gradients(self, x, dy):
        return super().row_gradients(x, dy)[::-1]


class SumsRowGradients(Square):
    def row_gradients(self, x, dy):
        return super().row_gradients(x, dy).sum(axis=0)


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (AddsToGradient(), AssertionError, "overwrite all of the gradient of gain"),
        (LosesBatch(), AssertionError, "∂y/∂θ"),
        (WritesToInput(), AssertionError, "forward writes to x"),
        (WritesToDy(), AssertionError, "backward writes to dy"),
        (SquaresDy(), AssertionError, "∂y/∂x"),
        (ReturnsNothing(), AssertionError, r"return ∂L/∂x of shape \(2, 3\), got None"),
        (SetupReturnsNothing(), TypeError, "setup has to return a shape, got None"),
        (Square, TypeError, "expected a layer, got <class"),
        (SavesInInference(), AssertionError, "inference"),
        (PromisesAnotherShape(), AssertionError, "promised"),
        (Upcasts(), AssertionError, "float64 from float32"),
        (MixesRows(), AssertionError, "row by row"),
        (BackwardSpoilsOutput(), AssertionError, "output, after backward"),
        (ForgetsParametersAlone(), AssertionError, "backward_parameters"),
        (MixesRowGradients(), AssertionError, r"row_gradients \(row, weight\)"),
        (SumsRowGradients(), AssertionError, r"row_gradients has to return"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_a_broken_contract_is_caught(layer, error, message):
    with pytest.raises(error, match=message):
        check_layer(layer, 3)


def test_check_layer_leaves_the_layer_as_it_was():
    layer = Dense(3)
    check_layer(layer, 4)
    assert layer.input_shape is None
    assert layer.parameters == ()


@given(st.floats(-12, -3), st.floats(-12, -3), st.sampled_from([ReLU, LeakyReLU, ELU]))
def test_a_kink_between_the_differences_is_no_error(right, left, kind):
    layer, x = Sequential([kind(), Rescale(3.0)]), [[10**right, -(10**left)]]
    check_layer(layer, 2, x=x)  # whose differences have steps of 1e-3 and less
    wrong = mock.patch.object(kind, "backward", lambda self, dy: (1 + 1e-5) * dy)
    with wrong, pytest.raises(AssertionError, match="∂y/∂x"):
        check_layer(layer, 2, x=x)


def test_a_wrong_loss_gradient_is_caught(monkeypatch):
    check_loss(MSELoss(), [[0.1, 0.9]], [1])
    right = MSELoss.backward
    monkeypatch.setattr(MSELoss, "backward", lambda self: right(self) / 2)
    with pytest.raises(AssertionError, match="∂L/∂prediction"):
        check_loss(MSELoss(), [[0.1, 0.9]], [1])


def test_strategies_name_the_extra_where_hypothesis_is_missing():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "try: import tinyframe.testing.strategies\n"
        "except ImportError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "tinyframe[testing]" in run.stdout
