"""DataSpec: what data has to fit, and whatever a user calls data as a source of rows."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinyframe.data.arrays import as_class_weights, as_inputs, as_targets, as_weights
from tinyframe.data.batch_feed import BatchFeed
from tinyframe.data.feed import Feed
from tinyframe.data.shard_feed import ShardFeed
from tinyframe.data.shards import Shards
from tinyframe.data.source import BLOCK, Source
from tinyframe.data.tables import categories_of
from tinyframe.layers.layer import Layer
from tinyframe.losses import BinaryCrossEntropyLoss, HingeLoss, Loss
from tinyframe.types import Array, Shape

ZEROS = "the weights expected a row that counts, got zeros alone"


def inputs(
    model: Layer, entry: Layer, X: Any, *, build: bool = False, most: int | None = None
) -> Array:
    """Return X as an array that the model takes; build the model for it if that is asked for.

    Parameters
    ----------
    model, entry
        What it goes into, and the layer named where the shape does not fit.
    X
        As in `Model.fit`.
    build
        Whether a model without shapes takes those of X.
    most
        As in `as_inputs`.

    Raises
    ------
    TypeError, ValueError
        If it is not that, or the model is not built.
    """
    if model.input_shape is None and not build:
        raise ValueError(
            "the model is not built: its input shape is not known before fit or build(input_shape)"
        )
    x = as_inputs(X, model.input_shape, model.dtype, entry, most)
    if model.input_shape is None:
        model.build(x.shape[1:])
    return x


def input_dtype(model: Layer, x: Array) -> np.dtype[Any]:
    """Return what the model wants x in: its own dtype, or integers as they are."""
    return x.dtype if model.takes_integers and x.dtype.kind in "bui" else model.dtype


class DataSpec:
    """What the data has to fit: the model, the loss, and weights of classes.

    Parameters
    ----------
    model, entry, loss
        What the rows are for; `entry` is named where a shape does not fit.
    class_weight
        As in `Model.fit`.
    learns
        Whether the model learns from the data, and so what its categories are.

    Attributes
    ----------
    head : array or None
        The first rows of X that came, as they came.
    """

    def __init__(
        self, model: Layer, entry: Layer, loss: Loss, class_weight: Any = None, *,
        learns: bool = False,
    ) -> None:  # fmt: skip
        self.model = model
        self.entry = entry
        self.loss = loss
        self.class_weight = class_weight
        self.learns = learns
        self.head: Array | None = None

    def inputs(self, X: Any, *, build: bool = False) -> Array:
        """Return X as an array that the model takes, built for it if that is asked for."""
        x = inputs(self.model, self.entry, X, build=build)
        if self.head is None:
            self.head = x
        return x

    def targets(self, y: Any, rows: int) -> Array:
        """Return y as the loss takes it."""
        shape = self._target_shape()
        self._check_categories(categories_of(y), shape)
        target = as_targets(y, rows, shape, self.model.dtype, self.loss.ignore_index)
        if target.shape[1:] == shape:
            try:
                self.loss.check_target(target)
            except ValueError as error:
                raise ValueError(f"y: {error}") from None
        return target

    def _check_categories(self, names: list[Any] | None, shape: Shape) -> None:
        """Raise ValueError if y has other categories, or in another order, than y had in `fit`."""
        if names is None:
            return
        known = getattr(self.model, "_categories", None)
        if shape[-1] == 1 and not isinstance(self.loss, (BinaryCrossEntropyLoss, HingeLoss)):
            raise ValueError(f"y expected numbers, which {self.loss!r} is of, got categories")
        if known is None and not self.learns:
            raise ValueError(
                "y expected labels, as the categories of the rows that the model learned from are "
                "not known: y.cat.codes, if these are in the same order"
            )
        if known is not None and known != names:
            raise ValueError(f"y expected the categories {known}, in this order, got {names}")
        setattr(self.model, "_categories", names)  # noqa: B010 - of models alone

    def weights(self, sample_weight: Any, y: Array) -> Array | None:
        """Return the weights of rows, by themselves and by their class; None if all count alike."""
        weight = None if sample_weight is None else as_weights(sample_weight, len(y))
        if self.class_weight is None:
            return weight
        by_class = as_class_weights(self.class_weight, y, self._target_shape()[-1])
        return by_class if weight is None else as_weights(weight * by_class, len(y))

    def _target_shape(self) -> Shape:
        """Return the shape of a row's target; ValueError if the loss does not fit the model."""
        assert self.model.output_shape is not None  # noqa: S101 - tells the type checker
        try:
            return self.loss.target_shape(self.model.output_shape)
        except ValueError as error:
            raise ValueError(f"loss: {error}") from None

    def batch(self, batch: Any, *, build: bool = False) -> tuple[Array, Array, Array | None]:
        """Return one batch of an iterable as (x, target, weight or None)."""
        x, y, weight = self.rows(batch, build=build)
        return x.astype(input_dtype(self.model, x), copy=False), y, weight

    def rows(self, batch: Any, *, build: bool = False) -> tuple[Array, Array, Array | None]:
        """Return one batch as (x, target, weight or None), checked, x in the dtype that it has."""
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise TypeError(f"expected (x, y) or (x, y, weight), got a {type(batch).__name__}")
        x = self.inputs(batch[0], build=build)
        y = self.targets(batch[1], len(x))
        weight = self.weights(batch[2] if len(batch) == 3 else None, y)  # noqa: PLR2004 - with weight
        return x, y, weight

    def validation(self, data: Any) -> Source:
        """Return `validation_data` as a source, which class weights do not touch."""
        plain = DataSpec(self.model, self.entry, self.loss)
        try:
            pair = isinstance(data, (tuple, list)) and len(data) in (2, 3)
            if pair and not all(isinstance(part, tuple) for part in data):
                return as_source(plain, *data)[0]
            return as_source(plain, data)[0]
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None


