"""Weights and predictions of any size: a loss that is right."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinyframe import CrossEntropyLoss, Dense, HuberLoss, MAELoss, MSELoss, Sequential

LARGEST = float(np.finfo(np.float32).max)


seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("loss", [MSELoss(), MAELoss(), HuberLoss()])
@pytest.mark.parametrize("size", [1e25, 1e37])
def test_unit_weights_change_no_loss_of_large_numbers(loss, size, rng):
    a, y = (rng.standard_normal((2, 6, 3)) * size).astype(np.float32)
    with np.errstate(over="ignore"):
        plain = loss.forward(a, y)
    gradient = loss.backward()
    assert loss.forward(a, y, np.ones(6)) == pytest.approx(plain, rel=1e-6)
    np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-6)
    assert math.isfinite(plain)


WEIGHED = {
    "MSE": (MSELoss(), False),
    "MAE": (MAELoss(), False),
    "cross-entropy": (CrossEntropyLoss(from_logits=True), True),
    "probabilities": (CrossEntropyLoss(), True),
    "smoothed": (CrossEntropyLoss(True, 0.1), True),
    "weighted classes": (CrossEntropyLoss(True, class_weights=(1, 2, 3)), True),
    "ignoring": (CrossEntropyLoss(True, ignore_index=2), True),
}


@pytest.mark.parametrize("name", WEIGHED)
@given(seed=seeds, exponent=st.integers(-99, 98))
@example(0, 38)
@example(0, -60)
def test_only_the_ratios_of_weights_count(name, seed, exponent):
    loss, classes = WEIGHED[name]
    rng = np.random.default_rng(seed)
    a, y = rng.random((2, 6, 3)).astype(np.float32)
    target = rng.integers(0, 3, 6) if classes else y
    w = rng.random(6) + 0.1
    expected = loss.forward(a, target, w)
    weight_sum, gradient = loss.weight_sum, loss.backward().copy()
    assert loss.forward(a, target, w * 10.0**exponent) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-4, atol=1e-7)
    assert loss.weight_sum == pytest.approx(weight_sum * 10.0**exponent, rel=1e-5)


@given(seed=seeds, exponent=st.integers(-99, 98))
@example(0, 38)
@example(0, -60)
def test_only_the_ratios_of_class_weights_count(seed, exponent):
    rng = np.random.default_rng(seed)
    a, labels, v = rng.random((6, 3)).astype(np.float32), rng.integers(0, 3, 6), rng.random(3) + 0.1
    for smoothing in (0.0, 0.1):
        loss = CrossEntropyLoss(True, smoothing, v)
        expected, gradient = loss.forward(a, labels), loss.backward()
        loss = CrossEntropyLoss(True, smoothing, v * 10.0**exponent)
        assert loss.forward(a, labels) == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("size", [1e100, 1e308])
def test_weights_whose_sum_is_out_of_all_bounds_are_refused(size, rng):
    X, y = rng.random((8, 3)), rng.integers(0, 2, 8)
    w = np.full(8, size)
    for loss in (MSELoss(), CrossEntropyLoss(from_logits=True)):
        with pytest.raises(ValueError, match=r"weight expected .* sum to less than 1e\+100"):
            loss.forward(np.ones((8, 2), np.float32), y, w)
    model = Sequential([Dense(3, 2)])
    model.build(3, rng=0)
    before = model[0].weight.value.copy()
    by_class = {0: size**0.5, 1: size**0.5}
    for options in (
        {"sample_weight": w},
        {"class_weight": {0: size, 1: size}},
        {"sample_weight": w**0.5, "class_weight": by_class},
    ):
        with pytest.raises(ValueError, match="weight"):
            model.fit(X, y, verbose=0, **options)
    np.testing.assert_array_equal(model[0].weight.value, before)
    with pytest.raises(ValueError, match="class_weights expected"):
        CrossEntropyLoss(class_weights=[size, size])


@pytest.mark.parametrize("size", [1e38, 1e-60, 1e90])
@pytest.mark.parametrize("loss", [MSELoss, lambda: CrossEntropyLoss(from_logits=True)])
def test_fit_with_weights_of_any_size_learns_as_with_units(size, loss, rng):
    X, y = rng.random((40, 3)), rng.integers(0, 2, 40)
    models = [Sequential([Dense(3, 2)]) for _ in range(2)]
    for model, weight in zip(models, (1.0, size), strict=True):
        model.build(3, rng=0)
        model.fit(X, y, loss=loss(), sample_weight=np.full(40, weight), rng=0, verbose=0,
                  validation_data=(X, y, np.full(40, weight)))  # fmt: skip
    one, other = (model[0].weight.value for model in models)
    np.testing.assert_allclose(one, other, rtol=1e-4)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(models[0].history[name], models[1].history[name], rtol=1e-4)
