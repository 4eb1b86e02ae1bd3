"""Embedding: tokens, and padding."""

import numpy as np
import pytest

from tinyframe import Embedding


def test_an_embedding_of_padding_is_and_stays_zero(rng):
    layer = Embedding(5, 3, padding=0)
    tokens = np.array([[0, 1, 0, 4]])
    y = layer.forward(tokens, training=True)
    assert not y[0, [0, 2]].any()
    assert y[0, [1, 3]].all()
    layer.backward(np.ones_like(y))
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [0, 1, 0, 0, 1])
    with pytest.raises(ValueError, match="tokens from 0 to 4, got 5"):
        layer.forward(np.array([[0, 5, 1, 1]]))
    with pytest.raises(TypeError, match="integer tokens, got float64 with fractions"):
        layer.forward(np.array([[0, 0.5, 1, 1]]))
