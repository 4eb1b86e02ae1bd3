"""Dropout: its generator and its mean."""

import numpy as np
import pytest

from tinyframe import Dense, Dropout, Sequential


def test_dropout_is_seeded_by_fit_and_absent_in_inference():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 4)), rng.standard_normal((64, 1))

    def trained(seed):
        model = Sequential([Dense(4, 8), Dropout(0.5), Dense(8, 1)])
        return model.fit(x, y, rng=seed, epochs=2, verbose=False)

    one, two, other = trained(1), trained(1), trained(2)
    np.testing.assert_array_equal(one.predict(x), two.predict(x))
    assert one.history["loss"] == two.history["loss"] != other.history["loss"]
    np.testing.assert_array_equal(one.predict(x), one.predict(x))


def test_dropout_keeps_the_mean_and_its_rate():
    layer = Dropout(0.3)
    layer.rng = 0
    x = np.ones((100, 1000))
    y = layer.forward(x, training=True)
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(layer.backward(x), y)
    assert (layer.forward(x, training=True) != y).any()
