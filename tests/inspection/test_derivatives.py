"""Jacobians and products with the Hessian, against differences and closed forms."""

import numpy as np
import pytest

from tinyframe import (
    BatchNorm,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MSELoss,
    Reshape,
    Sequential,
    Softmax,
    Tanh,
)
from tinyframe.inspection import hessian_vector_product, jacobian
from tinyframe.layers.state import state_of
from tinyframe.parameters import ParameterVector
from tinyframe.testing import numeric_jacobian


@pytest.fixture
def trained(rng):
    model = Sequential([
        Reshape(1, 4, 4), Conv2D(2, 3, padding="same"), BatchNorm(), Tanh(), Flatten(),
        Dropout(0.5), Dense(3), Softmax(),
    ], dtype=np.float64)  # fmt: skip
    X, y = rng.random((30, 4, 4)), rng.integers(0, 3, 30)
    return model.fit(X, y, loss="cross_entropy", epochs=2, rng=0, verbose=0), X, y


def untouched(model):
    before = {name: array.tobytes() for name, array in state_of(model).items()}
    grads = [parameter.grad.copy() for parameter in model.parameters]
    flags = [layer.trainable for layer in model.walk()]

    def check():
        assert {name: array.tobytes() for name, array in state_of(model).items()} == before
        assert [layer.trainable for layer in model.walk()] == flags
        for parameter, grad in zip(model.parameters, grads, strict=True):
            np.testing.assert_array_equal(parameter.grad, grad)

    return check


def test_the_jacobian_by_inputs_is_that_of_predict(trained):
    model, X, _ = trained
    check, x = untouched(model), X[:4]
    found = jacobian(model, x)
    assert found.shape == (4, 3, 4, 4)
    numeric = numeric_jacobian(model.predict, x).reshape(4, 3, 4, 4, 4)
    expected = np.stack([numeric[r, :, r] for r in range(4)])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())
    check()


@pytest.mark.parametrize("frozen", [(), (1,), (2, 6)])
def test_the_jacobian_by_weights_is_that_of_predict(trained, frozen):
    """Batch normalisation's weights have columns, though its averages are those of `predict`."""
    model, X, _ = trained
    for number in frozen:
        model[number].trainable = False
    check, x = untouched(model), X[:4]
    found = jacobian(model, x, of="weights")
    vector = ParameterVector(model.trainable_parameters)
    assert found.shape == (4, 3, len(vector))
    start = vector.value.copy()

    def outputs(theta):
        vector.value[:] = theta
        y = model.predict(x)
        vector.value[:] = start
        return y

    expected = numeric_jacobian(outputs, start).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())
    check()


def test_jacobians_are_of_the_models_dtype_and_of_any_output_shape(rng):
    model = Sequential([Dense(2), Tanh()])
    model.build((4, 3), rng=0)
    x = rng.standard_normal((5, 4, 3))
    assert jacobian(model, x).shape == (5, 4, 2, 4, 3)
    by_weight = jacobian(model, x, "weights")
    assert by_weight.shape == (5, 4, 2, 8)
    assert by_weight.dtype == np.float32


def linear(rng, outputs):
    model = Sequential([Dense(4, outputs, use_bias=False)], dtype=np.float64)
    X, y = 3 * rng.standard_normal((20, 4)), rng.standard_normal((20, outputs))
    return model, X, y


def test_the_hessian_of_a_linear_model_is_that_of_the_normal_equations(rng):
    model, X, y = linear(rng, 2)
    check, v = untouched(model), rng.standard_normal(8)
    block = 2 * X.T @ X / len(X)
    expected = np.concatenate([block @ v[:4], block @ v[4:]])  # W lies as (outputs, inputs)
    found = hessian_vector_product(model, X, y, v)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    check()


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_hessian_is_symmetric_and_linear_in_the_vector(trained, size, rng):
    model, X, y = trained
    weights = sum(p.size for p in model.trainable_parameters)
    u, v = rng.standard_normal((2, weights))
    check = untouched(model)
    hv = hessian_vector_product(model, X, y, size * v) / size
    hu = hessian_vector_product(model, X, y, u)
    assert u @ hv == pytest.approx(v @ hu, rel=1e-8, abs=1e-8 * np.linalg.norm(hv))
    twice = hessian_vector_product(model, X, y, 2 * v - u)
    np.testing.assert_allclose(twice, 2 * hv - hu, rtol=1e-7, atol=1e-8 * np.abs(hv).max())
    assert not hessian_vector_product(model, X, y, np.zeros(weights)).any()
    check()


def test_the_hessian_of_cross_entropy_is_that_of_logistic_regression(rng):
    """H = Σᵣ (diag(p) − p pᵀ) ⊗ xᵣ xᵣᵀ / n, from a float32 model, too."""
    model = Sequential([Dense(3, 4, use_bias=False), Softmax()])
    model.build(3, rng=0)
    X, y = rng.standard_normal((30, 3)).astype("f4"), rng.integers(0, 4, 30)
    v = rng.standard_normal(12)
    scores = X.astype("f8") @ model[0].weight.value.astype("f8")
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    inner = np.einsum("rk,kl->rkl", p, np.eye(4)) - np.einsum("rk,rl->rkl", p, p)
    hessian = np.einsum("rkl,ri,rj->kilj", inner, X, X).reshape(12, 12) / 30
    found = hessian_vector_product(model, X, y, v, CrossEntropyLoss())
    np.testing.assert_allclose(found, hessian @ v, rtol=1e-7, atol=1e-9)


class Mixes(Layer):
    mixes_rows = True

    def forward(self, x, training=False):
        return x - x.mean(axis=0)

    def backward(self, dy):
        return dy - dy.mean(axis=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, X, y: jacobian(m, X, "outputs"), ValueError, 'of expected "inputs" or'),
        (lambda m, X, y: jacobian(m, X[:, :2]), ValueError, "expected"),
        (lambda m, X, y: jacobian(Dense(4, 2), X), TypeError, "a layer alone"),
        (lambda m, X, y: jacobian(Sequential(Dense(2)), X), ValueError, "expected a built model"),
        (lambda m, X, y: jacobian(Sequential(Dense(4, 2), Mixes()), X), ValueError, "each other"),
        (lambda m, X, y: hessian_vector_product(m, X, y, [1, 2]), ValueError, r"shape \(8,\)"),
        (lambda m, X, y: hessian_vector_product(m, X, y, ["a"] * 8), TypeError, "vector expected"),
        (lambda m, X, y: hessian_vector_product(m, X, y[:3], np.ones(8)), ValueError, "rows"),
    ],
)
def test_what_cannot_be_differentiated_is_named(rng, call, error, message):
    with pytest.raises(error, match=message):
        call(*linear(rng, 2))


def test_a_frozen_model_has_no_curvature(rng):
    model, X, y = linear(rng, 2)
    model.trainable = False
    assert jacobian(model, X, "weights").shape == (20, 2, 0)
    with pytest.raises(ValueError, match=r"shape \(0,\)"):
        hessian_vector_product(model, X, y, [], MSELoss())
