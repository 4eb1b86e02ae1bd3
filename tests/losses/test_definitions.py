"""Each loss is its definition, written out as a sum over rows and outputs."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import (
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeLoss,
    HuberLoss,
    KLDivergenceLoss,
    MAELoss,
    MSELoss,
    PoissonLoss,
    QuantileLoss,
)

CLASS_WEIGHTS = (1.0, 0.5, 2.0, 3.0)
SMOOTHING = 0.3


def over_outputs(term):
    """The definition of a row whose loss is a sum over its outputs."""
    return lambda a, y: sum(
        term(float(one), float(target)) for one, target in zip(a, y, strict=True)
    )


def huber(a, y, delta=0.7):
    d = abs(a - y)
    return d * d / 2 if d <= delta else delta * (d - delta / 2)


def gaussian(a, y, epsilon=1e-6):
    means, logarithms = a[: len(y)], a[len(y) :]
    variances = [exp(s) + epsilon for s in logarithms]
    terms = zip(means, variances, y, strict=True)
    return sum(log(v) + (t - m) ** 2 / v for m, v, t in terms) / 2


def hinge(z, y):
    k = int(np.argmax(y))
    return sum(max(0.0, 1 - z[k] + z[i]) for i in range(len(z)) if i != k)


def single_hinge(z, y):
    return max(0.0, 1 - (1 if y[0] else -1) * z[0])


def cross_entropy(p, y):
    return -sum(t * log(q) for t, q in zip(y, p, strict=True))


def softmax(z):
    powers = [exp(v) for v in z]
    return [power / sum(powers) for power in powers]


PROBABILITIES, SCORES = (0.05, 0.95), (-3.0, 3.0)
# name: (loss, range of predictions, outputs, kind of targets, definition of a row)
DEFINITIONS = {
    "MSE": (MSELoss(), SCORES, 4, "numbers", over_outputs(lambda a, y: (a - y) ** 2)),
    "MAE": (MAELoss(), SCORES, 4, "numbers", over_outputs(lambda a, y: abs(a - y))),
    "Huber": (HuberLoss(0.7), SCORES, 4, "numbers", over_outputs(huber)),
    "quantile": (
        QuantileLoss(0.3), SCORES, 4, "numbers",
        over_outputs(lambda a, y: max(0.3 * (y - a), -0.7 * (y - a))),
    ),
    "Poisson": (PoissonLoss(), SCORES, 4, "counts", over_outputs(lambda z, y: exp(z) - y * z)),
    "Poisson of rates": (
        PoissonLoss(log_rates=False), (0.1, 5), 4, "counts",
        over_outputs(lambda rate, y: rate - y * log(rate + 1e-7)),
    ),
    "Gaussian": (GaussianNLLLoss(), SCORES, 4, "half as many numbers", gaussian),
    "binary": (
        BinaryCrossEntropyLoss(), PROBABILITIES, 4, "zeros and ones",
        over_outputs(lambda p, y: -y * log(p) - (1 - y) * log(1 - p)),
    ),
    "binary from logits": (
        BinaryCrossEntropyLoss(from_logits=True), SCORES, 4, "zeros and ones",
        over_outputs(lambda z, y: log(1 + exp(z)) - y * z),
    ),
    "KL": (
        KLDivergenceLoss(), PROBABILITIES, 4, "distributions",
        over_outputs(lambda p, y: y * log(y / p)),
    ),
    "hinge": (HingeLoss(), SCORES, 4, "one-hot", hinge),
    "hinge of one output": (HingeLoss(), SCORES, 1, "zeros and ones", single_hinge),
    "cross-entropy": (CrossEntropyLoss(), PROBABILITIES, 4, "one-hot", cross_entropy),
    "cross-entropy of distributions": (
        CrossEntropyLoss(), PROBABILITIES, 4, "distributions", cross_entropy,
    ),
    "cross-entropy from logits": (
        CrossEntropyLoss(from_logits=True), SCORES, 4, "one-hot",
        lambda z, y: cross_entropy(softmax(z), y),
    ),
    "smoothed": (
        CrossEntropyLoss(label_smoothing=SMOOTHING), PROBABILITIES, 4, "one-hot",
        lambda p, y: cross_entropy(p, [(1 - SMOOTHING) * t + SMOOTHING / 4 for t in y]),
    ),
}  # fmt: skip


def targets(kind, rows, outputs, rng):
    if kind == "numbers":
        return rng.uniform(-3, 3, (rows, outputs))
    if kind == "half as many numbers":
        return rng.uniform(-3, 3, (rows, outputs // 2))
    if kind == "counts":
        return rng.integers(0, 9, (rows, outputs)).astype(float)
    if kind == "zeros and ones":
        return rng.integers(0, 2, (rows, outputs)).astype(float)
    if kind == "distributions":
        return rng.dirichlet(np.ones(outputs), rows)
    return np.eye(outputs)[rng.integers(0, outputs, rows)]


@pytest.mark.parametrize("name", DEFINITIONS)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 5), weighted=st.booleans())
def test_a_loss_is_its_definition(name, seed, rows, weighted):
    loss, bounds, outputs, kind, of_row = DEFINITIONS[name]
    rng = np.random.default_rng(seed)
    prediction = rng.uniform(*bounds, (rows, outputs))
    if bounds == PROBABILITIES and kind in ("one-hot", "distributions"):
        prediction /= prediction.sum(axis=1, keepdims=True)
    y = targets(kind, rows, outputs, rng)
    weight = rng.uniform(0.1, 2, rows) if weighted else np.ones(rows)
    expected = sum(w * of_row(a, t) for w, a, t in zip(weight, prediction, y, strict=True))
    found = loss.forward(prediction, y, weight if weighted else None)
    assert float(found) == pytest.approx(expected / weight.sum(), rel=1e-9)
    assert float(loss.weight_sum) == pytest.approx(weight.sum())


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 5))
def test_class_weights_weigh_rows_by_their_class(seed, rows):
    """Also where labels are smoothed, when each class counts by its own weight."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4), rows) * 0.9 + 0.025
    labels, weight = rng.integers(0, 4, rows), rng.uniform(0.1, 2, rows)
    for smoothing in (0.0, SMOOTHING):
        loss = CrossEntropyLoss(class_weights=CLASS_WEIGHTS, label_smoothing=smoothing)
        total = sum(w * CLASS_WEIGHTS[k] for w, k in zip(weight, labels, strict=True))
        expected = sum(
            -w * CLASS_WEIGHTS[c] * ((1 - smoothing) * (c == k) + smoothing / 4) * log(row[c])
            for w, k, row in zip(weight, labels, p, strict=True)
            for c in range(4)
        )
        assert float(loss.forward(p, labels, weight)) == pytest.approx(expected / total, rel=1e-9)
        assert float(loss.weight_sum) == pytest.approx(total)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), HingeLoss()], ids=repr)
def test_the_steps_of_a_sequence_are_rows(loss, rng):
    p = rng.dirichlet(np.ones(4), (3, 5))
    labels = rng.integers(0, 4, (3, 5))
    flat = loss.forward(p.reshape(15, 4), labels.ravel())
    found = loss.forward(p, labels)
    assert float(found) == pytest.approx(float(flat) * (5 if isinstance(loss, HingeLoss) else 1))


def test_no_row_that_counts_is_no_loss(rng):
    for loss in (MSELoss(), CrossEntropyLoss()):
        p = rng.dirichlet(np.ones(4), 3)
        assert float(loss.forward(p, [0, 1, 2], np.zeros(3))) == 0
        assert not loss.backward().any()
