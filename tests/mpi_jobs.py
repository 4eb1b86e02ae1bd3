"""What the processes of test_distributed.py do: mpiexec -n 2 python mpi_jobs.py JOB FOLDER …

Each job trains, and rank 0 writes what came out to result-RANKS.npz in that folder.
"""

import contextlib
import io
import os
import signal
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from tinyframe import (
    LBFGS,
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    Conv2D,
    CosineDecay,
    CrossEntropyLoss,
    CSVLogger,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    Layer,
    LearningRateLogger,
    LevenbergMarquardt,
    MaxPool2D,
    ModelCheckpoint,
    ReLU,
    Reshape,
    Sequential,
    Shards,
    Softmax,
    Tanh,
)
from tinyframe.datasets import digits

WORLD = MPI.COMM_WORLD
JOBS = {}


def job(function):
    JOBS[function.__name__] = function
    return function


def data(rows=500):
    (X, y), _ = digits()
    return X.reshape(len(X), -1)[:rows] / np.float32(16), y[:rows]


def network(*inner):
    return Sequential([Dense(64, 16), *inner, ReLU(), Dense(10), Softmax()])


def convolutional():
    return Sequential([
        Reshape(1, 8, 8), Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(),
        Dense(12), BatchNorm(), ReLU(), Dense(10), Softmax(),
    ])  # fmt: skip


def state(model):
    """All that training has changed."""
    kept = [p.value.ravel() for p in model.parameters]
    kept += [getattr(part, n).ravel() for part in model.walk() for n in part.state_names]
    return np.concatenate(kept)


def history(model):
    return {f"history {k}": v for k, v in model.history.items() if k != "seconds"}


def report(folder, model, **more):
    """Write what came out, and whether all ranks have the same."""
    states = WORLD.gather(state(model))
    if WORLD.rank == 0:
        more["alike"] = all(np.array_equal(states[0], other) for other in states)
        np.savez(
            Path(folder) / f"result-{WORLD.size}.npz", state=states[0], **history(model), **more
        )


def shift(x, rng):
    return np.roll(x, rng.integers(-1, 2), axis=1)


@job
def arrays(folder):
    """Batches of 48 rows, of which the last has two."""
    X, y = data()
    model = network().fit(
        X[:482], y[:482], epochs=3, batch_size=48, rng=0, validation_data=(X[450:], y[450:]),
        metrics=["accuracy", "mse", "roc_auc"], optimizer=SGD(0.1, momentum=0.9),
        communicator=WORLD,
    )  # fmt: skip
    report(folder, model)


@job
def all_rows(folder, kind, killed=0):
    """Iterations over all rows, of which one rank has fewer than the others."""
    X, y = data(203)
    optimizer, dtype = (LBFGS(), "f4") if kind == "lbfgs" else (LevenbergMarquardt(), "f8")
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    model = Sequential([Dense(64, 4), Tanh(), Dense(10)], dtype=dtype)
    run = Path(folder) / "run.npz"
    model.fit(
        X, y, epochs=int(killed) or 8, rng=0, optimizer=optimizer, sample_weight=weight,
        validation_data=(X[:50], y[:50]), callbacks=[Checkpoint(run)], resume=run,
        communicator=WORLD, deterministic=kind == "deterministic",
    )  # fmt: skip
    report(folder, model)


@job
def weights(folder):
    X, y = data()
    weight = np.random.default_rng(0).uniform(0, 2, len(X)) * (np.arange(len(X)) % 5 > 0)
    model = network().fit(
        X, y, loss=CrossEntropyLoss(), optimizer=Adam(), epochs=1, batch_size=50, rng=0,
        sample_weight=weight, class_weight={3: 2.0}, communicator=WORLD,
    )  # fmt: skip
    report(folder, model)


@job
def batch_norm(folder):
    X, y = data()
    model = convolutional().fit(
        X[:482], y[:482], epochs=1, batch_size=48, rng=0, communicator=WORLD
    )
    report(folder, model)


@job
def whole(folder):
    """All rows in each step, which are walked in blocks."""
    X, y = data(2000)
    X, y = np.tile(X, (3, 1)), np.tile(y, 3)
    model = network().fit(X, y, epochs=3, batch_size=None, rng=0, communicator=WORLD)
    report(folder, model)


