"""The outputs' derivative by the weights, row by row, against differences of the weights."""

import copy

import numpy as np
import pytest

from tinyframe import (
    GRU,
    LSTM,
    Add,
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    LayerNorm,
    MultiHeadAttention,
    PositionalEmbedding,
    ReLU,
    Residual,
    RMSNorm,
    Select,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tinyframe.parameters import ParameterVector
from tinyframe.testing import numeric_jacobian
from tinyframe.training.jacobian import weight_jacobian

CHAINS = {
    "one layer": ([Dense(2)], (3,)),
    "no bias": ([Dense(4, use_bias=False), Tanh(), Dense(2, use_bias=False)], (3,)),
    "activations": ([Dense(4), Tanh(), Dense(4), Sigmoid(), Dense(3), Softmax()], (3,)),
    "kinks": ([Dense(8), ReLU(), Dense(2)], (3,)),
    "no weights above": ([Tanh(), Dense(3), Softmax(), Tanh()], (3,)),
    "sequences": ([Dense(3), Tanh(), Dense(2)], (4, 3)),
    "axes in between": ([Dense(2)], (2, 3, 4)),
    "norms": ([Dense(4), LayerNorm(), Tanh(), RMSNorm(), Dense(2)], (3,)),
    "images": ([Conv2D(2, 2), Tanh(), Flatten(), Dense(2)], (2, 3, 4)),
    "one number an image": ([Conv2D(3, 2), GlobalAveragePool2D(), Dense(1)], (1, 4, 3)),
    "windows": ([Conv1D(2, 2), LSTM(3), Dense(2)], (4, 2)),
    "gates": ([GRU(2, return_sequences=True), LSTM(2), Dense(1)], (3, 2)),
    "attention": ([PositionalEmbedding(), MultiHeadAttention(2), Flatten(), Dense(1)], (3, 2)),
    "side by side": (
        [Concatenate(Dense(2), Sequential([Dense(3), Tanh()])), Residual(Dense(5), Tanh()),
         Add(Dense(2), Dense(2))], (3,),
    ),
    "chains in a chain": ([Sequential([Dense(3), Tanh()]), Sequential([Dense(2)])], (3,)),
    "tokens": ([Embedding(5, 2), LSTM(2), Dense(2)], (4,)),
    "a table": (
        [Concatenate(Select(slice(1, None)), Sequential(Select(0), Embedding(5, 2), Flatten())),
         Dense(2)], (3,),
    ),
}  # fmt: skip


def rows_for(name, shape, rng):
    if name == "tokens":
        return rng.integers(0, 5, (3, *shape))
    x = rng.standard_normal((3, *shape))
    if name == "a table":
        x[:, 0] = rng.integers(0, 5, 3)
    return x


def built(layers, shape, rng):
    """A copy of a chain in float64, all its weights off zero."""
    model = copy.deepcopy(Sequential(layers, dtype=np.float64))
    model.build(shape, rng=0)
    vector = ParameterVector(model.parameters)
    vector.value += rng.uniform(-0.1, 0.1, len(vector))
    return model


def by_differences(model, x):
    """∂y/∂θ, of the trainable parameters side by side, by differences."""
    vector = ParameterVector(model.trainable_parameters)

    def outputs(theta):
        before = vector.value.copy()
        vector.value[:] = theta
        y = model.forward(x)
        vector.value[:] = before
        return y

    return numeric_jacobian(outputs, vector.value).reshape(len(x), -1, len(vector))


@pytest.mark.parametrize("name", CHAINS)
def test_the_jacobian_is_that_of_differences(name, rng):
    layers, shape = CHAINS[name]
    model, x = built(layers, shape, rng), rows_for(name, shape, rng)
    y, jacobian = weight_jacobian(model._chain(), x)
    np.testing.assert_allclose(y, model.predict(x), rtol=1e-12)
    expected = by_differences(model, x)
    assert jacobian.shape == expected.shape
    np.testing.assert_allclose(jacobian, expected, rtol=1e-8, atol=1e-10)


def test_frozen_layers_have_no_columns(rng):
    layers = [Dense(3), Tanh(), Residual(Dense(4), Tanh(), Dense(3)), BatchNorm(), Dense(2)]
    model, x = built(layers, (3,), rng), rng.standard_normal((4, 3))
    model.fit(x, x[:, :2], epochs=2, verbose=0, rng=0)
    for layer in (model[0], model[2].layers[2], model[3]):
        layer.trainable = False
    _, jacobian = weight_jacobian(model._chain(), x)
    assert jacobian.shape[2] == 16 + 8
    np.testing.assert_allclose(jacobian, by_differences(model, x), rtol=1e-8, atol=1e-10)
    model.trainable = False
    y, jacobian = weight_jacobian(model._chain(), x)
    assert jacobian.shape == (4, 2, 0)
    np.testing.assert_array_equal(y, model.predict(x))


def test_its_product_with_the_losses_gradient_is_the_gradient(rng):
    """The columns are where the flat gradient has them, in float32 too."""
    model = Sequential([Dense(5), Tanh(), LayerNorm(), Dense(3)])
    model.build(4, rng=0)
    x, dy = rng.standard_normal((6, 4)).astype("f4"), rng.standard_normal((6, 3)).astype("f4")
    _, jacobian = weight_jacobian(model._chain(), x)
    assert jacobian.dtype == np.float32
    vector = ParameterVector(model.trainable_parameters)
    model.forward(x, training=True)
    model.backward(dy)
    gradient = np.einsum("rk,rkj->j", dy, jacobian)
    np.testing.assert_allclose(gradient, vector.grad, rtol=1e-4, atol=1e-5)


def test_without_rows_there_is_a_jacobian_of_none():
    model = Sequential([Dense(3, 4), Tanh(), LayerNorm(), Dense(2)])
    y, jacobian = weight_jacobian(model._chain(), np.zeros((0, 3), "f4"))
    assert y.shape == (0, 2)
    assert jacobian.shape == (0, 2, 16 + 8 + 10)


class Scaled(Dense):
    """y = 2 (x W + b): the closed form of Dense is not its own."""

    def forward(self, x, training=False):
        return 2 * super().forward(x, training)

    def backward(self, dy):
        self.backward_parameters(dy)
        return 2 * dy @ self.weight.value.T

    def backward_parameters(self, dy):
        super().backward_parameters(2 * dy)


def test_a_subclass_does_not_inherit_the_closed_form(rng):
    layer = Scaled(4)
    layer.build(3, rng=0, dtype=np.float64)
    x, dy = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    found = layer.row_gradients(x, dy)
    for row in range(5):
        np.testing.assert_allclose(found[row, :12].reshape(4, 3), 2 * np.outer(dy[row], x[row]))
        np.testing.assert_allclose(found[row, 12:], 2 * dy[row])
