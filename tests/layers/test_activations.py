"""Activations: what their formulas promise."""

import numpy as np

from tinyframe import ReLU, Sigmoid


def test_sigmoid_keeps_its_tails():
    x = np.array([[-40.0, -700.0, 40.0]])
    expected = [[np.exp(-40) / (1 + np.exp(-40)), np.exp(-700), 1 / (1 + np.exp(-40))]]
    np.testing.assert_allclose(Sigmoid().forward(x), expected, rtol=1e-15)


def test_relu_has_slope_zero_at_its_kink():
    layer = ReLU()
    layer.forward(np.array([[-1.0, 0.0, 2.0]]), training=True)
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3))), [[0, 0, 1]])
