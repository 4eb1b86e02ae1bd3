"""Columns of categories in tables of pandas, polars and NumPy."""

import pickle

import numpy as np
import pytest
from needs import needs

needs("sklearn")
pd = needs("pandas")

from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tinyframe as tf
from tinyframe.interop.sklearn import NetworkClassifier, NetworkRegressor
from tinyframe.interop.sklearn.categories import Categories

EFFECTS = {"ant": 2.0, "bee": -1.0, "cat": 0.0, "dog": 5.0}
KINDS = np.array(list(EFFECTS))


def table(rows=400, seed=0):
    """A number, a kind whose effect is its own, another number; and y, which is their sum."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(KINDS, rows)
    X = pd.DataFrame({"a": rng.standard_normal(rows), "kind": pd.Categorical(kinds),
                      "b": rng.standard_normal(rows)})  # fmt: skip
    return X, X["a"] - X["b"] + np.array([EFFECTS[kind] for kind in kinds])


def regressor(**options):
    return NetworkRegressor((16,), **{"optimizer": tf.Adam(0.01), "random_state": 0} | options)


@pytest.mark.parametrize("chosen", ["from_dtype", ["kind"], [1], [False, True, False], (1, "kind")])
def test_columns_are_chosen_by_dtype_name_or_position(chosen):
    X, y = table()
    estimator = regressor(categorical_features=chosen).fit(X, y)
    assert estimator.score(X, y) > 0.98
    first, dense = estimator.model_[:2]
    assert repr(first.branches[0]) == "Select(0, 2)"
    assert (first.branches[1][1].vocabulary, first.branches[1][1].width) == (5, 3)
    assert dense.input_shape == (2 + 3,)
    assert list(estimator.feature_names_in_) == ["a", "kind", "b"]
    assert estimator.n_features_in_ == 3
    expected = regressor(categorical_features=["kind"]).fit(X, y).predict(X)
    np.testing.assert_array_equal(estimator.predict(X), expected)


def test_arrays_and_columns_of_strings():
    X, y = table()
    expected = regressor().fit(X, y).predict(X)
    for same in (X.astype({"kind": str}), X.to_numpy(dtype=object), X.to_numpy(object).tolist()):
        estimator = regressor(categorical_features=[1]).fit(same, y)
        np.testing.assert_allclose(estimator.predict(same), expected)
    codes = X.assign(kind=X["kind"].cat.codes).to_numpy()
    estimator = regressor(categorical_features=[1]).fit(codes, y)
    np.testing.assert_allclose(estimator.predict(codes), expected)
    with pytest.raises(
        ValueError, match=r"numbers in column 'kind', got (str|object); categorical"
    ):
        regressor().fit(X.astype({"kind": str}).assign(a=X["kind"]), y)


def test_polars():
    pl = needs("polars")
    X, y = table()
    expected = regressor().fit(X, y)
    for kind in (pl.Categorical, pl.Enum(list(KINDS)), pl.String):
        chosen = ["kind"] if kind is pl.String else "from_dtype"
        same = pl.DataFrame(
            {"a": X["a"].to_numpy(), "kind": pl.Series(X["kind"].tolist(), dtype=kind),
             "b": X["b"].to_numpy()}
        )  # fmt: skip
        estimator = regressor(categorical_features=chosen).fit(same, y)
        np.testing.assert_array_equal(estimator.predict(same), expected.predict(X))


def test_categories_that_were_not_there_count_as_zeros():
    X, y = table()
    estimator = regressor().fit(X, y)
    new = X.head(3).astype({"kind": str}).assign(kind=["eel", None, "ant"])
    found = estimator.predict(new)
    vectors = estimator.model_[0].branches[1][1].weight
    assert not vectors.value[0].any()
    assert vectors.value[1:].all()
    rows = np.column_stack([new["a"], [0, 0, 1], new["b"]])
    np.testing.assert_allclose(found, estimator.model_.predict(rows)[:, 0])
    held = regressor(epochs=2).fit(X, y, X_val=new, y_val=y[:3])
    assert len(held.model_.history["val_loss"]) == 2


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_value_is_a_category(missing):
    X, y = table()
    X = X.astype({"kind": object})
    X.loc[y.index % 4 == 0, "kind"] = missing
    y = np.where(y.index % 4 == 0, X["a"] + 9, y)
    estimator = regressor(categorical_features=["kind"]).fit(X, y)
    assert estimator.model_[0].branches[1][1].vocabulary == 6
    assert estimator.score(X, y) > 0.95


def test_all_missing_numbers_are_one_category():
    X = np.array([[0.0], [1.0], [np.nan], [np.nan], [0.0], [np.nan]])
    y = np.array([1.0, 2, 5, 5, 1, 5])
    estimator = regressor(categorical_features=[0], optimizer=tf.Adam(0.05)).fit(X, y)
    assert estimator.model_[0][1].vocabulary == 4
    np.testing.assert_allclose(estimator.predict(np.array([[np.nan]])), 5, atol=0.3)


def test_numbers_that_are_categories_are_the_same_as_integers_and_floats():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 40, 600)
    y = rng.standard_normal(40)[codes]
    estimator = regressor(categorical_features=[0]).fit(codes[:, None].astype(np.float32), y)
    assert estimator.score(codes[:, None], y) > 0.95
    _, vectors, _ = estimator.model_[0]  # no Concatenate: there is nothing beside them
    assert (vectors.vocabulary, vectors.width) == (41, 13)


def test_a_pipeline_that_scales_the_numbers():
    X, y = table()
    X["a"] *= 1000
    y = pd.Series(np.where(y > 1, "high", "low"))
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    classifier = NetworkClassifier((16,), optimizer=tf.Adam(0.01), epochs=60, random_state=0)
    pipeline = make_pipeline(columns, classifier)
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.85
    assert pipeline.fit(X, y)[-1].model_[0].branches[1][1].vocabulary == 5


def test_parts_warm_starts_copies_and_own_layers():
    X, y = table()
    estimator = regressor().partial_fit(X[:300], y[:300]).partial_fit(X[300:], y[300:])
    estimator.set_params(warm_start=True).fit(X, y)
    copy = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(copy.predict(X), estimator.predict(X))
    numbers = X[["a", "b"]]
    assert clone(estimator).fit(numbers, y).model_[0].input_shape == (2,)

    def layers(features, outputs):
        kind = tf.Sequential(tf.Select(1), tf.Embedding(5, 2), tf.Flatten())
        return [tf.Concatenate(tf.Select(0, 2), kind), tf.Dense(outputs)]

    own = regressor(layers=layers, optimizer=tf.Adam(0.05)).fit(X, y)
    assert own.score(X, y) > 0.98


def test_it_is_exported(tmp_path):
    onnxruntime = needs("onnxruntime")
    X, y = table()
    X = X.astype({"a": np.float32, "b": np.float32})
    estimator = regressor(epochs=3).fit(X, y)
    assert estimator.model_.dtype == np.float32
    estimator.model_.to_onnx(tmp_path / "model.onnx")
    rows = estimator._categories.encode(X)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_allclose(
        session.run(None, {"input": rows})[0][:, 0], estimator.predict(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("chosen", "error", "message"),
    [
        (["colour"], ValueError, r"columns among \['a', 'kind', 'b'\], got 'colour'"),
        ("kind", TypeError, 'names or positions, or "from_dtype", got'),
        (1, TypeError, 'names or positions, or "from_dtype", got 1'),
        ([3], ValueError, "positions from 0 to 2, got 3"),
        ([-1], ValueError, "positions from 0 to 2, got -1"),
        ([1.0], TypeError, "names or positions, got 1.0"),
        ([True, False], ValueError, "3 booleans, got 2"),
        ([True, 1, "a"], TypeError, "names or positions, got True"),
    ],
)
def test_wrong_choices(chosen, error, message):
    X, y = table(20)
    with pytest.raises(error, match=f"categorical_features expected {message}"):
        regressor(categorical_features=chosen).fit(X, y)


def test_what_does_not_go_with_categories():
    X, y = table(20)
    with pytest.raises(ValueError, match="positions, as X has no names"):
        regressor(categorical_features=["kind"]).fit(X[["a", "b"]].to_numpy(), y)
    with pytest.raises(TypeError, match="dense X, got a sparse one"):
        regressor(categorical_features=[0]).fit(sparse.eye_array(20).tocsr(), y)
    with pytest.raises(ValueError, match="NaN"):
        regressor().fit(X.assign(a=np.nan), y)
    with pytest.raises(ValueError, match="numbers in column 'a', got datetime64"):
        regressor().fit(X.assign(a=pd.date_range("2020", periods=20)), y)
    estimator = regressor(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(X[["kind", "a", "b"]])
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(X[["a", "kind"]])


def test_the_numbers_of_categories_depend_on_these_alone():
    """Not on how a process hashes strings, nor on the order of the rows."""
    numbers = range(137, 999, 37)  # a set has them, too, in any order
    expected = [category for number in numbers for category in (number, str(number))]
    for order in (expected, expected[::-1]):
        known = Categories([0], np.array(order, object)[:, np.newaxis]).known[0]
        assert list(known.items()) == list(zip(expected, range(1, 49), strict=True))
