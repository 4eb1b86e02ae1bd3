"""Metrics: those of scikit-learn, exact over an epoch, weighted like rows given twice."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import needs

from tinyframe import (
    SGD,
    Dense,
    EarlyStopping,
    History,
    Metric,
    ModelCheckpoint,
    ReduceOnPlateau,
    Sequential,
    Softmax,
    metrics,
    one_hot,
)
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
from tinyframe.metrics.metric import Scores
from tinyframe.training.callbacks import Run
from tinyframe.utils.direction import direction


@st.composite
def cases(draw, smallest=1):
    """Predictions with ties now and then, labels, and weights or None."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, classes = draw(st.integers(smallest, 30)), draw(st.integers(1, 6))
    prediction = rng.random((rows, classes))
    if draw(st.booleans()):
        prediction = prediction.round(1)
    labels = rng.integers(0, max(2, classes), rows)
    return prediction, labels, rng.random(rows) + 0.1 if draw(st.booleans()) else None


def predicted_classes(prediction):
    if prediction.shape[1] == 1:
        return (prediction[:, 0] >= 0.5).astype(int)
    return prediction.argmax(axis=1)


@given(case=cases())
@settings(max_examples=200)
def test_metrics_of_classes_are_those_of_scikit_learn(case):
    sk = needs("sklearn.metrics")
    prediction, labels, w = case
    found, classes = predicted_classes(prediction), prediction.shape[1]
    target = labels[:, np.newaxis] if classes == 1 else labels
    close = {"rel": 1e-12, "abs": 1e-12}
    assert accuracy(prediction, target, w) == pytest.approx(
        sk.accuracy_score(labels, found, sample_weight=w), **close
    )
    np.testing.assert_allclose(
        confusion_matrix(prediction, target, w),
        sk.confusion_matrix(labels, found, labels=range(max(2, classes)), sample_weight=w),
        rtol=1e-12,
    )
    for ours, theirs in ((precision, "precision"), (recall, "recall"), (f1, "f1")):
        for average in ("macro", "micro"):
            how = "binary" if classes == 1 else average
            expected = getattr(sk, f"{theirs}_score")(
                labels, found, average=how, sample_weight=w, zero_division=0
            )
            assert ours(prediction, target, w, average=average) == pytest.approx(expected, **close)


@given(case=cases())
@settings(max_examples=200)
def test_top_k_accuracy_is_that_of_scikit_learn(case):
    sk = needs("sklearn.metrics")
    prediction, labels, w = case
    classes = prediction.shape[1]
    if classes < 3 or any(len(set(row)) < classes for row in prediction):
        return  # ties are broken by order there, in favour of the right class here
    for k in range(1, classes):
        expected = sk.top_k_accuracy_score(
            labels, prediction, k=k, labels=range(classes), sample_weight=w
        )
        assert top_k_accuracy(prediction, labels, w, k=k) == pytest.approx(expected, rel=1e-12)


@given(case=cases(smallest=2))
@settings(max_examples=200)
def test_roc_auc_is_that_of_scikit_learn(case):
    sk = needs("sklearn.metrics")
    prediction, labels, w = case
    classes = prediction.shape[1]
    if classes <= 2:
        area = roc_auc(prediction, labels if classes == 2 else labels[:, np.newaxis], w)
        if len(set(labels)) < 2:
            assert math.isnan(area)
            return
        expected = sk.roc_auc_score(labels, prediction[:, -1], sample_weight=w)
        assert area == pytest.approx(expected, rel=1e-12)
        return
    areas = [
        sk.roc_auc_score(labels == i, prediction[:, i], sample_weight=w)
        for i in range(classes)
        if 0 < np.sum(labels == i) < len(labels)
    ]
    area = roc_auc(prediction, labels, w)
    assert area == pytest.approx(np.mean(areas), rel=1e-12) if areas else math.isnan(area)


@given(
    rows=st.integers(2, 30),
    outputs=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
    flat=st.booleans(),
)
@settings(max_examples=200)
def test_metrics_of_numbers_are_those_of_scikit_learn(rows, outputs, seed, weighted, flat):
    sk = needs("sklearn.metrics")
    rng = np.random.default_rng(seed)
    prediction, target = rng.standard_normal((2, rows, outputs))
    if flat:
        target[:, 0] = 0.5
    w = rng.random(rows) if weighted else None
    for ours, theirs in (
        (mse, sk.mean_squared_error),
        (mae, sk.mean_absolute_error),
        (r2, sk.r2_score),
    ):
        expected = theirs(target, prediction, sample_weight=w)
        assert ours(prediction, target, w) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", metrics.NAMED)