@job
def shards(folder):
    pattern = str(Path(folder) / "x-*.npy")
    rows = Shards(pattern, str(Path(folder) / "y.npy"), memory=20_000)
    model = network().fit(
        rows, epochs=2, batch_size=48, rng=0, validation_data=rows, metrics=["accuracy", "mse"],
        communicator=WORLD,
    )  # fmt: skip
    report(folder, model)


@job
def deterministic(folder, shards="8", epochs="2", source="arrays"):
    X, y = data()
    optimizer = SGD(CosineDecay(0.1, 3), momentum=0.9)
    model = Sequential([
        Dense(64, 16), BatchNorm(), ReLU(), Dropout(0.3), Dense(10), Dropout(0.1), Softmax()
    ])  # fmt: skip
    feed = (X, y)
    if source == "shards":
        feed = (Shards(str(Path(folder) / "x-*.npy"), str(Path(folder) / "y.npy"), memory=20_000),)
    model.fit(
        *feed, optimizer=optimizer, epochs=int(epochs), batch_size=51, rng=3, augment=shift,
        validation_data=(X[:90], y[:90]), metrics=["accuracy", "mse"], communicator=WORLD,
        deterministic=int(shards), verbose=0,
        callbacks=[Checkpoint(Path(folder) / "run.npz", every=7)],
        resume=Path(folder) / "run.npz",
    )  # fmt: skip
    report(folder, model)


@job
def own_arrays(folder):
    """Rank 0 has 300 rows, rank 1 has 130: five steps of 60 and 26 rows."""
    X, y = data()
    own = slice(0, 300) if WORLD.rank == 0 else slice(300, 430)
    model = network().fit(
        X[own], y[own], epochs=1, batch_size=86, rng=0, shuffle=False, communicator=WORLD
    )
    report(folder, model)


@job
def own_batches(folder):
    """Rank 0 has four batches, rank 1 two."""
    X, y = data()
    mine = [(X[i : i + 20], y[i : i + 20]) for i in range(0, 80, 20)]
    if WORLD.rank == 1:
        mine = [(X[i : i + 10], y[i : i + 10]) for i in range(100, 120, 10)]
    file = Path(folder) / "run.npz"
    model = convolutional().fit(
        mine,
        epochs=2,
        rng=0,
        communicator=WORLD,
        resume=file,
        callbacks=[Checkpoint(file, every=7)],
    )
    report(folder, model)


@job
def nonfinite(folder, on_nonfinite="raise"):
    """One row, in rank 1's part of the second batch, overflows."""
    X, y = data(96)
    X = X.astype(np.float64)
    X[47] = 1e308
    model = network()
    model.build(64, rng=0, dtype=np.float64)
    text = ""
    try:
        model.fit(
            X, y, epochs=1, batch_size=24, rng=0, shuffle=False, metrics=[], verbose=0,
            on_nonfinite=on_nonfinite, communicator=WORLD,
        )  # fmt: skip
    except FloatingPointError as error:
        text = str(error)
    texts = WORLD.gather(text)
    report(folder, model, texts=texts or [])


@job
def worthless(folder):
    """Batches of which none counts, in any rank."""
    X, y = data(96)
    model = network()
    try:
        model.fit([(X, y, np.zeros(96))], verbose=0, rng=0, communicator=WORLD)
    except ValueError as error:
        text = str(error)
    report(folder, model, texts=WORLD.gather(text) or [])


class Refuses(Callback):
    """Finds, in rank 1, that it cannot do its work."""

    def on_train_begin(self, run):
        if run.rank == 1:
            raise ValueError("nothing to write to")


