"""`fit` with optimizers of all rows: an epoch an iteration, and what they cannot train with."""

import copy

import numpy as np
import pytest

from tinyframe import (
    LBFGS,
    SGD,
    BatchNorm,
    Callback,
    Checkpoint,
    Dense,
    Dropout,
    EarlyStopping,
    Layer,
    LevenbergMarquardt,
    MAELoss,
    MSELoss,
    ReLU,
    RMSNorm,
    Sequential,
    Shards,
    Sigmoid,
    Softmax,
    Tanh,
    WeightAverage,
    find_learning_rate,
)

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (90, 2))
Y = np.sin(X[:, :1]) * X[:, 1:] + 0.05 * RNG.standard_normal((90, 1))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
KINDS = {"lbfgs": LBFGS, "squares": LevenbergMarquardt}


def network(dtype="float64", seed=0):
    return Sequential([Dense(2, 8), Tanh(), Dense(8, 1)], dtype=dtype).with_input(2, rng=seed)


def bits(model):
    return b"".join(value.tobytes() for value in model.weights.values())


def trained(kind, model=None, **options):
    model = network() if model is None else model
    options = {"epochs": 15, "verbose": 0, "rng": 0, "optimizer": KINDS[kind]()} | options
    return model.fit(X, Y, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_and_records(kind):
    model = trained(kind, epochs=60, validation_data=(X, Y), metrics=["mae"])
    history = model.history
    assert history.keys() == ["loss", "mae", "evaluations", "val_loss", "val_mae", "seconds"]
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    assert all(b <= a for a, b in zip(history["loss"], history["loss"][1:], strict=False))
    # The figures of an epoch are those of the weights that it ends with.
    np.testing.assert_allclose(history["loss"], history["val_loss"], rtol=1e-12)
    np.testing.assert_allclose(history["mae"], history["val_mae"], rtol=1e-12)
    assert history["loss"][-1] == pytest.approx(model.evaluate(X, Y, verbose=0)["loss"])
    assert min(history["evaluations"]) >= 1
    assert np.mean(history["evaluations"]) < 2


def test_float32_and_classes():
    model = Sequential([Dense(2, 8), Tanh(), Dense(8, 2), Softmax()])
    model.fit(X, LABELS, loss="cross_entropy", optimizer="lbfgs", epochs=80, rng=0, verbose=0)
    assert model.predict(X).dtype == np.float32
    assert model.history["accuracy"][-1] > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_convergence_stops_it_and_says_so(kind, capsys):
    model = Sequential([Dense(2, 1)], dtype="float64")
    model.fit(X, Y, optimizer=KINDS[kind](), epochs=1000, rng=0, verbose=2)
    assert len(model.history) < 40
    assert "stopped after epoch" in capsys.readouterr().out
    A = np.column_stack([X, np.ones(90)])
    least = np.linalg.lstsq(A, Y, rcond=None)[0]
    np.testing.assert_allclose(np.ravel(model[0].weight), least[:2, 0], atol=1e-4)
    assert model.optimizer.converged


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_one_batch(kind, monkeypatch):
    """Many blocks, of which the last is smaller, make the sums of one."""
    whole = trained(kind, epochs=3)
    monkeypatch.setattr("tinyframe.training.trainer.block_rows", lambda layers, rows: 17)
    monkeypatch.setattr("tinyframe.training.full_batch.NUMBERS", 200)
    in_blocks = trained(kind, epochs=3)
    np.testing.assert_allclose(in_blocks.history["loss"], whole.history["loss"], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_of_two_is_the_row_twice(kind):
    weight = RNG.integers(0, 3, 90)
    by_weight = trained(kind, epochs=4, sample_weight=weight)
    rows = np.repeat(np.arange(90), weight)
    twice = network().fit(X[rows], Y[rows], optimizer=KINDS[kind](), epochs=4, rng=0, verbose=0)
    np.testing.assert_allclose(by_weight.history["loss"], twice.history["loss"], rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_layers_stay(kind):
    model = network()
    model[0].trainable = False
    before = model[0].weight.value.copy()
    trained(kind, model)
    np.testing.assert_array_equal(model[0].weight.value, before)
    hidden = model[:2].predict(X)
    A = np.column_stack([hidden, np.ones(90)])
    least = np.linalg.lstsq(A, Y, rcond=None)
    assert model.history["loss"][-1] <= 1.2 * least[1][0] / 90


def test_shards_and_arrays_alike(tmp_path):
    for name, array in (("x", X), ("y", Y)):
        np.save(tmp_path / f"{name}-0.npy", array[:50])
        np.save(tmp_path / f"{name}-1.npy", array[50:])
    shards = Shards(str(tmp_path / "x-*.npy"), str(tmp_path / "y-*.npy"))
    model = network().fit(shards, optimizer=LBFGS(), epochs=5, rng=0, verbose=0)
    np.testing.assert_allclose(
        model.history["loss"], trained("lbfgs", epochs=5).history["loss"], rtol=1e-9
    )


class KilledError(Exception):
    pass


class Kill(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run):
        if run.epoch == self.epoch:
            raise KilledError


@pytest.mark.parametrize("every", [None, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_goes_on_to_the_bit(kind, every, tmp_path):
    whole = trained(kind, callbacks=[Checkpoint(tmp_path / "whole.npz", every)])
    for epoch in (1, 2, 7):
        path = tmp_path / f"{epoch}.npz"
        with pytest.raises(KilledError):
            trained(kind, callbacks=[Checkpoint(path, every), Kill(epoch)])
        resumed = trained(kind, callbacks=[Checkpoint(path, every), Kill(-1)], resume=path)
        assert bits(resumed) == bits(whole)
        for figure in ("loss", "evaluations"):
            assert resumed.history[figure] == whole.history[figure]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_fit_goes_on(kind):
    model = trained(kind, epochs=5)
    optimizer = model.optimizer
    trained(kind, model, epochs=5, optimizer=None)
    assert model.optimizer is optimizer
    assert bits(model) == bits(trained(kind, epochs=10))


@pytest.mark.parametrize("kind", KINDS)
def test_other_rows_are_evaluated_anew(kind):
    """What a gradient was on the rows before is none of the rows that come."""
    model = trained(kind, epochs=5)
    other = model.evaluate(X[::3], Y[::3], verbose=0)["loss"]
    model.fit(X[::3], Y[::3], epochs=5, verbose=0)
    assert model.history["loss"][-1] < other


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_epoch_is_given_back(kind):
    few = slice(0, 12)
    stopper = EarlyStopping("val_loss", patience=5)
    model = network()
    model.fit(
        X[few], Y[few], optimizer=KINDS[kind](), epochs=200, rng=0, verbose=0,
        validation_data=(X[12:], Y[12:]), callbacks=[stopper],
    )  # fmt: skip
    best = model.history.best("val_loss")
    assert stopper.best_epoch == best["epoch"]
    found = model.evaluate(X[12:], Y[12:], verbose=0)["loss"]
    assert found == pytest.approx(best["val_loss"])


def test_callbacks_see_iterations_as_batches():
    seen = []

    class Notes(Callback):
        def on_batch_end(self, run):
            seen.append((run.epoch, run.batch, run.batches, run.steps, run.loss))

    model = trained("lbfgs", epochs=4, callbacks=[Notes(), WeightAverage(0.5)])
    assert [note[:4] for note in seen] == [(n, 1, 1, n) for n in range(1, 5)]
    assert [note[4] for note in seen] == model.history["loss"]


REFUSED = {
    "a batch size": ({"batch_size": 30}, "batch_size expected None"),
    "augmentation": ({"augment": lambda x, rng: x}, "the same rows each time"),
    "skipped batches": ({"on_nonfinite": "skip"}, "there is no batch to skip"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_the_loss_is_refused_with_the_reason(kind, name):
    options, message = REFUSED[name]
    model = network()
    before = bits(model)
    with pytest.raises(ValueError, match=message):
        trained(kind, model, **options)
    assert bits(model) == before
    assert model.optimizer is None


@pytest.mark.parametrize("kind", KINDS)
def test_layers_and_data_that_change_the_loss_are_refused(kind):
    for layer, message in ((Dropout(0.2), "draws at random"), (BatchNorm(), "unless it is frozen")):
        model = Sequential([Dense(2, 4), layer, Dense(4, 1)], dtype="float64")
        with pytest.raises(ValueError, match=message):
            trained(kind, model)
    trained(kind, Sequential([Dense(2, 4), Dropout(0.0), Dense(4, 1)], dtype="float64"), epochs=1)
    with pytest.raises(ValueError, match="arrays or Shards"):
        network().fit([(X, Y)], optimizer=KINDS[kind](), verbose=0)
    with pytest.raises(ValueError, match="which is spent"):
        network().fit(iter([(X, Y)]), optimizer=KINDS[kind](), verbose=0)
    with pytest.raises(TypeError, match="train_on_batch expected an optimizer of steps"):
        network().train_on_batch(X, Y, optimizer=KINDS[kind]())
    with pytest.raises(TypeError, match="one with a learning rate"):
        find_learning_rate(network(), X, Y, optimizer=KINDS[kind]())


def test_a_frozen_batch_norm_is_a_layer_like_others():
    model = Sequential([Dense(2, 6), BatchNorm(), Tanh(), Dense(6, 1)], dtype="float64")
    model.fit(X, Y, optimizer=SGD(0.05), epochs=2, rng=0, verbose=0)
    model[1].trainable = False
    trained("lbfgs", model, epochs=20)
    assert model.history["loss"][-1] < model.history["loss"][1]


def test_squares_alone_are_for_levenberg_and_marquardt():
    for loss in (MAELoss(), "huber"):
        with pytest.raises(ValueError, match=r"expected squared errors, MSELoss\(\)"):
            trained("squares", loss=loss)
    with pytest.raises(ValueError, match=r'expected Sequential.*dtype="float64"'):
        trained("squares", network("float32"))
    wide = Sequential([Dense(2, 1500), ReLU(), Dense(1500, 1)], dtype="float64")
    with pytest.raises(ValueError, match=r"at most 5,000 weights.*got 6,001"):
        trained("squares", wide)


def test_several_outputs_and_probabilities_by_squares():
    """The document's own network, its last layer included: Softmax and squared errors."""
    model = Sequential([Dense(2, 8), ReLU(), Dense(8, 2), Softmax()], dtype="float64")
    model.fit(X, LABELS, optimizer=LevenbergMarquardt(), epochs=40, rng=0, verbose=0)
    assert model.history["accuracy"][-1] > 0.95
    single = Sequential([Dense(2, 8), Tanh(), Dense(8, 1), Sigmoid()], dtype="float64")
    single.fit(X, LABELS, optimizer=LevenbergMarquardt(), epochs=40, rng=0, verbose=0)
    assert np.mean((single.predict(X).ravel() > 0.5) == LABELS) > 0.95


def test_a_loss_that_is_no_number_names_where_it_is():
    model = network()
    model[2].weight.value[0, 0] = np.inf
    before = bits(model)
    for kind in KINDS:
        with pytest.raises(FloatingPointError, match=r"epoch 1: .*: the weights of layer 2, Dense"):
            trained(kind, copy.deepcopy(model))
    assert bits(model) == before


def test_saved_models_keep_the_optimizer(tmp_path):
    for kind, optimizer in KINDS.items():
        model = trained(kind, optimizer=optimizer(weight_decay=0.01), loss=MSELoss())
        model.save(tmp_path / "m.npz")
        loaded = Sequential.load(tmp_path / "m.npz")
        assert repr(loaded.optimizer) == repr(model.optimizer)
        loaded.fit(X, Y, epochs=1, verbose=0)


# ------------------------------------------------------------------ what a review found


class SetDecay(Callback):
    def on_epoch_end(self, run):
        if run.epoch == 3:
            run.optimizer.weight_decay = 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_decay_that_changes_on_the_way_counts(kind):
    model = trained(kind, epochs=80, callbacks=[SetDecay()])
    from_the_start = trained(kind, epochs=80, optimizer=KINDS[kind](weight_decay=1.0))
    assert model.history["loss"][-1] == pytest.approx(from_the_start.history["loss"][-1], rel=0.02)


def test_shards_are_resumed_to_the_bit(tmp_path):
    rows = RNG.uniform(-2, 2, (3000, 2))
    np.save(tmp_path / "x.npy", rows)
    np.save(tmp_path / "y.npy", np.sin(rows[:, :1]))

    def fitted(*callbacks, **options):
        shards = Shards(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), memory=5000)
        return network().fit(
            shards, optimizer=LBFGS(), epochs=8, rng=0, verbose=0, callbacks=callbacks, **options
        )

    whole = fitted()
    for every in (None, 1):
        path = tmp_path / f"{every}.npz"
        with pytest.raises(KilledError):
            fitted(Checkpoint(path, every), Kill(5))
        resumed = fitted(Checkpoint(path, every), Kill(-1), resume=path)
        assert bits(resumed) == bits(whole)


MADE = KINDS | {"momentum": lambda: SGD(0.01, momentum=0.9)}


@pytest.mark.parametrize("name", MADE)
def test_what_is_remembered_of_other_weights_is_forgotten(name):
    optimizer = MADE[name]()
    model, other = network(), Sequential([Dense(2, 5), Tanh(), Dense(5, 1)], dtype="float64")
    for of, frozen in ((model, False), (model, True), (other, False), (model, True)):
        of[0].trainable = not frozen
        of.fit(X, Y, optimizer=optimizer, epochs=3, rng=0, verbose=0)
    fresh = copy.deepcopy(model)
    other.fit(X, Y, optimizer=optimizer, epochs=1, rng=0, verbose=0)
    model.fit(X, Y, optimizer=optimizer, epochs=2, rng=0, verbose=0)
    fresh.fit(X, Y, optimizer=MADE[name](), epochs=2, rng=0, verbose=0)
    assert bits(model) == bits(fresh)


def test_spared_are_those_that_are_trained_now():
    """The factors of decay were once looked up by the number of weights alone."""
    zeros = np.zeros((8, 1)), np.zeros((8, 4))
    model = Sequential([Dense(4, use_bias=False), RMSNorm()]).with_input(1, rng=0)
    optimizer = SGD(0.1, weight_decay=1.0, decay_biases=False)
    model[1].trainable = False
    model.fit(*zeros, optimizer=optimizer, epochs=1, verbose=0)
    model[0].trainable, model[1].trainable = False, True
    model.fit(*zeros, epochs=3, verbose=0)
    np.testing.assert_array_equal(model[1].gain.value, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_that_draws_without_saying_so_is_found(kind):
    class Noise(Layer):
        def forward(self, x, training=False):
            return x + np.random.default_rng().normal(size=x.shape) if training else x

        def backward(self, dy):
            return dy

    model = Sequential([Dense(2, 3), Noise(), Dense(3, 1)], dtype="float64")
    before = bits(model)
    with pytest.raises(ValueError, match=r"the same loss each time, got .* random = True"):
        trained(kind, model)
    assert bits(model) == before


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_within_an_iteration_leaves_the_weights_before_it(kind, monkeypatch):
    model, calls = network(), [0]
    trained(kind, model, epochs=2)
    before, real = bits(model), Tanh.forward

    def forward(self, x, training=False):
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return real(self, 5 * x, training)

    monkeypatch.setattr(Tanh, "forward", forward)
    monkeypatch.setattr("tinyframe.recording.recorded", lambda objective, known: objective)
    with pytest.raises(KeyboardInterrupt):
        trained(kind, model, optimizer=None, epochs=5)
    assert bits(model) == before


def test_a_start_that_is_too_large_is_told_as_such():
    with pytest.raises(
        FloatingPointError, match=r"too large, or not finite .*: scale X and y"
    ) as e:
        Sequential([Dense(1)]).fit(X * 1e10, Y * 1e10, optimizer="lbfgs", rng=0, verbose=0)
    assert "batch" not in str(e.value)
    assert "rate" not in str(e.value)


def test_a_gain_beyond_all_numbers():
    model = Sequential([Dense(1, 1, use_bias=False), Dense(1, 1, use_bias=False)], dtype="float64")
    model[0].weight = model[1].weight = [[1e-110]]
    model.fit(
        np.ones((3, 1)), np.ones(3), optimizer=LevenbergMarquardt(tolerance=0), epochs=9, verbose=0
    )
    assert np.isfinite(model.history["loss"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_freezing_on_the_way_waits_for_the_next_fit(kind):
    class Freeze(Callback):
        def on_epoch_end(self, run):
            run.model[0].trainable = False

    assert bits(trained(kind, callbacks=[Freeze()])) == bits(trained(kind))


def test_numbers_that_were_set_to_nonsense_since():
    for name, value in (("memory", 0), ("weight_decay", -1.0), ("clip_norm", 1.0)):
        optimizer = LBFGS()
        setattr(optimizer, name, value)
        with pytest.raises(ValueError, match=f"{name}"):
            trained("lbfgs", optimizer=optimizer)
    optimizer = LBFGS()
    optimizer.learning_rate = 0.1
    with pytest.raises(ValueError, match="a line search finds how far to go"):
        trained("lbfgs", optimizer=optimizer)
