"""Callbacks, Ctrl-C, and what a run leaves behind however it ends."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from needs import needs

from tinyframe import (
    SGD,
    BatchNorm,
    Callback,
    CosineDecay,
    CSVLogger,
    Dense,
    EarlyStopping,
    History,
    LearningRateLogger,
    ModelCheckpoint,
    ReLU,
    Sequential,
    Softmax,
)
from tinyframe.layers.state import state_of


@pytest.fixture
def data(rng):
    y = rng.integers(0, 3, 64)
    return rng.random((64, 5)) + np.eye(3, 5)[y], y


def network():
    return Sequential([Dense(5, 8), BatchNorm(), ReLU(), Dense(8, 3), Softmax()])


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self, run):
        self.calls.append("train begin")

    def on_epoch_begin(self, run):
        self.calls.append(f"epoch {run.epoch} begin")

    def on_batch_end(self, run):
        assert math.isfinite(run.loss)
        self.calls.append(f"batch {run.batch}/{run.batches}")

    def on_epoch_end(self, run):
        assert set(run.figures) == set(run.names)
        self.calls.append(f"epoch {run.epoch} end")

    def on_train_end(self, run):
        self.calls.append("train end")


class After(Callback):
    """Does something after so many batches in all."""

    def __init__(self, batches, action):
        self.left, self.action = batches, action

    def on_batch_end(self, run):
        self.left -= 1
        if not self.left:
            self.action(run)


def test_callbacks_are_called_in_order(data):
    recorder = Recorder()
    network().fit(*data, epochs=2, batch_size=32, callbacks=[recorder], verbose=0)
    epoch = ["epoch {} begin", "batch 1/2", "batch 2/2", "epoch {} end"]
    expected = [line.format(number) for number in (1, 2) for line in epoch]
    assert recorder.calls == ["train begin", *expected, "train end"]


def test_epochs_are_numbered_on_when_fitting_again(data):
    recorder = Recorder()
    model = network().fit(*data, epochs=2, verbose=0)
    model.fit(*data, epochs=1, callbacks=[recorder], verbose=0)
    assert "epoch 3 begin" in recorder.calls


def test_callbacks_change_no_bit(data):
    models = [
        network().fit(*data, epochs=3, rng=0, verbose=0, callbacks=callbacks)
        for callbacks in ((), (Recorder(), EarlyStopping("loss", restore_best=False)))
    ]
    for one, two in zip(*(model.parameters for model in models), strict=True):
        np.testing.assert_array_equal(one.value, two.value)


def test_stopping_within_an_epoch_keeps_the_weights_and_the_complete_epochs(data):
    weights = {}

    def stop(run):
        weights.update(state_of(run.model))
        run.stop("enough")

    model = network()
    assert model.fit(*data, batch_size=8, callbacks=[After(11, stop)], verbose=0) is model
    assert model.history.epochs == 1
    for name, array in state_of(model).items():
        np.testing.assert_array_equal(array, weights[name])
    assert all(layer._saved is None for layer in model.walk())


def test_stopping_at_the_last_batch_records_the_epoch(data):
    model = network()
    callback = After(8, lambda run: run.stop("enough"))
    model.fit(*data, batch_size=8, callbacks=[callback], verbose=0)
    assert model.history.epochs == 1


def test_an_exception_leaves_the_last_complete_step(data):
    def fail(run):
        weights.update(state_of(run.model))
        raise RuntimeError("of the callback")

    weights = {}
    recorder, model = Recorder(), network()
    with pytest.raises(RuntimeError, match="of the callback"):
        model.fit(*data, batch_size=8, callbacks=[recorder, After(3, fail)], verbose=0)
    assert recorder.calls[-1] == "train end"
    for name, array in state_of(model).items():
        np.testing.assert_array_equal(array, weights[name])
    assert all(layer._saved is None for layer in model.walk())
    model.fit(*data, epochs=1, verbose=0)  # and it goes on


def test_what_is_no_callback_is_refused(data):
    for callbacks, got in ((EarlyStopping, "EarlyStopping"), ([EarlyStopping], "EarlyStopping")):
        with pytest.raises(TypeError, match=f"callbacks expected .* got .*{got}"):
            network().fit(*data, callbacks=callbacks, verbose=0)


# ------------------------------------------------------------------ early stopping


class Scripted(Callback):
    """Puts figures of a script in the place of the true ones, before others look."""

    def __init__(self, figures):
        self.figures, self.states = list(figures), []

    def on_epoch_end(self, run):
        run.figures["val_loss"] = self.figures[run.epoch - run.first_epoch]
        self.states.append(state_of(run.model))


@pytest.mark.parametrize(
    ("figures", "options", "epochs", "best"),
    [
        ([5, 4, 3, 4, 4, 4, 4], {"patience": 2}, 5, 3),
        ([5, 4, 3, 2, 1], {"patience": 1}, 5, 5),
        ([5, 4.95, 4.9, 4.8, 4.0], {"patience": 3, "min_delta": 0.5}, 4, 1),
        ([1, 2, 3, 3, 2, 1], {"patience": 2, "mode": "max"}, 5, 3),
        ([math.nan, math.nan, 5], {"patience": 2}, 2, 0),
        ([4, math.nan, 3, 5, 5], {"patience": 2}, 5, 3),
    ],
)
def test_early_stopping_waits_and_restores_the_best_bits(data, figures, options, epochs, best):
    script, stopper, model = Scripted(figures), EarlyStopping(**options), network()
    model.fit(
        *data, epochs=len(figures), validation_data=data, callbacks=[script, stopper], verbose=0
    )
    assert model.history.epochs == epochs
    assert stopper.best_epoch == best
    expected = script.states[(best or epochs) - 1]
    assert expected.keys() == state_of(model).keys()
    for name, array in state_of(model).items():
        assert array.tobytes() == expected[name].tobytes(), name


def test_early_stopping_without_restoring_keeps_the_last(data):
    script, model = Scripted([1, 2, 3, 4]), network()
    stopper = EarlyStopping(patience=2, restore_best=False)
    model.fit(*data, epochs=4, validation_data=data, callbacks=[script, stopper], verbose=0)
    np.testing.assert_array_equal(state_of(model)["0.weight"], script.states[2]["0.weight"])


def test_a_figure_that_will_not_be_there_is_refused_before_anything_changes(data):
    model = network()
    before = {name: parameter.drawn for name, parameter in model.named_parameters().items()}
    with pytest.raises(ValueError, match=r"one of loss, accuracy.*give fit validation_data"):
        model.fit(*data, callbacks=[EarlyStopping()], verbose=0)
    assert {name: p.drawn for name, p in model.named_parameters().items()} == before
    assert model.history.epochs == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience"),
        ({"min_delta": -1}, "min_delta"),
        ({"monitor": "beauty"}, "'beauty' does not say whether it should fall or rise"),
        ({"mode": "up"}, 'mode expected "min" or "max"'),
    ],
)
def test_bad_options_of_early_stopping(options, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)


# ------------------------------------------------------------------ files


def test_model_checkpoint_keeps_the_best(data, tmp_path):
    path = tmp_path / "best-{epoch}-{val_loss:.0f}.npz"
    script, model = Scripted([3, 1, 2, 0.5, 9]), network()
    model.fit(
        *data, epochs=5, validation_data=data, callbacks=[script, ModelCheckpoint(path)], verbose=0
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "best-1-3.npz", "best-2-1.npz", "best-4-0.npz",
    ]  # fmt: skip
    loaded = Sequential.load(tmp_path / "best-2-1.npz")
    for name, array in state_of(loaded).items():
        np.testing.assert_array_equal(array, script.states[1][name])


def test_model_checkpoint_every_so_many_epochs(data, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}.npz", every=2)
    network().fit(*data, epochs=5, callbacks=[checkpoint], verbose=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2.npz", "4.npz"]


def test_csv_logger_writes_a_line_an_epoch(data, tmp_path):
    path, model = tmp_path / "log.csv", network()
    model.fit(*data, epochs=2, callbacks=[CSVLogger(path)], verbose=0)
    model.fit(*data, epochs=1, callbacks=[CSVLogger(path, append=True)], verbose=0)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == model.history["loss"]
    with pytest.raises(ValueError, match="expected columns"):
        model.fit(*data, metrics=[], callbacks=[CSVLogger(path, append=True)], verbose=0)
    with pytest.raises(OSError, match="nowhere"):
        model.fit(*data, callbacks=[CSVLogger(tmp_path / "nowhere" / "log.csv")], verbose=0)
    assert model.history.epochs == 3


def test_learning_rate_logger_records_the_rate_of_each_epoch(data, tmp_path):
    model, path = network(), tmp_path / "log.csv"
    model.fit(
        *data, optimizer=SGD(CosineDecay(0.1, epochs=4)), epochs=4,
        callbacks=[LearningRateLogger(), CSVLogger(path)], verbose=0,
    )  # fmt: skip
    expected = [CosineDecay(0.1, epochs=4)(epoch) for epoch in range(4)]
    assert model.history["learning_rate"] == pytest.approx(expected)
    assert path.read_text().startswith("epoch,loss,accuracy,seconds,learning_rate\n")


# ------------------------------------------------------------------ history


def recorded():
    history = History()
    for number, loss in enumerate([3.0, 1.0, 1.0, 2.0]):
        history.record({"loss": loss, "accuracy": number / 4, "val_loss": 4 - loss})
    history.record({"loss": math.nan, "accuracy": 0.5})
    return history


def test_best_finds_the_first_best_epoch():
    history = recorded()
    assert history.best("loss") == {"epoch": 2, "loss": 1.0, "accuracy": 0.25, "val_loss": 3.0}
    assert history.best("accuracy")["epoch"] == 4
    assert history.best("accuracy", mode="min")["epoch"] == 1
    assert history.best()["epoch"] == 1
    with pytest.raises(KeyError, match="no 'f1' recorded"):
        history.best("f1")


def test_history_as_files(tmp_path):
    history = recorded()
    history.to_csv(tmp_path / "h.csv")
    with (tmp_path / "h.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss", "accuracy", "val_loss"]
    assert rows[2] == ["2", "1.0", "0.25", "3.0"]
    assert rows[5] == ["5", "nan", "0.5", ""]
    history.to_json(tmp_path / "h.json")
    table = json.loads((tmp_path / "h.json").read_text())
    assert table["epoch"] == [1, 2, 3, 4, 5]
    assert table["loss"] == [3.0, 1.0, 1.0, 2.0, None]


def test_history_is_a_table_for_pandas():
    pandas = needs("pandas")
    frame = pandas.DataFrame(dict(recorded()))
    assert list(frame) == ["loss", "accuracy", "val_loss"]
    assert frame["accuracy"].tolist() == [0.0, 0.25, 0.5, 0.75, 0.5]


# ------------------------------------------------------------------ Ctrl-C


@pytest.fixture
def interruptible():
    """Python's own handler, which a shell takes away from what it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_ends_training_after_the_batch(data, capsys, interruptible):
    recorder, model = Recorder(), network()
    interrupt = After(11, lambda _: signal.raise_signal(signal.SIGINT))
    model.fit(*data, batch_size=8, epochs=100, callbacks=[interrupt, recorder])
    assert model.history.epochs == 1
    assert recorder.calls[-2:] == ["batch 3/8", "train end"]
    assert capsys.readouterr().out.endswith("stopped after epoch 2, batch 3: interrupted\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_stops_at_once(data, interruptible):
    def twice(run):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        network().fit(*data, callbacks=[After(3, twice)], verbose=0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_own_stays(data):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        interrupt = After(2, lambda _: signal.raise_signal(signal.SIGINT))
        model = network().fit(*data, epochs=2, callbacks=[interrupt], verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]
    assert model.history.epochs == 2


def test_training_in_another_thread_leaves_signals_alone(data):
    model = network()
    thread = threading.Thread(target=lambda: model.fit(*data, epochs=2, verbose=0))
    thread.start()
    thread.join()
    assert model.history.epochs == 2


SCRIPT = """
import signal
import numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
from tinyframe import Dense, Sequential, Softmax
rng = np.random.default_rng(0)
model = Sequential([Dense(50, 3), Softmax()])
model.fit(rng.random((20000, 50)), rng.integers(0, 3, 20000), epochs=100_000)
print("epochs", model.history.epochs, np.isfinite(model[0].weight.value).all(), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal as a terminal does")
def test_a_real_interrupt_of_a_process():
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(3):
        assert process.stdout.readline().startswith("epoch ")
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    *_, stopped, last = out.splitlines()
    assert stopped.startswith("stopped after epoch ")
    assert last.endswith(" True")
    assert int(last.split()[1]) >= 3


def test_a_line_that_a_crash_left_half_written_is_dropped(tmp_path):
    log = tmp_path / "log.csv"

    def run(**options):
        model = Sequential([Dense(2, 1)])
        model.fit(np.ones((4, 2)), np.ones(4), callbacks=[CSVLogger(log, append=True)], epochs=2,
                  verbose=0, rng=0, **options)  # fmt: skip
        with log.open(newline="") as file:
            lines = list(csv.reader(file))
        assert all(len(line) == len(lines[0]) for line in lines), lines
        return [line[0] for line in lines]

    assert run() == ["epoch", "1", "2"]
    whole = log.read_bytes()
    ends = [0, *(i + 1 for i, byte in enumerate(whole) if byte == ord("\n"))]
    for length in range(len(whole) + 1):
        log.write_bytes(whole[:length])
        kept = max(number for number, end in enumerate(ends) if end <= length)
        assert run() == [*["epoch", "1", "2"][: kept or 1], "1", "2"], length


@pytest.mark.parametrize("position", [0, 3, 30, 10**6])
def test_no_position_in_a_checkpoint_cuts_a_line_or_the_header(tmp_path, position):
    log = tmp_path / "log.csv"
    logger = CSVLogger(log)
    run = SimpleNamespace(names=("loss",), epoch=1, figures={"loss": 0.1 + 0.2}, resumed=False)
    logger.on_train_begin(run)
    for _ in range(3):
        logger.on_epoch_end(run)
    logger.restore({"position": position})
    logger.on_epoch_end(run)
    logger.on_train_end(run)
    lines = log.read_text().splitlines()
    assert lines[0] == "epoch,loss"
    assert set(lines[1:]) == {"1,0.30000000000000004"}
    assert len(lines) == (5 if position > 100 else 2)


class Looks(Callback):
    """Looks at the weights as soon as it may, and refuses the run if it is to."""

    def __init__(self, refuses=False):
        self.refuses = refuses

    def on_train_begin(self, run):
        self.seen = np.concatenate([p.value.ravel() for p in run.model.parameters])
        run.model.predict(np.zeros((1, 3)))
        if self.refuses:
            raise ValueError("not today")


def test_weights_that_a_callback_looks_at_first_are_seeded():
    X, y = np.eye(3), np.eye(3)
    models = [Sequential([Dense(3, 3)]).fit(X, y, rng=0, epochs=2, verbose=0)]
    looks = Looks()
    models.append(
        Sequential([Dense(3, 3)]).fit(X, y, rng=0, epochs=2, verbose=0, callbacks=[looks])
    )
    np.testing.assert_array_equal(*(model[0].weight.value for model in models))
    assert looks.seen.any()


def test_a_run_that_a_callback_refuses_has_drawn_nothing():
    X, y = np.eye(3), np.eye(3)
    model = Sequential([Dense(3, 3)])
    with pytest.raises(ValueError, match="not today"):
        model.fit(X, y, rng=1, verbose=0, callbacks=[Looks(refuses=True)])
    assert not model[0].weight.drawn
    model.fit(X, y, rng=0, epochs=2, verbose=0)
    again = Sequential([Dense(3, 3)]).fit(X, y, rng=0, epochs=2, verbose=0)
    np.testing.assert_array_equal(model[0].weight.value, again[0].weight.value)
