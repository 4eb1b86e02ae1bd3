"""Memory that is reused from step to step never shows: each batch is as if it were the first."""

import copy

import numpy as np
import pytest
from cases import LOSSES
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
from tinyframe.recording.recorder import Recorded
from tinyframe.training.objective import Objective

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
    found = [np.array([value, objective.weight_sum], np.float64), objective.prediction.copy()]
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
    sequence = Recorded(Objective(model._chain(), copy.deepcopy(loss)))
    for batch in batches * 4:  # recorded, compared, and replayed
        found = what_it_gives(sequence, batch)
        alone = what_it_gives(Objective(model._chain(), copy.deepcopy(loss)), batch)
        for array, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(array, other)


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
