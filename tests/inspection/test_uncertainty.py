"""Error bars: Bayesian regression where that has a closed form, elsewhere by what happens."""

import copy
import pickle

import numpy as np
import pytest

from tinyframe import (
    Adam,
    BatchNorm,
    BinaryCrossEntropyLoss,
    CosineDecay,
    CrossEntropyLoss,
    Dense,
    Dropout,
    HuberLoss,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    inspection,
)
from tinyframe.inspection import hessian_vector_product, uncertainty
from tinyframe.inspection.likelihoods import Bernoulli, Categorical
from tinyframe.layers.state import state_of
from tinyframe.losses import Loss

# ------------------------------------------------------------------ the closed form


def ridge(rng, outputs=1, rows=40):
    """A linear model at the maximum of its posterior, of prior precision 0.5 and noise 0.3."""
    X = rng.standard_normal((rows, 3))
    y = X @ rng.standard_normal((3, outputs)) + 0.3 * rng.standard_normal((rows, outputs))
    precision = X.T @ X / 0.09 + 0.5 * np.eye(3)
    model = Sequential([Dense(3, outputs, use_bias=False)], dtype=np.float64)
    model[0].weight = np.linalg.solve(precision, X.T @ y / 0.09)
    return model, X, y, precision


def test_a_linear_model_has_the_error_bars_of_bayesian_regression(rng):
    model, X, y, precision = ridge(rng)
    bars = uncertainty(model, X, y, prior_precision=0.5, noise=0.3)
    X_new = 3 * rng.standard_normal((10, 3))
    mean, std, total_std = bars.predict(X_new)
    variance = np.einsum("ri,ij,rj->r", X_new, np.linalg.inv(precision), X_new)[:, np.newaxis]
    np.testing.assert_allclose(mean, X_new @ model[0].weight.value, rtol=1e-12)
    np.testing.assert_allclose(std, np.sqrt(variance), rtol=1e-11)
    np.testing.assert_allclose(total_std, np.sqrt(variance + 0.09), rtol=1e-11)
    # y of all rows is normal, of covariance σ² I + X Xᵀ / λ: the evidence is its density
    covariance = 0.09 * np.eye(40) + X @ X.T / 0.5
    density = y[:, 0] @ np.linalg.solve(covariance, y[:, 0])
    density += np.linalg.slogdet(2 * np.pi * covariance)[1]
    assert bars.log_evidence == pytest.approx(-density / 2, rel=1e-11)


def test_each_output_has_its_own_noise(rng):
    model, X, y, _ = ridge(rng, outputs=2)
    bars = uncertainty(model, X, y, prior_precision=0.5, noise=[0.3, 1.2])
    for k, sigma in enumerate((0.3, 1.2)):
        covariance = np.linalg.inv(X.T @ X / sigma**2 + 0.5 * np.eye(3))
        expected = np.sqrt(np.einsum("ri,ij,rj->r", X, covariance, X))
        np.testing.assert_allclose(bars.predict(X).std[:, k], expected, rtol=1e-11)
    np.testing.assert_array_equal(bars.noise, [0.3, 1.2])


@pytest.mark.parametrize("outputs", [1, 2])
def test_noise_is_estimated_with_the_degrees_of_freedom_that_are_left(rng, outputs):
    """Without a prior to speak of, by Σ r² / (n − p): the textbook's unbiased estimate."""
    model, X, y, _ = ridge(rng, outputs)
    y[:, -1] *= 7
    model[0].weight = np.linalg.lstsq(X, y, rcond=None)[0]
    bars = uncertainty(model, X, y, prior_precision=1e-9)
    squares = np.sum((y - X @ model[0].weight.value) ** 2, axis=0)
    assert bars.effective_weights == pytest.approx(3 * outputs, abs=1e-5)
    np.testing.assert_allclose(bars.noise, np.sqrt(squares / 37), rtol=1e-8)
    _, std, _ = bars.predict(X)
    hat = np.einsum("ri,ij,rj->r", X, np.linalg.inv(X.T @ X), X)
    np.testing.assert_allclose(std, bars.noise * np.sqrt(hat)[:, np.newaxis], rtol=1e-7)
    evidence = 0
    for k, sigma in enumerate(bars.noise):  # the outputs are networks of their own
        alone = Sequential([Dense(3, 1, use_bias=False)], dtype=np.float64)
        alone[0].weight = model[0].weight.value[:, [k]]
        evidence += uncertainty(alone, X, y[:, [k]], prior_precision=1e-9, noise=sigma).log_evidence
    assert bars.log_evidence == pytest.approx(evidence, rel=1e-9)


