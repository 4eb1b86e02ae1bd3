"""Every bad input gets a clear error, and the model is as it was."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

from tinyframe import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Add,
    BatchNorm,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    CosineDecay,
    CrossEntropyLoss,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    LayerNorm,
    LeakyReLU,
    Metric,
    MSELoss,
    MultiHeadAttention,
    Parameter,
    ReLU,
    Reshape,
    RMSNorm,
    RMSprop,
    Sequential,
    Softmax,
    StepDecay,
    one_hot,
)
from tinyframe.datasets import digits
from tinyframe.metrics import f1
from tinyframe.testing import check_layer, check_loss

X = np.random.default_rng(0).random((6, 3))
Y = np.array([0, 1, 2, 3, 0, 1])


def with_value(value):
    bad = X.copy()
    bad[4, 1] = value
    return bad


def named(name):
    def metric(prediction, target):
        return 0.0

    metric.__name__ = name
    return metric


BAD_X = {
    "wrong width": (X[:, :2], ValueError, r"Dense\(3, 5\) expected \(batch, 3\), got \(6, 2\)"),
    "one row without a batch": (X[0], ValueError, r"got \(3,\); one row is"),
    "images": (np.zeros((6, 3, 1)), ValueError, r"got \(6, 3, 1\); put Flatten\(\) before it"),
    "a number": (1.0, ValueError, r"got \(\)"),
    "no rows": (X[:0], ValueError, "at least one row"),
    "NaN": (with_value(np.nan), ValueError, "X expected finite float32 numbers, got nan in row 4"),
    "infinity": (with_value(-np.inf), ValueError, "got -inf in row 4"),
    "too large for float32": (with_value(1e39), ValueError, "got 1e.39 in row 4"),
    "complex": (X * 1j, TypeError, "X expected real numbers, got dtype complex128"),
    "object": (X.astype(object), TypeError, "got dtype object"),
    "strings": (X.astype(str), TypeError, "got dtype <U"),
    "dates": (np.full((6, 3), np.datetime64("2020-01-01")), TypeError, "got dtype datetime64"),
    "ragged": ([[1, 2, 3], [1, 2]], ValueError, "X expected rows of one length, got a ragged list"),
    "masked": (np.ma.masked_less(X, 0.5), TypeError, "masked"),
    "None": (None, TypeError, "got dtype object"),
}

BAD_Y = {
    "too short": (Y[:5], ValueError, "y expected 6 rows, as many as X, got 5 rows"),
    "too long": (np.zeros(7, int), ValueError, "got 7 rows"),
    "a number": (1, ValueError, "got a single number"),
    "too large a label": (Y + 1, ValueError, "from 0 to 3, got 4 at index 3"),
    "a negative label": (Y - 1, ValueError, "from 0 to 3, got -1 at index 0"),
    "labels as floats": (Y * 1.0, ValueError, r"integer labels, got float64 .*y.astype\(int\)"),
    "too few columns": (np.zeros((6, 3)), ValueError, r"y expected \(batch, 4\) numbers or"),
    "a cube": (np.zeros((6, 4, 1)), ValueError, "y expected"),
    "NaN": (np.full((6, 4), np.nan), ValueError, "y expected finite float32 numbers, got nan"),
    "infinity": (np.full((6, 4), np.inf), ValueError, "y expected finite"),
    "complex": (Y * 1j, TypeError, "y expected real numbers, got dtype complex128"),
    "strings": (list("abcdef"), TypeError, "got dtype <U1; names of classes become labels by"),
    "object": (Y.astype(object), TypeError, "dtype object"),
    "ragged": ([[1], [1, 2], [3], [4], [5], [6]], ValueError, "y expected rows of one length"),
    "None": (None, TypeError, "y is missing"),
}

BAD_OPTIONS = {
    "no epochs": ({"epochs": 0}, ValueError, "epochs expected a positive integer, got 0"),
    "negative epochs": ({"epochs": -1}, ValueError, "epochs"),
    "half an epoch": ({"epochs": 0.5}, TypeError, "epochs"),
    "epochs as text": ({"epochs": "3"}, TypeError, "epochs"),
    "a flag as epochs": ({"epochs": True}, TypeError, "epochs"),
    "no rows a batch": ({"batch_size": 0}, ValueError, "batch_size expected a positive integer"),
    "negative batch": ({"batch_size": -32}, ValueError, "batch_size"),
    "a float batch": ({"batch_size": 32.0}, TypeError, "batch_size"),
    "a number as a loss": ({"loss": 1}, TypeError, r"loss expected a Loss such as MSELoss\(\)"),
    "a loss of no name": (
        {"loss": "mze"},
        ValueError,
        "loss expected one of .*; did you mean 'mse'",
    ),
    "another class as a loss": ({"loss": SGD}, TypeError, "loss expected"),
    "an optimizer of no name": ({"optimizer": "sdg"}, ValueError, "optimizer expected .*'sgd'"),
    "another class as an optimizer": ({"optimizer": MSELoss}, TypeError, "optimizer expected"),
    "an unknown metric": (
        {"metrics": ["acuracy"]},
        ValueError,
        "names among .* got 'acuracy'",
    ),
    "a metric alone": ({"metrics": "accuracy"}, TypeError, r"a list such as \[\"accuracy\"\]"),
    "a metric named loss": ({"metrics": [named("loss")]}, ValueError, "'loss', which is taken"),
    "a metric twice": ({"metrics": ["accuracy"] * 2}, ValueError, "'accuracy', which is taken"),
    "a number as metric": ({"metrics": [3]}, TypeError, "names or functions, got 3"),
    "a float as rng": ({"rng": 0.5}, TypeError, "rng expected"),
    "a negative seed": ({"rng": -1}, ValueError, "rng expected"),
    "shuffle as text": ({"shuffle": "yes"}, TypeError, "shuffle expected True or False"),
    "verbose as text": ({"verbose": "no"}, TypeError, "verbose expected True or False"),
    "validation X alone": (
        {"validation_data": X},
        TypeError,
        r"y is missing: .* a ndarray",
    ),
    "validation width": ({"validation_data": (X[:, :2], Y)}, ValueError, "validation_data: Dense"),
    "validation length": ({"validation_data": (X, Y[:2])}, ValueError, "validation_data: y expect"),
    "validation text": ({"validation_data": (X, list("abcdef"))}, TypeError, "validation_data: y"),
}


def built():
    model = Sequential([Dense(3, 5), ReLU(), Dense(5, 4), Softmax()])
    return model.fit(X, Y, epochs=1, verbose=False)


def unbuilt():
    return Sequential([Dense(5), ReLU(), Dense(5, 4), Softmax()])


def refuses(model, call, error, message):
    before = pickle.dumps(model)
    with pytest.raises(error, match=message):
        call(model)
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("name", BAD_X)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_bad_inputs(name, method):
    bad, error, message = BAD_X[name]
    arguments = (bad,) if method == "predict" else (bad, Y)
    refuses(built(), lambda model: getattr(model, method)(*arguments), error, message)


@pytest.mark.parametrize("name", sorted(set(BAD_X) - {"wrong width", "images"}))
def test_bad_inputs_leave_an_unbuilt_model_unbuilt(name):
    bad, error, _ = BAD_X[name]
    refuses(unbuilt(), lambda model: model.fit(bad, Y), error, "expected")


@pytest.mark.parametrize("make", [built, unbuilt])
@pytest.mark.parametrize("name", BAD_Y)
def test_bad_targets(name, make):
    bad, error, message = BAD_Y[name]
    refuses(make(), lambda model: model.fit(X, bad), error, message)


@pytest.mark.parametrize("name", BAD_Y)
def test_bad_targets_to_evaluate(name):
    bad, error, message = BAD_Y[name]
    refuses(built(), lambda model: model.evaluate(X, bad), error, message)


@pytest.mark.parametrize("make", [built, unbuilt])
@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(name, make):
    options, error, message = BAD_OPTIONS[name]
    refuses(make(), lambda model: model.fit(X, Y, **options), error, message)


def test_a_model_without_parameters_cannot_train():
    with pytest.raises(ValueError, match="parameters to train, got none"):
        Sequential([Flatten()]).fit(X, X)


def test_accuracy_of_numbers_is_refused():
    model = Sequential([Dense(3, 2)])
    with pytest.raises(ValueError, match="accuracy expected classes"):
        model.fit(X, X[:, :2], metrics=["accuracy"])
    with pytest.raises(ValueError, match="accuracy expected classes"):
        Sequential([Dense(3, 1)]).fit(X, X[:, 0], metrics=["accuracy"])


def test_images_into_dense_are_told_to_flatten():
    model = Sequential([Dense(784, 10), Softmax()])
    with pytest.raises(ValueError, match=r"got \(2, 28, 28\); put Flatten\(\) before it"):
        model.fit(np.zeros((2, 28, 28)), [0, 1])
    with pytest.raises(ValueError, match=r"put Flatten\(\) before the layers"):
        Sequential([Dense(10)]).fit(np.zeros((2, 28, 28)), [0, 1])
    Sequential([Flatten(), *model]).fit(np.zeros((2, 28, 28)), [0, 1], epochs=1, verbose=False)


def test_y_that_would_broadcast_is_refused():
    model = Sequential([Dense(3, 1)])
    with pytest.raises(ValueError, match="y expected"):
        model.fit(X, np.zeros((6, 6)))


def test_cross_entropy_wants_a_flag():
    assert CrossEntropyLoss().from_logits is False


ARRAY = np.ones((2, 2))
"""What a mix-up of arguments brings: nothing that `==`, `in` or `if` has one answer for."""


@pytest.mark.parametrize(
    "wrong",
    [
        lambda model: model.fit(X, Y, verbose=ARRAY),
        lambda model: model.fit(X, Y, on_nonfinite=ARRAY),
        lambda model: model.fit(X, Y, deterministic=ARRAY),
        lambda model: model.fit(X, Y, metrics=np.array(3)),
        lambda model: model.fit(X, Y, callbacks=np.array(3)),
        lambda model: model.predict(X, verbose=ARRAY),
        lambda model: model.evaluate(X, Y, verbose=ARRAY),
        lambda model: model[ARRAY],
        lambda model: model["relu"],
        lambda model: Sequential(np.array(3)),
        lambda model: Add(np.array(3)),
        lambda model: Reshape(ARRAY, 2),
        lambda model: Conv2D(2, 2, padding=(ARRAY, 0)),
        lambda model: CrossEntropyLoss(ignore_index=(1, 2)),
        lambda model: CrossEntropyLoss(class_weights=slice(1)),
        lambda model: Metric(f1, name=ARRAY),
        lambda model: one_hot([0, 1], ARRAY),
        lambda model: one_hot([0, 1], 2, dtype=range(3)),
        lambda model: digits(ARRAY),
        lambda model: check_loss(ARRAY, ARRAY, ARRAY),
        lambda model: check_loss(MSELoss(), iter([]), ARRAY),
        lambda model: check_layer(ReLU(), 3, batch_size=None),
        lambda model: check_layer(ReLU(), 3, tolerance=ARRAY),
    ],
)
def test_arrays_and_other_things_where_one_word_or_number_is_expected(wrong):
    model = Sequential([Dense(3, 4)])
    with pytest.raises((TypeError, ValueError), match="expected"):
        wrong(model)


# Calls in the order of another library, each of which would make something else here.
FOREIGN_CALLS = {
    "Conv2D(inputs, filters, kernel)": lambda: Conv2D(1, 8, 3),
    "Conv1D(inputs, filters, kernel)": lambda: Conv1D(1, 8, 3),
    "ConvTranspose2D(inputs, filters, kernel)": lambda: ConvTranspose2D(1, 8, 3),
    "BatchNorm(features)": lambda: BatchNorm(1),
    "LayerNorm(features)": lambda: LayerNorm(16),
    "RMSNorm(features)": lambda: RMSNorm(64),
    "RNN(inputs, units)": lambda: RNN(8, 1),
    "LSTM(inputs, units)": lambda: LSTM(8, 1),
    "GRU(inputs, units)": lambda: GRU(8, 1),
    "MultiHeadAttention(features, heads)": lambda: MultiHeadAttention(64, 1),
    "SGD(rate, momentum, dampening)": lambda: SGD(0.1, 0.9, 1),
    "AdamW(rate, weight_decay)": lambda: AdamW(0.001, 0.004),
    "RMSprop(rate, rho, epsilon)": lambda: RMSprop(0.01, 0.9, 1e-6),
    "Adagrad(rate, decay of the rate)": lambda: Adagrad(0.01, 0.1),
    "CosineDecay(rate, epochs, final)": lambda: CosineDecay(0.1, 20, 0.01),
    "EarlyStopping(monitor, min_delta, patience)": lambda: EarlyStopping("val_loss", 1, 5),
}


@pytest.mark.parametrize("call", FOREIGN_CALLS)
def test_the_argument_order_of_another_library_is_refused(call):
    with pytest.raises(TypeError, match=r"by position; |too many positional arguments"):
        FOREIGN_CALLS[call]()


def test_a_number_that_no_float_holds_is_a_value_error():
    for make in (SGD, Dropout, LeakyReLU, lambda n: Adam(0.1, epsilon=n), lambda n: StepDecay(n, 1),
                 lambda n: CosineDecay(0.1, n)):  # fmt: skip
        for number in (10**400, -(10**400), Fraction(10**400)):
            with pytest.raises(ValueError, match="expected a finite number"):
                make(number)
    for make in (Dense, lambda n: Dense(n, 2), lambda n: Dense(2).build(n), EarlyStopping):
        with pytest.raises(ValueError, match=r"expected an integer up to .*, got a larger one"):
            make(*(["loss"] if make is EarlyStopping else []), 10**400)


def test_sizes_whose_product_is_beyond_integers_do_not_wrap_around():
    assert Parameter((2**32, 2**32)).size == 2**64
