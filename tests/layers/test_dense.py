"""Dense: the affine map, its sizes and its first weights."""

import numpy as np
import pytest

from tinyframe import Dense
from tinyframe.parameters import ParameterVector


def test_dense_is_the_affine_map(rng):
    layer = Dense(3, 2)
    x = rng.standard_normal((5, 3)).astype(np.float32)
    layer.bias.value = [1, 2]
    np.testing.assert_allclose(
        layer.forward(x), x @ layer.weight.value + np.array([1, 2]), rtol=1e-5
    )


def test_dense_computes_in_its_own_dtype_whatever_comes(rng):
    layer = Dense(3, 2)
    x, dy = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    assert layer.forward(x, training=True).dtype == np.float32
    assert layer.backward(dy).dtype == np.float32
    np.testing.assert_allclose(layer.weight.grad, x.T @ dy, rtol=1e-4, atol=1e-6)


def test_dense_starts_with_he_weights_and_zero_bias():
    layer = Dense(1000, 300)
    layer.build(1000, rng=0)
    assert layer.weight.value.std() == pytest.approx(np.sqrt(2 / 1000), rel=0.01)
    assert not layer.bias.value.any()


def test_dense_infers_its_inputs_once():
    layer = Dense(2)
    assert layer.parameters == ()
    layer.forward(np.zeros((4, 3), np.float32))
    assert layer.weight.shape == (3, 2)
    with pytest.raises(ValueError, match=r"Dense\(2\) expected \(batch, 3\), got \(4, 5\)"):
        layer.forward(np.zeros((4, 5), np.float32))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((32, 28, 28), r"expected \(batch, 784\), got \(32, 28, 28\); put Flatten\(\) before it"),
        ((784,), r"expected \(batch, 784\), got \(784,\); one row is x\[np.newaxis\]"),
        ((32, 783), r"expected \(batch, 784\), got \(32, 783\)"),
        ((), r"expected \(batch, 784\), got \(\)"),
    ],
)
def test_wrong_shapes_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        Dense(784, 10).forward(np.zeros(shape, np.float32))


@pytest.mark.parametrize("sizes", [(), (1, 2, 3), (0,), (-1, 2), (2.5,), (True,), ("3",), (None,)])
def test_dense_wants_positive_integers(sizes):
    with pytest.raises((TypeError, ValueError), match="expected"):
        Dense(*sizes)


@pytest.mark.parametrize("between", [(), (4,), (2, 3)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_row_gradients_are_where_the_parameter_vector_has_them(rng, between, use_bias):
    layer = Dense(2, use_bias=use_bias)
    layer.build((*between, 3), dtype=np.float64)
    vector = ParameterVector(layer.parameters)
    x, dy = rng.standard_normal((5, *between, 3)), rng.standard_normal((5, *between, 2))
    rows = layer.row_gradients(x, dy)
    for r in range(5):
        layer.forward(x[r : r + 1], training=True)
        layer.backward(dy[r : r + 1])
        np.testing.assert_allclose(rows[r], vector.grad, rtol=1e-12, atol=1e-14)


def test_row_gradients_overwrite_nothing(rng):
    layer = Dense(3, 2)
    x, dy = rng.standard_normal((5, 3)).astype("f4"), rng.standard_normal((5, 2)).astype("f4")
    layer.forward(x, training=True)
    layer.row_gradients(x[:2], dy[:2])
    layer.backward(dy)
    np.testing.assert_allclose(layer.weight.grad, x.T @ dy, rtol=1e-5, atol=1e-6)