def test_the_prior_is_where_the_evidence_is_largest(rng):
    model, X, y, _ = ridge(rng)
    best = uncertainty(model, X, y)
    for factor in (0.5, 0.9, 1.1, 2):
        wanted = best.prior_precision * factor
        assert uncertainty(model, X, y, prior_precision=wanted).log_evidence < best.log_evidence
    gamma = best.prior_precision * np.sum(model[0].weight.value ** 2)
    assert best.effective_weights == pytest.approx(gamma, rel=1e-9)
    for factor in (0.9, 1.1):
        fixed = {"prior_precision": best.prior_precision, "noise": best.noise * factor}
        assert uncertainty(model, X, y, **fixed).log_evidence < best.log_evidence


def test_a_weight_of_two_is_a_row_twice_and_of_zero_none(rng):
    model, X, y, _ = ridge(rng)
    counts = rng.integers(0, 3, len(X))
    weighted = uncertainty(model, X, y, sample_weight=counts)
    repeated = uncertainty(model, np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0))
    for one, other in zip(weighted.predict(X), repeated.predict(X), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)
    assert weighted.log_evidence == pytest.approx(repeated.log_evidence)


@pytest.mark.parametrize("end", [Softmax(), Sigmoid()])
def test_the_matrix_of_a_linear_classifier_is_its_hessian(rng, end, monkeypatch):
    """Scores that are linear in the weights have no second derivative: Gauss-Newton is exact."""
    X, labels = rng.standard_normal((30, 3)), rng.integers(0, 3, 30)
    model = Sequential([Dense(3, 3), copy.deepcopy(end)], dtype=np.float64)
    y, loss = labels, CrossEntropyLoss()
    if isinstance(end, Sigmoid):
        y, loss = rng.integers(0, 2, (30, 3)), BinaryCrossEntropyLoss()
    model.build(3, rng=0)
    weight = rng.random(30)
    seen = []
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: (seen.append(matrix), eigh(matrix))[1])
    uncertainty(model, X, y, loss=loss, sample_weight=weight, prior_precision=1)
    v = rng.standard_normal(12)
    rows = [
        weight[r] * hessian_vector_product(model, X[r : r + 1], y[r : r + 1], v, loss)
        for r in range(30)
    ]
    np.testing.assert_allclose(seen[0] @ v, np.sum(rows, axis=0), rtol=1e-7, atol=1e-7)


