"""Gradients of any size: a step that is right, or an error and no step."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    Lion,
    Parameter,
    ParameterVector,
    RMSprop,
    Sequential,
)

LARGEST = float(np.finfo(np.float32).max)


ADAPTIVE = [Adam, AdamW, RMSprop, Adagrad]


seeds = st.integers(0, 2**32 - 1)


def vector(value, gradient, dtype=np.float32):
    parameter = Parameter((len(value),), dtype=dtype)
    parameter.value = value
    found = ParameterVector([parameter])
    found.grad[...] = gradient
    return found


@given(
    seed=seeds,
    exponent=st.integers(-44, 38),
    bound=st.floats(-6, 3).map(lambda e: 10**e),
    dtype=st.sampled_from([np.float32, np.float64]),
    value=st.sampled_from([None, 1e20]),
)
@example(0, 25, 1.0, np.float32, None)
@example(0, 38, 1.0, np.float32, None)
def test_a_gradient_of_any_size_is_clipped_to_its_norm(seed, exponent, bound, dtype, value):
    if dtype == np.float64:
        exponent *= 8
    g = (np.random.default_rng(seed).uniform(-1, 1, 7) * 10.0**exponent).astype(dtype)
    parameters = vector(np.zeros(7), g, dtype)
    SGD(1.0, clip_norm=bound, clip_value=value).step(parameters)
    exact = g.astype(np.longdouble)
    if value is not None:
        exact = exact.clip(-value, value)
    norm = np.sqrt(np.sum(exact**2))
    expected = exact * min(1.0, bound / norm) if norm else exact
    tiny = np.finfo(dtype).smallest_subnormal
    np.testing.assert_allclose(
        -parameters.value, expected.astype(dtype), rtol=1e-5, atol=2 * float(tiny)
    )


@pytest.mark.parametrize("kind", ADAPTIVE)
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"clip_value": 1e30}])
def test_a_gradient_whose_square_has_no_place_is_an_error_and_no_step(kind, options):
    """Else the square would be infinite for ever, and all later steps 0."""
    optimizer, twin = kind(0.1, **options), kind(0.1, **options)
    parameters, expected = vector([1.0, 2.0], [0.5, -0.5]), vector([1.0, 2.0], [0.5, -0.5])
    optimizer.step(parameters)
    twin.step(expected)
    parameters.grad[...] = 1e25, 1.0
    with pytest.raises(FloatingPointError, match=rf"{kind.__name__}.* squares .* clip_norm"):
        optimizer.step(parameters)
    np.testing.assert_array_equal(parameters.value, expected.value)
    for one in (parameters, expected):
        one.grad[...] = 0.1, 0.2
    optimizer.step(parameters)
    twin.step(expected)
    np.testing.assert_array_equal(parameters.value, expected.value)


@pytest.mark.parametrize("kind", [*ADAPTIVE, Lion])
@given(seed=seeds, exponent=st.integers(10, 38))
def test_an_adaptive_rule_steps_or_says_why_not_and_goes_on_stepping(kind, seed, exponent):
    rng = np.random.default_rng(seed)
    parameters, optimizer = vector([1.0, 2.0], 0.0), kind(0.1)
    for _ in range(30):
        parameters.grad[...] = rng.uniform(0.5, 1, 2) * 10.0**exponent
        before = parameters.value.copy()
        try:
            optimizer.step(parameters)
        except FloatingPointError:
            np.testing.assert_array_equal(parameters.value, before)
        else:
            moved = before - parameters.value
            assert (moved > 1e-3).all(), (moved, exponent)
            assert np.isfinite(parameters.value).all()


@pytest.mark.parametrize("kind", ADAPTIVE)
def test_such_a_gradient_is_clipped_first(kind):
    parameters, scaled = (vector([1.0, 2.0], g) for g in ([1e25, -1e25], [1.0, -1.0]))
    for one in (parameters, scaled):
        kind(0.1, clip_norm=1.0).step(one)
    np.testing.assert_allclose(parameters.value, scaled.value, rtol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}, {"clip_value": 1.0}])
@pytest.mark.parametrize("kind", [SGD, Lion, *ADAPTIVE])
def test_a_gradient_that_is_not_finite_takes_no_step(kind, bad, options):
    parameters, optimizer = vector([1.0, 2.0], [0.5, bad]), kind(0.1, **options)
    with pytest.raises(FloatingPointError, match="gradient is not finite"):
        optimizer.step(parameters)
    np.testing.assert_array_equal(parameters.value, np.float32([1.0, 2.0]))
    assert optimizer.steps == 0


@pytest.mark.parametrize("kind", ADAPTIVE)
def test_fit_names_the_layer_or_leaves_the_batch_out(kind, rng):
    X = rng.random((24, 5))
    y = rng.random((24, 3))
    y[8:16] = 1e25
    options = {"batch_size": 8, "shuffle": False, "epochs": 1, "verbose": 0}
    model = Sequential([Dense(5, 3)])
    with pytest.raises(FloatingPointError, match=r"batch 2: .*Dense\(5, 3\).* squares") as caught:
        model.fit(X, y, optimizer=kind(0.01), **options)
    assert "clip_norm" in str(caught.value)
    assert model.optimizer.steps == 1
    model = Sequential([Dense(5, 3)])
    model.fit(X, y, optimizer=kind(0.01), on_nonfinite="skip", **options)
    assert model.history["skipped"] == [1.0]
    assert model.optimizer.steps == 2
    model.fit(X, y, optimizer=kind(0.01, clip_norm=1.0), **options)
    assert model.optimizer.steps == 3


def test_lion_does_not_remember_what_overflows():
    """−3·10³⁸ less 3·10³⁸ was −∞ for ever, and so every later sign."""
    parameters, optimizer = vector([0.0], 0.0), Lion(1.0)
    for gradient in (-LARGEST, LARGEST, -LARGEST):
        parameters.grad[...] = gradient
        with np.errstate(over="ignore"):
            for _ in range(150):
                optimizer.step(parameters)
            before = parameters.value.copy()
            optimizer.step(parameters)
        assert np.isfinite(optimizer.state()["mean"]).all()
        assert parameters.value[0] - before[0] == (1 if gradient < 0 else -1)
