"""Estimators that train by all rows at once: `solver="lbfgs"`, as scikit-learn has it."""

import numpy as np
import pytest
from needs import needs

needs("sklearn")

from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tinyframe import (
    LBFGS,
    Dense,
    LevenbergMarquardt,
    LogSoftmax,
    ReLU,
    Sequential,
)
from tinyframe.interop.sklearn import NetworkClassifier, NetworkRegressor

X, Y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)
IRIS = load_iris(return_X_y=True)


@parametrize_with_checks([NetworkRegressor((8,), solver="lbfgs", epochs=40)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_it_is_the_optimizer_of_that_name():
    by_name = NetworkRegressor((5,), solver="lbfgs", epochs=20, random_state=0).fit(X, Y)
    by_object = NetworkRegressor((5,), optimizer=LBFGS(), epochs=20, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(by_name.predict(X), by_object.predict(X))
    assert by_name.n_iter_ == 20
    assert "evaluations" in by_name.model_.history
    assert by_name.get_params()["optimizer__memory"] == 10
    copied = clone(by_name).set_params(optimizer__memory=3).fit(X, Y)
    assert copied.model_.optimizer.memory == 3
    with pytest.raises(ValueError, match="optimizer expected one of"):
        NetworkRegressor(solver="newton").fit(X, Y)


def test_it_goes_on_where_the_loss_falls_by_little():
    """Along gradients of batches that is the end of it."""
    flower = NetworkClassifier((4,), solver="lbfgs", epochs=300, random_state=0)
    flower.fit(StandardScaler().fit_transform(IRIS[0]), IRIS[1])
    assert flower.n_iter_ > 100 or flower.model_.optimizer.converged
    assert flower.model_.history["loss"][-1] < 0.1
    ends = NetworkRegressor(
        (20,), solver="lbfgs", early_stopping=True, n_iter_no_change=3, random_state=0
    ).fit(X, Y)
    assert ends.n_iter_ < 200


def test_squares_and_sparse_rows_and_batches():
    squares = NetworkRegressor((5,), optimizer=LevenbergMarquardt(), epochs=20, random_state=0)
    assert squares.fit(X, Y).score(X, Y) > 0.6
    dense = NetworkRegressor((5,), solver="lbfgs", epochs=10, random_state=0).fit(X, Y)
    sparse = NetworkRegressor((5,), solver="lbfgs", epochs=10, random_state=0)
    sparse.fit(csr_matrix(X), Y)
    np.testing.assert_allclose(sparse.predict(X), dense.predict(X), rtol=1e-6)
    with pytest.raises(ValueError, match="batch_size expected None"):
        NetworkRegressor(solver="lbfgs", batch_size=50).fit(X, Y)
    search = GridSearchCV(
        NetworkRegressor((5,), solver="lbfgs", epochs=20), {"optimizer__weight_decay": [0.0, 10.0]}
    )
    assert search.fit(X, Y).best_params_["optimizer__weight_decay"] in (0.0, 10.0)


def test_it_is_no_worse_than_scikit_learns():
    def score(kind, seed):
        estimator = make_pipeline(StandardScaler(), kind(solver="lbfgs", random_state=seed))
        return cross_val_score(estimator, X, Y, cv=5).mean()

    with pytest.warns(match="."):  # scikit-learn's does not converge in 200 iterations
        theirs = np.mean([score(MLPRegressor, seed) for seed in range(3)])
    assert np.mean([score(NetworkRegressor, seed) for seed in range(3)]) >= theirs


# ------------------------------------------------------------------ what a review found


def test_a_grid_over_solvers_and_arguments_trains_with_both():
    estimator = NetworkRegressor().set_params(solver="lbfgs", optimizer__weight_decay=0.1)
    assert repr(estimator.optimizer) == "LBFGS(tolerance=0.0001, weight_decay=0.1)"
    search = GridSearchCV(
        NetworkRegressor((3,), epochs=5, random_state=0),
        {"solver": ["adam", "lbfgs"], "optimizer__weight_decay": [0.0, 0.1]}, cv=2,
    ).fit(X, Y)  # fmt: skip
    scores = search.cv_results_["mean_test_score"]
    assert len(set(np.round(scores, 6))) >= 3
    by_name = NetworkRegressor().set_params(optimizer="sgd", optimizer__learning_rate=0.2)
    assert by_name.optimizer.rate == 0.2
    with pytest.raises(ValueError, match="solver='lbfgs' expected optimizer=None or one of that"):
        NetworkRegressor(optimizer=by_name.optimizer, solver="lbfgs").fit(X, Y)


def test_tol_is_when_it_has_converged():
    ends = [
        NetworkRegressor((5,), solver="lbfgs", tol=tol, epochs=300, random_state=0).fit(X, Y / 77)
        for tol in (1e-3, 0.1, 10.0)
    ]
    assert ends[0].n_iter_ > ends[1].n_iter_ > ends[2].n_iter_ == 1


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_refused_fit_leaves_the_estimator_as_it_was(method):
    names = np.array(list("abc"))[IRIS[1]]
    model = NetworkClassifier((5,), epochs=5, random_state=0).fit(IRIS[0], names)
    before = dict(vars(model))
    calls = {
        "fit": lambda: model.fit(IRIS[0][:, :2], np.array(list("xyz"))[IRIS[1]], X_val=IRIS[0]),
        "partial_fit": lambda: model.partial_fit(IRIS[0], IRIS[1]),
    }
    with pytest.raises(ValueError, match="expected"):
        calls[method]()
    assert vars(model) == before
    fresh = NetworkRegressor(optimizer="nix")
    with pytest.raises((TypeError, ValueError), match="optimizer expected"):
        fresh.partial_fit(X, Y)
    fresh.set_params(optimizer=None).partial_fit(X, Y)


def test_one_class_is_certain():
    model = NetworkClassifier((3,), epochs=2, random_state=0).fit(X, ["a"] * len(X))
    np.testing.assert_array_equal(model.predict_proba(X), 1)


def test_what_scikit_learns_hands_type_is_answered():
    for option, words in (
        ("alpha", "weight_decay"), ("max_iter", "'epochs'"), ("learning_rate_init", "Adam(0.01)"),
    ):  # fmt: skip
        with pytest.raises(TypeError) as caught:
            NetworkRegressor(**{option: 1})
        assert words in str(caught.value)
        assert str(caught.value).startswith("NetworkRegressor ")


def test_labels_do_not_end_in_logarithms():
    labels = (X[:, :3] > 0).astype(int)
    with pytest.raises(ValueError, match=r"Sigmoid\(\) or scores at the end"):
        NetworkClassifier(layers=[Dense(3), LogSoftmax()], epochs=2).fit(X, labels)


def test_metrics_do_not_compare_logarithms_with_counts():
    counts = np.random.default_rng(0).poisson(2.0, len(X))
    model = Sequential([Dense(1)])
    with pytest.raises(ValueError, match="expected rates, and with PoissonLoss"):
        model.fit(X, counts, loss="poisson", metrics=["r2"], verbose=0)
    rates = Sequential([Dense(8), ReLU(), Dense(1), ReLU()])
    rates.fit(X, counts, loss="poisson", optimizer="adam", metrics=["mae"], rng=0, verbose=0)
    assert np.isfinite(rates.history["loss"]).all()


def test_an_attribute_that_was_set_to_a_name():
    model = Sequential([Dense(1)]).fit(X, Y / 77, epochs=1, verbose=0)
    model.optimizer, model.loss = "adam", "mae"
    model.fit(X, Y / 77, epochs=1, verbose=0)
    assert (repr(model.optimizer), repr(model.loss)) == ("Adam()", "MAELoss()")
