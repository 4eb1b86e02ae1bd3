"""Resuming: k steps, a checkpoint and the rest equal the run that was never stopped, to the bit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    BatchNorm,
    Callback,
    Checkpoint,
    CosineDecay,
    CSVLogger,
    Dense,
    Dropout,
    EarlyStopping,
    ExponentialDecay,
    LearningRateLogger,
    Lion,
    ReduceOnPlateau,
    ReLU,
    RMSprop,
    Schedule,
    Sequential,
    Softmax,
    StorageError,
)
from tinyframe.layers.state import state_of
from tinyframe.storage.generators import check_generators, generator_states, restore_generators
from tinyframe.storage.runs import read_run

OPTIMIZERS = {
    "SGD": lambda rate: SGD(rate, momentum=0.9, nesterov=True),
    "Adam": lambda rate: Adam(rate, weight_decay=0.01, clip_norm=1.0),
    "AdamW": lambda rate: AdamW(rate, decay_biases=False),
    "RMSprop": RMSprop,
    "Adagrad": Adagrad,
    "Lion": Lion,
}
SCHEDULES = {
    "constant": lambda: 0.05,
    "cosine": lambda: CosineDecay(0.05, epochs=4, warmup=1),
    "exponential": lambda: ExponentialDecay(0.05, 0.8),
    "plateau": lambda: ReduceOnPlateau(0.05, patience=1, factor=0.5),
}
EPOCHS, ROWS, SIZE = 4, 26, 8
BATCHES = 4  # an epoch


class Kill(Callback):
    """Ends training as a power cut would, after so many batches."""

    def __init__(self, batches):
        self.batches = batches

    def on_batch_end(self, run):
        if run.steps == self.batches:
            raise KeyboardInterrupt

    def __repr__(self):
        return "Kill()"


def noisy(x, rng):
    x += rng.normal(0, 0.1, x.shape)
    return x


def dataset():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, ROWS)
    return rng.random((ROWS, 5)) + np.eye(3, 5)[y], y


def network(dropout, normalised, dtype):
    layers = [Dense(5, 6)] + [BatchNorm()] * normalised + [ReLU()] + [Dropout(0.3)] * dropout
    return Sequential([*layers, Dense(6, 3), Softmax()], dtype)


def everything(model, optimizer):
    """All that a run leaves behind, as bytes and plain numbers."""
    history = [
        {name: value for name, value in model.history.at(i).items() if name != "seconds"}
        for i in range(model.history.epochs)
    ]
    draws = [layer.rng.bit_generator.state for layer in model.walk() if layer.random]
    arrays = state_of(model) | optimizer.state()
    return {
        "arrays": {name: array.tobytes() for name, array in arrays.items()},
        "history": repr(history),
        "draws": draws,
        "counts": (optimizer.steps, optimizer.epoch, optimizer.rate),
    }


class Adds(Callback):
    """Records a figure, and remembers it, as NumPy gives it."""

    def __init__(self, figure):
        self.figure = figure

    def on_train_begin(self, run):
        run.names += ("share",)

    def on_epoch_end(self, run):
        run.figures["share"] = self.figure

    def state(self):
        return {"figure": self.figure}

    def restore(self, state):
        self.found = state["figure"]


class Own(Schedule):
    """A rate as NumPy computes it."""

    def reset(self):
        self.rate, self.seen = np.float32(0.5), np.int64(0)

    __init__ = reset

    def __call__(self, epoch):
        return self.rate

    def observe(self, figures):
        self.rate, self.seen = self.rate / 2, self.seen + 1


@pytest.mark.parametrize(
    "figure", [np.float32(0.5), np.float64(0.5), np.float16(0.5), np.int64(3), 2, 0.5]
)
def test_numbers_of_numpy_in_history_and_memories_are_saved(tmp_path, figure):
    X, y = dataset()
    adds, path = Adds(figure), tmp_path / "run.npz"

    def callbacks():
        watch = EarlyStopping("share", mode="max", restore_best=False)
        return [adds, watch, LearningRateLogger(), CSVLogger(tmp_path / "log.csv")]

    model = network(0, 0, np.float32)
    model.fit(
        X, y, epochs=2, optimizer=SGD(Own()), callbacks=[*callbacks(), Checkpoint(path)],
        batch_size=SIZE, verbose=0,
    )  # fmt: skip
    model.history.to_json(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text())["share"] == [figure] * 2
    assert {type(v) for v in model.history["share"]} == {float}
    again = network(0, 0, np.float32)
    again.fit(
        X, y, epochs=3, optimizer=SGD(Own()), callbacks=[*callbacks(), Checkpoint(path)],
        batch_size=SIZE, verbose=0, resume=path,
    )  # fmt: skip
    assert again.history["share"] == [figure] * 3
    assert again.history["learning_rate"] == [0.5, 0.25, 0.125]
    assert (again.optimizer.learning_rate.rate, again.optimizer.learning_rate.seen) == (1 / 16, 3)
    assert adds.found == figure


@pytest.mark.parametrize("figure", ["much", None, np.ones(2), 1j])
def test_a_figure_that_is_no_number_says_so(figure):
    X, y = dataset()
    model = network(0, 0, np.float32)
    model.fit(X, y, epochs=1, callbacks=[Adds(figure)], verbose=0)
    for read in (lambda: model.history["share"], lambda: model.history.best("loss")):
        with pytest.raises(TypeError, match="the figure 'share' expected a number"):
            read()


@given(
    stop=st.integers(1, EPOCHS * BATCHES - 1),
    every=st.sampled_from([None, 1, 2, 3, 7]),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    schedule=st.sampled_from(sorted(SCHEDULES)),
    dropout=st.booleans(),
    normalised=st.booleans(),
    augmented=st.booleans(),
    shuffle=st.booleans(),
    weighted=st.booleans(),
    contrary=st.integers(0, 1),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_resumed_run_is_the_uninterrupted_one(
    tmp_path_factory, stop, every, optimizer, schedule, dropout, normalised, augmented, shuffle,
    weighted, contrary, dtype,
):  # fmt: skip
    folder = tmp_path_factory.mktemp("runs")
    X, y = dataset()

    def run(name, batches=0):
        chosen = OPTIMIZERS[optimizer](SCHEDULES[schedule]())
        model = network(dropout, normalised, dtype)
        log = folder / f"{name}.csv"
        callbacks = [
            LearningRateLogger(), CSVLogger(log), EarlyStopping("val_loss", patience=2),
            Kill(batches), Checkpoint(folder / f"{name}.npz", every),
        ]  # fmt: skip
        options = {
            "optimizer": chosen, "epochs": EPOCHS, "batch_size": SIZE, "callbacks": callbacks,
            "validation_data": (X, (y + contrary) % 3), "metrics": ["accuracy", "roc_auc"],
            "shuffle": shuffle,
            "augment": noisy if augmented else None, "rng": None if batches < 0 else 0,
            "sample_weight": np.linspace(0.5, 1, ROWS) if weighted else None, "verbose": 0,
            "resume": folder / f"{name}.npz",
        }  # fmt: skip
        try:
            model.fit(X, y, **options)
        except KeyboardInterrupt:
            return None
        return everything(model, chosen)

    whole = run("whole")
    if run("killed", stop) is None:
        # weights, order and dropout come from the file: another seed changes nothing
        begun = (folder / "killed.npz").exists()
        resumed = run("killed", -1 if begun else 0)
    else:
        return  # early stopping was earlier
    assert resumed == whole
    lines = [(folder / f"{name}.csv").read_text().splitlines() for name in ("whole", "killed")]
    seconds = lines[0][0].split(",").index("seconds")
    without = [
        [[cell for i, cell in enumerate(line.split(",")) if i != seconds] for line in table]
        for table in lines
    ]
    assert without[0] == without[1]


def fitted(path, *, X=None, epochs=2, model=None, **options):
    x, y = dataset()
    model = network(True, True, np.float32) if model is None else model
    options = {"callbacks": [Checkpoint(path)], "rng": 0, "verbose": 0} | options
    return model.fit(x if X is None else X, y, epochs=epochs, **options)


def test_a_finished_run_has_nothing_left_and_can_be_prolonged(tmp_path):
    path = tmp_path / "run.npz"
    first = fitted(path, resume=path)
    again = fitted(path, resume=path)
    longer = fitted(path, epochs=5, resume=path)
    whole = fitted(tmp_path / "other.npz", epochs=5)
    for name, array in state_of(first).items():
        np.testing.assert_array_equal(state_of(again)[name], array)
    for name, array in state_of(whole).items():
        np.testing.assert_array_equal(state_of(longer)[name], array)
    assert longer.history["loss"] == whole.history["loss"]
    assert (again.history.epochs, longer.history.epochs) == (2, 5)


def test_an_interrupted_run_goes_on(tmp_path):
    path = tmp_path / "run.npz"

    class Stop(Callback):
        def __init__(self, steps):
            self.at = steps

        def on_batch_end(self, run):
            if run.steps == self.at:
                run.stop("interrupted")

    first = fitted(path, batch_size=8, callbacks=[Stop(6), Checkpoint(path)])
    assert first.history.epochs == 1
    resumed = fitted(path, batch_size=8, resume=path, callbacks=[Stop(0), Checkpoint(path)])
    whole = fitted(tmp_path / "whole.npz", batch_size=8)
    for name, array in state_of(whole).items():
        np.testing.assert_array_equal(state_of(resumed)[name], array)


def test_the_previous_file_stays(tmp_path):
    path = tmp_path / "run.npz"
    fitted(path, epochs=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.npz", "run.npz.previous"]
    shutil.copy(tmp_path / "run.npz.previous", tmp_path / "before.npz")
    assert fitted(path, epochs=3, resume=tmp_path / "before.npz").history.epochs == 3


def test_streams_of_batches_resume_too(tmp_path):
    X, y = dataset()
    batches = [(X[i : i + 7], y[i : i + 7]) for i in range(0, ROWS, 7)]
    path = tmp_path / "run.npz"

    def run(name, kill):
        model = network(True, True, np.float64)
        callbacks = [Kill(kill), Checkpoint(tmp_path / f"{name}.npz", every=1)]
        try:
            model.fit(
                batches, epochs=3, callbacks=callbacks, rng=0, verbose=0,
                resume=tmp_path / f"{name}.npz",
            )  # fmt: skip
        except KeyboardInterrupt:
            return None
        return everything(model, model.optimizer)

    assert run("killed", 6) is None
    assert run("killed", 0) == run("whole", 0)
    assert not path.exists()


MISMATCHES = {
    "model": {"model": Sequential([Dense(5, 3), Softmax()])},
    "optimizer": {"optimizer": Adam(0.1)},
    "rows": {"rows": 20},
    "batch_size": {"batch_size": 5},
    "callbacks": {"callbacks": []},
    "shuffle": {"shuffle": False},
}
MESSAGES = {
    "model": "cannot be resumed from: the arrays of another model",
    "optimizer": "not the same optimizer: SGD in the file, Adam now",
    "rows": "not the same rows: 26 in the file, 20 now",
    "batch_size": "not the same batch_size: 26 in the file, 5 now",
    "callbacks": r"not the same callbacks: \['Checkpoint'\] in the file, \[\] now",
    "shuffle": "another shuffle= or other random layers: it has 3 random generators, not 2",
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_file_of_another_run_is_refused_unchanged(tmp_path, name):
    path = tmp_path / "run.npz"
    fitted(path)
    before = path.read_bytes()
    options = {"resume": path, "epochs": 3, "callbacks": [Checkpoint(path)]} | MISMATCHES[name]
    model = options.setdefault("model", network(True, True, np.float32))
    x, y = dataset()
    rows = options.pop("rows", ROWS)
    with pytest.raises(StorageError, match=MESSAGES[name]):
        options.pop("model").fit(x[:rows], y[:rows], rng=0, verbose=0, **options)
    assert path.read_bytes() == before
    assert model.history.epochs == 0
    assert not any(p.drawn for p in model.parameters)


class Halving(Schedule):
    """Remembers where it is in its own argument, and in an attribute that comes later."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, epoch):
        return self.rate

    def observe(self, figures):
        self.rate /= 2
        self.best = figures["loss"]


