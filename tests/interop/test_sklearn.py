"""The estimators: scikit-learn's own checks, and what people do with estimators."""

import pickle
import warnings

import numpy as np
import pytest
from needs import needs

needs("sklearn")
pd = needs("pandas")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tinyframe as tf
from tinyframe.interop.sklearn import NetworkClassifier, NetworkRegressor


@parametrize_with_checks([NetworkClassifier(), NetworkRegressor()])
def test_scikit_learns_own_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some checks provoke warnings of scikit-learn's own
        check(estimator)


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    return rng.standard_normal((120, 4)) + 3 * np.eye(4)[y], np.array(["ant", "bee", "cat"])[y]


def surface(rows=3000):
    """A table like California's housing: eight features, of which some act together."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 8))
    y = 2 * np.maximum(X[:, 0], 0) + np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3] / 2
    return X, 200 + 50 * (y + 0.3 * rng.standard_normal(rows))


def scaled_target(estimator):
    return TransformedTargetRegressor(estimator, transformer=StandardScaler())


@pytest.mark.parametrize(
    ("data", "peer", "ours", "wrap"),
    [
        (load_digits(return_X_y=True), MLPClassifier, NetworkClassifier, lambda e: e),
        (load_breast_cancer(return_X_y=True), MLPClassifier, NetworkClassifier, lambda e: e),
        (load_diabetes(return_X_y=True), MLPRegressor, NetworkRegressor, scaled_target),
        (surface(), MLPRegressor, NetworkRegressor, scaled_target),
    ],
    ids=["digits", "breast cancer", "diabetes", "like California's housing"],
)
def test_scores_are_those_of_scikit_learns_networks(data, peer, ours, wrap):
    scores = []
    for kind in (peer, ours):
        pipelines = (
            make_pipeline(StandardScaler(), wrap(kind(random_state=seed))) for seed in range(2)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the peer has not converged
            scores.append(np.mean([cross_val_score(p, *data, cv=3) for p in pipelines]))
    assert scores[1] >= scores[0] - 0.01


def test_parameters_reach_into_optimizer_and_loss():
    estimator = NetworkClassifier()
    assert estimator.get_params()["optimizer__learning_rate"] == 0.001
    estimator.set_params(optimizer__learning_rate=0.5, loss__label_smoothing=0.1, epochs=3)
    assert repr(estimator.optimizer) == "Adam(learning_rate=0.5)"
    assert repr(estimator.loss) == "CrossEntropyLoss(label_smoothing=0.1)"
    estimator.set_params(optimizer=tf.SGD(0.1), optimizer__momentum=0.9, optimizer__clip_norm=1.0)
    assert estimator.get_params()["optimizer__momentum"] == 0.9
    estimator.set_params(optimizer__nesterov=True)
    assert repr(estimator.optimizer) == "SGD(0.1, momentum=0.9, nesterov=True, clip_norm=1.0)"
    copy = clone(estimator)
    assert repr(copy.optimizer) == repr(estimator.optimizer)
    assert copy.optimizer is not estimator.optimizer
    for wrong, message in {
        "optimizer__lr": "has no parameter lr",
        "layers__0": "Invalid parameter",
        "nothing": "Invalid parameter",
        "optimizer__momentum": "momentum expected",
    }.items():
        with pytest.raises(ValueError, match=message):
            estimator.set_params(**{wrong: 2})
    assert estimator.optimizer.momentum == 0.9


def test_a_users_optimizer_is_not_changed(blobs):
    mine = tf.SGD(0.1)
    estimator = NetworkClassifier(optimizer=mine, epochs=1).fit(*blobs).partial_fit(*blobs)
    estimator.set_params(optimizer__learning_rate=0.5)
    assert (mine.learning_rate, mine.steps) == (0.1, 0)


def test_grid_search_in_a_pipeline_on_string_labels(blobs):
    pipeline = make_pipeline(StandardScaler(), NetworkClassifier((8,), epochs=30, random_state=0))
    search = GridSearchCV(
        pipeline,
        {
            "networkclassifier__optimizer__learning_rate": [1e-6, 0.05],
            "networkclassifier__hidden_layer_sizes": [(4,), (8, 8)],
        },
        cv=3,
    ).fit(*blobs)
    assert search.best_params_["networkclassifier__optimizer__learning_rate"] == 0.05
    assert search.best_score_ > 0.9
    assert set(search.predict(blobs[0])) == {"ant", "bee", "cat"}


def test_calibration(blobs):
    calibrated = CalibratedClassifierCV(NetworkClassifier(epochs=20, random_state=0), cv=3)
    p = calibrated.fit(*blobs).predict_proba(blobs[0])
    np.testing.assert_allclose(p.sum(1), 1)
    assert calibrated.score(*blobs) > 0.8


def test_data_frames_and_their_columns(blobs):
    table = pd.DataFrame(blobs[0], columns=list("abcd"))
    estimator = NetworkClassifier(epochs=5, random_state=0).fit(table, pd.Series(blobs[1]))
    assert list(estimator.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(table[list("dcba")])


def test_any_architecture(blobs):
    X, y = blobs
    X = np.column_stack([X, X, X, X])
    images = [
        tf.Reshape(1, 4, 4), tf.Conv2D(4, 3), tf.ReLU(), tf.Flatten(), tf.Dense(3), tf.Softmax(),
    ]  # fmt: skip
    estimator = NetworkClassifier(layers=images, optimizer=tf.Adam(0.02), random_state=0)
    first = estimator.fit(X, y).predict_proba(X)
    assert estimator.score(X, y) > 0.9
    np.testing.assert_array_equal(clone(estimator).fit(X, y).predict_proba(X), first)
    assert not any(layer.input_shape for layer in images), "the user's layers are copied"

    def two(features, outputs):
        return [tf.Dense(features, 5), tf.Tanh(), tf.Dense(outputs)]

    assert NetworkClassifier(layers=two, random_state=0).fit(X, y).score(X, y) > 0.9
    with pytest.raises(ValueError, match="to 3 outputs, got outputs of shape"):
        NetworkClassifier(layers=[tf.Dense(4)]).fit(X, y)


@pytest.mark.parametrize(
    "last",
    [
        [tf.Dense(2), tf.Softmax()],
        [tf.Dense(2), tf.LogSoftmax()],
        [tf.Dense(2)],
        [tf.Dense(1), tf.Sigmoid()],
        [tf.Dense(1)],
    ],
    ids=lambda layers: ", ".join(map(repr, layers)),
)
def test_two_classes_by_any_ending(last, blobs):
    X, y = blobs[0][blobs[1] != "cat"], blobs[1][blobs[1] != "cat"]
    estimator = NetworkClassifier(layers=last, optimizer=tf.Adam(0.05), random_state=0).fit(X, y)
    p = estimator.predict_proba(X)
    assert p.shape == (len(X), 2)
    np.testing.assert_allclose(p.sum(1), 1)
    assert estimator.score(X, y) > 0.9
    np.testing.assert_array_equal(estimator.classes_[p.argmax(1)], estimator.predict(X))


def test_class_weights_by_name(blobs):
    X, y = blobs
    plain = NetworkClassifier(epochs=15, random_state=0).fit(X, y)
    heavy = NetworkClassifier(epochs=15, random_state=0, class_weight={"bee": 100}).fit(X, y)
    assert (heavy.predict(X) == "bee").sum() > (plain.predict(X) == "bee").sum()


def test_parts_of_the_data_one_after_the_other(blobs):
    X, y = blobs
    estimator = NetworkClassifier((8,), optimizer=tf.Adam(0.02), random_state=0)
    with pytest.raises(ValueError, match="classes=… at its first call"):
        estimator.partial_fit(X, y)
    for _ in range(20):
        for part in np.array_split(np.arange(len(X)), 4):
            estimator.partial_fit(X[part], y[part], classes=["ant", "bee", "cat"])
    assert estimator.score(X, y) > 0.9
    with pytest.raises(ValueError, match=r"got \['dog'\]"):
        estimator.partial_fit(X, np.where(y == "ant", "dog", y))
    with pytest.raises(ValueError, match="balanced"):
        NetworkClassifier(class_weight="balanced").partial_fit(X, y, y)


def test_early_stopping_keeps_the_best_weights(rng):
    X, y = rng.standard_normal((200, 20)), rng.integers(0, 2, 200)  # nothing to learn: it overfits
    estimator = NetworkClassifier(
        optimizer=tf.Adam(0.01), early_stopping=True, epochs=500, random_state=0
    ).fit(X, y)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    _, X_held, _, y_held = train_test_split(X, y, test_size=0.1, random_state=seed, stratify=y)
    losses = estimator.model_.history["val_loss"]
    assert 10 < estimator.n_iter_ < 500
    assert losses[-1] > min(losses) + 0.01
    found = estimator.model_.evaluate(X_held, y_held)["loss"]
    assert found == pytest.approx(losses[-11], rel=1e-9)  # ten epochs before it gave up


def test_several_numbers_at_once():
    X, _ = surface(400)
    Y = np.column_stack([X[:, 0] - X[:, 1], 3 + X[:, 2] ** 2, X[:, 3]])
    estimator = NetworkRegressor(optimizer=tf.Adam(0.01), random_state=0).fit(X, Y)
    assert estimator.predict(X).shape == (400, 3)
    assert estimator.score(X, Y) > 0.9
    assert estimator.fit(X, Y[:, 0]).predict(X).shape == (400,)


def test_a_regressor_begins_at_the_mean():
    X, y = surface(100)
    one = NetworkRegressor(epochs=1, optimizer=tf.SGD(1e-9)).fit(X, y)
    assert abs(one.predict(X).mean() - y.mean()) < y.std() / 10


def test_single_precision_stays(blobs):
    X, y = blobs
    estimator = NetworkClassifier(epochs=3).fit(X.astype(np.float32), y)
    assert estimator.predict_proba(X).dtype == np.float32
    assert NetworkClassifier(epochs=3).fit(X, y).predict_proba(X).dtype == np.float64


def test_random_state(blobs):
    def predictions(seed):
        return NetworkClassifier(epochs=3, random_state=seed).fit(*blobs).predict_proba(blobs[0])

    np.testing.assert_array_equal(predictions(1), predictions(1))
    assert (predictions(1) != predictions(2)).any()


def test_pickling_and_joblib(blobs, tmp_path):
    joblib = needs("joblib")
    estimator = NetworkClassifier(epochs=3, random_state=0).fit(*blobs)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    for copy in (pickle.loads(pickle.dumps(estimator)), joblib.load(tmp_path / "estimator.joblib")):
        np.testing.assert_array_equal(
            copy.predict_proba(blobs[0]), estimator.predict_proba(blobs[0])
        )
    parallel = cross_val_score(NetworkClassifier(epochs=2, random_state=0), *blobs, n_jobs=2, cv=3)
    alone = cross_val_score(NetworkClassifier(epochs=2, random_state=0), *blobs, cv=3)
    np.testing.assert_array_equal(parallel, alone)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "nothing"}, "activation expected one of relu"),
        ({"hidden_layer_sizes": (0,)}, "positive integer"),
        ({"epochs": 0}, "epochs expected a positive integer"),
        ({"batch_size": 0}, "batch_size expected a positive integer"),
        ({"tol": -1.0}, "min_delta"),
    ],
)
def test_bad_parameters_are_named(options, message, blobs):
    with pytest.raises(ValueError, match=message):
        NetworkClassifier(**options).fit(*blobs)


def test_weights_of_zero_alone_are_refused(blobs):
    nothing = dict.fromkeys(["ant", "bee", "cat"], 0)
    with pytest.raises(ValueError, match="a row that counts"):
        NetworkClassifier(class_weight=nothing).fit(*blobs)
    with pytest.raises(ValueError, match="Negative values"):
        NetworkRegressor().fit(blobs[0], np.zeros(120), sample_weight=-np.ones(120))