def as_source(
    spec: DataSpec, X: Any, y: Any = None, sample_weight: Any = None, *, build: bool = False
) -> tuple[Source, Array]:
    """Return the data as a source of rows, and some of its targets.

    Parameters
    ----------
    spec
        What it has to fit.
    X, y, sample_weight
        As in `Model.fit`.
    build
        Whether to build the model for it.

    Raises
    ------
    TypeError, ValueError
        If it is not as `Model.fit` says.
    """
    if y is not None:
        x = spec.inputs(X, build=build)
        target = spec.targets(y, len(x))
        weight = spec.weights(sample_weight, target)
        if weight is not None and not weight.any():
            raise ValueError(ZEROS)
        return Feed(x, target, input_dtype(spec.model, x), weight), target
    if isinstance(X, Shards):
        return _from_shards(spec, X, sample_weight, build=build)
    if hasattr(X, "__array__") or not isinstance(X, Iterable):
        raise TypeError(
            "y is missing: expected (X, y), Shards or an iterable of batches, got a "
            f"{type(X).__name__}"
        )
    if sample_weight is not None or isinstance(spec.class_weight, str):
        raise ValueError("with batches, weights come in them: (x, y, weight)")
    iterator = iter(X)
    first = next(iterator, None)
    batches = itertools.chain([first], iterator) if one_shot(X) else X
    if first is None:
        raise ValueError("X expected at least one batch, got none")
    target = _targets_of(spec, 1, first, build=build)
    for number, batch in enumerate(X[1:] if isinstance(X, (list, tuple)) else (), 2):
        _targets_of(spec, number, batch)  # what is made on the way is checked when it comes
    return BatchFeed(batches, spec.batch), target


def _targets_of(spec: DataSpec, number: int, batch: Any, *, build: bool = False) -> Array:
    """Return the targets of a batch, or say which one it is that does not fit."""
    try:
        return spec.rows(batch, build=build)[1]
    except (TypeError, ValueError) as error:
        raise type(error)(f"batch {number}: {error}") from None


def _from_shards(
    spec: DataSpec, shards: Shards, sample_weight: Any, *, build: bool
) -> tuple[Source, Array]:
    """Return shards as a source, and some of their targets."""
    if sample_weight is not None or isinstance(spec.class_weight, str):
        raise ValueError("with Shards, weights come in files: Shards(X, y, weight)")
    head = [(0, min(BLOCK, shards.rows))]
    x, target, _ = spec.rows((shards.X.read(head), shards.y.read(head)), build=build)
    if shards.weight is not None and not _any_row_counts(spec, shards):
        raise ValueError(ZEROS)
    return ShardFeed(shards, spec.rows, input_dtype(spec.model, x)), target


def _any_row_counts(spec: DataSpec, shards: Shards) -> bool:
    """Whether any row has a weight above 0; mostly one of the first block has."""
    assert shards.weight is not None  # noqa: S101 - tells the type checker
    for start in range(0, shards.rows, BLOCK):
        rows = [(start, min(start + BLOCK, shards.rows))]
        y = shards.y.read(rows)
        weight = spec.weights(shards.weight.read(rows), spec.targets(y, len(y)))
        if weight is not None and weight.any():
            return True
    return False


def check_lasting(epochs: int, *data: Any) -> None:
    """Raise ValueError if data that can be gone through once is to last for several epochs."""
    if epochs > 1 and any(map(one_shot, data)):
        raise ValueError(
            f"fit expected data to go through {epochs} times, got an iterator, which is spent "
            "after one; give a list, or an object whose __iter__ begins anew"
        )


def one_shot(data: Any) -> bool:
    """Whether `data` can be gone through only once, as a generator."""
    return isinstance(data, Iterator)