def test_a_schedule_of_ones_own_goes_on_and_another_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    fitted(path, optimizer=SGD(Halving(0.1)))
    again = fitted(path, epochs=3, resume=path, optimizer=SGD(Halving(0.1)))
    assert again.optimizer.rate == 0.1 / 8
    for other, message in (
        (0.1, "another learning rate: a schedule, not 0.1"),
        (CosineDecay(0.1, 5), "the schedule's rate expected|the schedule expected epochs"),
        (ReduceOnPlateau(0.1), "the schedule expected factor, .* which are missing"),
    ):
        with pytest.raises(StorageError, match=message):
            fitted(path, epochs=4, resume=path, optimizer=SGD(other))


def test_a_callback_of_ones_own_may_refuse_its_state_before_anything_changes(tmp_path):
    class Counts(Callback):
        batches, begun = 0, False

        def on_train_begin(self, run):
            self.begun = True

        def on_batch_end(self, run):
            self.batches += 1

        def state(self):
            return {"batches": self.batches}

        def check_state(self, state, run):
            if state["batches"] > self.most:
                raise ValueError(f"expected at most {self.most} batches")

        def restore(self, state):
            self.batches = state["batches"]

    path = tmp_path / "run.npz"
    for most, message in ((9, None), (1, "run.npz: .* expected at most 1 batches")):
        counts = Counts()
        counts.most = most
        options = {"batch_size": 8, "callbacks": [counts, Checkpoint(path)], "resume": path}
        if message is None:
            fitted(path, **options)
            continue
        with pytest.raises(StorageError, match=message):
            fitted(path, **options)
        assert (counts.batches, counts.begun) == (0, False)


