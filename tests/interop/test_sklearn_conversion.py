"""from_sklearn: the same numbers, from a network that trains on and can be exported."""

import warnings

import numpy as np
import pytest
from needs import needs

needs("sklearn")
pd = needs("pandas")

from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

import tinyframe as tf
from tinyframe.interop.sklearn import NetworkClassifier, NetworkRegressor, from_sklearn


def fitted(mlp, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return mlp.fit(X, y)


X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
LABELS = make_multilabel_classification(150, 4, n_classes=3, random_state=0)[1]
CLASSES = {"two": NAMES == "setosa", "three": NAMES, "labels": LABELS, "one": np.zeros(150)}


@pytest.mark.parametrize("y", CLASSES)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_classifiers_predict_the_same(y, activation, solver):
    y = CLASSES[y]
    mlp = fitted(
        MLPClassifier((7, 5), activation, solver=solver, max_iter=30, random_state=0), X, y
    )
    ours = from_sklearn(mlp)
    assert isinstance(ours, NetworkClassifier)
    np.testing.assert_array_equal(ours.predict(X), mlp.predict(X))
    p = mlp.predict_proba(X)
    np.testing.assert_allclose(ours.predict_proba(X), p[:, : len(mlp.classes_)], atol=1e-12)
    np.testing.assert_array_equal(ours.classes_, mlp.classes_)
    assert ours.score(X, y) == mlp.score(X, y)
    assert ours.n_iter_ == mlp.n_iter_


@pytest.mark.parametrize("y", [Y / 1.0, np.column_stack([Y, -X[:, 0]])], ids=["one", "two"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_regressors_predict_the_same(y, loss, dtype):
    rows = X.astype(dtype)
    mlp = fitted(MLPRegressor(loss, 7, max_iter=30, random_state=0), rows, np.abs(y))
    ours = from_sklearn(mlp)
    assert isinstance(ours, NetworkRegressor)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(ours.predict(rows), mlp.predict(rows), rtol=tolerance)
    assert ours.predict(rows).shape == y.shape
    assert ours.model_.dtype == dtype


def test_parameters_come_along():
    mlp = MLPClassifier((7,), "tanh", learning_rate_init=0.02, beta_1=0.8, max_iter=9, tol=0.01,
                        batch_size=50, early_stopping=True, random_state=4)  # fmt: skip
    ours = from_sklearn(fitted(mlp, X, NAMES))
    assert "".join(repr(clone(ours)).split()) == (
        "NetworkClassifier(activation='tanh',batch_size=50,early_stopping=True,epochs=9,"
        "hidden_layer_sizes=(7,),optimizer=Adam(learning_rate=0.02,beta_1=0.8),random_state=4,tol=0.01)"
    )
    mlp = MLPRegressor(hidden_layer_sizes=(7,), solver="sgd", momentum=0.5, max_iter=2)
    assert repr(from_sklearn(fitted(mlp, X, Y)).optimizer) == repr(
        tf.SGD(0.001, momentum=0.5, nesterov=True)
    )


@pytest.mark.parametrize("y", ["two", "three", "labels"])
def test_it_trains_on(y):
    y = CLASSES[y]
    ours = from_sklearn(fitted(MLPClassifier((8,), max_iter=3, random_state=0), X, y))
    targets = ours._targets(ours._numbers(y), ours.model_)
    before = ours.model_.evaluate(X, targets, metrics=[], verbose=0)["loss"]
    for _ in range(30):
        ours.partial_fit(X, y)
    assert ours.model_.evaluate(X, targets, metrics=[], verbose=0)["loss"] < before
    on = ours.set_params(warm_start=True, epochs=200).fit(X, y)
    assert on.model_ is ours.model_
    assert on.model_.evaluate(X, targets, metrics=[], verbose=0)["loss"] < before / 1.2
    assert on.predict(X).shape == y.shape


def test_what_it_was_trained_on_is_known_and_the_original_is_left_alone():
    table = pd.DataFrame(X, columns=list("abcd"))
    mlp = fitted(MLPRegressor(hidden_layer_sizes=(8,), max_iter=3, random_state=0), table, Y)
    expected = mlp.predict(table)
    ours = from_sklearn(mlp)
    with pytest.raises(ValueError, match="feature names"):
        ours.predict(table[list("dcba")])
    ours.partial_fit(table, Y)
    np.testing.assert_array_equal(mlp.predict(table), expected)


def test_it_is_exported(tmp_path):
    onnxruntime = needs("onnxruntime")
    digits, y = load_digits(return_X_y=True)
    mlp = fitted(MLPClassifier((16,), max_iter=5, random_state=0), digits.astype(np.float32), y)
    from_sklearn(mlp).model_.to_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (p,) = session.run(None, {"input": digits.astype(np.float32)})
    np.testing.assert_allclose(p, mlp.predict_proba(digits.astype(np.float32)), atol=1e-5)


def test_others_are_refused():
    with pytest.raises(TypeError, match="from_sklearn expected an MLPClassifier or MLPRegressor"):
        from_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        from_sklearn(MLPClassifier())
    assert tf.from_sklearn is from_sklearn


def test_a_network_of_whole_gradients_goes_on_by_them():
    theirs = fitted(
        MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=5, random_state=0),
        X,
        X[:, 0],
    )
    ours = from_sklearn(theirs).set_params(warm_start=True, epochs=30)
    before = ours.score(X, X[:, 0])
    assert ours.fit(X, X[:, 0]).score(X, X[:, 0]) > before
    assert type(ours.model_.optimizer) is tf.LBFGS
