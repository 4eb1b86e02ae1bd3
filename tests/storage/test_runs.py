"""Checkpoints that somebody made: a right checksum, and anything inside.

Each is refused with a StorageError before anything has changed, or is a run like any other.
"""

import copy
import json
import random

import numpy as np
import pytest
from json_places import places

from tinyframe import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    CSVLogger,
    Dense,
    Dropout,
    EarlyStopping,
    LearningRateLogger,
    ModelCheckpoint,
    ReduceOnPlateau,
    ReLU,
    Sequential,
    Softmax,
    StorageError,
)
from tinyframe.layers.state import state_of
from tinyframe.storage.container import pack_npz, unpack_npz

ROWS = 26
EPOCHS = 3


class Stop(Callback):
    """Ends training as a power cut would, after so many batches."""

    def __init__(self, steps):
        self.at = steps

    def on_batch_end(self, run):
        if run.steps == self.at:
            raise KeyboardInterrupt


def dataset():
    rng = np.random.default_rng(0)
    return rng.random((ROWS, 5)), rng.integers(0, 3, ROWS)


class Setting:
    """A script that trains, and may go on from a file."""

    def __init__(self, folder, optimizer, **options):
        self.folder = folder
        self.model = Sequential([
            Dense(5, 4), BatchNorm(), ReLU(), Dropout(0.3), Dense(4, 3), Softmax(),
        ])  # fmt: skip
        self.model.build(5, rng=1)
        self.optimizer = optimizer()
        self.callbacks = [
            LearningRateLogger(), CSVLogger(folder / "log.csv"), EarlyStopping(patience=9),
            ModelCheckpoint(folder / "best.npz"),
        ]  # fmt: skip
        self.options = options

    def fit(self, stop=0, every=100, **options):
        X, y = dataset()
        given = {
            "optimizer": self.optimizer, "epochs": EPOCHS, "batch_size": 8, "verbose": 0, "rng": 0,
            "validation_data": (X, y), "metrics": ["accuracy", "f1"],
        }  # fmt: skip
        callbacks = [*self.callbacks, Stop(stop), Checkpoint(self.folder / "run.npz", every)]
        self.model.fit(X, y, callbacks=callbacks, **given | self.options | options)

    def everything(self):
        """All that a refused file has to leave alone."""
        schedule = self.optimizer.learning_rate
        arrays = state_of(self.model) | self.optimizer.state()
        return {
            "arrays": {name: array.tobytes() for name, array in arrays.items()},
            "optimizer": (self.optimizer.steps, self.optimizer.epoch, self.optimizer.options),
            "schedule": copy.copy(vars(schedule)) if hasattr(schedule, "rate") else schedule,
            "callbacks": [repr(sorted(vars(callback).items())) for callback in self.callbacks],
            "layers": [repr(sorted(vars(layer))) for layer in self.model.walk()],
            "draws": [layer._rng for layer in self.model.walk()],
            "history": repr(self.model.history),
        }


def weighted():
    return {"sample_weight": np.linspace(0.5, 1, ROWS)}


SETTINGS = {
    # optimizer, options of fit, batches before the power cut, batches between checkpoints
    "within an epoch": (lambda: Adam(ReduceOnPlateau(0.01)), dict, 6, 1),
    "within the first epoch": (lambda: SGD(0.1, momentum=0.9), weighted, 2, 1),
    "after an epoch": (lambda: SGD(0.1), lambda: {"shuffle": False}, 6, None),
}
ODD = [
    None, True, False, 0, 1, -1, 2, 7, 10**6, -(10**6), 2**63, -(2**63), 2**64, 2**128, 10**400,
    0.5, -0.5, 1e300, -1e300, float("nan"), float("inf"), -float("inf"), "", "x", "min", "5",
    "PCG64", "MT19937", "os", [], [1], [None], ["x"], {}, {"a": 1}, {"array": [1], "dtype": "O"},
    {"bit_generator": "MT19937", "state": {"key": {"array": [1] * 624, "dtype": "uint32"},
                                           "pos": 10**6}},
]  # fmt: skip
ARRAYS = [
    np.zeros(0, np.float32), np.zeros((0, 3), np.float32), np.ones(1), np.ones(3), np.ones((2, 3)),
    np.full(3, np.nan), np.full(49, -1.0, np.float32), np.arange(ROWS), np.arange(ROWS)[::-1] - 1,
    np.full(ROWS, 10**6), np.full(1, -1), np.ones((8, 3), np.float32), np.full(8, 99),
    np.array(1.0), np.ones((1, 1, 1, 1), bool), np.ones(5, np.uint8),
]  # fmt: skip
NAMES = [
    "x", "order", "slots/scratch factors", "callbacks/9/x", "callbacks/2/best", "callbacks/2",
    "scores/weight", "scores/batch", "order/x", "",
]  # fmt: skip