@pytest.mark.parametrize("kind", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_any_generator_of_numpys_goes_on_and_a_position_beyond_it_is_refused(kind):
    rng = np.random.Generator(getattr(np.random, kind)(1))
    run = SimpleNamespace(model=Dense(2, 1), trainer=SimpleNamespace(order_rng=None, rng=rng))
    rng.random(3, np.float32)
    states = json.loads(json.dumps(generator_states(run)))
    check_generators(states, run.model, shuffle=False)
    expected = rng.random(700)
    run.trainer.rng = np.random.default_rng()
    restore_generators(run, states)
    np.testing.assert_array_equal(run.trainer.rng.random(700), expected)
    for change in ({"pos": 625}, {"pos": -1}, {"buffer_pos": 5}, {"has_uint32": 2}, {"x": 1}):
        for part in (states[1], states[1]["state"]):
            evil = part | change
            whole = evil if part is states[1] else states[1] | {"state": evil}
            with pytest.raises(ValueError, match="rngs"):
                check_generators([None, whole], run.model, shuffle=False)


def test_a_generator_that_is_not_numpys_is_refused_when_it_is_written():
    class Own:
        bit_generator = object()

    run = SimpleNamespace(model=Dense(2, 1), trainer=SimpleNamespace(order_rng=None, rng=Own()))
    with pytest.raises(StorageError, match="a random generator object cannot be written"):
        generator_states(run)


def test_bad_checkpoints_are_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match=r"a file name in \.npz, got 'run.h5'"):
        Checkpoint("run.h5")
    with pytest.raises(StorageError, match="its folder is not there"):
        fitted(tmp_path / "nowhere" / "run.npz")
    with pytest.raises(ValueError, match="resume expected a file in a folder that exists"):
        fitted(tmp_path / "run.npz", resume=tmp_path / "nowhere" / "run.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK")
    with pytest.raises(StorageError, match=r"bad\.npz: not a file of tinyframe's"):
        fitted(tmp_path / "run.npz", resume=tmp_path / "bad.npz")
    network(False, False, np.float32).build(5)
    model = fitted(tmp_path / "run.npz")
    model.save(tmp_path / "model.npz")
    with pytest.raises(StorageError, match="expected a run, got a model"):
        fitted(tmp_path / "run.npz", resume=tmp_path / "model.npz")
    with pytest.raises(StorageError, match="expected a model, got a run"):
        Sequential.load(tmp_path / "run.npz")


