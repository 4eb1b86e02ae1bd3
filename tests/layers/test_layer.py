"""Layer: what building fixes."""

import numpy as np
import pytest

from tinyframe import Dense


def test_building_twice_keeps_the_weights_and_refuses_another_shape():
    layer = Dense(3, 2)
    before = layer.weight.value.copy()
    assert layer.build(3) == (2,)
    np.testing.assert_array_equal(layer.weight.value, before)
    with pytest.raises(ValueError, match=r"expected \(batch, 3\), got \(batch, 4\)"):
        layer.build(4)


def test_build_draws_from_the_seed_it_is_given():
    one, two = Dense(3), Dense(3)
    one.build(4, rng=7, dtype=np.float64)
    two.build(4, rng=7, dtype=np.float64)
    assert one.weight.value.dtype == np.float64
    np.testing.assert_array_equal(one.weight.value, two.weight.value)