# ------------------------------------------------------------------ what scores mean


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_probabilities_are_averages_over_scores(rng, scale):
    """Against twenty thousand draws of the scores; two classes are a yes or no."""
    z, root = 2 * rng.standard_normal((20, 3)), scale * rng.standard_normal((20, 3, 4))
    draws = z + np.einsum("rkj,nrj->nrk", root, rng.standard_normal((20_000, 20, 4)))
    of_each = (1 / (1 + np.exp(-draws))).mean(axis=0)
    found = Bernoulli().prediction(z, root)
    np.testing.assert_allclose(found.mean, of_each, atol=0.025)
    shares = np.exp(draws - draws.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    found = Categorical().prediction(z, root)
    np.testing.assert_allclose(found.mean.sum(axis=1), 1, rtol=1e-12)
    assert (found.std <= found.total_std).all()
    plain = np.exp(z - z.max(axis=1, keepdims=True))
    plain /= plain.sum(axis=1, keepdims=True)
    off, plainly_off = (np.mean(np.abs(p - shares.mean(axis=0))) for p in (found.mean, plain))
    assert off < 0.4 * plainly_off
    if scale < 1:
        np.testing.assert_allclose(found.std, shares.std(axis=0), rtol=0.35, atol=0.01)
    two = Categorical().prediction(z[:, :2], root[:, :2])
    difference = z[:, :1] - z[:, 1:2], root[:, :1] - root[:, 1:2]
    one = Bernoulli().prediction(*difference)
    np.testing.assert_allclose(two.mean[:, :1], one.mean, rtol=1e-12)
    np.testing.assert_allclose(two.std[:, :1], one.std, rtol=1e-10)
    np.testing.assert_allclose(two.total_std[:, :1], one.total_std, rtol=1e-10)


def test_the_density_of_classes_is_that_of_the_losses(rng):
    p, y = rng.uniform(0.05, 0.95, (20, 3)), rng.integers(0, 2, (20, 3)).astype(float)
    density = Bernoulli().log_density(p, y)
    assert -density.mean() == pytest.approx(BinaryCrossEntropyLoss()(p, y))
    p /= p.sum(axis=1, keepdims=True)
    labels = rng.integers(0, 3, 20)
    density = Categorical().log_density(p, np.eye(3)[labels])
    assert -density.mean() == pytest.approx(CrossEntropyLoss()(p, labels))


def test_scores_of_any_size_have_probabilities():
    z = np.array([[1e4, -1e4, 0.0], [1e-300, 0, 0]])
    for likelihood in (Categorical(), Bernoulli()):
        for root in (
            np.zeros((2, 3, 1)),
            np.full((2, 3, 1), 1e3),
            1e5 * np.eye(3)[[0, 1], :, None],
        ):
            for part in likelihood.prediction(z, root):
                assert np.isfinite(part).all()
                assert ((part >= 0) & (part <= 1e8)).all()
    exact = Categorical().prediction(z, np.zeros((2, 3, 1))).mean
    np.testing.assert_allclose(exact, [[1, 0, 0], [1 / 3] * 3], atol=1e-12)


# ------------------------------------------------------------------ what happens


def wave(rng, rows):
    x = rng.uniform(-2, 2, (rows, 1))
    return x, np.sin(2 * x) + 0.2 * rng.standard_normal((rows, 1))


def fitted(X, y, end=(), loss=None, hidden=12, epochs=300, seed=0):
    outputs = 1 if np.ndim(y) == 2 else int(np.max(y)) + 1
    model = Sequential([Dense(hidden), Tanh(), Dense(outputs), *end])
    return model.fit(
        X, y, loss=loss or MSELoss(), optimizer=Adam(CosineDecay(0.03, epochs)), epochs=epochs,
        batch_size=50, rng=seed, verbose=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def regressors():
    """Five networks, each with data of its own."""
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = wave(rng, 150)
        model = fitted(X, y, seed=seed)
        found.append((model, uncertainty(model, X, y), rng))
    return found


def test_intervals_of_95_percent_hold_so_many(regressors):
    """New observations within mean ± 1.96 total_std, the truth within mean ± 1.96 std."""
    observed, true, noises = [], [], []
    for _, bars, rng in regressors:
        X, y = wave(rng, 2000)
        mean, std, total_std = bars.predict(X)
        observed.append(np.mean(np.abs(y - mean) < 1.96 * total_std))
        true.append(np.mean(np.abs(np.sin(2 * X) - mean) < 1.96 * std))
        noises.append(bars.noise[0])
    assert min(observed) >= 0.90
    assert max(observed) <= 0.98
    assert 0.93 <= np.mean(observed) <= 0.97
    assert 0.90 <= np.mean(true) <= 0.99
    assert np.mean(noises) == pytest.approx(0.2, rel=0.05)


def test_error_bars_widen_where_there_are_no_data(regressors):
    for model, bars, _ in regressors:
        inside, outside = np.linspace(-1.5, 1.5, 50)[:, np.newaxis], [[-6.0], [6.0]]
        prediction = bars.predict(inside)
        assert bars.predict(outside).std.min() > 3 * prediction.std.max()
        np.testing.assert_allclose(prediction.mean, model.predict(inside), rtol=1e-5, atol=1e-6)
        assert prediction.mean.dtype == np.float32
        assert (prediction.total_std > prediction.std).all()


def cross_entropy(p, y):
    return -np.mean(np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)))


def overlapping(rng, rows):
    """Points of three classes."""
    y = rng.integers(0, 3, rows)
    centres = np.array([[0, 1], [0.9, -0.5], [-0.9, -0.5]])
    return centres[y] + 0.8 * rng.standard_normal((rows, 2)), y


