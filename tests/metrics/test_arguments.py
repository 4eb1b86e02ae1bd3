"""What metrics take: scores or classes, lists or arrays, any fitting target; all else raises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import needs

from tinyframe import Dense, Metric, Sequential, metrics, one_hot
from tinyframe.metrics import (
    accuracy,
    confusion_matrix,
    f1,
    mae,
    mse,
    precision,
    r2,
    recall,
    roc_auc,
    top_k_accuracy,
)

OF_LABELS = [accuracy, precision, recall, f1]
seeds = st.integers(0, 2**32 - 1)


@given(
    seed=seeds,
    rows=st.integers(1, 30),
    classes=st.integers(2, 7),
    dtype=st.sampled_from([np.int64, np.uint8, np.int16, np.uint64]),
    weighted=st.booleans(),
    listed=st.booleans(),
)
def test_predicted_labels_count_as_what_they_are(seed, rows, classes, dtype, weighted, listed):
    sk = needs("sklearn.metrics")
    rng = np.random.default_rng(seed)
    predicted, true = rng.integers(0, classes, (2, rows)).astype(dtype)
    weight = rng.random(rows) + 0.1 if weighted else None
    given_ = [a.tolist() if listed and a is not None else a for a in (predicted, true, weight)]
    close = {"rel": 1e-12, "abs": 1e-12}
    assert accuracy(*given_) == pytest.approx(
        sk.accuracy_score(true, predicted, sample_weight=weight), **close
    )
    size = max(2, int(max(predicted.max(), true.max())) + 1)
    np.testing.assert_allclose(
        confusion_matrix(*given_),
        sk.confusion_matrix(true, predicted, labels=range(size), sample_weight=weight),
    )
    for metric in (precision, recall, f1):
        for average in ("macro", "micro"):
            theirs = getattr(sk, f"{metric.__name__}_score")(
                true, predicted, average=average, sample_weight=weight, zero_division=0
            )
            assert metric(*given_, average=average) == pytest.approx(theirs, **close)


@given(
    seed=seeds, rows=st.integers(1, 20), classes=st.integers(2, 5), time=st.sampled_from([0, 2, 3])
)
def test_labels_say_the_same_as_the_scores_they_are_the_largest_of(seed, rows, classes, time):
    """In every form of prediction and target that names the same classes."""
    rng = np.random.default_rng(seed)
    shape = (rows, time) if time else (rows,)
    scores, true = rng.random((*shape, classes)), rng.integers(0, classes, shape)
    labels = scores.argmax(axis=-1)
    for metric in OF_LABELS:
        expected = metric(scores, true)
        for target in (true, true[..., np.newaxis], one_hot(true, classes)):
            assert metric(scores, target) == expected
            assert metric(scores.tolist(), target.tolist()) == expected
            try:
                assert metric(labels, target) == expected
            except ValueError as error:  # a sequence whose labels look like one-hot rows
                assert time
                assert "could be labels, or scores and one-hot rows" in str(error)  # noqa: PT017


@given(seed=seeds, rows=st.integers(1, 20))
def test_a_single_output_needs_no_axis_and_booleans_are_a_yes_or_no(seed, rows):
    rng = np.random.default_rng(seed)
    scores, true = rng.random((rows, 1)), rng.integers(0, 2, rows)
    for metric in (accuracy, precision, recall, f1, roc_auc, confusion_matrix):
        expected = metric(scores, true)
        for target in (true, true[:, np.newaxis], true.astype(bool), true.astype(np.float32)):
            np.testing.assert_array_equal(metric(scores[:, 0], target), expected)
            np.testing.assert_array_equal(metric(scores.tolist(), target.tolist()), expected)
            if metric is not roc_auc:
                np.testing.assert_array_equal(metric(scores[:, 0] >= 0.5, target), expected)


@given(seed=seeds, rows=st.integers(2, 20), weighted=st.booleans())
def test_numbers_need_no_axis_of_their_single_output(seed, rows, weighted):
    rng = np.random.default_rng(seed)
    prediction, target = rng.standard_normal((2, rows, 1))
    weight = rng.random(rows) if weighted else None
    for metric in (mse, mae, r2):
        expected = metric(prediction, target, weight)
        assert math.isfinite(expected)
        for a in (prediction, prediction[:, 0], prediction[:, 0].tolist()):
            for y in (target, target[:, 0], target.tolist(), target[:, 0].tolist()):
                assert metric(a, y, weight) == expected


def test_the_example_that_answered_one_whatever_the_labels():
    assert accuracy([0, 1, 2, 1], [0, 1, 1, 2]) == 0.5
    np.testing.assert_array_equal(confusion_matrix([0, 1, 1], [0, 1, 0]), [[1, 1], [0, 1]])
    assert roc_auc([0.1, 0.9, 0.4], [0, 1, 1]) == 1.0
    assert r2([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]) == 0.5


WRONG = {
    "labels beside labels of another length": ([0, 1, 2], [0, 1]),
    "floats as labels": ([0.0, 2.0, 1.0], [0, 2, 1]),
    "scores beside labels that are no class": ([[0.1, 0.9], [0.3, 0.7]], [0, 2]),
    "a single output beside several classes": ([[0.1], [0.9]], [0, 2]),
    "negative labels": ([0, -1], [0, 1]),
    "negative true labels": ([0, 1], [0, -100]),
    "booleans beside several classes": ([True, False], [2, 0]),
    "scores beside rows that name no class": ([[0.1, 0.9], [0.3, 0.7]], [[1.0, 1.0], [0.0, 0.0]]),
    "labels beside numbers": ([0, 1], [0.5, 2.0]),
    "integers that could be either": (np.eye(3, dtype=int), np.eye(3, dtype=int)),
    "sequences of floats": (np.zeros((2, 3)), np.array([[0, 2, 1], [1, 1, 2]])),
    "NaN": ([[0.1, math.nan], [0.3, 0.7]], [0, 1]),
    "a single number": (0, 0),
    "no output": (np.empty((2, 0)), [0, 1]),
    "texts": (["a", "b"], ["a", "b"]),
    "complex numbers": ([1j, 2j], [0, 1]),
    "ragged lists": ([[0.1, 0.9], [0.3]], [0, 1]),
    "nothing": (None, None),
    "a masked array": (np.ma.array([0, 1], mask=[True, False]), [0, 1]),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("metric", [*OF_LABELS, confusion_matrix, top_k_accuracy, roc_auc])
def test_what_names_no_classes_is_refused(metric, case):
    ranks = metric in (roc_auc, top_k_accuracy)
    if ranks and case in ("integers that could be either", "negative labels"):
        return  # they are scores: ranking needs them
    with pytest.raises((TypeError, ValueError), match=r"expected|could be labels"):
        metric(*WRONG[case])


@pytest.mark.parametrize("metric", [mse, mae, r2])
@pytest.mark.parametrize(
    "case", [([1.0, 2.0], [1.0]), (["a"], ["b"]), (None, None), (1.0, 1.0), ([[1, 2]], [[1]])]
)
def test_what_is_no_number_is_refused(metric, case):
    with pytest.raises((TypeError, ValueError), match="expected"):
        metric(*case)


def test_ranking_wants_scores():
    with pytest.raises(ValueError, match="0 or 1 for a single output"):
        roc_auc([0, 1, 2], [0, 1, 2])
    with pytest.raises(ValueError, match="more than one output"):
        top_k_accuracy([0, 1, 1], [0, 1, 1])


@pytest.mark.parametrize("name", metrics.NAMED)
@pytest.mark.parametrize(
    "weight", [[1.0], [1, -1, 1, 1], [1, math.inf, 1, 1], ["a"] * 4, [[1]] * 4]
)
def test_weights_are_one_finite_number_a_row(name, weight, rng):
    target = rng.random((4, 6)) if name in ("mse", "mae", "r2") else [0, 1, 2, 3]
    with pytest.raises((TypeError, ValueError), match="weight expected"):
        metrics.NAMED[name](rng.random((4, 6)), target, weight)


@pytest.mark.parametrize("name", metrics.NAMED)
def test_no_rows_and_rows_that_do_not_count_have_no_figure(name, rng):
    metric = metrics.NAMED[name]
    numbers = name in ("mse", "mae", "r2")
    target = rng.random((4, 6)) if numbers else np.arange(4)
    assert math.isnan(metric(np.empty((0, 6)), target[:0]))
    value = metric(rng.random((4, 6)), target, [0, 0, 0, 0])
    assert math.isnan(value), value
    assert math.isnan(metric([], []) if name != "top_k_accuracy" else math.nan)


def test_labels_may_be_large_where_no_table_is_made():
    labels, others = [10**12, 5, 5], [10**12, 5, 7]
    assert accuracy(labels, others) == pytest.approx(2 / 3)
    assert f1(labels, others) == pytest.approx((1 + 2 / 3 + 0) / 3)
    with pytest.raises(ValueError, match="10000 classes at most, got label 1000000000000"):
        confusion_matrix(labels, others)


def test_a_metric_of_ones_own_takes_lists_too():
    def share(prediction, target):
        return np.mean(np.asarray(prediction) == np.asarray(target))

    assert Metric(share)([1, 2, 3], [1, 2, 4]) == pytest.approx(2 / 3)
    assert Metric(share)([1, 2, 3], [1, 2, 4], [0, 1, 1]) == 0.5


def test_predictions_that_are_not_numbers_have_no_figure(rng):
    X, y = rng.random((8, 3)), rng.integers(0, 2, 8)
    model = Sequential([Dense(3, 2)])
    model.predict(X)
    model[0].bias.value[0] = np.nan
    found = model.evaluate(X, y, metrics=["accuracy", "f1", "roc_auc"])
    assert all(math.isnan(value) for value in found.values())


def share_of_ones(prediction, target):  # a metric of one's own, that takes no weight
    return float(np.mean(prediction == 1))


@pytest.mark.parametrize("function", [accuracy, mse, share_of_ones])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_metric_takes_numbers_without_masks_alone(function, weighted):
    metric, rows = Metric(function), [0, 1, 1]
    masked = np.ma.masked_equal(rows, 0)
    weight = [1, 0, 2] if weighted else None
    assert metric(rows, rows, weight) == metric(np.array(rows), np.array(rows), weight)
    for given_ in ((masked, rows, weight), (rows, masked, weight), (rows, rows, masked)):
        with pytest.raises(TypeError, match="masked"):
            metric(*given_)
    for wrong in ([1, -1, 0], [1, math.nan, 0], [1, 1], 1):
        with pytest.raises(ValueError, match="weight expected"):
            metric(rows, rows, wrong)


@pytest.mark.parametrize("metric", [precision, recall, f1])
def test_an_average_is_one_of_two_words(metric):
    for average in (np.array(["macro", "micro"]), np.array(["macro"]), ["macro"], None, 3):
        with pytest.raises(ValueError, match="average expected"):
            metric([0, 1], [0, 1], average=average)


@pytest.mark.parametrize("result", [None, "nonsense", np.ones(2), [1.0], 1j])
def test_a_function_that_returns_no_number_says_so(result):
    with pytest.raises(TypeError, match="expected a number from its function, got"):
        Metric(lambda prediction, target: result)([0, 1], [0, 1])