# ------------------------------------------------------------------ kills

SCRIPT = """
import sys
import numpy as np
from tinyframe import Adam, BatchNorm, Checkpoint, Dense, Dropout, ReLU, Sequential, Softmax
rng = np.random.default_rng(0)
X, y = rng.random((400, 20)), rng.integers(0, 3, 400)
model = Sequential([Dense(20, 16), BatchNorm(), ReLU(), Dropout(0.3), Dense(16, 3), Softmax()])
path = sys.argv[1]
print("ready", flush=True)
model.fit(X, y, optimizer=Adam(0.01), epochs=60, batch_size=16, rng=0, verbose=0,
          callbacks=[Checkpoint(path, every=20)], resume=path)
model.save(sys.argv[2])
"""


def killed_at_random(folder, kills):
    """Train with so many SIGKILLs at random instants, checking the file after each."""
    whole, path, final = folder / "whole.npz", folder / "run.npz", folder / "final.npz"
    subprocess.run([sys.executable, "-c", SCRIPT, folder / "w.npz", whole], check=True)
    rng, done, survived = np.random.default_rng(os.getpid()), 0, 0
    while done < kills:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, path, final], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(rng.exponential(0.15))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        if process.wait() == 0:  # it was done before
            survived += 1
            assert final.read_bytes() == whole.read_bytes()
            for file in (path, final, Path(f"{path}.previous")):
                file.unlink(missing_ok=True)
            continue
        done += 1
        if path.exists():
            read_run(path)
    subprocess.run([sys.executable, "-c", SCRIPT, path, final], check=True)
    assert final.read_bytes() == whole.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_kills_at_random_instants_lose_nothing(tmp_path, pytestconfig):
    killed_at_random(tmp_path, 200 if pytestconfig.getoption("--long") else 8)
    left = {p.name for p in tmp_path.iterdir() if p.name.endswith((".part", ".old"))}
    assert len(left) < 200  # temporary files of killed writes may stay; none is ever read


def test_a_log_that_is_gone_begins_anew(tmp_path):
    path, log = tmp_path / "run.npz", tmp_path / "log.csv"
    fitted(path, callbacks=[CSVLogger(log), Checkpoint(path)])
    log.unlink()
    fitted(path, epochs=3, resume=path, callbacks=[CSVLogger(log), Checkpoint(path)])
    header, line = log.read_text().splitlines()
    assert header.startswith("epoch,")
    assert line.startswith("3,")