@job
def bad_input(folder):
    """What one rank alone gives wrong, all hear of."""
    X, y = data(40)
    own = WORLD.rank == 1
    told = []
    for changed in (
        {"batch_size": 0 if own else 8},
        {"batch_size": 9 if own else 8},
        {"epochs": 2 if own else 1},
        {"X": X[:, :3] if own else X},
        {"optimizer": SGD(0.2 if own else 0.1)},
        {"resume": Path(folder) / "damaged.npz"},
        {"callbacks": [Refuses()]},
        {"sample_weight": np.arange(len(X)) + 1.0 + own},
        {"deterministic": 7},
        {"deterministic": True, "X": [(X, y)], "y": None},
        {"deterministic": 2, "X": [(X, y)], "y": None},
        {"deterministic": True, "X": X[:30] if own else X, "y": y[:30] if own else y},
    ):
        arguments = {"X": X, "y": y, "communicator": WORLD, "verbose": 0, "epochs": 1} | changed
        model = network()
        model.build(64, rng=0)
        before = state(model)
        try:
            model.fit(**arguments)
            told.append("no error")
        except (TypeError, ValueError, OSError) as error:
            told.append(f"{type(error).__name__}: {error}")
        told[-1] += "" if np.array_equal(before, state(model)) else " CHANGED"
    allgather = WORLD.gather(told)
    if WORLD.rank == 0:
        np.savez(Path(folder) / "result-2.npz", told=np.array(allgather))


X40, Y40 = data(40)
CHOICES = {
    "X": (X40, X40[20:], [(X40, Y40)], X40[:, :3]),
    "y": (Y40, Y40[20:], None),
    "loss": (None, CrossEntropyLoss(), CrossEntropyLoss(label_smoothing=0.1)),
    "optimizer": (None, SGD(0.2), Adam()),
    "epochs": (1, 2, 0),
    "batch_size": (8, 9, None),
    "shuffle": (True, False),
    "validation_data": (None, (X40, Y40), [(X40, Y40)]),
    "validation_split": (None, 0.1, 0.2, 2.0),
    "metrics": (None, ["mse"], [], ["nothing"]),
    "sample_weight": (None, np.ones(40), np.arange(40)),
    "class_weight": (None, {1: 2.0}, {1: 3.0}, "balanced", np.ones(10)),
    "augment": (None, shift, lambda x, rng: x),
    "callbacks": (
        None, [LearningRateLogger()], [EarlyStopping("loss")], [EarlyStopping("loss", patience=2)],
        [Checkpoint("run.npz", every=1)], [Checkpoint("run.npz", every=2)],
    ),
    "rng": (0, 1, None),
    "verbose": (0, 2),
    "on_nonfinite": ("raise", "skip"),
    "resume": (None, "nothing-yet.npz"),
    "deterministic": (False, True, 2, 3, "yes"),
}  # fmt: skip
"""Of each argument of `fit` what is usual, and what else a rank may pass."""


def trained(changes):
    """What came of it: "" or an error, and whether a model that was not trained is as it was."""
    model = network()
    model.build(64, rng=0)
    before = state(model)
    arguments = {name: values[0] for name, values in CHOICES.items()} | changes
    if isinstance(arguments["X"], list) and arguments["y"] is Y40:
        arguments["y"] = None  # it is in the batches
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            model.fit(**arguments, communicator=WORLD)
        except (TypeError, ValueError) as error:
            same = "" if np.array_equal(before, state(model)) else " CHANGED"
            return f"{type(error).__name__}: {error}{same}"
    alike = {allgather.tobytes() for allgather in WORLD.allgather(state(model))}
    return "" if len(alike) == 1 else "DIFFERS"


@job
def differing(folder):
    """Rank 1 alone passes something else: each argument by itself."""
    os.chdir(folder)
    cases = [(name, i) for name, values in CHOICES.items() for i in range(1, len(values))]
    told = [trained({name: CHOICES[name][i * WORLD.rank]}) for name, i in cases]
    allgather = WORLD.gather(told)
    if WORLD.rank == 0:
        np.savez("result-2.npz", names=[name for name, _ in cases], told=np.array(allgather))


@job
def mixed(folder, cases="60"):
    """Both ranks pass any of these things."""
    os.chdir(folder)
    told = []
    for case in range(int(cases)):
        for file in Path().glob("run.npz*"):
            file.unlink(missing_ok=True)
        rng = np.random.default_rng(case)
        names = rng.choice(list(CHOICES), rng.integers(1, 5), replace=False)
        picks = {name: rng.integers(len(CHOICES[name]), size=2) for name in names}
        if case % 3 == 0:  # the same in both
            picks = {name: pick[[0, 0]] for name, pick in picks.items()}
        WORLD.Barrier()
        told.append(
            trained({name: CHOICES[name][pick[WORLD.rank]] for name, pick in picks.items()})
        )
    allgather = WORLD.gather(told)
    if WORLD.rank == 0:
        np.savez("result-2.npz", told=np.array(allgather))


