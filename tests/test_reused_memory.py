"""Memory that is reused from step to step never shows: each batch is as if it were the first."""

import copy

import numpy as np
import pytest
from cases import LAYERS, LOSSES, TOKENS
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import (
    CrossEntropyLoss,
    Dense,
    KLDivergenceLoss,
    LogSoftmax,
    MSELoss,
    Sequential,
    Softmax,
    one_hot,
)
from tinyframe.datasets import digits
from tinyframe.objective import Objective
from tinyframe.scratch import KEPT, Scratch

CLASSES = 4

# ---------------------------------------------------------------- losses


def heads(name):
    """Layers whose outputs this loss takes, those that it replaces among them."""
    if name.startswith("KLDivergenceLoss from"):
        return [LogSoftmax]
    return [Dense] if LOSSES[name][1][0] < 0 else [Softmax, lambda: Softmax(1)]


def classifier(head):
    last = head(CLASSES) if head is Dense else head()
    model = Sequential([Dense(3, CLASSES), last])
    model.build(3, rng=0)
    return model


def what_it_gives(objective, batch):
    """Do what training, or evaluation, does with a batch; return all that comes of it, copied."""
    x, target, weight, training = batch
    value = objective.forward(x, target, weight, training=training)
    found = [np.array([value, objective.mass]), objective.prediction.copy()]
    if training:
        objective.backward()
        found += [p.grad.copy() for layer in objective.layers for p in layer.parameters]
    return found


