"""Recurrent layers: their state, and padding."""

import numpy as np
import pytest

from tinyframe import GRU, LSTM, RNN


@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_recurrent_layers_carry_their_state_over_padding(kind, sequence, rng):
    """A sequence filled up gives what the sequence gives, and the same gradients."""
    short, long = (kind(3, return_sequences=sequence, padding=0.0) for _ in range(2))
    short.build((3, 2), rng=0, dtype=np.float64)
    long.build((6, 2), rng=0, dtype=np.float64)
    x = rng.standard_normal((4, 3, 2))
    filled = np.zeros((4, 6, 2))
    places = [0, 2, 3]  # padding in between, and at the end
    filled[:, places] = x
    y, y_long = short.forward(x, training=True), long.forward(filled, training=True)
    dy = rng.standard_normal(y.shape)
    dy_long = dy
    if sequence:
        np.testing.assert_allclose(y_long[:, [0, 0, 2, 3, 3, 3]], y_long)
        y_long = y_long[:, places]
        dy_long = np.zeros((4, 6, 3))
        dy_long[:, places] = dy
    np.testing.assert_allclose(y_long, y)
    dx, dx_long = short.backward(dy), long.backward(dy_long)
    np.testing.assert_allclose(dx_long[:, places], dx)
    assert not dx_long[:, [1, 4, 5]].any()
    for one, other in zip(short.parameters, long.parameters, strict=True):
        np.testing.assert_allclose(other.grad, one.grad, atol=1e-12)
