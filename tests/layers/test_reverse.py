"""Reverse: time backwards, and recurrences of both directions."""

import numpy as np
import pytest

from tinyframe import GRU, LSTM, RNN, Concatenate, Embedding, Reverse, Sequential


def test_time_runs_backwards(rng):
    x = rng.standard_normal((2, 5, 3))
    np.testing.assert_array_equal(Reverse().forward(x), x[:, ::-1])
    np.testing.assert_array_equal(Reverse(-1).forward(x), x[:, :, ::-1])
    np.testing.assert_array_equal(Reverse(2).forward(x), x[:, :, ::-1])
    np.testing.assert_array_equal(Sequential(Reverse(), Reverse()).forward(x), x)


@pytest.mark.parametrize(
    ("axis", "error", "message"),
    [
        (0, ValueError, "axis expected one of a sample, got 0, that of the batch"),
        (3, ValueError, r"Reverse\(axis=3\) expected samples with that axis, got \(batch, 4, 2\)"),
        (-3, ValueError, "expected samples with that axis"),
        (1.5, TypeError, "axis expected an integer, got 1.5"),
        (True, TypeError, "axis expected an integer, got True"),
        ((1, 2), TypeError, r"axis expected an integer, got \(1, 2\)"),
    ],
)
def test_other_axes_are_refused(axis, error, message):
    with pytest.raises(error, match=message):
        Reverse(axis).build((4, 2))


def back(kind, *, sequence, padding=None):
    """The half of a bidirectional recurrence that reads from the end."""
    layer = kind(3, return_sequences=sequence, padding=padding)
    return Sequential(Reverse(), layer, *([Reverse()] if sequence else []), dtype="float64")


@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_padding_at_the_end_is_skipped_when_it_comes_first(kind, sequence, rng):
    """A sequence filled up and read backwards gives what it gives alone, and its gradients."""
    short, long = back(kind, sequence=sequence), back(kind, sequence=sequence, padding=0.0)
    short.build((3, 2), rng=0)
    long.build((5, 2), rng=0)
    x = rng.standard_normal((4, 3, 2))
    filled = np.concatenate([x, np.zeros((4, 2, 2))], axis=1)
    y, y_long = short.forward(x, training=True), long.forward(filled, training=True)
    dy = rng.standard_normal(y.shape)
    dy_long = dy
    if sequence:
        assert not y_long[:, 3:].any()  # nothing has been read yet
        y_long = y_long[:, :3]
        dy_long = np.concatenate([dy, rng.standard_normal((4, 2, 3))], axis=1)
    np.testing.assert_allclose(y_long, y, atol=1e-12)
    dx, dx_long = short.backward(dy), long.backward(dy_long)
    np.testing.assert_allclose(dx_long[:, :3], dx, atol=1e-12)
    assert not dx_long[:, 3:].any()
    for one, other in zip(short.parameters, long.parameters, strict=True):
        np.testing.assert_allclose(other.grad, one.grad, atol=1e-12)


def test_sentences_of_different_lengths_give_what_each_gives_alone(rng):
    tokens = rng.integers(1, 9, (4, 7))
    lengths = [7, 1, 4, 6]
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = 0
    model = Sequential(
        Embedding(9, 4, padding=0),
        Concatenate(GRU(3, padding=0.0), Sequential(Reverse(), GRU(3, padding=0.0))),
    )
    model.build(7, rng=0)
    y, vectors = model.forward(tokens), model[0].forward(tokens)
    forwards, (_, backwards) = model[1].branches
    for row, length in enumerate(lengths):
        states = []
        for layer, step in ((forwards, 1), (backwards, -1)):
            alone = GRU(3)
            alone.build((length, 4))
            for mine, theirs in zip(alone.parameters, layer.parameters, strict=True):
                mine.value = theirs.value
            states.append(alone.forward(vectors[row : row + 1, :length][:, ::step]))
        np.testing.assert_allclose(np.concatenate(states, axis=1)[0], y[row], atol=1e-6)
