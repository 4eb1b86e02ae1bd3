"""Losses of numbers with several outputs a target, and of counts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    Adam,
    Dense,
    GaussianNLLLoss,
    MAELoss,
    PoissonLoss,
    QuantileLoss,
    ReLU,
    Sequential,
    Softplus,
    Tanh,
)
from tinyframe.inspection import recording_report
from tinyframe.testing import check_loss
from tinyframe.testing.strategies import shapes

seeds = st.integers(0, 2**32 - 1)

# name: (loss, outputs, targets)
SEVERAL = {
    "one target": (GaussianNLLLoss(), 2, 1),
    "three targets": (GaussianNLLLoss(0.1), 6, 3),
    "three quantiles": (QuantileLoss([0.1, 0.5, 0.9]), 3, 1),
    "one quantile": (QuantileLoss((0.2,)), 1, 1),
}


@pytest.mark.parametrize("name", SEVERAL)
@given(data=st.data())
@settings(max_examples=50)
def test_gradients_are_those_of_the_value(name, data):
    loss, outputs, targets = SEVERAL[name]
    shape = data.draw(shapes(largest=3))
    rng = np.random.default_rng(data.draw(seeds))
    prediction, y = rng.uniform(-3, 3, (*shape, outputs)), rng.uniform(-3, 3, (*shape, targets))
    weight = data.draw(st.none() | st.just(rng.uniform(0, 2, shape[0])))
    check_loss(loss, prediction, y, weight)
    if targets == 1:  # may drop its axis
        assert loss.forward(prediction, y[..., 0], weight) == loss.forward(prediction, y, weight)


@pytest.mark.parametrize("name", SEVERAL)
def test_a_weight_counts_a_row_as_often(name, rng):
    loss, outputs, targets = SEVERAL[name]
    z, y = rng.normal(size=(3, outputs)), rng.normal(size=(3, targets))
    repeated = [0, 0, 0, 2]
    value = loss.forward(z[repeated], y[repeated])
    assert loss.forward(z, y, [3, 0, 1]) == pytest.approx(value)
    assert not loss.backward()[1].any()
    assert loss.weight_sum == 4


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 5])
def test_other_shapes_are_refused(name, outputs):
    loss, right, targets = SEVERAL[name]
    with pytest.raises(ValueError, match="target expected shape"):
        loss.forward(np.zeros((3, right)), np.zeros((3, targets + 1)))
    even = isinstance(loss, GaussianNLLLoss) and outputs % 2 == 0
    if outputs != right and not even:
        with pytest.raises(ValueError, match=f"outputs, .* got {outputs}"):
            loss.forward(np.zeros((3, outputs)), np.zeros((3, targets)))
    for wrong in ([[0.25] * right] * 3, np.ones((3, right), int), None):
        with pytest.raises(TypeError, match="the prediction expected an array of floats"):
            loss.forward(wrong, np.zeros((3, targets)))


def test_the_gaussian_likelihood_is_its_density(rng):
    mean, s, y = rng.normal(size=(3, 50, 2))
    v = np.exp(s) + 1e-6
    density = np.exp(-((y - mean) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v)
    value = GaussianNLLLoss().forward(np.concatenate([mean, s], axis=1), y)
    assert value + math.log(2 * math.pi) == pytest.approx(-np.log(density).sum() / 50)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(mean=st.floats(-1e4, 1e4), s=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4))
def test_the_gaussian_likelihood_is_finite_for_outputs_of_any_size(dtype, mean, s, y):
    loss, z = GaussianNLLLoss(), np.array([[mean, s]], dtype)
    with np.errstate(all="raise", under="ignore"):
        value, gradient = loss.forward(z, np.array([y], dtype)), loss.backward()
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert gradient.dtype == dtype
    log_v = max(z[0, 1], math.log(1e-6))
    if abs(s - math.log(1e-6)) > 20:
        square = float(z[0, 0] - dtype(y)) ** 2 * math.exp(-log_v)
        assert value == pytest.approx((log_v + square) / 2, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(z=st.floats(-1e4, 80), y=st.integers(0, 10**6))
def test_poisson_takes_log_rates_of_any_size(dtype, z, y):
    loss, z = PoissonLoss(), np.array([[z]], dtype)
    with np.errstate(all="raise", under="ignore"):
        value = loss.forward(z, np.array([y], dtype))
    assert value == pytest.approx(math.exp(z[0, 0]) - y * float(z[0, 0]), rel=1e-4)
    assert loss.backward().dtype == dtype


def test_poisson_of_rates_is_that_of_their_logarithms(rng):
    z, y = rng.normal(size=(6, 3)), rng.poisson(2.0, (6, 3))
    rates = PoissonLoss(log_rates=False)
    assert rates.forward(np.exp(z), y) == pytest.approx(PoissonLoss().forward(z, y))
    assert np.isfinite(rates.forward(np.zeros((2, 1)), np.array([0, 3])))
    with pytest.raises(ValueError, match=r"rates ≥ 0, got -1.0; let the model end in Softplus"):
        rates.forward(np.array([[-1.0]]), np.array([1]))
    with pytest.raises(ValueError, match="counts ≥ 0, got -2"):
        PoissonLoss().forward(np.zeros((2, 1)), np.array([1, -2]))


@pytest.mark.parametrize("loss", [PoissonLoss, QuantileLoss])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_large_numbers(loss, size):
    a = np.array([[-size, size, 0]], np.float32)
    y = np.abs(a[:, ::-1])
    value = loss(log_rates=False).forward(-a[:, :1], y[:, :1]) if loss is PoissonLoss else None
    assert value is None or np.isfinite(value)
    if loss is QuantileLoss:
        for q in (0.5, [0.1, 0.5, 0.9]):
            assert np.isfinite(loss(q).forward(a, y if q == 0.5 else y[:, :1]))


def test_a_quantile_of_one_half_is_half_the_absolute_error(rng):
    a, y = rng.normal(size=(2, 6, 3))
    half, absolute = QuantileLoss(), MAELoss()
    assert 2 * half.forward(a, y) == pytest.approx(absolute.forward(a, y))
    np.testing.assert_allclose(2 * half.backward(), absolute.backward())


def test_wrong_arguments():
    for q in (0, 1, -0.5, 2, math.nan, [], [0.5, 1.0]):
        with pytest.raises(ValueError, match="QuantileLoss's quantile expected"):
            QuantileLoss(q)
    for q in ("a", None, [None]):
        with pytest.raises(TypeError, match="QuantileLoss's quantile expected"):
            QuantileLoss(q)
    for epsilon in (0, -1, math.inf):
        with pytest.raises(ValueError, match="epsilon expected"):
            GaussianNLLLoss(epsilon)
    assert repr(QuantileLoss([0.1, 0.9])) == "QuantileLoss(quantile=(0.1, 0.9))"


# ---------------------------------------------------------------- in training


def noisy(rng, rows=2000):
    """y around sin 3x, with a noise that grows from 0.1 to 0.5."""
    X = rng.uniform(-1, 1, (rows, 1))
    deviation = 0.3 + 0.2 * X[:, 0]
    return X, np.sin(3 * X[:, 0]) + deviation * rng.standard_normal(rows), deviation


def trained(loss, outputs, X, y, **options):
    model = Sequential([Dense(32), Tanh(), Dense(outputs)])
    return model.fit(
        X, y, loss=loss, optimizer=Adam(0.01), epochs=100, batch_size=100, rng=0, verbose=0,
        **options,
    )  # fmt: skip


def test_a_network_learns_how_sure_it_is(rng):
    X, y, deviation = noisy(rng)
    model = trained("gaussian_nll", 2, X, y, validation_split=0.2)
    mean, s = model.predict(X, verbose=0).T
    assert np.mean((mean - np.sin(3 * X[:, 0])) ** 2) < 0.01
    assert np.mean(np.abs(np.exp(s / 2) - deviation)) < 0.05
    assert set(model.history.keys()) == {"loss", "val_loss", "seconds"}
    assert recording_report(model).parts[-1].recorded


def test_a_network_learns_quantiles(rng):
    X, y, _ = noisy(rng)
    model = trained(QuantileLoss([0.1, 0.5, 0.9]), 3, X, y)
    below = np.mean(y[:, None] <= model.predict(X, verbose=0), axis=0)
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.06)
    assert recording_report(model).parts[-1].recorded


@pytest.mark.parametrize("last", [[Dense(1)], [Dense(1), Softplus()]])
def test_a_network_learns_rates(last, rng):
    X = rng.uniform(-1, 1, (2000, 1))
    rates = np.exp(1 + X[:, 0])
    model = Sequential([Dense(16), ReLU(), *last])
    model.fit(X, rng.poisson(rates), loss="poisson", optimizer=Adam(0.01), epochs=30, rng=0,
              verbose=0)  # fmt: skip
    assert model.loss.log_rates == (len(last) == 1)
    found = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(np.exp(found) if len(last) == 1 else found, rates, rtol=0.25)


def test_names():
    X, y = np.ones((4, 2)), np.arange(4)
    for name, kind in {
        "gaussian_nll": GaussianNLLLoss, "GaussianNLLLoss": GaussianNLLLoss,
        "poisson": PoissonLoss, "poisson_nll": PoissonLoss, "PoissonNLLLoss": PoissonLoss,
        "quantile": QuantileLoss, "pinball": QuantileLoss, "pinball_loss": QuantileLoss,
    }.items():  # fmt: skip
        model = Sequential([Dense(2 if kind is GaussianNLLLoss else 1)])
        assert type(model.fit(X, y, loss=name, verbose=0).loss) is kind
    with pytest.raises(ValueError, match=r"gaussian_nll, .*poisson, quantile, got 'nothing'"):
        model.fit(X, y, loss="nothing")


def test_what_does_not_fit_is_refused_before_training():
    X, y = np.ones((4, 3)), np.arange(4.0)
    model = Sequential([Dense(3, 3)])
    for loss, message in {
        "gaussian_nll": r"loss: GaussianNLLLoss\(\) expected an even number of outputs, .* got 3",
        QuantileLoss([0.1, 0.9]): "loss: .* expected 2 outputs, one a quantile, got 3",
        "poisson": "y expected",
    }.items():
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, loss=loss, verbose=0)
    model = Sequential([Dense(3, 2)])
    with pytest.raises(ValueError, match="the metric mae expected outputs of the targets' shape"):
        model.fit(X, y, loss="gaussian_nll", metrics=["mae"], verbose=0)
    with pytest.raises(ValueError, match=r"y expected \(batch, 1\) numbers, got .* \(4, 2\)"):
        model.fit(X, np.ones((4, 2)), loss="gaussian_nll", verbose=0)
    assert not model.history.epochs

    def error(prediction, target):
        return np.mean(np.abs(prediction[:, :1] - target))

    model.fit(X, y, loss="gaussian_nll", metrics=[error], optimizer=SGD(1e-3), verbose=0)
    assert model.history["error"][0] > 0


def test_weights_of_classes_by_a_column():
    X, y = np.ones((6, 2)), np.array([0, 0, 0, 0, 1, 1])
    model = Sequential([Dense(2)])
    model.fit(X, y, loss="gaussian_nll", class_weight={1: 3.0}, verbose=0, rng=0)
    weighted = Sequential([Dense(2)])
    weighted.fit(X, y, loss="gaussian_nll", sample_weight=1 + 2.0 * y, verbose=0, rng=0)
    np.testing.assert_array_equal(model[0].weight.value, weighted[0].weight.value)


def test_files_keep_them(tmp_path):
    model = Sequential([Dense(2, 3)]).fit(np.ones((4, 2)), np.ones(4), verbose=0,
                                          loss=QuantileLoss([0.1, 0.5, 0.9]))  # fmt: skip
    model.save(tmp_path / "model.npz")
    assert Sequential.load(tmp_path / "model.npz").loss.quantile == (0.1, 0.5, 0.9)
