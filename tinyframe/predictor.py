"""Predictor: what one can do with a layer that has learned: predict, evaluate, save, export."""

import copy
import os
from abc import ABC
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import check_finite
from tinyframe.data.source import BLOCK
from tinyframe.interop.exportable import Exportable
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss, LossLike
from tinyframe.metrics import named_metrics
from tinyframe.storage.errors import StorageError
from tinyframe.training.blocks import all_ours
from tinyframe.training.data_spec import DataSpec, as_source, input_dtype, inputs
from tinyframe.training.evaluation import evaluate
from tinyframe.training.objective import Objective
from tinyframe.training.settings import chosen_loss, verbosity
from tinyframe.types import Array
from tinyframe.utils.checks import number_dtype, positive_integer
from tinyframe.utils.hints import understood
from tinyframe.utils.progress import track
from tinyframe.utils.threads import share

if TYPE_CHECKING:
    from tinyframe.inspection.summary import Summary
    from tinyframe.recording.frozen import FrozenPredictor


class Predictor(Exportable, ABC):
    """A layer that data goes into, and predictions come out of; `Model` adds learning.

    Attributes
    ----------
    loss
        That of the last `fit`; None before.
    """

    loss: Loss | None = None
    _inference: Any = None
    _categories: list[Any] | None = None

    @understood
    def __call__(self, X: npt.ArrayLike) -> Array:
        """Return `predict(X)`, without a bar; a model that is not built takes the shape of X."""
        if self.input_shape is None:
            inputs(self, self._entry, X, build=True)
        return self.predict(X, verbose=0)

    @understood
    def predict(self, X: npt.ArrayLike, *, verbose: int = 1) -> Array:
        """Return the outputs for X, in a fresh array of shape (rows, *output_shape).

        It changes nothing, so that many threads may predict with one model at once.

        Parameters
        ----------
        X : array of shape (rows, *input_shape)
            Finite numbers.
        verbose
            0 never shows a bar; otherwise there is one where it takes long, on a terminal.

        Raises
        ------
        TypeError, ValueError
            If X is not that, or the model is not built.
        """
        wanted = verbosity(verbose) != 0
        layers = self._chain()
        x = inputs(self, layers[0], X, most=0)
        dtype = input_dtype(self, x)
        if len(x) <= BLOCK:
            return self._few(layers, x, dtype)
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        prediction: Array = np.empty((len(x), *self.output_shape), self.dtype)

        def predict(starts: Iterable[int]) -> None:
            forward = self._taken(layers)
            for start in starts:
                rows = slice(start, start + BLOCK)
                block = x[rows]
                check_finite(block, "X", self.dtype, start)  # here, as it then is in cache
                prediction[rows] = forward(block.astype(dtype, copy=False))
            self._give_back(layers, forward)

        starts = range(0, len(x), BLOCK)
        try:
            shown = partial(track, what="predict", unit="block", wanted=wanted)
            share(predict, starts, shown, alone=not all_ours(layers))
        except ValueError:
            check_finite(x, "X", self.dtype)  # of several rows, name the first
            raise
        return prediction

    def predictor(self, rows: int = 1, *, dtype: npt.DTypeLike | None = None) -> "FrozenPredictor":
        """Return a function x → outputs for so many rows, for loops that need microseconds.

        It keeps the weights as they are now, checks no numbers, is for one thread, and returns the
        same array each time, to be copied: see `tinyframe.recording.frozen.FrozenPredictor`.

        Parameters
        ----------
        rows
            How many rows each x has.
        dtype
            What x is converted to, by default the model's dtype; integers where it takes them.

        Raises
        ------
        TypeError, ValueError
            If rows is no integer above 0, the model is not built, or does not take the dtype.
        """
        from tinyframe.recording.frozen import FrozenPredictor  # noqa: PLC0415 - spares an import

        rows = positive_integer("rows", rows)
        if self.input_shape is None:
            raise ValueError("predictor expected a model that is built, by fit or build(...)")
        kind = number_dtype(self.dtype if dtype is None else dtype)
        if kind.kind != "f" and not self.takes_integers:
            raise ValueError(f"dtype expected one of the numbers that the model takes, got {kind}")
        x = np.zeros((rows, *self.input_shape), kind)
        for parameter in self.parameters:  # draws those that have no value yet
            _ = parameter.value
        frozen = copy.deepcopy(self)
        return FrozenPredictor(frozen._chain(), x)  # noqa: SLF001 - its own copy

    @understood
    def evaluate(
        self,
        X: Any,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        loss: LossLike | None = None,
        metrics: Iterable[Any] | None = None,
        verbose: int = 1,
    ) -> dict[str, float]:
        """Return the loss and the metrics on X and y: {"loss": …, "accuracy": …}; NaN of no rows.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        loss
            By default that of the last fit, which a saved model keeps; at first `MSELoss()`.
        metrics
            As in `fit`.
        verbose
            As in `predict`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above, or the model is not built.
        """
        loss, watched = chosen_loss(loss, self.loss, self._chain()), verbosity(verbose) != 0
        feed, sample = as_source(DataSpec(self, self._entry, loss), X, y, sample_weight)
        chosen = named_metrics(metrics, sample, self._outputs, loss)
        return evaluate(self._examined(loss), feed, chosen, watched=watched)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write architecture, weights, loss and optimizer to a file, whole or not at all.

        `load` reads it. Of the optimizer it keeps the settings, not what it remembers of its steps
        (see `Checkpoint`). Of a loss or optimizer that is not registered it keeps the name alone,
        with a warning: the loaded model asks for it then, where it is needed.

        Parameters
        ----------
        path
            A name in .npz, NumPy's own container, or .safetensors (extra of that name).

        Raises
        ------
        ValueError
            If the name ends otherwise, or the model is not built.
        StorageError
            If a layer is not registered, or the file cannot be written; what was there stays.
        """
        from tinyframe.storage.models import save_model  # noqa: PLC0415 - spares `import tinyframe`

        save_model(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model that `save` wrote. Files of strangers are safe to load, if useless.

        Parameters
        ----------
        path
            As in `save`.

        Raises
        ------
        StorageError
            If the file cannot be read, is damaged, newer than this version, names layers that are
            not registered, or holds another model than this class.
        """
        from tinyframe.storage.models import load_model  # noqa: PLC0415 - as above

        model = load_model(path)
        if not isinstance(model, cls):
            raise StorageError(f"{path}: expected a {cls.__name__}, got a {type(model).__name__}")
        return model

    def summary(self) -> "Summary":
        """Return a table: each layer, its output shape, parameters and work, and the totals."""
        from tinyframe.inspection.summary import Summary  # noqa: PLC0415 - spares `import tinyframe`

        return Summary(self)

    def _repr_html_(self) -> str:
        from tinyframe.inspection.summary import summary_html  # noqa: PLC0415 - as above

        return summary_html(self)

    # ---------------------------------------------------------------- details

    @property
    def _entry(self) -> Layer:
        """The layer that meets the data: named where a shape does not fit."""
        return self._chain()[0]

    def _examined(self, loss: Loss) -> Objective:
        """Return the chain with a loss at its end, to be evaluated."""
        objective = Objective(self._chain(), loss)
        # Asked for anew each time, as batches may change the model.
        objective.infer = partial(self._infer, objective.layers)
        return objective

    def _taken(self, layers: tuple[Layer, ...]) -> Any:
        """Return the forward pass of layers in inference, recorded, for one thread alone.

        Parameters
        ----------
        layers
            All of the chain, or those below a fused last one.
        """
        free = self._free(layers)
        try:
            forward = free.pop()
        except IndexError:
            forward = None
        if forward is None or not forward.is_of(layers):
            from tinyframe.recording.inference import RecordedForward  # noqa: PLC0415 - as above

            forward = RecordedForward(layers)
        return forward

    def _few(self, layers: tuple[Layer, ...], x: Array, dtype: np.dtype[Any]) -> Array:
        """Return the outputs for a block of rows, as `predict` does; `dtype` is what x becomes."""
        forward = self._taken(layers)
        try:
            y = forward.at_once(x)
            if y is None:
                check_finite(x, "X", self.dtype)
                y = forward(x.astype(dtype, copy=False))
            few: Array = y.copy() if y.dtype == self.dtype else y.astype(self.dtype, "C")
        finally:
            self._give_back(layers, forward)
        return few

    def _give_back(self, layers: tuple[Layer, ...], forward: Any) -> None:
        """Let others take a forward pass that was taken."""
        self._free(layers).append(forward)

    def _free(self, layers: tuple[Layer, ...]) -> list[Any]:
        """Return the recorded passes that nobody is in; the same list for all threads."""
        known: dict[int, list[Any]] = vars(self).setdefault("_inference", {})
        return known.setdefault(len(layers), [])

    def _infer(self, layers: tuple[Layer, ...], x: Array) -> Array:
        """Return the output of layers for x in inference, in an array of its own, laid as it is."""
        forward = self._taken(layers)
        y: Array = forward(x).copy("K")
        self._give_back(layers, forward)
        return y

    @property
    def _outputs(self) -> int:
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        return self.output_shape[-1]
