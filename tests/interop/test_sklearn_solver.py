"""Estimators that train by all rows at once: `solver="lbfgs"`, as scikit-learn has it."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason='needs pip install -e ".[sklearn]"')

from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tinyframe import LBFGS, LevenbergMarquardt
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