@pytest.mark.parametrize("from_scores", [False, True])
def test_classes_are_calibrated(from_scores):
    """Few rows, overlapping classes, a network that learned them by heart: it is too sure."""
    before, after = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, y = overlapping(rng, 60)
        X_new, y_new = overlapping(rng, 2000)
        end = () if from_scores else (Softmax(),)
        model = fitted(X, y, end, CrossEntropyLoss(from_logits=from_scores), seed=seed)
        bars = uncertainty(model, X, y, validation_data=overlapping(rng, 200))
        assert bars.noise is None
        p = model.predict(X_new)
        if from_scores:
            p = np.exp(p - p.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
        mean, std, total_std = bars.predict(X_new)
        np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(total_std, np.sqrt(mean * (1 - mean)), rtol=1e-4, atol=1e-6)
        assert (std >= 0).all()
        assert np.mean(mean.argmax(axis=1) == y_new) >= np.mean(p.argmax(axis=1) == y_new) - 0.01
        before.append(cross_entropy(p, y_new))
        after.append(cross_entropy(mean, y_new))
    assert (np.array(after) < np.array(before)).all()
    assert np.mean(after) < 0.85 * np.mean(before)


def test_what_is_calibrated_stays_so():
    """Of a network that is as sure as it should be, rows held out ask for a strong prior."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, y = overlapping(rng, 2000)
        X_new, y_new = overlapping(rng, 2000)
        model = fitted(X, y, (Softmax(),), CrossEntropyLoss(), epochs=5, seed=seed)
        bars = uncertainty(model, X, y, validation_data=[overlapping(rng, 100) for _ in range(3)])
        plain = cross_entropy(model.predict(X_new), y_new)
        assert cross_entropy(bars.predict(X_new).mean, y_new) < 1.002 * plain


def test_rows_held_out_choose_the_prior_that_predicts_them_best(rng):
    X, y = overlapping(rng, 60)
    held, labels = overlapping(rng, 100)
    weight = rng.random(100)
    model = fitted(X, y, (Softmax(),), CrossEntropyLoss())

    def loss(bars):
        p = bars.predict(held).mean[np.arange(100), labels]
        return -np.sum(weight * np.log(p))

    best = uncertainty(model, X, y, validation_data=(held, labels, weight))
    for factor in (0.3, 0.5, 2, 3):
        other = uncertainty(model, X, y, prior_precision=best.prior_precision * factor)
        assert loss(other) > loss(best)


def test_a_yes_or_no_is_calibrated(rng):
    X = rng.standard_normal((60, 2))
    y = (X[:, :1] + X[:, 1:] ** 2 + 0.7 * rng.standard_normal((60, 1)) > 0.5).astype(float)
    model = fitted(X, y, (Sigmoid(),), BinaryCrossEntropyLoss(), hidden=20)
    mean, _, total_std = uncertainty(model, X, y, prior_precision=1).predict(X)
    p = model.predict(X)
    assert ((mean - 0.5) * (p - 0.5) >= 0).all()
    assert (np.abs(mean - 0.5) <= np.abs(p - 0.5) + 1e-6).all()
    np.testing.assert_allclose(total_std, np.sqrt(mean * (1 - mean)), rtol=1e-4, atol=1e-6)
    labels = fitted(X, y[:, 0].astype(int), (Softmax(),), CrossEntropyLoss(), hidden=20)
    assert uncertainty(
        labels, X, y[:, 0].astype(int), validation_data=(X, y[:, 0].astype(int))
    ).predict(X).mean.shape == (60, 2)


# ------------------------------------------------------------------ networks of all kinds


def test_frozen_weights_count_as_known(rng):
    X, y = wave(rng, 60)
    model = fitted(X, y, epochs=20)
    everything = uncertainty(model, X, y)
    model[0].trainable = False
    last = uncertainty(model, X, y)
    assert (everything.weights, last.weights) == (37, 13)
    features = np.c_[model[:2].predict(X).astype(float), np.ones(60)]
    precision = features.T @ features / last.noise[0] ** 2 + last.prior_precision * np.eye(13)
    expected = np.sqrt(np.einsum("ri,ij,rj->r", features, np.linalg.inv(precision), features))
    np.testing.assert_allclose(last.predict(X).std[:, 0], expected, rtol=1e-4)


def test_normalised_and_thinned_networks_are_seen_as_in_predict(rng):
    X, y = wave(rng, 60)
    model = Sequential([Dense(8), BatchNorm(), Tanh(), Dropout(0.3), Dense(1)])
    model.fit(X, y, optimizer=Adam(0.01), epochs=20, rng=0, verbose=0)
    before = {name: array.tobytes() for name, array in state_of(model).items()}
    bars = uncertainty(model, X, y)
    assert bars.weights == sum(p.size for p in model.parameters)
    np.testing.assert_allclose(bars.predict(X).mean, model.predict(X), rtol=1e-4, atol=1e-5)
    assert {name: array.tobytes() for name, array in state_of(model).items()} == before


def test_error_bars_outlive_the_model_and_are_pickled(rng, monkeypatch):
    X, y = wave(rng, 60)
    model = fitted(X, y, epochs=20)
    bars = uncertainty(model, X, y)
    first = bars.predict(X)
    model.fit(X, -y, epochs=1, verbose=0)
    monkeypatch.setattr(inspection.evidence, "BLOCK", 100)  # two rows at once
    for twin in (bars, copy.deepcopy(bars), pickle.loads(pickle.dumps(bars))):
        for one, other in zip(twin.predict(X), first, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert repr(bars).startswith("Laplace(weights=37, effective_weights=")


class Own(Loss):
    def forward(self, prediction, target, weight=None):
        return 0.0

    def backward(self):
        return 0.0


def refused(change=None, **options):
    """Call it with a regressor, or what `change` makes of it, and these options."""
    rng = np.random.default_rng(0)
    X, y = wave(rng, 20)
    model = Sequential([Dense(1, 3), Tanh(), Dense(1)])
    X, y, model = change(X, y, model) if change else (X, y, model)
    return uncertainty(model, X, y, **options)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"loss": HuberLoss()}, ValueError, r"expected one of MSELoss\(\), CrossEntropyLoss\(\), "),
        ({"loss": Own()}, ValueError, "as the loss, got Own"),
        ({"loss": BinaryCrossEntropyLoss(), "change": lambda X, y, m: (X, y > 0, m)}, ValueError,
         r"expected scores, or a model that ends in .*got one that ends in Dense\(1\)"),
        ({"prior_precision": 0}, ValueError, "prior_precision expected a finite number above 0"),
        ({"prior_precision": "1"}, TypeError, "prior_precision expected"),
        ({"noise": 0}, ValueError, "noise expected a number above 0, or one for each of 1 outputs"),
        ({"noise": [1, 2]}, ValueError, "noise expected"),
        ({"noise": np.nan}, ValueError, "noise expected"),
        ({"noise": "a"}, TypeError, "noise expected"),
        ({"noise": 1, "loss": BinaryCrossEntropyLoss(True),
          "change": lambda X, y, m: (X, y > 0, m)}, ValueError, r"noise is for MSELoss\(\)"),
        ({"validation_data": ([[1]], [[1]]), "prior_precision": 1}, ValueError, "got both"),
        ({"validation_data": ([[1]], [[1]])}, ValueError, "is for classifiers"),
        ({"validation_data": ([[1, 2]], [[1]]), "loss": BinaryCrossEntropyLoss(True),
          "change": lambda X, y, m: (X, y > 0, m)}, ValueError, "validation_data: "),
        ({"loss": BinaryCrossEntropyLoss(True), "change": lambda X, y, m: (X, y > 0, m)},
         ValueError, r"expected validation_data=\(X, y\) for BinaryCrossEntropyLoss.*or prior_pre"),
        ({"sample_weight": [1]}, ValueError, "sample_weight"),
        ({"change": lambda X, y, m: (X, y, Sequential(Dense(3)))}, ValueError, "a built model"),
        ({"change": lambda X, y, m: (X, y, Dense(1, 1))}, TypeError, "a layer alone"),
        ({"change": lambda X, y, m: (X, y, Sequential(Dense(1, 2500), ReLU(), Dense(2), Dense(1)))},
         ValueError, "1 to 5,000 weights that are not frozen, got 10,005, whose covariance takes"),
        ({"change": lambda X, y, m: (X[:3], y[:3], m), "prior_precision": 1e-9}, ValueError,
         "expected more rows than"),
    ],
)  # fmt: skip
def test_what_has_no_error_bars_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        refused(**arguments)


def test_weights_that_cannot_be_taken_are_named(rng):
    X, y = wave(rng, 20)
    frozen = Sequential([Dense(1, 1)])
    frozen.trainable = False
    with pytest.raises(ValueError, match=r"1 to 5,000 weights that are not frozen, got 0$"):
        uncertainty(frozen, X, y)
    zero = Sequential([Dense(1, 1)])
    zero[0].weight = [[0.0]]
    with pytest.raises(ValueError, match="all weights are zero: give prior_precision"):
        uncertainty(zero, X, y)
    assert uncertainty(zero, X, y, prior_precision=1).weights == 2
    infinite = Sequential([Dense(1, 1)])
    infinite[0].weight = [[np.inf]]
    with pytest.raises(ValueError, match="whose weights are finite"):
        uncertainty(infinite, X, y)
    exact = Sequential([Dense(1, 1)], dtype=np.float64)
    with pytest.raises(ValueError, match="fits y without error: give noise"):
        uncertainty(exact, X, exact.predict(X))
    assert uncertainty(exact, X, exact.predict(X), noise=0.1).noise == [0.1]
    sequences = Sequential([Dense(2)]).with_input((4, 1))
    with pytest.raises(ValueError, match=r"outputs \(rows, outputs\), got \(batch, 4, 2\)"):
        uncertainty(sequences, np.ones((3, 4, 1)), np.ones((3, 4, 2)))
    model = Sequential([Dense(1, 3), Softmax()])
    for loss in (CrossEntropyLoss(class_weights=[1, 2, 3]), CrossEntropyLoss(ignore_index=0)):
        with pytest.raises(ValueError, match="expected weights in sample_weight"):
            uncertainty(model, X, rng.integers(0, 3, 20), loss=loss)
