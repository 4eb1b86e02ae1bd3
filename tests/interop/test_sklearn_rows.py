"""What the estimators take besides a table and its classes: sparse rows, images, labels, more."""

import re
import tracemalloc

import numpy as np
import pytest
from needs import needs

needs("sklearn")

from scipy import sparse
from sklearn import config_context
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.metrics import mean_pinball_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import tinyframe as tf
from tinyframe.interop.sklearn import NetworkClassifier, NetworkRegressor


def counts(rows=400, words=30, seed=0):
    """Counts of words, and which of three topics each text is of."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, rows)
    likely = np.full((3, words), 0.05)
    for topic in range(3):
        likely[topic, topic::3] = 0.3
    return rng.poisson(likely[y]).astype(float), y


# ---------------------------------------------------------------- sparse


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"batch_size": None}])
def test_sparse_rows_train_as_dense_ones(kind, options):
    X, y = counts()
    weight = np.linspace(0.5, 1.5, len(y))
    both = [
        NetworkClassifier((8,), epochs=5, random_state=0, **options).fit(rows, y, weight)
        for rows in (X, kind(X))
    ]
    p, q = both[0].predict_proba(X), both[1].predict_proba(kind(X))
    np.testing.assert_allclose(p, q, rtol=1e-9)
    assert both[1].score(kind(X), y) == both[0].score(X, y)
    for name in both[0].model_.history.keys():  # noqa: SIM118 - it is a sequence of epochs
        if name != "seconds":
            np.testing.assert_allclose(
                both[0].model_.history[name], both[1].model_.history[name], rtol=1e-9
            )


def test_sparse_rows_in_parts_and_of_single_precision():
    X, y = counts()
    both = [NetworkRegressor((8,), random_state=0) for _ in range(2)]
    for _ in range(3):
        both[0].partial_fit(X.astype(np.float32), y)
        both[1].partial_fit(sparse.csr_array(X.astype(np.float32)), y)
    p = both[1].predict(sparse.csr_array(X))
    assert p.dtype == np.float32
    np.testing.assert_allclose(both[0].predict(X), p, rtol=1e-5)


def test_sparse_rows_are_never_dense_all_at_once():
    rows, words = 2_000, 40_000  # 640 MB as a whole, 16 MB in a batch
    X = sparse.random_array((rows, words), density=0.001, format="csr", rng=0)
    y = np.arange(rows) % 2
    estimator = NetworkClassifier((4,), epochs=1, batch_size=50, early_stopping=True)
    tracemalloc.start()
    estimator.fit(X, y).score(X, y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200e6


def test_sparse_rows_are_checked():
    X, y = counts()
    bad = sparse.csr_array(X)
    bad.data[7] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        NetworkClassifier().fit(bad, y)
    with pytest.raises(ValueError, match="batch_size expected a positive integer"):
        NetworkClassifier(batch_size=0).fit(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match="features"):
        NetworkClassifier(epochs=1).fit(sparse.csr_array(X), y).predict(sparse.csr_array(X[:, :3]))


def test_a_pipeline_hands_on_the_validation_set():
    X, y = counts()
    with config_context(enable_metadata_routing=True):
        network = NetworkClassifier((8,), epochs=3, random_state=0)
        network.set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline(
            [("scaler", StandardScaler()), ("network", network)], transform_input=["X_val"]
        ).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    scaled = pipeline[0].transform(X[300:])
    expected = network.model_.evaluate(scaled, y[300:], verbose=0)["loss"]
    assert network.model_.history["val_loss"][-1] == pytest.approx(expected)


# ---------------------------------------------------------------- several labels a row


def labelled(rows=400):
    return make_multilabel_classification(rows, 10, n_classes=4, random_state=0)


@pytest.mark.parametrize("last", [None, [tf.Dense(4), tf.Sigmoid()], [tf.Dense(4)]])
def test_rows_of_several_labels(last):
    X, Y = labelled()
    layers = None if last is None else [tf.Dense(20), tf.ReLU(), *last]
    network = NetworkClassifier((20,), layers=layers, optimizer=tf.Adam(0.02), random_state=0)
    estimator = make_pipeline(StandardScaler(), network).fit(X, Y)
    found, p = estimator.predict(X), estimator.predict_proba(X)
    assert found.shape == p.shape == Y.shape
    assert set(np.unique(found)) <= {0, 1}
    np.testing.assert_array_equal(found, p > 0.5)
    assert np.mean(found == Y) > 0.85
    assert 0.5 < estimator.score(X, Y) <= np.mean((found == Y).all(axis=1))
    np.testing.assert_array_equal(network.classes_, range(4))
    assert network.model_.loss.from_logits == (last is not None and len(last) == 1)


def test_labels_may_be_sparse_come_in_parts_and_stop_early():
    X, Y = labelled()
    both = [
        NetworkClassifier((5,), epochs=3, random_state=0, early_stopping=True).fit(X, y)
        for y in (Y, sparse.csr_array(Y))
    ]
    np.testing.assert_array_equal(*(each.predict_proba(X) for each in both))
    parts = NetworkClassifier((5,), random_state=0)
    for rows in np.array_split(np.arange(len(X)), 4):
        parts.partial_fit(X[rows], Y[rows])
    assert parts.predict(X).shape == Y.shape
    with pytest.raises(ValueError, match="classes expected"):
        parts.partial_fit(X, Y[:, :3])
    with pytest.raises(ValueError, match="y expected the form that it had at first"):
        parts.partial_fit(X, Y[:, 0])


def test_two_labels_are_no_two_classes(rng):
    X = rng.standard_normal((300, 2))
    Y = (X > 0).astype(int)
    estimator = NetworkClassifier((16,), optimizer=tf.Adam(0.02), random_state=0).fit(X, Y)
    assert estimator.score(X, Y) > 0.9
    with pytest.raises(ValueError, match="to 2 outputs, got outputs of shape"):
        NetworkClassifier(layers=[tf.Dense(1)]).fit(X, Y)
    with pytest.raises(ValueError, match="a matrix of 0 and 1"):
        NetworkClassifier().fit(X, Y + np.arange(2))


# ---------------------------------------------------------------- images


def test_images():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    shapes = []

    def layers(features, outputs):
        shapes.append((features, outputs))
        return [tf.Conv2D(4, 3), tf.ReLU(), tf.Flatten(), tf.Dense(outputs), tf.Softmax()]

    estimator = NetworkClassifier(
        layers=layers, optimizer=tf.Adam(0.01), epochs=8, early_stopping=True, random_state=0
    ).fit(X[:900], y[:900])
    assert shapes == [((1, 8, 8), 10)]
    assert estimator.score(X[900:], y[900:]) > 0.85
    with pytest.raises(ValueError, match="8, 8"):
        estimator.predict(X[:, :, :5])
    with pytest.raises(ValueError, match="dim 4"):
        NetworkClassifier().fit(X, y)


# ---------------------------------------------------------------- validation, going on


def test_a_validation_set_of_ones_own():
    X, y = counts(600)
    names = np.array(["art", "law", "sea"])[y]
    train, val = slice(400), slice(400, 600)
    estimator = NetworkClassifier((8,), optimizer=tf.Adam(0.05), epochs=300, random_state=0)
    estimator.set_params(early_stopping=True, n_iter_no_change=5)
    weight = np.linspace(0, 1, 200)
    estimator.fit(
        X[train], names[train], X_val=sparse.csr_array(X[val]), y_val=names[val],
        sample_weight_val=weight,
    )  # fmt: skip
    history = estimator.model_.history
    assert 5 < estimator.n_iter_ < 300
    best = estimator.model_.evaluate(X[val], y[val], sample_weight=weight, verbose=0)["loss"]
    assert min(history["val_loss"]) == pytest.approx(best, rel=1e-6)
    plain = NetworkRegressor((8,), epochs=4, random_state=0)
    plain.fit(X[train], y[train], X_val=X[val], y_val=y[val])
    alone = NetworkRegressor((8,), epochs=4, random_state=0).fit(X[train], y[train])
    np.testing.assert_array_equal(plain.predict(X), alone.predict(X))
    assert len(plain.model_.history["val_loss"]) == 4


def test_a_wrong_validation_set_is_refused():
    X, y = counts(60)
    estimator = NetworkClassifier((8,), epochs=1)
    for wrong, message in [
        ({"X_val": X}, "X_val and y_val together"),
        ({"y_val": y}, "X_val and y_val together"),
        ({"sample_weight_val": y}, "X_val and y_val together"),
        ({"X_val": X[:, :3], "y_val": y}, "features"),
        ({"X_val": X, "y_val": y[:9]}, "inconsistent"),
        ({"X_val": X, "y_val": y + 1}, re.escape("y expected the classes [0 1 2], got [3]")),
        ({"X_val": X, "y_val": y, "sample_weight_val": -np.ones(60)}, "Negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, y, **wrong)
        assert not hasattr(estimator, "model_")


def test_warm_start_goes_on():
    X, y = counts()
    warm = NetworkClassifier((8,), epochs=2, warm_start=True, random_state=0)
    first = warm.fit(X, y).model_
    losses = [warm.fit(X, y).model_.history["loss"][-1] for _ in range(10)]
    assert warm.model_ is first
    assert warm.n_iter_ == 22
    assert losses[-1] < losses[0] - 0.1
    np.testing.assert_array_equal(
        NetworkClassifier((8,), epochs=2, random_state=0).fit(X, y).predict_proba(X),
        warm.set_params(warm_start=False).fit(X, y).predict_proba(X),
    )
    warm.set_params(warm_start=True)
    with pytest.raises(ValueError, match="classes expected"):
        warm.fit(X, y + 1)
    with pytest.raises(ValueError, match="features"):
        warm.fit(X[:, :3], y)
    numbers = NetworkRegressor((8,), epochs=2, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="y expected what the network has outputs for"):
        numbers.fit(X, X[:, :3])
    assert numbers.predict(X).shape == (400,)


# ---------------------------------------------------------------- losses of a regressor


def waves(rows=1500):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (rows, 1))
    deviation = 0.3 + 0.2 * X[:, 0]
    return X, 10 + np.sin(3 * X[:, 0]) + deviation * rng.standard_normal(rows), deviation


def test_a_regressor_tells_how_sure_it_is():
    X, y, deviation = waves()
    estimator = NetworkRegressor((32,), "tanh", loss="gaussian_nll", random_state=0,
                                 optimizer=tf.Adam(0.01)).fit(X, y)  # fmt: skip
    mean, std = estimator.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, estimator.predict(X))
    assert mean.shape == std.shape == y.shape
    assert np.mean(np.abs(std - deviation)) < 0.06
    assert estimator.score(X, y) > 0.7
    two = estimator.set_params(epochs=2).fit(X, np.column_stack([y, -y]))
    assert [part.shape for part in two.predict(X, return_std=True)] == [(1500, 2)] * 2
    with pytest.raises(ValueError, match='return_std expected loss="gaussian_nll"'):
        NetworkRegressor(epochs=1).fit(X, y).predict(X, return_std=True)


def test_a_regressor_of_counts_predicts_rates():
    X, _, _ = waves()
    rates = np.exp(2 + X[:, 0])
    y = np.random.default_rng(0).poisson(rates)
    estimator = NetworkRegressor((16,), loss="poisson", optimizer=tf.Adam(0.01), random_state=0)
    np.testing.assert_allclose(estimator.fit(X, y).predict(X), rates, rtol=0.2)
    layers = [tf.Dense(16), tf.ReLU(), tf.Dense(1), tf.Softplus()]
    estimator.set_params(layers=layers)
    np.testing.assert_allclose(estimator.fit(X, y).predict(X), rates, rtol=0.2)
    with pytest.raises(ValueError, match="counts ≥ 0"):
        estimator.fit(X, -y)


def test_a_regressor_of_quantiles():
    X, y, _ = waves()
    estimator = NetworkRegressor((32,), "tanh", loss=tf.QuantileLoss([0.1, 0.9]), random_state=0,
                                 optimizer=tf.Adam(0.01)).fit(X, y)  # fmt: skip
    low, high = estimator.predict(X).T
    assert np.mean((low < y) & (y < high)) == pytest.approx(0.8, abs=0.05)
    one = NetworkRegressor((32,), "tanh", loss="quantile", optimizer=tf.Adam(0.01), random_state=0)
    one.set_params(loss__quantile=0.9).fit(X, y)
    assert one.predict(X).shape == y.shape
    assert mean_pinball_loss(y, one.predict(X), alpha=0.9) < 0.07
    with pytest.raises(ValueError, match="y expected"):
        estimator.fit(X, np.column_stack([y, y]))
