"""Optimizers against their formulas, written out; tests/interop/test_torch.py has more."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    ExponentialDecay,
    Lion,
    Parameter,
    ParameterVector,
    RMSprop,
    Sequential,
)

OPTIMIZERS = [SGD(0.1, momentum=0.9), Adam(), AdamW(), RMSprop(momentum=0.5), Adagrad(), Lion()]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)


def vector(value, dtype=np.float64):
    parameter = Parameter((len(value),), dtype=dtype)
    parameter.value = value
    return ParameterVector([parameter])


@given(
    st.floats(1e-4, 1), st.floats(0, 0.99), st.booleans(), st.floats(0, 0.1), st.integers(0, 9999)
)
def test_sgd_follows_its_formulas(learning_rate, momentum, nesterov, weight_decay, seed):
    nesterov = nesterov and momentum > 0
    rng = np.random.default_rng(seed)
    theta, v = rng.standard_normal(7), np.zeros(7)
    parameters = vector(theta)
    optimizer = SGD(learning_rate, momentum, nesterov=nesterov, weight_decay=weight_decay)
    for _ in range(20):
        gradient = rng.standard_normal(7)
        parameters.grad[...] = gradient
        optimizer.step(parameters)
        g = gradient + weight_decay * theta
        v = momentum * v + g
        theta = theta - learning_rate * (g + momentum * v if nesterov else v)
        np.testing.assert_allclose(parameters.value, theta, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(parameters.grad, gradient)


@every_optimizer
def test_float32_stays_float32_and_gradients_stay_as_they_are(optimizer):
    parameters = vector([1.0, 2.0], np.float32)
    optimizer = copy.deepcopy(optimizer)
    optimizer.weight_decay, optimizer.clip_norm, optimizer.clip_value = 0.1, 0.5, 0.7
    for _ in range(2):
        parameters.grad[...] = [1, -2]
        optimizer.step(parameters)
        np.testing.assert_array_equal(parameters.grad, [1, -2])
    assert parameters.value.dtype == np.float32
    assert not (parameters.value == [1, 2]).any()


@every_optimizer
def test_descending_a_bowl_reaches_its_bottom(optimizer):
    parameters = vector([1.0, -2.0])
    optimizer = copy.deepcopy(optimizer)
    optimizer.learning_rate = ExponentialDecay(0.3, 0.99)
    for step in range(800):
        optimizer.epoch = step
        parameters.grad[...] = 2 * parameters.value
        optimizer.step(parameters)
    np.testing.assert_allclose(parameters.value, 0, atol=0.02)


@given(st.integers(0, 9999))
def test_lion_follows_its_paper(seed):
    rng = np.random.default_rng(seed)
    theta, m = rng.standard_normal(5), np.zeros(5)
    parameters = vector(theta)
    optimizer = Lion(0.01, 0.8, 0.95, weight_decay=0.1)
    for _ in range(20):
        g = rng.standard_normal(5)
        parameters.grad[...] = g
        optimizer.step(parameters)
        theta = theta - 0.01 * (np.sign(0.8 * m + 0.2 * g) + 0.1 * theta)
        m = 0.95 * m + 0.05 * g
        np.testing.assert_allclose(parameters.value, theta, rtol=1e-9, atol=1e-12)


@every_optimizer
def test_biases_may_be_spared_from_decay(optimizer):
    model = Sequential([Dense(3, 2)])
    model.build(3, rng=0)
    model[0].weight.value, model[0].bias.value = np.full((3, 2), 4.0), [1, 1]
    spared = type(optimizer)(0.1, weight_decay=0.5, decay_biases=False)
    before = model[0].weight.value.copy()
    spared.step(ParameterVector(model.parameters))  # the gradient is zero
    np.testing.assert_array_equal(model[0].bias.value, 1)
    assert (np.abs(model[0].weight.value) < np.abs(before)).all()


@every_optimizer
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"clip_norm": 0}, ValueError), ({"clip_value": -1}, ValueError),
        ({"clip_norm": "1"}, TypeError), ({"weight_decay": -0.1}, ValueError),
        ({"learning_rat": 1}, TypeError),
    ],
)  # fmt: skip
def test_options_of_all_are_checked(optimizer, options, error):
    with pytest.raises(error, match=r"expected|did you mean 'learning_rate'"):
        type(optimizer)(0.1, **options)


def test_a_copied_optimizer_goes_on_alone():
    parameters = vector([0.0])
    parameters.grad[...] = 1
    optimizer = SGD(1.0, momentum=0.5)
    optimizer.step(parameters)
    other = copy.deepcopy(optimizer)
    optimizer.step(parameters)
    assert parameters.value[0] == -2.5
    other.step(parameters)
    assert parameters.value[0] == -4.0


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "0.1", None, True, 1j])
def test_learning_rates_are_positive_numbers(bad):
    with pytest.raises((TypeError, ValueError), match="learning_rate expected a finite number"):
        SGD(bad)


@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 1},
        {"momentum": -0.1},
        {"weight_decay": -1},
        {"nesterov": True},
        {"momentum": "x"},
    ],
)
def test_other_options_are_checked(options):
    with pytest.raises((TypeError, ValueError), match="expected"):
        SGD(0.1, **options)


def test_step_wants_a_vector():
    with pytest.raises(TypeError, match="step expected a ParameterVector, got a tuple"):
        SGD(0.1).step((Parameter((1,)),))


def test_fit_resets_an_optimizer_that_served_another_model():
    x, y = np.ones((8, 2)), np.ones((8, 1))

    def losses(optimizer):
        model = Sequential([Dense(2, 1)])
        model.build(2, rng=0)
        return model.fit(x, y, optimizer=optimizer, epochs=3, verbose=False).history["loss"]

    optimizer = SGD(0.01, momentum=0.9)
    assert losses(optimizer) == losses(optimizer) == losses(SGD(0.01, momentum=0.9))


def test_fitting_again_with_the_same_optimizer_keeps_its_momentum():
    x, y = np.ones((8, 2)), np.ones((8, 1))
    optimizer = SGD(0.01, momentum=0.9)
    models = [Sequential([Dense(2, 1)]) for _ in range(2)]
    for model in models:
        model.build(2, rng=0)
    for _ in range(4):
        models[0].fit(x, y, optimizer=optimizer, epochs=1, verbose=False)
    models[1].fit(x, y, optimizer=SGD(0.01, momentum=0.9), epochs=4, verbose=False)
    assert models[0].history["loss"] == models[1].history["loss"]


def test_repr():
    assert repr(SGD(0.1)) == "SGD(0.1)"
    assert repr(SGD(0.1, momentum=0.9)) == "SGD(0.1, momentum=0.9)"
