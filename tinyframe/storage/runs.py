"""Runs as files: a model in the midst of training, with all that it needs to go on to the bit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyframe.callbacks import Callback, Run
from tinyframe.feed import Source
from tinyframe.layers.layer import Layer
from tinyframe.schedules import Schedule
from tinyframe.state import check_state, restore_state, state_of
from tinyframe.storage.architecture import describe
from tinyframe.storage.container import pack_npz, unpack_npz
from tinyframe.storage.errors import StorageError
from tinyframe.storage.files import read, write_atomically
from tinyframe.storage.models import check_header, header
from tinyframe.types import Array

Plain = (bool, int, float, str, type(None))


def check_writable(path: Path, model: Layer) -> None:
    """Raise StorageError if a run of this model cannot be written there."""
    if not path.absolute().parent.is_dir():
        raise StorageError(f"{path} cannot be written: its folder is not there")
    describe(model)


def write_run(path: Path, run: Run) -> None:
    """Write a run as it stands after a batch or an epoch; the file before it is kept.

    Of several processes all have to call it, and rank 0 writes.
    """
    trainer, optimizer, model = run.trainer, run.optimizer, run.model
    within = run.batch if model.history.epochs < run.epoch else 0
    scores = trainer.gathered() if within else {}
    if run.rank:
        return
    arrays = _under("model", state_of(model))
    arrays |= _under("slots", optimizer.state())
    if within:
        arrays |= _under("scores", scores)
        if trainer.order is not None:
            arrays["order"] = trainer.order.astype(np.int64)
    states = []
    for number, callback in enumerate(run.callbacks):
        state = callback.state()
        states.append({key: value for key, value in state.items() if isinstance(value, Plain)})
        arrays |= _under(f"callbacks/{number}", _arrays(state))
    meta = header("run", model) | {
        "run": {
            "first_epoch": run.first_epoch,
            "epoch": run.epoch,
            "batch": within,
            "steps": run.steps,
            "stopped": run.stopped,
            "rows": trainer.feed.rows,
            "batch_size": trainer.batch_size,
            "total": trainer.total if within else 0.0,
            "mass": trainer.mass if within else 0.0,
            "skipped": trainer.skipped if within else 0,
            "seconds": trainer.seconds if within else 0.0,
            "base": trainer.base,
        },
        "optimizer": {
            "class": type(optimizer).__name__,
            "steps": optimizer.steps,
            "epoch": optimizer.epoch,
            "rate": None if isinstance(optimizer.learning_rate, Schedule) else optimizer.rate,
            "schedule": _schedule(optimizer.learning_rate),
        },
        "history": [dict(model.history.at(number)) for number in range(model.history.epochs)],
        "rngs": [_rng_state(rng) for rng in _rngs(run)],
        "callbacks": [type(callback).__name__ for callback in run.callbacks],
        "states": states,
    }
    write_atomically(path, pack_npz(meta, arrays), keep_previous=True)


def read_run(path: Path) -> "SavedRun":
    """Return the run in a file; raise StorageError if it cannot be read or is damaged."""
    content = read(path)
    try:
        meta, arrays = unpack_npz(content)
        check_header(meta, "run")
    except StorageError as error:
        raise StorageError(f"{path}: {error}") from error.__cause__
    return SavedRun(path, meta, arrays)


class SavedRun:
    """What a file holds of a run.

    Parameters
    ----------
    path, meta, arrays
        The file, its description, and its arrays.
    """

    def __init__(self, path: Path, meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        self.path = path
        self.meta = meta
        self.arrays = arrays

    def check(self, run: Run, feed: Source, batch_size: int) -> None:
        """Make `run` the continuation of this one; raise StorageError if it cannot be that."""
        try:
            saved, optimizer = self.meta["run"], self.meta["optimizer"]
            found = {
                "model": self.meta["model"],
                "input shape": self.meta["input_shape"],
                "dtype": self.meta["dtype"],
                "optimizer": optimizer["class"],
                "rows": saved["rows"],
                "batch_size": saved["batch_size"],
                "callbacks": [name for name in self.meta["callbacks"] if name not in DISPLAYS],
            }
            check_state(run.model, self._under("model"))
            run.first_epoch, run.epoch = saved["first_epoch"], saved["epoch"]
            run.batch, run.steps = saved["batch"], saved["steps"]
            self._epochs = [dict(epoch) for epoch in self.meta["history"]]
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(f"{self.path}: it cannot be gone on from: {error}") from error
        expected = {
            "model": describe(run.model),
            "input shape": list(run.model.input_shape or ()),
            "dtype": str(run.model.dtype),
            "optimizer": type(run.optimizer).__name__,
            "rows": feed.rows,
            "batch_size": batch_size,
            "callbacks": [
                name for name in (type(c).__name__ for c in run.callbacks) if name not in DISPLAYS
            ],
        }
        for name, value in expected.items():
            if found[name] != value:
                raise StorageError(f"{self.path}: another {name}: {found[name]}, not {value}")
        run.last_epoch = run.first_epoch + run.epochs - 1
        run.resumed = True
        if run.epoch < run.last_epoch or run.batch:
            run.stopped = "" if saved["stopped"] == "interrupted" else saved["stopped"]

    def restore(self, run: Run) -> None:
        """Put model, optimizer, trainer and generators where they were."""
        saved, trainer, optimizer = self.meta["run"], run.trainer, run.optimizer
        kept = self.meta["optimizer"]
        restore_state(run.model, self._under("model"))
        run.model.history.replace(self._epochs)
        if kept["rate"] is not None:
            optimizer.learning_rate = kept["rate"]
        elif isinstance(optimizer.learning_rate, Schedule):
            vars(optimizer.learning_rate).update(kept["schedule"])
        optimizer.restore(kept["steps"], kept["epoch"], self._under("slots"))
        for name in ("total", "mass", "skipped", "seconds", "base"):
            setattr(trainer, name, saved[name])
        order = self.arrays.get("order")
        trainer.order = None if order is None else order.astype(np.intp)
        trainer.scores.gathered = {} if run.rank else self._under("scores")
        _restore_rngs(run, self.meta["rngs"])

    def restore_callbacks(self, callbacks: tuple[Callback, ...], rank: int) -> None:
        """Give each callback the state it had, if it is called in the process of this rank."""
        names = self.meta["callbacks"]
        kept = [i for i, name in enumerate(names) if name not in DISPLAYS]
        others = [callback for callback in callbacks if type(callback).__name__ not in DISPLAYS]
        for number, callback in zip(kept, others, strict=True):
            state = dict(self.meta["states"][number]) | self._under(f"callbacks/{number}")
            if state and not (rank and callback.rank_zero_only):
                callback.restore(state)

    def _under(self, folder: str) -> dict[str, Array]:
        prefix = f"{folder}/"
        return {
            name.removeprefix(prefix): array
            for name, array in self.arrays.items()
            if name.startswith(prefix)
        }


BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
"""NumPy's own."""