def test_a_row_of_weight_two_counts_as_two_and_one_of_weight_zero_not(name, rng):
    prediction, labels = rng.random((40, 6)), rng.integers(0, 6, 40)
    target = rng.random((40, 6)) if name in ("mse", "mae", "r2") else labels
    weight = rng.integers(0, 3, 40)
    metric = metrics.NAMED[name]
    repeated = np.repeat(np.arange(40), weight)
    expected = metric(prediction[repeated], target[repeated])
    assert metric(prediction, target, weight.astype(float)) == pytest.approx(expected, rel=1e-12)


def test_labels_and_one_hot_rows_are_the_same(rng):
    prediction, labels = rng.random((30, 4)), rng.integers(0, 4, 30)
    for metric in (accuracy, precision, recall, f1, roc_auc, top_k_accuracy):
        assert metric(prediction, labels) == metric(prediction, one_hot(labels, 4))


def test_positions_of_sequences_count_one_by_one(rng):
    prediction, labels, weight = rng.random((5, 7, 4)), rng.integers(0, 4, (5, 7)), rng.random(5)
    flat, flat_labels = prediction.reshape(-1, 4), labels.ravel()
    for metric in (accuracy, f1, roc_auc):
        assert metric(prediction, labels) == metric(flat, flat_labels)
        of_positions = metric(flat, flat_labels, np.repeat(weight, 7))
        assert metric(prediction, labels, weight) == pytest.approx(of_positions, rel=1e-12)


def test_no_metric_sees_positions_with_the_ignored_label(rng):
    prediction, labels = rng.random((5, 7, 4)), rng.integers(0, 4, (5, 7))
    counted = rng.random((5, 7)) < 0.6
    labels[~counted] = -1
    scores = Scores({"accuracy": Metric(accuracy)}, ignored=-1)
    scores.add(prediction, labels, None)
    expected = accuracy(prediction[counted], labels[counted])
    assert scores.figures() == {"accuracy": expected}


def test_scores_gather_any_number_of_blocks(rng):
    prediction, labels, weight = rng.random((100, 4)), rng.integers(0, 4, 100), rng.random(100)
    scores = Scores({"f1": Metric(f1)})
    for _ in range(2):  # cleared, they begin anew
        scores.clear()
        for start in range(0, 100, 7):
            rows = slice(start, start + 7)
            scores.add(prediction[rows], labels[rows], weight[rows])
        assert scores.figures() == {"f1": f1(prediction, labels, weight)}


def test_a_metric_has_a_name_and_options(rng):
    prediction, labels = rng.random((30, 4)), rng.integers(0, 4, 30)
    metric = Metric(top_k_accuracy, k=2)
    assert (metric.name, repr(metric)) == ("top_k_accuracy_2", "Metric(top_k_accuracy, k=2)")
    assert metric(prediction, labels) == top_k_accuracy(prediction, labels, k=2)
    assert Metric(f1, "score", average="micro").name == "score"
    with pytest.raises(TypeError, match="f1 has no option 'k'"):
        Metric(f1, k=3)
    with pytest.raises(TypeError, match="expected a function"):
        Metric("f1")
    with pytest.raises(ValueError, match='"macro" or "micro"'):
        f1(prediction, labels, average="weighted")


def test_fit_takes_names_objects_and_functions(rng):
    def share_of_zeros(prediction, target):
        return np.mean(target == 0)

    X, y = rng.random((60, 5)), rng.integers(0, 3, 60)
    model = Sequential([Dense(5, 3), Softmax()])
    chosen = ["accuracy", "roc_auc", Metric(f1, average="micro"), share_of_zeros]
    model.fit(X, y, metrics=chosen, epochs=2, validation_data=(X[:9], y[:9]), verbose=0)
    names = ["accuracy", "roc_auc", "f1_micro", "share_of_zeros"]
    assert model.history.keys() == [
        "loss", *names, "val_loss", *(f"val_{name}" for name in names), "seconds",
    ]  # fmt: skip
    assert model.history["share_of_zeros"][0] == np.mean(y == 0)
    found = model.evaluate(X, y, metrics=chosen)
    assert found["accuracy"] == found["f1_micro"] == accuracy(model.predict(X), y)


FALLS = ["loss", "mse", "mae", "seconds", "skipped"]
RISES = ["accuracy", "precision", "recall", "f1", "r2", "roc_auc", "top_k_accuracy"]