@st.composite
def sequences_of_batches(draw, dense_bounds, shares):
    """Batches as `fit` hands them on: weighted or not, labels or rows, to train on or to validate.

    Few sizes, one of them the number of classes, so that many shapes meet that differ little.
    With `shares`, rows of targets sum to 1.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batches = []
    for _ in range(draw(st.integers(2, 6))):
        rows = draw(st.sampled_from([1, CLASSES, 5]))
        target = rng.integers(0, CLASSES, rows)
        kinds = ["labels", "one-hot rows", "rows"] if dense_bounds else ["labels", "one-hot rows"]
        kind = draw(st.sampled_from(kinds))
        if kind == "one-hot rows":
            target = one_hot(target, CLASSES)
        elif kind == "rows":
            target = rng.uniform(*dense_bounds, (rows, CLASSES)).astype(np.float32)
            target /= target.sum(axis=1, keepdims=True) if shares else 1
        weights = st.sampled_from([None, rng.uniform(0, 2, rows), np.zeros(rows), np.ones(rows)])
        x = rng.normal(size=(rows, 3)).astype(np.float32)
        batches.append((x, target, draw(weights), draw(st.booleans())))
    return batches


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data())
@settings(max_examples=40)
def test_any_sequence_of_batches_gives_what_each_gives_alone(name, data):
    loss, _, dense_bounds = LOSSES[name]
    model = classifier(data.draw(st.sampled_from(heads(name))))
    shares = isinstance(loss, (CrossEntropyLoss, KLDivergenceLoss))
    batches = data.draw(sequences_of_batches(dense_bounds, shares))
    sequence = Objective(model._chain(), copy.deepcopy(loss))
    with sequence.reusing_buffers():
        together = [what_it_gives(sequence, batch) for batch in batches]
    for batch, found in zip(batches, together, strict=True):
        alone = Objective(model._chain(), copy.deepcopy(loss))
        with alone.reusing_buffers():
            expected = what_it_gives(alone, batch)
        for array, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(array, other)
        afresh = what_it_gives(Objective(model._chain(), copy.deepcopy(loss)), batch)
        for array, other in zip(found, afresh, strict=True):
            np.testing.assert_allclose(array, other, rtol=1e-4, atol=1e-6)


WEIGHED = {
    "class_weight in training alone": {"class_weight": "balanced"},
    "sample_weight in training alone": {"sample_weight": np.linspace(0, 1, 60)},
    "weights in validation alone": {"validation": "weighted"},
    "one-hot rows in training, labels in validation": {"training": "rows"},
    "labels in training, one-hot rows in validation": {"validation": "rows"},
}


@pytest.mark.parametrize("loss", [CrossEntropyLoss, MSELoss])
@pytest.mark.parametrize("case", WEIGHED)
def test_fit_takes_blocks_of_equal_length_of_any_kind(case, loss):
    options = dict(WEIGHED[case])
    X, y = digits()[0]
    X, y = X[:60].reshape(60, -1) / 16, y[:60]
    validation = (X[30:], y[30:])
    if (kind := options.pop("validation", None)) is not None:
        rows = (X[30:], one_hot(y[30:], 10))
        validation = rows if kind == "rows" else (*validation, np.linspace(0, 1, 30))
    target = one_hot(y, 10) if options.pop("training", None) else y
    fitted = [
        Sequential([Dense(64, 10), Softmax()]).fit(
            X, target, loss=loss(), batch_size=30, epochs=2, validation_data=given, rng=0,
            verbose=False, **options,
        )
        for given in (validation, None)
    ]  # fmt: skip
    with_validation, without = fitted
    assert with_validation.history["loss"] == without.history["loss"]
    evaluated = with_validation.evaluate(
        *validation[:2], loss=loss(), sample_weight=validation[2] if len(validation) == 3 else None
    )
    assert with_validation.history["val_loss"][-1] == pytest.approx(evaluated["loss"], rel=1e-6)


def test_batches_of_an_iterable_may_carry_weights_or_not():
    X, y = digits()[0]
    X, y, weight = X[:60].reshape(60, -1) / 16, y[:60], np.linspace(0, 1, 30)
    batches = [(X[:30], y[:30]), (X[30:], y[30:], weight), (X[:30], one_hot(y[:30], 10))]
    model = Sequential([Dense(64, 10), Softmax()])
    model.fit(batches, loss=CrossEntropyLoss(), epochs=3, rng=0, verbose=False)
    assert model.history["loss"][-1] < model.history["loss"][0]


# ---------------------------------------------------------------- layers


def step(layer, x, dy):
    """Return y, dx and all gradients of a training step, copied."""
    y = layer.forward(x, training=True).copy()
    dx = layer.backward(dy).copy()
    return [y, dx, *(p.grad.copy() for p in layer.parameters)]


def names_in_use(layer):
    """Return which arrays all names of all parts stand for."""
    return {
        (number, name): id(kept[1])
        for number, part in enumerate(layer.walk())
        for name, kept in part._buffers.items()
    }


@pytest.mark.parametrize("name", [*LAYERS, *TOKENS])
@given(data=st.data())
@settings(max_examples=15)
def test_a_layer_with_reused_memory_gives_what_a_fresh_one_gives(name, data):
    """Whatever came before: batches of other sizes, orders in memory, inference in between."""
    strategy = TOKENS[name] if name in TOKENS else LAYERS[name][0]
    shape = data.draw(st.just((2, 3)) if name in TOKENS else LAYERS[name][1])
    layer = copy.deepcopy(data.draw(strategy))
    layer.build(shape, rng=0)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    for part in layer.walk():
        part.rng = 0
    for rows in data.draw(st.lists(st.sampled_from([1, 2, 5]), min_size=2, max_size=5)):
        x = rng.normal(size=(rows, *shape)).astype(np.float32)
        x = rng.integers(0, 5, x.shape) if name in TOKENS else x
        if data.draw(st.booleans()):
            x = np.asfortranarray(x)
        dy = rng.normal(size=(rows, *layer.output_shape)).astype(np.float32)
        fresh = copy.deepcopy(layer)  # without the memory
        for part in (*layer.walk(), *fresh.walk()):
            part.reuse_buffers(rows)
        if data.draw(st.booleans()):
            layer.forward(x)
        expected = step(fresh, x, dy)
        for found, array in zip(step(layer, x, dy), expected, strict=True):
            np.testing.assert_allclose(found, array, rtol=1e-4, atol=1e-5)
        kept = names_in_use(layer)
        step(layer, x, dy)
        assert names_in_use(layer) == kept, "a name stands for two arrays in one step"


class Room(Scratch):
    """Anything that keeps memory."""


@pytest.mark.parametrize("way", ["_buffer", "_empty"])
def test_a_name_never_gives_memory_of_another_shape_or_kind(way):
    room = Room()
    room.reuse_buffers(3)
    get = getattr(room, way)
    first = get("a", (3, 2), np.float32)
    assert get("a", (3, 2), np.float32) is first
    for shape, dtype in (((2, 3), np.float32), ((6,), np.float32), ((3, 2), np.float64)):
        other = get("a", shape, dtype)
        assert (other.shape, other.dtype) == (shape, dtype)
        assert not np.shares_memory(other, first)


@pytest.mark.parametrize("way", ["_buffer_like", "_empty_like"])
def test_nor_do_names_for_memory_like_an_array(way):
    room = Room()
    room.reuse_buffers(3)
    get = getattr(room, way)
    first = get("a", np.zeros((3, 2), np.float32))
    assert get("a", np.ones((3, 2), np.float32)) is first
    for like in (np.zeros((3, 1), np.float32), np.zeros(6, np.float32), np.zeros((3, 2))):
        other = get("a", like)
        assert (other.shape, other.dtype) == (like.shape, like.dtype)


def test_what_is_made_by_other_calls_is_made_again():
    room = Room()
    room.reuse_buffers(3)
    ones = room._reused("a", np.ones, 3, np.float32)
    assert room._reused("a", np.ones, 3, np.float32) is ones
    assert room._reused("a", np.ones, 4, np.float32).shape == (4,)
    np.testing.assert_array_equal(room._reused("a", np.zeros, 4, np.float32), np.zeros(4))


def test_memory_is_kept_for_a_handful_of_row_counts():
    room = Room()
    for rows in [*range(100), 3, 99, 98]:
        room.reuse_buffers(rows)
        room._buffer("a", (rows,), np.float32)
        assert len(room._buffers_by_rows) <= KEPT
    assert list(room._buffers_by_rows)[-3:] == [3, 99, 98]  # the last ones stay
