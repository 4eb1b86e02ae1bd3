"""Numbers near the largest of float32: right where the result has a place, else an error."""

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
    AveragePool2D,
    BatchNorm,
    CrossEntropyLoss,
    Dense,
    GlobalAveragePool2D,
    HuberLoss,
    LayerNorm,
    Lion,
    MAELoss,
    MaxPool2D,
    MSELoss,
    MultiHeadAttention,
    Parameter,
    ParameterVector,
    RMSNorm,
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


# ---------------------------------------------------------------- optimizers


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


# ---------------------------------------------------------------- losses and weights


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
    mass, gradient = loss.mass, loss.backward().copy()
    assert loss.forward(a, target, w * 10.0**exponent) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-4, atol=1e-7)
    assert loss.mass == pytest.approx(mass * 10.0**exponent, rel=1e-5)


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


# ---------------------------------------------------------------- layers


def images(rng, size, shape):
    return (rng.uniform(-1, 1, shape) * size).astype(np.float32)


@given(
    seed=seeds,
    constant=st.booleans(),
    kind=st.sampled_from(
        [(AveragePool2D, (2,)), (AveragePool2D, (3, 1, 1)), (AveragePool2D, (3, 2, "same")),
         (GlobalAveragePool2D, ())]
    ),
)  # fmt: skip
@np.errstate(over="ignore", invalid="ignore")  # as in fit
def test_means_of_pixels_are_right_up_to_the_largest(seed, constant, kind):
    rng = np.random.default_rng(seed)
    x = images(rng, 3.3e38, (2, 3, 6, 5))
    if constant:
        x = np.full_like(x, 3.3e38)
    layer, wide = (kind[0](*kind[1]) for _ in range(2))
    wide.dtype = np.dtype(np.float64)
    for training in (False, True):
        expected = wide.forward(x.astype(np.float64), training)
        y = layer.forward(x, training)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e33)


@given(seed=seeds, size=st.sampled_from([1e18, 1e30, 3.3e38]), features=st.integers(2, 5))
@np.errstate(over="ignore", invalid="ignore")  # as in fit
def test_normalising_the_largest_numbers_gives_ordinary_ones(seed, size, features):
    rng = np.random.default_rng(seed)
    u = rng.uniform(-1, 1, (6, features))
    u[0], u[1] = 1, -1  # of either sign: differences overflow too
    u[2:, :2] = rng.uniform(0.5, 1, (4, 2))  # far from equal, which would leave rounding alone
    u[:, :2] *= 1, -1
    dy = rng.standard_normal(u.shape).astype(np.float32)
    for kind in (BatchNorm, LayerNorm, RMSNorm):
        options = {"epsilon": 1e-30} | ({"momentum": 1.0} if kind is BatchNorm else {})
        layer, twin = kind(**options), kind(**options)
        twin.dtype = np.dtype(np.float64)
        for each in (layer, twin):
            each.build((features,))
        found = layer.forward((u * size).astype(np.float32), training=True)
        expected = twin.forward(u, training=True)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        slope = layer.backward(dy) * np.float32(size)
        np.testing.assert_allclose(slope, twin.backward(dy.astype(float)), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(
            layer.forward((u * size).astype(np.float32)), twin.forward(u), rtol=1e-3, atol=1e-3
        )


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm, RMSNorm])
def test_what_no_format_holds_is_an_error_in_place_of_zeros(kind, rng):
    """In float64 the squares of 1e200 overflow, and there is no wider format."""
    X = rng.standard_normal((8, 3)) * 1e200
    model = Sequential([kind(), Dense(3, 2)], dtype=np.float64)
    with pytest.raises(FloatingPointError, match=kind.__name__):
        model.fit(X, rng.random((8, 2)), verbose=0)


def attention(size, dtype=np.float32, **options):
    """Attention whose queries and keys are the features, times a size."""
    layer = MultiHeadAttention(1, **options)
    layer.dtype = np.dtype(dtype)
    layer.build((4, 3), rng=0)
    identity = np.eye(3)
    layer.weight.value = np.hstack([identity * size, identity * size, identity])
    layer.output_weight.value = identity
    return layer


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"padding": 0.0}])
@given(seed=seeds, exponent=st.integers(15, 37))
@example(0, 25)
def test_attention_to_large_scores_is_that_of_a_wider_format(options, seed, exponent):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (2, 4, 3)).astype(np.float32)
    x[1] *= 1e-20 / 10.0**exponent * 10.0 ** (38 - exponent) if exponent < 30 else 1
    x[0, 3] = 0
    layer, wide = (
        attention(10.0**exponent, **options),
        attention(10.0**exponent, np.float64, **options),
    )
    found = layer.forward(x, training=True)
    expected = wide.forward(x.astype(np.float64), training=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(layer.forward(x), found)


@given(seed=seeds, exponent=st.integers(10, 30))
@example(0, 25)
def test_attention_to_large_features_is_that_of_a_wider_format(seed, exponent):
    rng = np.random.default_rng(seed)
    x = (rng.uniform(-1, 1, (2, 4, 3)) * 10.0**exponent).astype(np.float32)
    layer, wide = attention(1.0), attention(1.0, np.float64)
    found = layer.forward(x, training=True)
    np.testing.assert_allclose(
        found / np.float32(10.0**exponent),
        wide.forward(x.astype(np.float64)) / 10.0**exponent,
        rtol=1e-3,
        atol=1e-4,
    )
    if exponent < 20:  # beyond, what a rounding error leaves of 0 may overflow: an error in fit
        dx = layer.backward(rng.standard_normal(x.shape).astype(np.float32))
        assert np.isfinite(dx).all()


def test_attention_beyond_the_widest_format_is_not_finite_and_so_an_error(rng):
    layer = attention(1e200, np.float64)
    with np.errstate(all="ignore"):
        assert not np.isfinite(layer.forward(rng.random((2, 4, 3)))).all()


@given(seed=seeds, pool=st.sampled_from([(3, 1, 1), (2, 2, 1), (3, 2, "same"), (3, 1, (1, 0))]))
def test_no_gradient_is_lost_in_the_padding(seed, pool):
    """Where pixels are −∞ themselves, dy goes to one of them, the first, never to the padding."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((2, 2, 5, 4)) < 0.7, -np.inf, rng.random((2, 2, 5, 4)))
    x = x.astype(np.float32)
    layer = MaxPool2D(*pool)
    y = layer.forward(x, training=True)
    dy = rng.random(y.shape).astype(np.float32)
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx.sum(axis=(2, 3)), dy.sum(axis=(2, 3)), rtol=1e-5)
    assert dx[~np.isneginf(x)].sum() == pytest.approx(dy[~np.isneginf(y)].sum(), rel=1e-5)