def test_every_figure_that_fit_records_by_itself_says_which_way_it_is_better():
    assert {*FALLS, *RISES} == {*metrics.NAMED, "loss", "seconds", "skipped"}
    for names, expected in ((FALLS, "min"), (RISES, "max")):
        for name in names:
            assert direction(name) == direction(f"val_{name}") == expected


def best_epochs(figure, values, mode):
    """The epoch that each of those who judge figures takes for the best of these."""
    history = History()
    schedule = ReduceOnPlateau(1.0, monitor=figure, patience=1, factor=0.5, mode=mode)
    stopper = EarlyStopping(figure, patience=100, restore_best=False, mode=mode)
    keeper = ModelCheckpoint("{epoch}", monitor=figure, mode=mode)
    model = SimpleNamespace(history=history, saved=[])
    model.save = model.saved.append
    run = Run(model, SGD(schedule), (figure,), len(values), 1)
    found = {"ReduceOnPlateau": 0}
    for callback in (stopper, keeper):
        callback.on_train_begin(run)
    for epoch, value in enumerate(values, 1):
        run.epoch, run.figures = epoch, {figure: value}
        history.record(run.figures)
        rate = schedule(epoch)
        run.optimizer.observe(run.figures)
        if schedule(epoch) == rate:
            found["ReduceOnPlateau"] = epoch
        for callback in (stopper, keeper):
            callback.on_epoch_end(run)
    return found | {
        "EarlyStopping": stopper.best_epoch,
        "ModelCheckpoint": int(model.saved[-1]),
        "History": int(history.best(figure, mode)["epoch"]),
    }


@given(
    name=st.sampled_from([*FALLS, *RISES, "kappa"]),
    values=st.lists(st.integers(0, 5).map(float), min_size=1, max_size=8),
    mode=st.sampled_from([None, "min", "max"]),
    validation=st.booleans(),
)
def test_all_who_judge_a_figure_agree_on_its_best_epoch(name, values, mode, validation):
    figure = f"val_{name}" if validation else name
    if name == "kappa" and mode is None:
        for judge in (EarlyStopping, partial(ModelCheckpoint, "x", None),
                      partial(ReduceOnPlateau, 1.0), History().best):  # fmt: skip
            with pytest.raises(ValueError, match='give mode="min"/"max"'):
                judge(figure)
        return
    best = min if (mode or ("min" if name in FALLS else "max")) == "min" else max
    expected = values.index(best(values)) + 1
    assert set(best_epochs(figure, values, mode).values()) == {expected}


@pytest.mark.parametrize("judge", [EarlyStopping, partial(ReduceOnPlateau, 1.0), direction])
def test_a_direction_is_one_of_two_words_and_a_figure_has_a_name(judge):
    with pytest.raises(ValueError, match='mode expected "min" or "max", got \'up\''):
        judge("val_loss", mode="up")
    with pytest.raises(TypeError, match="expected the name of a figure, got 3"):
        judge(3)


def test_a_name_that_says_both_ways_needs_a_mode():
    with pytest.raises(ValueError, match="'error_free_accuracy' does not say"):
        direction("error_free_accuracy")
    assert direction("error_free_accuracy", "max") == "max"


@st.composite
def blocks_of_an_epoch(draw):
    """Predictions, targets as labels or rows, weights or none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blocks = []
    for _ in range(draw(st.integers(1, 5))):
        rows = draw(st.integers(1, 4))
        target = rng.integers(0, 3, rows)
        if draw(st.booleans()):
            target = one_hot(target, 3)
        weight = rng.uniform(0, 2, rows) if draw(st.booleans()) else None
        blocks.append((rng.uniform(size=(rows, 3)).astype(np.float32), target, weight))
    return blocks


@given(epochs=st.lists(blocks_of_an_epoch(), min_size=1, max_size=3))
def test_any_sequence_of_blocks_is_scored_as_their_rows_together(epochs):
    """Whatever the epoch before was made of; a row without a weight counts 1."""
    scores = Scores({"accuracy": Metric(accuracy), "mse": Metric(mse)})
    for blocks in epochs:
        scores.clear()
        for block in blocks:
            scores.add(*block)
        prediction = np.concatenate([p for p, _, _ in blocks])
        target = np.concatenate([t if t.ndim == 2 else one_hot(t, 3) for _, t, _ in blocks])
        weight = np.concatenate([np.ones(len(p)) if w is None else w for p, _, w in blocks])
        expected = {
            "accuracy": accuracy(prediction, target, weight),
            "mse": mse(prediction, target, weight),
        }
        assert scores.figures() == pytest.approx(expected, rel=1e-6)
