"""What a file of a run has to say, all of which is checked before anything goes on from it.

`RUN` is what holds for every file. The functions check what depends on the model, the data and the
other arguments of `fit`; each raises ValueError or TypeError.
"""

import copy
import inspect
import reprlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.data.arrays import as_weights
from tinyframe.data.source import Source
from tinyframe.layers.layer import Layer
from tinyframe.layers.state import check_state
from tinyframe.metrics import Metric
from tinyframe.optimizers.schedules import Schedule
from tinyframe.storage.architecture import describe
from tinyframe.types import Array
from tinyframe.utils.checks import real_number
from tinyframe.utils.schema import (
    LARGEST,
    OBJECT,
    PLAIN,
    TEXT,
    Rule,
    Schema,
    check_schema,
    integer,
    number,
    object_of,
    optional,
)

if TYPE_CHECKING:
    from tinyframe.training.callbacks import Run
    from tinyframe.training.data_spec import DataSpec


FIGURE = Rule(
    "a number",
    lambda value: isinstance(value, (bool, float)) or integer(-LARGEST).holds(value),
)

RUN: Schema = {
    "input_shape": [integer(1)],
    "dtype": TEXT,
    "model": OBJECT,
    "run": {
        "first_epoch": integer(1),
        "epoch": integer(),
        "batch": integer(),
        "steps": integer(),
        "stopped": TEXT,
        "rows": optional(integer(1)),
        "batch_size": integer(1),
        "total": number(finite=False),
        "mass": number(0),  # Σᵣ wᵣ, by the name that files have for it
        "skipped": integer(),
        "seconds": number(0),
        "base": number(0),
    },
    "optimizer": {
        "class": TEXT,
        "steps": integer(),
        "epoch": number(0),
        "rate": optional(number(0)),
        "schedule": object_of(PLAIN),
    },
    "history": [object_of(FIGURE)],
    "rngs": [optional(OBJECT)],
    "callbacks": [TEXT],
    "states": [object_of(PLAIN)],
}

FOLDERS = {"model", "slots", "callbacks"}
"""Where the arrays of every run are; within an epoch there are those below too."""

WITHIN = {"order", "scores"}

SCORES = {"prediction", "target", "weight", "batch"}
"""What metrics may have gathered."""

DISPLAYS = ("EpochLines", "ProgressBar")
"""Callbacks that may come and go between a run and its continuation."""

SHOWN = 200
"""Characters of what a file says that a message shows."""


