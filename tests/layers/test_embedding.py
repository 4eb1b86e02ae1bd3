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


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint64, bool])
def test_tokens_are_whole_numbers_of_any_kind(dtype):
    """As in a table, which is one array of floats, whatever its columns mean."""
    tokens = np.array([[0, 1, 0], [1, 1, 0]])
    layer, twin = Embedding(2, 3), Embedding(2, 3)
    for each, x in ((layer, tokens.astype(dtype)), (twin, tokens)):
        each.build(3, rng=0)
        each.backward(np.ones_like(each.forward(x, training=True)))
    np.testing.assert_array_equal(layer.forward(tokens.astype(dtype)), twin.forward(tokens))
    np.testing.assert_array_equal(layer.weight.grad, twin.weight.grad)


@pytest.mark.parametrize(
    ("token", "error", "message"),
    [
        (0.5, TypeError, "expected tokens, which are whole numbers, got 0.5"),
        (np.nan, TypeError, "whole numbers, got nan"),
        (np.inf, ValueError, "tokens from 0 to 4, got inf"),
        (-np.inf, ValueError, "tokens from 0 to 4, got -inf"),
        (5.0, ValueError, "tokens from 0 to 4, got 5.0"),
        (-1.0, ValueError, "tokens from 0 to 4, got -1.0"),
    ],
)
def test_what_is_no_token_is_named(token, error, message):
    with pytest.raises(error, match=message):
        Embedding(5, 3).forward(np.array([[0, 1], [token, 4]]))
