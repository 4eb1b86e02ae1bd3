"""Select: columns that go different ways."""

import numpy as np
import pytest

from tinyframe import (
    SGD,
    Concatenate,
    CrossEntropyLoss,
    Dense,
    Embedding,
    Flatten,
    Select,
    Sequential,
    Softmax,
    Tanh,
)
from tinyframe.inspection import recording_report
from tinyframe.testing import check_layer


@pytest.mark.parametrize(
    ("layer", "columns", "text"),
    [
        (Select(0, 3), [0, 3], "Select(0, 3)"),
        (Select([0, 3]), [0, 3], "Select(0, 3)"),
        (Select((-1, -4)), [3, 0], "Select(-1, -4)"),
        (Select(range(3)), [0, 1, 2], "Select(0, 1, 2)"),
        (Select(slice(0, 3)), [0, 1, 2], "Select(slice(0, 3, None))"),
        (Select(slice(None, None, np.int8(-2))), [3, 1], "Select(slice(None, None, -2))"),
        (Select(slice(2, 100)), [2, 3], "Select(slice(2, 100, None))"),
        (Select(0, slice(2, None)), [0, 2, 3], "Select(0, slice(2, None, None))"),
        (Select(np.array([2, 2])), [2, 2], "Select(2, 2)"),
        (Select(np.uint8(1), np.array(2)), [1, 2], "Select(1, 2)"),
        (Select(1), [1], "Select(1)"),
    ],
    ids=repr,
)
def test_columns_in_any_form(layer, columns, text, rng):
    assert repr(layer) == text
    assert repr(eval(text)) == text  # noqa: S307 - the text is ours
    for shape in ((4,), (3, 4), (2, 3, 4)):
        x = rng.standard_normal((5, *shape)).astype(np.float32)
        again = eval(text)  # noqa: S307 - as above
        np.testing.assert_array_equal(again.forward(x), x[..., columns])
        assert again.output_shape == (*shape[:-1], len(columns))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (Select, ValueError, "at least one column, got none"),
        (lambda: Select([]), ValueError, "at least one column, got none"),
        (lambda: Select("age"), TypeError, "expected integers or slices, got 'age'"),
        (lambda: Select(["age", "sex"]), TypeError, "expected integers or slices, got 'age'"),
        (lambda: Select(1.0), TypeError, "expected integers or slices, got 1.0"),
        (lambda: Select([[0, 1]]), TypeError, r"expected integers or slices, got \[0, 1\]"),
        (lambda: Select(np.eye(2) > 0), TypeError, "expected integers or slices, got array"),
        (lambda: Select(np.ones(3) > 0), TypeError, r"got np.True_; np\.flatnonzero\(mask\)"),
        (lambda: Select(True), TypeError, r"got True; np\.flatnonzero\(mask\)"),
        (lambda: Select(slice(0.5)), TypeError, r"got slice\(None, 0.5, None\)"),
        (lambda: Select(slice(1, 2, 0)), ValueError, r"other than 0, got slice\(1, 2, 0\)"),
        (
            lambda: Select(0, 4).build(4), ValueError,
            r"Select\(0, 4\) expected columns from -4 to 3, for x of \(batch, 4\)",
        ),
        (lambda: Select(-5).build((2, 4)), ValueError, "expected columns from -4 to 3"),
        (lambda: Select(slice(4, 6)).build(4), ValueError, r"selects none of \(batch, 4\)"),
        (lambda: Select(0).build(()), ValueError, r"\(batch, …, features\), got \(batch,\)"),
    ],
)  # fmt: skip
def test_what_are_no_columns_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_gradients_of_a_column_that_is_selected_twice_add_up():
    layer = Select(2, 0, 2)
    layer.forward(np.ones((2, 4)), training=True)
    dx = layer.backward(np.array([[1.0, 10, 100], [2, 20, 200]]))
    np.testing.assert_array_equal(dx, [[10, 0, 101, 0], [20, 0, 202, 0]])


def table(rng):
    """Rows of two columns of categories, 0 and 3, and two of numbers, in one array of floats."""
    X = rng.standard_normal((90, 4)).astype(np.float32)
    X[:, 0], X[:, 3] = rng.integers(0, 5, 90), rng.integers(0, 3, 90)
    return X, ((X[:, 0] == 2) ^ (X[:, 3] == 1)).astype(int)


def network():
    columns = Concatenate(
        Sequential(Select(0), Embedding(5, 3), Flatten()),
        Sequential(Select(3), Embedding(3, 2), Flatten()),
        Select([1, 2]),
    )
    model = Sequential(columns, Dense(8), Tanh(), Dense(2), Softmax())
    model.build(4, rng=0)
    return model


def test_a_table_with_categories_is_learned_and_every_step_of_it_recorded(rng):
    X, y = table(rng)
    model = network()
    model.fit(X, y, loss=CrossEntropyLoss(), optimizer=SGD(0.5), epochs=60, rng=0, verbose=0)
    assert model.history["loss"][-1] < 0.5 * model.history["loss"][0]
    assert " no " not in str(recording_report(model))
    check_layer(model[0].branches[0], 4, x=X[:3].astype(int))


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_a_table_of_integers_gives_what_its_floats_give(dtype, rng):
    X, _ = table(rng)
    model, whole = network(), np.floor(X * 3)
    whole[:, [0, 3]] = X[:, [0, 3]]
    y = model.predict(whole)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(model.predict(whole.astype(dtype)), y)


def test_a_category_that_is_none_is_named(rng):
    X, y = table(rng)
    model = network()
    X[40, 3] = 1.5
    with pytest.raises(TypeError, match=r"Embedding\(3, 2\) expected tokens, .*, got 1.5"):
        model.fit(X, y, verbose=0)
    X[40, 3] = 3
    with pytest.raises(ValueError, match=r"Embedding\(3, 2\) expected tokens from 0 to 2, got 3"):
        model.fit(X, y, verbose=0)