def nested(value, depth):
    for _ in range(depth):
        value = [value]
    return value


def mutate_meta(meta, rng):
    """Change one place of the description, and say how."""
    *path, key = rng.choice(list(places(meta)))
    parent = meta
    for step in path:
        parent = parent[step]
    old, how = parent[key], rng.randrange(8)
    if how == 0:
        del parent[key]
    elif how == 1 and isinstance(parent, dict):
        name = rng.choice(["x", "loss", "observe", "best", f"{key}2"])
        parent[name] = copy.deepcopy(rng.choice(ODD))
    elif how == 2 and isinstance(parent, list):
        parent.append(copy.deepcopy(old))
    elif how == 3:
        parent[key] = nested(old, rng.choice([1, 2, 200]))
    elif how == 4 and type(old) in (int, float):
        parent[key] = rng.choice(
            [-old, old + 1, old - 1, old * 2, float(old), old * 10**9, str(old)]
        )
    else:
        parent[key] = copy.deepcopy(rng.choice(ODD))
    return [*path, key, how]


def mutate_arrays(arrays, rng):
    """Change one array, and say how."""
    name, how = rng.choice(sorted(arrays)), rng.randrange(8)
    old = arrays[name]
    if how == 0:
        del arrays[name]
    elif how == 1:
        folder = name.rpartition("/")[0]
        new = rng.choice([f"{name}x", f"{folder}/x", *NAMES])
        arrays[new] = rng.choice([old, *ARRAYS])
    elif how == 2:
        arrays[name] = old.astype(rng.choice(["f4", "f8", "i8", "u1", "?"]))
    elif how == 3:
        arrays[name] = old[..., np.newaxis]
    elif how == 4 and old.ndim:
        arrays[name] = old[: rng.choice([0, 1, -1])]
    elif how == 5 and old.ndim:
        arrays[name] = np.concatenate([old, old])
    elif how == 6 and old.size:
        arrays[name] = old.copy()
        arrays[name].flat[rng.randrange(old.size)] = rng.choice([-1, 0, 5, 10**6, -(2**62)])
    else:
        arrays[name] = rng.choice(ARRAYS)
    return [name, how]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of what a file's own numbers may do
def test_a_hostile_checkpoint_is_refused_before_anything_changes(tmp_path, name, pytestconfig):
    optimizer, options, stop, every = SETTINGS[name]
    with pytest.raises(KeyboardInterrupt):
        Setting(tmp_path, optimizer, **options()).fit(stop, every)
    good = (tmp_path / "run.npz").read_bytes()
    log = (tmp_path / "log.csv").read_bytes()
    meta, arrays = unpack_npz(good)
    path, refused = tmp_path / "evil.npz", 0
    cases = 4000 if pytestconfig.getoption("--long") else 250
    for seed in range(cases):
        rng = random.Random(seed)  # noqa: S311 - no secret
        evil, evil_arrays = copy.deepcopy(meta), dict(arrays)
        changes = [
            mutate_arrays(evil_arrays, rng) if rng.random() < 0.3 else mutate_meta(evil, rng)
            for _ in range(rng.choice([1, 1, 1, 2, 3]))
        ]
        path.write_bytes(pack_npz(evil, evil_arrays))
        (tmp_path / "log.csv").write_bytes(log)
        setting = Setting(tmp_path, optimizer, **options())
        before = setting.everything()
        try:
            setting.fit(resume=path)
        except StorageError:
            refused += 1
            assert setting.everything() == before, changes
            assert (tmp_path / "log.csv").read_bytes() == log, changes
        except FloatingPointError:  # a run whose numbers are NaN or too large
            pass
        except Exception as error:  # noqa: BLE001 - the point of the test
            pytest.fail(f"seed {seed}, {changes}: {error!r}")
    assert refused > cases // 2
    path.write_bytes(pack_npz(json.loads(json.dumps(meta)), arrays))
    Setting(tmp_path, optimizer, **options()).fit(resume=path)
