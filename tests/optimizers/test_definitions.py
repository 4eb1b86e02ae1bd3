"""Each rule is its source's, written out for one weight at a time."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import SGD, Adagrad, Adam, AdamW, Dense, Lion, ParameterVector, RMSprop

RATE = 0.05


def adam(gradients, theta, beta_1=0.8, beta_2=0.95, epsilon=1e-3, decay=0.0):
    """Kingma and Ba 2015, algorithm 1; with decay Loshchilov and Hutter 2019, algorithm 2."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        unbiased = m / (1 - beta_1**t), v / (1 - beta_2**t)
        theta -= RATE * decay * theta
        theta -= RATE * unbiased[0] / (sqrt(unbiased[1]) + epsilon)
    return theta


def rmsprop(gradients, theta, rho=0.9, momentum=0.0, epsilon=1e-3):
    v = u = 0.0
    for g in gradients:
        v = rho * v + (1 - rho) * g * g
        u = momentum * u + g / (sqrt(v) + epsilon)
        theta -= RATE * u
    return theta


def adagrad(gradients, theta, epsilon=1e-3):
    s = 0.0
    for g in gradients:
        s += g * g
        theta -= RATE * g / (sqrt(s) + epsilon)
    return theta


ADAM = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}
RULES = {
    "Adam": (lambda: Adam(RATE, **ADAM), adam),
    "AdamW": (
        lambda: AdamW(RATE, weight_decay=0.1, **ADAM), lambda g, theta: adam(g, theta, decay=0.1),
    ),
    "RMSprop": (lambda: RMSprop(RATE, 0.9, epsilon=1e-3), rmsprop),
    "RMSprop with momentum": (
        lambda: RMSprop(RATE, 0.9, momentum=0.5, epsilon=1e-3),
        lambda g, theta: rmsprop(g, theta, momentum=0.5),
    ),
    "Adagrad": (lambda: Adagrad(RATE, epsilon=1e-3), adagrad),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 8))
def test_a_rule_is_its_sources(name, seed, steps):
    optimizer, rule = RULES[name][0](), RULES[name][1]
    rng = np.random.default_rng(seed)
    layer = Dense(3, 2)
    layer.build(3, dtype=np.float64)
    weights = ParameterVector(layer.parameters)
    start, gradients = rng.standard_normal(8), rng.standard_normal((steps, 8))
    weights.value[:] = start
    for gradient in gradients:
        weights.grad[:] = gradient
        optimizer.step(weights)
    expected = [rule(g, theta) for g, theta in zip(gradients.T, start, strict=True)]
    np.testing.assert_allclose(weights.value, expected, rtol=1e-10)


BELOW_ONE = [
    (SGD, "momentum"), (Adam, "beta_1"), (Adam, "beta_2"), (AdamW, "beta_1"), (AdamW, "beta_2"),
    (RMSprop, "rho"), (RMSprop, "momentum"), (Lion, "beta_1"), (Lion, "beta_2"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), BELOW_ONE)
def test_factors_are_below_one(kind, name):
    kind(RATE, **{name: 0.0})
    kind(RATE, **{name: 0.999999})
    for bad in (1, 1.5, -1e-9, float("nan"), "0.9"):
        with pytest.raises((TypeError, ValueError), match=f"{name} expected"):
            kind(RATE, **{name: bad})


@pytest.mark.parametrize("kind", [Adam, AdamW, RMSprop, Adagrad])
@pytest.mark.parametrize("bad", [0, -1e-9, float("inf")])
def test_epsilon_is_above_zero(kind, bad):
    with pytest.raises(ValueError, match="epsilon expected"):
        kind(RATE, epsilon=bad)


def test_the_options_are_those_given_or_set_since():
    optimizer = SGD(RATE, weight_decay=0)
    assert optimizer.options == {"weight_decay": 0}
    optimizer.clip_norm = 2.0
    assert optimizer.options == {"weight_decay": 0, "clip_norm": 2.0}
    assert repr(optimizer) == "SGD(0.05, weight_decay=0.0, clip_norm=2.0)"
    assert SGD(RATE).options == {}
