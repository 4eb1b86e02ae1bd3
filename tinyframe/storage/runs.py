"""Runs as files: a model in the midst of training, with all that it needs to go on to the bit."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.data.source import Source
from tinyframe.layers.layer import Layer
from tinyframe.layers.state import restore_state, state_of
from tinyframe.metrics import Metric
from tinyframe.optimizers import FullBatchOptimizer
from tinyframe.optimizers.schedules import Schedule
from tinyframe.storage.architecture import UNUSABLE, describe
from tinyframe.storage.container import pack_npz, unpack_npz
from tinyframe.storage.errors import StorageError
from tinyframe.storage.files import read, write_atomically
from tinyframe.storage.generators import check_generators, generator_states, restore_generators
from tinyframe.storage.models import check_header, header
from tinyframe.storage.run_schema import (
    DISPLAYS,
    RUN,
    check_alike,
    check_memory,
    check_names,
    check_position,
    check_scores,
    plain,
    schedule_memory,
)
from tinyframe.types import Array
from tinyframe.utils.schema import check_schema

if TYPE_CHECKING:
    from tinyframe.training.callbacks import Callback, Run
    from tinyframe.training.data_spec import DataSpec


Plain = (bool, int, float, str, type(None))


def check_writable(path: Path, model: Layer) -> None:
    """Raise StorageError if a run of this model cannot be written there."""
    if not path.absolute().parent.is_dir():
        raise StorageError(f"{path} cannot be written: its folder is not there")
    describe(model)


def write_run(path: Path, run: "Run") -> None:
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
        state = {key: plain(value) for key, value in callback.state().items()}
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
            "mass": trainer.weight_sum if within else 0.0,
            "skipped": trainer.skipped if within else 0,
            "seconds": trainer.seconds if within else 0.0,
            "base": trainer.base,
            "evaluations": getattr(optimizer, "evaluations", 0),
        },
        "optimizer": {
            "class": type(optimizer).__name__,
            "steps": optimizer.steps,
            "epoch": optimizer.epoch,
            "rate": None if isinstance(optimizer.learning_rate, Schedule) else optimizer.rate,
            "schedule": schedule_memory(optimizer.learning_rate),
        },
        "history": [dict(model.history.at(number)) for number in range(model.history.epochs)],
        "rngs": generator_states(run),
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

    def check(
        self,
        run: "Run",
        feed: Source,
        batch_size: int,
        *,
        shuffle: bool,
        spec: "DataSpec",
        sample: Array,
        metrics: Mapping[str, Metric],
    ) -> None:
        """Make `run` the continuation of this one; nothing else changes before `restore`.

        Parameters
        ----------
        run, feed, batch_size, shuffle, spec, metrics
            What `fit` was asked for.
        sample
            Some of its targets.

        Raises
        ------
        StorageError
            If it cannot be that, or anything in the file is not as it should be.
        """
        try:
            check_schema(self.meta, RUN, "it")
            check_alike(self.meta, self.arrays_of("model"), run, feed, batch_size)
            check_position(self.meta, self.arrays.get("order"), feed, batch_size, shuffle=shuffle)
            check_generators(self.meta["rngs"], run.model, shuffle=shuffle)
            check_names(self.meta, self.arrays)
            check_memory(self.meta, self.arrays_of("slots"), run)
            check_scores(self.arrays_of("scores"), run.model, spec, sample, metrics)
            for callback, state in self._states(run.callbacks):
                callback.check_state(state, run)
        except UNUSABLE as error:
            raise StorageError(f"{self.path}: it cannot be resumed from: {error}") from error
        saved = self.meta["run"]
        run.first_epoch, run.epoch = saved["first_epoch"], saved["epoch"]
        run.batch, run.steps = saved["batch"], saved["steps"]
        run.last_epoch = run.first_epoch + run.epochs - 1
        run.resumed = True
        if run.epoch < run.last_epoch or run.batch:
            run.stopped = "" if saved["stopped"] == "interrupted" else saved["stopped"]

    def restore(self, run: "Run") -> None:
        """Put model, optimizer, trainer and generators where they were."""
        saved, trainer, optimizer = self.meta["run"], run.trainer, run.optimizer
        kept = self.meta["optimizer"]
        restore_state(run.model, self.arrays_of("model"))
        run.model.history.replace([dict(epoch) for epoch in self.meta["history"]])
        if kept["rate"] is not None:
            optimizer.learning_rate = kept["rate"]
        elif isinstance(optimizer.learning_rate, Schedule):
            vars(optimizer.learning_rate).update(kept["schedule"])
        optimizer.restore(kept["steps"], kept["epoch"], self.arrays_of("slots"))
        trainer.total, trainer.weight_sum = saved["total"], saved["mass"]
        for name in ("skipped", "seconds", "base"):
            setattr(trainer, name, saved[name])
        if isinstance(optimizer, FullBatchOptimizer):
            optimizer.evaluations = saved.get("evaluations", 0)
        order = self.arrays.get("order")
        trainer.order = None if order is None else order.astype(np.intp)
        trainer.scores.gathered = {} if run.rank else self.arrays_of("scores")
        restore_generators(run, self.meta["rngs"])

    def restore_callbacks(self, callbacks: tuple["Callback", ...], rank: int) -> None:
        """Give each callback the state it had, if it is called in the process of this rank."""
        for callback, state in self._states(callbacks):
            if not (rank and callback.rank_zero_only):
                callback.restore(state)

    def arrays_of(self, folder: str) -> dict[str, Array]:
        """Return the arrays whose names begin with that of a folder, without it."""
        prefix = f"{folder}/"
        return {
            name.removeprefix(prefix): array
            for name, array in self.arrays.items()
            if name.startswith(prefix)
        }

    def _states(
        self, callbacks: Iterable["Callback"]
    ) -> Iterator[tuple["Callback", dict[str, Any]]]:
        """Yield each callback that had something to keep, and that."""
        kept = [i for i, name in enumerate(self.meta["callbacks"]) if name not in DISPLAYS]
        others = [callback for callback in callbacks if type(callback).__name__ not in DISPLAYS]
        for number, callback in zip(kept, others, strict=True):
            if state := self.meta["states"][number] | self.arrays_of(f"callbacks/{number}"):
                yield callback, state


def _under(folder: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{folder}/{name}": array for name, array in arrays.items()}


def _arrays(state: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays of a callback's state; raise StorageError for what cannot be written."""
    arrays = {key: value for key, value in state.items() if not isinstance(value, Plain)}
    for key, value in arrays.items():
        if not isinstance(value, np.ndarray):
            raise StorageError(f"the state {key!r} of a callback is a {type(value).__name__}")
    return arrays