def check_alike(
    meta: Mapping[str, Any],
    weights: Mapping[str, Array],
    run: "Run",
    feed: Source,
    batch_size: int,
) -> None:
    """Check that the file is of this model, and of these arguments of `fit`."""
    check_state(run.model, weights)
    expected = {
        "model": (meta["model"], describe(run.model)),
        "input shape": (meta["input_shape"], list(run.model.input_shape or ())),
        "dtype": (meta["dtype"], str(run.model.dtype)),
        "optimizer": (meta["optimizer"]["class"], type(run.optimizer).__name__),
        "rows": (meta["run"]["rows"], feed.rows),
        "batch_size": (meta["run"]["batch_size"], batch_size),
        "callbacks": tuple(
            [name for name in names if name not in DISPLAYS]
            for names in (meta["callbacks"], [type(c).__name__ for c in run.callbacks])
        ),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            raise ValueError(f"not the same {name}: {str(found)[:SHOWN]} in the file, {wanted} now")
    if len(meta["states"]) != len(meta["callbacks"]):
        raise ValueError(
            f"it has {len(meta['states'])} states of {len(meta['callbacks'])} callbacks"
        )


def check_position(
    meta: Mapping[str, Any],
    order: Array | None,
    feed: Source,
    batch_size: int,
    *,
    shuffle: bool,
) -> None:
    """Check that training with this data can be where the file says, in this order of the rows."""
    saved, recorded = meta["run"], len(meta["history"])
    check_schema(saved.get("evaluations", 0), integer(), "its number of evaluations")
    epoch, batch, batches = saved["epoch"], saved["batch"], feed.batches(batch_size)
    if (
        epoch < saved["first_epoch"] - 1
        or recorded != epoch - (batch > 0)
        or (batches is not None and batch > batches)
        or saved["skipped"] > batch
    ):
        raise ValueError(
            f"it is in batch {batch} of {batches} of epoch {epoch}, the first being "
            f"{saved['first_epoch']}, with {recorded} epochs recorded"
        )
    like = None  # an order as this data would have it
    if shuffle and batch:
        like = feed.draw_order(np.random.default_rng(0), batch_size)
    if order is None and like is None:
        return
    if order is None or like is None or order.shape != like.shape or order.dtype != np.int64:
        raise ValueError("its order of the rows is that of other data")
    is_seed = len(order) == 1
    if order.min() < 0 or not (is_seed or np.array_equal(np.sort(order), np.arange(len(order)))):
        raise ValueError("its order of the rows does not name each row once")


def check_names(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Check that the file has no arrays which mean nothing."""
    folders = FOLDERS | (WITHIN if meta["run"]["batch"] else set())
    callbacks = {str(number) for number in range(len(meta["callbacks"]))}
    for name in arrays:
        folder, *rest = name.split("/")
        if (
            folder not in folders
            or (folder == "order") != (not rest)
            or (folder == "callbacks" and (rest[0] not in callbacks or rest[1:] == []))
        ):
            raise ValueError(f"it has an array {name!r}, which means nothing here")


def check_memory(meta: Mapping[str, Any], slots: Mapping[str, Array], run: "Run") -> None:
    """Check the learning rate, and what optimizer and schedule remember."""
    kept, rate = meta["optimizer"], run.optimizer.learning_rate
    expected = (sum(p.size for p in run.model.trainable_parameters),), run.model.dtype
    for name, slot in slots.items():
        if (slot.shape, slot.dtype) != expected or name.startswith("scratch"):
            raise ValueError(
                f"the optimizer's {name} expected {expected[1]} of shape {expected[0]}, got "
                f"{slot.dtype} {slot.shape}"
            )
    if kept["rate"] is not None:
        real_number("its learning rate", kept["rate"], above=0)
    elif isinstance(rate, Schedule):
        _check_schedule(rate, kept["schedule"], kept["epoch"], run.names)
    else:
        raise ValueError(f"another learning rate: a schedule, not {rate}")


def _check_schedule(
    schedule: Schedule, memory: Mapping[str, Any], epoch: float, figures: Iterable[str]
) -> None:
    """Check that a schedule can have come to remember this, by letting a copy go on from it."""
    present = vars(schedule)
    for key, value in memory.items():
        like = plain(present.get(key))
        known = key in present or not hasattr(type(schedule), key)
        if not known or not (None in (value, like) or _alike(value, like)):
            raise ValueError(
                f"the schedule's {key} expected one like {like!r}, got {reprlib.repr(value)}"
            )
    if missing := schedule_memory(schedule).keys() - memory.keys():
        raise ValueError(f"the schedule expected {', '.join(sorted(missing))}, which are missing")
    going_on = copy.copy(schedule)
    vars(going_on).update(memory)
    real_number("the schedule's learning rate", going_on(epoch), at_least=0)
    if type(schedule).__module__ == Schedule.__module__:  # our own check what they are made with
        type(schedule)(**{key: memory[key] for key in inspect.signature(type(schedule)).parameters})
        going_on.observe(dict.fromkeys(figures, 0.0))


def schedule_memory(rate: Any) -> dict[str, Any]:
    """Return what a schedule remembers: its attributes that are plain values."""
    if not isinstance(rate, Schedule):
        return {}
    memory = {key: plain(value) for key, value in vars(rate).items()}
    return {key: value for key, value in memory.items() if PLAIN.holds(value)}


def plain(value: Any) -> Any:
    """Return a number of NumPy's as one of Python's, which a file takes; all else as it is."""
    return value.item() if isinstance(value, (np.number, np.bool_)) else value


def _alike(value: Any, like: Any) -> bool:
    """Whether two plain values are of one kind: texts, numbers, or True and False."""
    numbers = number(finite=False)
    return type(value) is type(like) or (numbers.holds(value) and numbers.holds(like))


def check_scores(
    scores: Mapping[str, Array],
    model: Layer,
    spec: "DataSpec",
    sample: Array,
    metrics: Mapping[str, Metric],
) -> None:
    """Check what metrics have gathered in an epoch so far; nothing before they were added."""
    if not scores:
        return
    if not metrics or not {"prediction", "target"} <= scores.keys() <= SCORES:
        raise ValueError(f"the metrics expected none of {', '.join(scores)}")
    prediction, rows = scores["prediction"], len(np.atleast_1d(scores["target"]))
    expected = (rows, *(model.output_shape or ()))
    if not rows or (prediction.shape, prediction.dtype) != (expected, model.dtype):
        raise ValueError(
            f"its predictions expected {model.dtype} of shape {expected}, got "
            f"{prediction.dtype} {prediction.shape}"
        )
    spec.targets(scores["target"], rows)
    wanted = {"target": np.empty((rows, *sample.shape[1:]), sample.dtype)}
    if "weight" in scores:
        wanted["weight"] = as_weights(scores["weight"], rows)
    if "batch" in scores:
        wanted["batch"] = np.zeros(rows, np.int64)
    for name, like in wanted.items():
        if (scores[name].shape, scores[name].dtype) != (like.shape, like.dtype):
            raise ValueError(
                f"the {name} of its predictions expected {like.dtype} of shape {like.shape}, got "
                f"{scores[name].dtype} {scores[name].shape}"
            )
