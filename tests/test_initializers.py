"""Initializers draw from the distributions that they name."""

import numpy as np
import pytest

from tinyframe import Conv2D, Dense, Embedding, initializers
from tinyframe.initializers import NAMED, as_initializer, constant, fans

MATRIX, KERNEL = (300, 500), (40, 30, 5, 5)
VARIANCE = {
    "normal": lambda inputs, outputs: 1,
    "he_normal": lambda inputs, outputs: 2 / inputs,
    "he_uniform": lambda inputs, outputs: 2 / inputs,
    "glorot_normal": lambda inputs, outputs: 2 / (inputs + outputs),
    "glorot_uniform": lambda inputs, outputs: 2 / (inputs + outputs),
    "lecun_normal": lambda inputs, outputs: 1 / inputs,
    "lecun_uniform": lambda inputs, outputs: 1 / inputs,
}


def test_fans_count_each_pixel_of_a_kernel():
    assert fans(MATRIX) == (300, 500)
    assert fans(KERNEL) == (30 * 25, 40 * 25)
    assert fans((7,)) == (7, 7)


@pytest.mark.parametrize("shape", [MATRIX, KERNEL])
@pytest.mark.parametrize("name", VARIANCE)
def test_the_variance_is_that_of_the_source(name, shape, rng):
    drawn = NAMED[name](rng, shape)
    expected = VARIANCE[name](*fans(shape))
    assert drawn.shape == shape
    assert abs(drawn.mean()) < 0.02 * np.sqrt(expected)
    assert drawn.var() == pytest.approx(expected, rel=0.03)
    bound = np.sqrt(3 * expected)  # of the uniform distribution with this variance
    within = np.mean(np.abs(drawn) <= bound)
    assert within == 1 if name.endswith("uniform") else 0.9 < within < 0.93


@pytest.mark.parametrize("shape", [(6, 6), (7, 3), (3, 7), (4, 2, 3, 3)])
def test_orthogonal_rows_or_columns(shape, rng):
    W = initializers.orthogonal(rng, shape).reshape(shape[0], -1)
    product = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_those_without_chance(rng):
    assert not initializers.zeros(rng, (2, 3)).any()
    assert (initializers.ones(rng, (2, 3)) == 1).all()
    assert (constant(0.25)(rng, (2, 3)) == 0.25).all()


def test_a_layer_draws_from_the_one_it_is_given():
    layer = Dense(400, 300, initializer="lecun_uniform")
    assert layer.weight.value.var() == pytest.approx(1 / 400, rel=0.05)
    for layer, shape, variance in (
        (Conv2D(40, 5), (30, 9, 9), 2 / (30 * 25)),
        (Embedding(300, 500), (4,), 1),
    ):
        layer.build(shape, rng=0)
        assert layer.weight.value.var() == pytest.approx(variance, rel=0.05)


def test_a_name_that_is_none():
    assert as_initializer("he_normal") is initializers.he_normal
    with pytest.raises(ValueError, match="he_normal"):
        as_initializer("he")
