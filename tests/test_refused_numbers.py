"""Numbers without a place or a meaning are refused where they come in: masks, ranges, shares."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import LOSSES, network

from tinyframe import (
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    Dense,
    HingeLoss,
    KLDivergenceLoss,
    MSELoss,
    Parameter,
    Rescale,
    Sequential,
    Sigmoid,
    Softmax,
    one_hot,
)
from tinyframe.layers.state import state_of

X = np.random.default_rng(0).random((60, 5))

# ------------------------------------------------------------------ masks

MASKED = np.ma.masked_less(np.random.default_rng(0).random((60, 5)), 0.5)
OF_ARRAYS = {
    "fit X": lambda m: network().fit(m, [0] * len(m)),
    "fit y": lambda m: Sequential([Dense(5, 5)]).fit(np.ones((len(m), 5)), m),
    "predict": lambda m: network().predict(m),
    "evaluate": lambda m: network().evaluate(m, [0] * len(m)),
    "train_on_batch": lambda m: network().train_on_batch(m, [0] * len(m)),
    "validation": lambda m: network().fit(np.eye(5), [0] * 5, validation_data=(m, [0] * 60)),
    "batches": lambda m: network().fit([(m, [0] * len(m))]),
    "value": lambda m: setattr(Dense(60, 5).weight, "value", m),
    "grad": lambda m: setattr(Dense(60, 5).weight, "grad", m),
    "one_hot": lambda m: one_hot([[int(v) if v is not np.ma.masked else v for v in m[0]]], 9),
    "augment": lambda m: network().fit(np.eye(5), [0] * 5, augment=lambda x, rng: m[:5]),
    "class weights": lambda m: CrossEntropyLoss(class_weights=m[0]),
    "class_weight": lambda m: Sequential([Dense(5, 5)]).fit(
        np.ones((3, 5)), [0, 1, 2], class_weight=m[0]
    ),
    "sample_weight": lambda m: network().fit(np.ones((5, 5)), [0] * 5, sample_weight=m[0]),
}  # fmt: skip
for name, loss in {**LOSSES, "binary": BinaryCrossEntropyLoss()}.items():
    OF_ARRAYS |= {
        f"{name}, predictions": lambda m, loss=loss: loss.forward(
            m, np.zeros(60, int) if isinstance(loss, CrossEntropyLoss) else np.zeros((60, 5))
        ),
        f"{name}, targets": lambda m, loss=loss: loss.forward(np.ones((60, 5)), m),
        f"{name}, weights": lambda m, loss=loss: loss.forward(
            np.full((5, 2), 0.5), one_hot([0] * 5, 2), m[0]
        ),
    }


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_masked_arrays_are_refused_everywhere(name):
    with pytest.raises(TypeError, match="masked"):
        OF_ARRAYS[name](MASKED)


@pytest.mark.parametrize("name", sorted({"fit X", "fit y", "predict", "evaluate", "value", "grad"}))
def test_rows_that_are_masked_arrays_are_refused_too(name):
    for rows in (list(MASKED), tuple(MASKED), [list(row) for row in MASKED]):
        with pytest.raises(TypeError, match="masked"):
            OF_ARRAYS[name](rows)


def test_masked_labels_are_refused():
    labels = np.ma.masked_equal(np.arange(4), 2)
    for call in (
        lambda: one_hot(labels, 4),
        lambda: CrossEntropyLoss(True).forward(np.ones((4, 4)), labels),
        lambda: CrossEntropyLoss(True, ignore_index=3).forward(np.ones((4, 4)), labels),
        lambda: MSELoss().forward(np.ones((4, 4)), labels),
    ):
        with pytest.raises(TypeError, match="masked"):
            call()


@given(
    dtype=st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8, bool]),
    value=st.floats(-1e300, 1e300) | st.integers(-(2**62), 2**62),
)
def test_a_parameter_takes_what_fits(dtype, value):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = np.full((2, 2), value).astype(dtype)
        exact = array.astype(np.float32)
    parameter = Parameter((2, 2))
    before = parameter.value.copy()
    if np.isfinite(exact).all() or not np.isfinite(array).all():
        parameter.value = array
        np.testing.assert_array_equal(parameter.value, exact)
    else:
        with pytest.raises(ValueError, match=r"Parameter.value .* fit into float32"):
            parameter.value = array
        np.testing.assert_array_equal(parameter.value, before)


def test_an_initial_value_has_to_fit():
    with pytest.raises(ValueError, match="an initial value expected numbers that fit into float32"):
        Parameter(3, lambda rng, shape: np.full(shape, 1e300)).value  # noqa: B018 - drawn there


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), CrossEntropyLoss(True), KLDivergenceLoss()])
@pytest.mark.parametrize("row", [[-1, -1, -1], [2, 2, 1], [2, -1, 0], [0, 0, 0], [0.5, 0.4, 0]])
def test_targets_that_are_no_distribution_are_refused(rng, loss, row):
    y = one_hot(rng.integers(0, 3, 60), 3)
    y[7] = row
    scores = getattr(loss, "from_logits", False)
    model = Sequential([Dense(5, 3)]) if scores else network()
    before = state_of(model)
    for call in (
        lambda: model.fit(X, y, loss=loss, verbose=0),
        lambda: model.fit([(X, y)], loss=loss, verbose=0),
        lambda: model.evaluate(X, y, loss=loss),
        lambda: model.fit(X, np.eye(3)[[0] * 60], validation_data=(X, y), loss=loss, verbose=0),
        lambda: loss.forward(np.full((60, 3), 0.3), y),
    ):
        with pytest.raises(ValueError, match=r"rows of shares ≥ 0 .* sum to 1, got .* in row 7"):
            call()
    assert model.history.epochs == 0
    np.testing.assert_array_equal(state_of(model)["0.weight"], before["0.weight"])
    y[7] = [0.25, 0.5, 0.25]
    model.fit(X, y, loss=loss, epochs=1, verbose=0)


@pytest.mark.parametrize("loss", [BinaryCrossEntropyLoss(), HingeLoss()])
def test_targets_out_of_range_are_found_before_training(loss):
    y = np.zeros((60, 3))
    y[:, 0] = 1
    y[50, 1] = 2
    model = Sequential([Dense(5, 3), Sigmoid()])
    model.build(5, rng=0)
    before = state_of(model)["0.weight"]
    with pytest.raises(ValueError, match=r"y: .* expected .*, got others"):
        model.fit(X, y, loss=loss, shuffle=False, batch_size=10, verbose=0)
    np.testing.assert_array_equal(state_of(model)["0.weight"], before)


# ------------------------------------------------------------------ augmentation

WRONG = {
    "too large": (lambda x: x.astype(int) + 300, ValueError, "fit into uint8, got 3"),
    "negative": (lambda x: x.astype(int) - 300, ValueError, "fit into uint8, got -"),
    "complex": (lambda x: x * 1j, TypeError, "real numbers, got dtype complex"),
    "strings": (lambda x: x.astype(str), TypeError, "real numbers, got dtype <U"),
    "dates": (lambda x: x.astype("M8[s]"), TypeError, "real numbers, got dtype datetime64"),
    "objects": (lambda x: x.astype(object), TypeError, "real numbers, got dtype object"),
    "masked": (lambda x: np.ma.masked_less(x, 9), TypeError, "masked array"),
    "NaN": (lambda x: x * np.nan, ValueError, "finite float32 numbers, got nan in row 0"),
    "infinite": (lambda x: x + np.float64(1e39), ValueError, "finite float32 numbers, got 1e"),
    "None": (lambda x: None, TypeError, "real numbers, got dtype object"),
    "another shape": (lambda x: x[:, :2], ValueError, "augment expected to return shape"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_augmentation_that_does_not_fit_is_refused(rng, name, dtype):
    change, error, message = WRONG[name]
    X, y = rng.integers(0, 256, (20, 4), dtype=np.uint8).astype(dtype), rng.integers(0, 2, 20)
    model = Sequential([Rescale(1 / 255), Dense(4, 2), Softmax()])
    model.build(4, rng=0)
    before = state_of(model)
    if dtype != np.uint8 and "uint8" in message:
        model.fit(X, y, augment=lambda x, rng: change(x), verbose=0)  # any integer is a float
        return
    with pytest.raises(error, match=message):
        model.fit(X, y, augment=lambda x, rng: change(x), verbose=0)
    assert model.history.epochs == 0
    np.testing.assert_array_equal(state_of(model)["1.weight"], before["1.weight"])


@given(
    given_as=st.sampled_from([np.uint8, np.int8, np.int64, bool]),
    returned=st.sampled_from([np.uint8, np.int8, np.int16, np.uint64, np.int64, bool]),
    value=st.integers(-300, 300),
)
def test_augmented_integers_stay_as_they_are_or_are_refused(given_as, returned, value):
    bounds = (0, 1) if returned is bool else (np.iinfo(returned).min, np.iinfo(returned).max)
    value = min(max(value, bounds[0]), bounds[1])
    seen = []

    class Spy(Rescale):
        def forward(self, x, training=False):
            seen.append(x)
            return super().forward(x, training)

    model = Sequential([Spy(1.0), Dense(4, 2)])
    low, high = (0, 1) if given_as is bool else (np.iinfo(given_as).min, np.iinfo(given_as).max)

    def fit():
        model.fit(
            np.zeros((3, 4), given_as), np.zeros((3, 2)), verbose=0, epochs=1,
            augment=lambda x, rng: np.full(x.shape, value, returned),
        )  # fmt: skip

    if low <= value <= high:
        fit()
        assert seen[0].dtype == given_as
        assert (seen[0] == value).all()
    else:
        with pytest.raises(ValueError, match="the result of augment expected numbers that fit"):
            fit()


# ------------------------------------------------------------------ rows that do not count


class Worthless:
    """Batches of which none counts from some epoch on."""

    def __init__(self, good):
        self.good = good

    def __iter__(self):
        self.good -= 1
        for _ in range(3):
            yield X, np.arange(60) % 3, np.full(60, 1.0 if self.good >= 0 else 0.0)


def test_an_epoch_in_which_no_row_counts_is_refused():
    model = network()
    with pytest.raises(ValueError, match="epoch 1 expected a row that counts"):
        model.fit(Worthless(0), epochs=3, verbose=0)
    assert model.history.epochs == 0
    with pytest.raises(ValueError, match="epoch 3 expected a row that counts"):
        model.fit(Worthless(3), epochs=4, verbose=0)  # one to look at first
    assert model.history.epochs == 2
    ignored = CrossEntropyLoss(ignore_index=2)
    with pytest.raises(ValueError, match=r"expected a row that counts, got .* labels .* ignored"):
        network().fit(X, np.full(60, 2), loss=ignored, metrics=[], verbose=0)


def test_the_mean_of_no_rows_is_no_number():
    model = network()
    model.fit(X, np.arange(60) % 3, verbose=0, epochs=1)
    assert np.isnan(model.evaluate(Worthless(0), metrics=[])["loss"])
