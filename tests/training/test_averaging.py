"""WeightAverage: θ̄ by its equation, where it is in use, and to the bit after a kill."""

import copy

import numpy as np
import pytest

from tinyframe import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    Dense,
    EarlyStopping,
    ModelCheckpoint,
    ReLU,
    Sequential,
    Softmax,
    StorageError,
    WeightAverage,
)

RNG = np.random.default_rng(0)
X = RNG.random((50, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 50)


def network():
    return Sequential([Dense(4, 5), BatchNorm(), ReLU(), Dense(5, 3), Softmax()])


def flat(model):
    return np.concatenate([value.ravel("K") for value in model.weights.values()])


class Notes(Callback):
    """What the model's weights are, after each step and at the end of each epoch."""

    def __init__(self):
        self.steps, self.ends, self.begins = [], [], []

    def on_batch_end(self, run):
        self.steps.append(flat(run.model))

    def on_epoch_begin(self, run):
        self.begins.append(flat(run.model))

    def on_epoch_end(self, run):
        self.ends.append((flat(run.model), run.model.evaluate(X, Y, verbose=0)["loss"]))


class KilledError(Exception):
    pass


class Kill(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, run):
        if run.steps == self.step:
            raise KilledError


def trained(*callbacks, epochs=3, model=None, **options):
    model = network() if model is None else model
    return model.fit(
        X, Y, optimizer=Adam(0.05), epochs=epochs, batch_size=20, validation_data=(X, Y),
        callbacks=callbacks, rng=0, verbose=0, **options,
    )  # fmt: skip


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_it_is_the_average_of_its_equation(decay):
    notes = Notes()
    model = trained(notes, WeightAverage(decay))
    average = None
    for step, weights in enumerate(notes.steps, 1):
        d = min(decay, step / (step + 9))
        average = weights if average is None else d * average + (1 - d) * weights
    np.testing.assert_allclose(flat(model), average, rtol=1e-5, atol=1e-6)


def test_steps_go_on_from_the_weights_themselves():
    plain, averaged = Notes(), Notes()
    trained(plain)
    trained(averaged, WeightAverage(0.9))
    np.testing.assert_array_equal(plain.steps, averaged.steps)
    for end, begin in zip(averaged.steps[2::3], averaged.begins[1:], strict=False):
        np.testing.assert_array_equal(end, begin)


@pytest.mark.parametrize("order", [1, -1])
def test_validation_and_the_epochs_end_see_the_average(order, tmp_path):
    notes, path = Notes(), tmp_path / "best-{epoch}.npz"
    callbacks = [WeightAverage(0.9), notes, ModelCheckpoint(path, every=1)][::order]
    model = trained(*callbacks)
    for epoch, (weights, loss) in enumerate(notes.ends):
        assert model.history["val_loss"][epoch] == loss
        saved = Sequential.load(str(path).format(epoch=epoch + 1))
        np.testing.assert_array_equal(flat(saved), weights)
        assert not np.array_equal(weights, notes.steps[3 * epoch + 2])
    np.testing.assert_array_equal(flat(model), notes.ends[-1][0])


@pytest.mark.parametrize("order", [1, -1])
def test_the_best_epoch_is_one_of_the_average(order):
    notes, best = Notes(), EarlyStopping("val_loss", 1, restore_best=True)
    model = trained(*[best, WeightAverage(0.5), notes][::order], epochs=30)
    losses = [loss for _, loss in notes.ends]
    np.testing.assert_array_equal(flat(model), notes.ends[int(np.argmin(losses))][0])


def test_an_interrupt_within_an_epoch_leaves_the_average():
    class Stop(Callback):
        def on_batch_end(self, run):
            if run.steps == 4:
                run.stop("enough")

    notes, stop = Notes(), Stop()
    model = trained(notes, WeightAverage(0.5), stop)
    assert len(notes.steps) == 4
    assert not np.array_equal(flat(model), notes.steps[-1])
    assert np.abs(flat(model) - np.mean(notes.steps, axis=0)).max() < 1


def test_an_exception_leaves_the_weights_of_the_last_step():
    notes, model = Notes(), network()
    with pytest.raises(KilledError):
        trained(notes, WeightAverage(0.5), Kill(5), model=model)
    np.testing.assert_array_equal(flat(model), notes.steps[-1])


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("every", [None, 1, 2])
def test_a_killed_run_goes_on_to_the_bit(step, every, tmp_path):
    path = tmp_path / "run.npz"
    whole = trained(WeightAverage(0.9), Checkpoint(tmp_path / "other.npz", every))
    with pytest.raises(KilledError):
        trained(WeightAverage(0.9), Checkpoint(path, every), Kill(step))
    resumed = trained(WeightAverage(0.9), Checkpoint(path, every), Kill(-1), resume=path)
    assert flat(resumed).tobytes() == flat(whole).tobytes()
    assert resumed.history["val_loss"] == whole.history["val_loss"]


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    trained(WeightAverage(0.9), Checkpoint(path))
    with pytest.raises((ValueError, StorageError)):
        trained(Checkpoint(path), WeightAverage(0.9), Checkpoint(tmp_path / "b.npz"), resume=path)
    average, counts = WeightAverage(), {"steps": 1, "in_use": 0, "decay": 0.999}
    run = type("Run", (), {"model": copy.deepcopy(network()).with_input(4)})
    for state in (counts | {"other": np.zeros(3, "f4")}, {"steps": 1}):
        with pytest.raises(ValueError, match="WeightAverage expected"):
            average.check_state(state, run)


def test_frozen_weights_stay_out_of_it():
    model = network()
    model[0].trainable = False
    model.build(4, rng=0)
    before = model[0].weight.value.copy()
    trained(WeightAverage(0.5), model=model)
    np.testing.assert_array_equal(model[0].weight.value, before)


@pytest.mark.parametrize("decay", [1, -0.1, "0.9", None, np.nan])
def test_other_decays_are_refused(decay):
    with pytest.raises((TypeError, ValueError), match="decay expected"):
        WeightAverage(decay)


def test_it_predicts_better_where_steps_are_noisy():
    """At a rate too high to settle, θ̄ is nearer to the least squares than θ is."""
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 3))
    target = features @ [1.0, -2.0, 0.5] + rng.standard_normal(400)
    errors = []
    for callbacks in ([], [WeightAverage(0.99)]):
        model = Sequential([Dense(3, 1)], dtype="float64")
        model.fit(features, target, optimizer=SGD(0.1), epochs=30, batch_size=4,
                  callbacks=callbacks, rng=0, verbose=0)  # fmt: skip
        errors.append(np.abs(model[0].weight.value.ravel() - [1.0, -2.0, 0.5]).max())
    assert errors[1] < errors[0] / 2


def test_two_averages_would_exchange_each_other():
    with pytest.raises(ValueError, match="one WeightAverage, got several"):
        trained(WeightAverage(0.5), WeightAverage(0.9))


def test_another_decay_does_not_go_on(tmp_path):
    path = tmp_path / "run.npz"
    trained(WeightAverage(0.9), Checkpoint(path))
    with pytest.raises(StorageError, match=r"another decay: 0.9 in the file, 0.5 now"):
        trained(WeightAverage(0.5), Checkpoint(path), resume=path, epochs=5)


def test_an_error_at_the_end_of_an_epoch_leaves_the_weights_of_the_steps():
    class Fail(Callback):
        def on_epoch_end(self, run):
            raise KilledError

    notes, model = Notes(), network()
    with pytest.raises(KilledError):
        trained(notes, WeightAverage(0.5), Fail(), model=model)
    np.testing.assert_array_equal(flat(model), notes.steps[-1])