DISPLAYS = ("EpochLines", "ProgressBar")
"""Callbacks that may come and go between a run and its continuation."""


def _under(folder: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{folder}/{name}": array for name, array in arrays.items()}


def _arrays(state: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays of a callback's state; raise StorageError for what cannot be written."""
    arrays = {key: value for key, value in state.items() if not isinstance(value, Plain)}
    for key, value in arrays.items():
        if not isinstance(value, np.ndarray):
            raise StorageError(f"the state {key!r} of a callback is a {type(value).__name__}")
    return arrays


def _schedule(rate: Any) -> dict[str, Any]:
    """Return what a schedule remembers: its attributes that are plain values."""
    if not isinstance(rate, Schedule):
        return {}
    return {key: value for key, value in vars(rate).items() if isinstance(value, Plain)}


def _drawing(run: Run) -> list[tuple[Any, str]]:
    """Return who holds a generator that training draws from, and under which name."""
    layers = [(layer, "rng") for layer in run.model.walk() if layer.random]
    return [(run.trainer, "order_rng"), (run.trainer, "rng"), *layers]


def _rngs(run: Run) -> list[Any]:
    """Return all generators that training draws from, None where there is none."""
    return [getattr(holder, name) for holder, name in _drawing(run)]


def _restore_rngs(run: Run, states: list[Any]) -> None:
    """Put all generators where they were; one process and several draw from different kinds."""
    for (holder, name), rng, state in zip(_drawing(run), _rngs(run), states, strict=True):
        if rng is None:
            continue
        kind = state["bit_generator"]
        if kind != type(rng.bit_generator).__name__:
            if kind not in BIT_GENERATORS:
                raise StorageError(
                    f"the checkpoint has a random generator {kind!r}, not known here"
                )
            rng = np.random.Generator(getattr(np.random, kind)())
            setattr(holder, name, rng)
        rng.bit_generator.state = _rng_value(state)


def _rng_state(rng: Any) -> Any:
    return None if rng is None else _plain(rng.bit_generator.state)


def _plain(value: Any) -> Any:
    """Return a generator's state as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value if isinstance(value, Plain) else int(value)


def _rng_value(value: Any) -> Any:
    """Return the state that `_plain` made plain."""
    if isinstance(value, dict) and value.keys() == {"array", "dtype"}:
        return np.array(value["array"], value["dtype"])
    if isinstance(value, dict):
        return {key: _rng_value(part) for key, part in value.items()}
    return value