class Note(Callback):
    """Prints what every rank sees, and stops in one of them."""

    def on_epoch_end(self, run):
        print(f"rank {run.rank} of {run.ranks}: loss {run.figures['loss']!r}", flush=True)

    def on_batch_end(self, run):
        if run.rank == 1 and run.steps == 25:
            run.stop("rank 1 is tired")


@job
def callbacks(folder):
    X, y = data()
    folder = Path(folder)
    model = network().fit(
        X, y, epochs=4, batch_size=50, rng=0, communicator=WORLD, validation_split=0.1,
        callbacks=[
            Note(), LearningRateLogger(), CSVLogger(folder / "log.csv"),
            Checkpoint(folder / "run.npz"), ModelCheckpoint(folder / "best.npz", monitor="loss"),
            EarlyStopping("val_loss"),
        ],
    )  # fmt: skip
    report(folder, model)


@job
def early_stopping(folder):
    X, y = data()
    stopping = EarlyStopping("loss", patience=2, min_delta=10.0)
    model = network().fit(
        X, y, epochs=50, batch_size=50, rng=0, communicator=WORLD, callbacks=[stopping], verbose=0
    )
    report(folder, model, best=stopping.best_epoch)


@job
def fails(folder):
    """A callback of rank 1 raises, while rank 0 goes on."""

    class Fails(Callback):
        def on_batch_end(self, run):
            if run.rank == 1 and run.steps == 5:
                raise RuntimeError("the disk of rank 1 is full")

    X, y = data()
    checkpoint = Checkpoint(Path(folder) / "run.npz", every=2)
    network().fit(X, y, epochs=1000, communicator=WORLD, callbacks=[Fails(), checkpoint], verbose=0)


class Dies(Callback):
    """Kills one rank after some step, without warning."""

    def __init__(self, rank, step):
        self.rank, self.step = rank, step

    def on_batch_end(self, run):
        if (run.rank, run.steps) == (self.rank, self.step):
            os.kill(os.getpid(), signal.SIGKILL)


@job
def killed(folder, rank="-1", step="0"):
    X, y = data()
    file = Path(folder) / "run.npz"
    model = network(Dropout(0.2), BatchNorm()).fit(
        X, y, optimizer=Adam(), epochs=4, batch_size=50, rng=0, communicator=WORLD, verbose=0,
        metrics=["accuracy", "mse"], resume=file,
        callbacks=[Checkpoint(file, every=3), Dies(int(rank), int(step))],
    )  # fmt: skip
    report(folder, model)


@job
def endless(folder):
    """Goes on until it is interrupted."""
    X, y = data()

    class Says(Callback):
        def on_epoch_begin(self, run):
            if run.rank == 0 and run.epoch == 3:
                print("under way", flush=True)

    checkpoint = Checkpoint(Path(folder) / "run.npz", every=100)
    model = network().fit(
        X, y, epochs=10**6, communicator=WORLD, callbacks=[Says(), checkpoint], verbose=0
    )
    report(folder, model)


class Centred(Layer):
    """x minus a running mean of its own: state that is not shared within a step."""

    state_names = ("mean",)

    def setup(self, input_shape):
        self.mean = np.zeros(input_shape)
        return input_shape

    def forward(self, x, training=False):
        y = x - self.mean.astype(x.dtype)
        if training:
            self.mean += 0.1 * (x.mean(axis=0) - self.mean)
            self._saved = True
        return y

    def backward(self, dy):
        return dy


@job
def own_state(folder):
    X, y = data()
    model = network(Centred())
    model.build(64, rng=WORLD.rank)  # weights that fit has to make alike
    model.fit(X, y, epochs=1, batch_size=50, rng=0, communicator=WORLD, verbose=0)
    report(folder, model)


@job
def memory(folder):
    """An epoch through shards; each rank's peak of resident memory, in bytes."""
    import resource  # noqa: PLC0415 - not on every system

    rows = Shards(str(Path(folder) / "big-*.npy"), str(Path(folder) / "y.npy"))
    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()])
    model.fit(rows, epochs=1, batch_size=4096, rng=0, communicator=WORLD, metrics=[])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report(folder, model, peaks=WORLD.gather(peak) or [])


if __name__ == "__main__":
    JOBS[sys.argv[1]](*sys.argv[2:])
