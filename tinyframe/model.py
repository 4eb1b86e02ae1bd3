"""Model: a layer that can fit, predict and evaluate."""

import os
import threading
from abc import ABC
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import BLOCK
from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss
from tinyframe.metrics import named_metrics
from tinyframe.optimizers import Optimizer
from tinyframe.parameters import ParameterVector
from tinyframe.storage.errors import StorageError
from tinyframe.training.callbacks import Callback
from tinyframe.training.evaluation import evaluate
from tinyframe.training.history import History
from tinyframe.training.loop import train
from tinyframe.training.objective import Objective
from tinyframe.training.plan import Plan
from tinyframe.training.settings import (
    chosen_loss,
    verbosity,
)
from tinyframe.training.sources import DataSpec, input_dtype, inputs, source
from tinyframe.training.stream import Stream
from tinyframe.training.trainer import Augment
from tinyframe.types import Array, RandomSeed
from tinyframe.utils.progress import track

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


class Model(Layer, ABC):
    """A layer at the top: what data goes into, and predictions come out of.

    Attributes
    ----------
    history : History
        What training recorded.
    loss, optimizer
        Those of the last `fit`; None before.
    """

    history: History
    loss: Loss | None = None
    optimizer: Optimizer | None = None
    _recorded: Any = None
    _stream: Stream | None = None
    _inference: Any = None

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike | None = None,
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: Any = None,
        validation_split: float | None = None,
        metrics: Iterable[Any] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Any = None,
        augment: Augment | None = None,
        callbacks: Iterable[Callback] | None = None,
        rng: RandomSeed = None,
        verbose: int = 1,
        on_nonfinite: str = "raise",
        resume: str | os.PathLike[str] | None = None,
        communicator: "Intracomm | None" = None,
        deterministic: bool | int = False,
    ) -> Self:
        """Train on X and y, and return this model. Fitting again goes on from where it is.

        Ctrl-C ends training after the batch, as if it were done; the weights and the history of the
        complete epochs stay. A second Ctrl-C raises KeyboardInterrupt at once.

        Parameters
        ----------
        X : array, table of pandas, polars or pyarrow, or iterable of batches
            Shape (rows, *input_shape): finite numbers; integers such as uint8 pixels too. Converted
            batch by batch to the model's dtype. Without y: batches (x, y) or (x, y, weight), to
            be gone through anew each epoch, each of which is a step.
        y : array or Series
            Integer class labels (rows,), one-hot rows or other numbers (rows, outputs), or for a
            single output (rows,).
        loss
            What to make small. By default that of the last fit, which a saved model keeps; at first
            `MSELoss()`.
        optimizer
            How to make it small. By default that of the last fit, of which a saved model keeps the
            settings; at first `SGD(0.1)`. One that this model has not trained with before starts
            without momentum.
        epochs
            How many times to go through all rows.
        batch_size
            Rows a step; None takes all rows in each: plain gradient descent. A last, smaller batch
            takes a step too.
        shuffle
            Whether to go through the rows in a new order each epoch.
        validation_data
            (X, y), (X, y, weight) or batches to evaluate after each epoch.
        validation_split
            Instead: the share of rows, in (0, 1), to set aside for that. They come from all over X,
            and are the same ones each time, so that fitting again never trains on them.
        metrics
            Names ("accuracy"), `Metric`s or functions (prediction, target) → number; see
            `tinyframe.metrics`. By default accuracy where y names classes.
        sample_weight : array of shape (rows,)
            What each row counts, ≥ 0, in loss and metrics: 2 as if it were there twice, 0 not.
            Their sum stays below 10¹⁰⁰.
        class_weight
            What each class counts: {label: weight}, a number a class, or "balanced" for classes
            that count alike however many rows they have. Multiplies `sample_weight`.
        augment
            Function (x, rng) → x that changes a copy of each block of training rows at random, into
            numbers as X has them: finite, and integers within the range of X's dtype.
        callbacks
            What else to do as it trains: `EarlyStopping()`, `ModelCheckpoint("best.npz")`, …
        rng
            Seed or generator for all that is random: weights that have no value yet, the order of
            the rows, dropout, augmentation. The same seed gives the same bits on the same machine.
            (Weights get a value when they are first looked at, as by `predict`;
            `build(input_shape, rng=0)` seeds them.)
        verbose
            1 or True: a live bar on a terminal or in a notebook (extra `progress`), elsewhere a
            line an epoch; 2: a line an epoch; 0 or False: silent.
        on_nonfinite
            Where the loss or the gradient of a batch is NaN or infinite: "raise" an error, or
            "skip" the batch, which takes no step then; History counts them as "skipped".
        resume
            A file that `Checkpoint` wrote, to go on from, to the bit, with the same data and
            arguments; `epochs` counts those done before too. Begins anew if there is no such file.
        communicator : mpi4py.MPI.Intracomm, optional
            Several processes that all call this train one model (extra `mpi`): `MPI.COMM_WORLD`
            under `mpiexec -n 4 python train.py`. Each takes its share of every batch, so
            `batch_size` counts the rows of all. Processes that pass different arrays go through
            their own ones, in as many steps; so do those with batches of an iterable. Rank 0 alone
            prints, logs and writes. See docs/distributed.md.
        deterministic
            With a communicator: whether any number of processes gives the same bits, as long as it
            divides the number of logical shards: 8 for True, or this number. Slower.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above; the model is then as it was. In all processes of a
            communicator, if it is so in one. Batches that an iterable makes on the way, and rows of
            Shards, are checked when they come: the model then keeps the steps before, and the
            history the epochs that were complete. Those in a list are checked before training.
            An epoch in which no row counted ends it as well.
        AttributeError
            If the optimizer was given an attribute that it does not have, such as `lr`.
        ImportError
            With a communicator, without mpi4py.
        FloatingPointError
            If the loss or the gradient becomes NaN or infinite, or the gradient too large for the
            optimizer: names the epoch, the batch and the layer. The weights are those before that
            batch.
        StorageError
            If `resume` names a file that is damaged, or of another model or run: all of it is
            checked before anything changes.

        Warns
        -----
        UserWarning
            Before training, if images whose channels come last meet a `Conv2D`, pixels of 0 … 255
            meet weights without `Rescale`, or probabilities a loss of scores. Says what to do.
        """
        arguments = {name: value for name, value in locals().items() if name != "self"}
        plan = _planned(self, arguments)  # all is checked, or nothing has changed
        with plan.training() as run:
            train(run, plan.calls, plan.validation)
        return self

    def train_on_batch(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        rng: RandomSeed = None,
    ) -> float:
        """Take one step on these rows and return the loss before it; nothing is recorded.

        For streams. Random layers go on drawing from the generators they have.

        Parameters
        ----------
        X, y, sample_weight, loss, optimizer
            As in `fit`.
        rng
            Seeds the weights that have no value yet and, where given, the random layers.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As `fit` does.
        """
        stream = self._stream
        if stream is None or rng is not None or not stream.goes_on(self, loss, optimizer):
            data = X, y, sample_weight
            stream = self._stream = Stream.begun(self, data, loss, optimizer, rng)
        return stream.step(X, y, sample_weight)

    def partial_fit(
        self,
        X: Any,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int | None = 32,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        rng: RandomSeed = None,
    ) -> Self:
        """Go through these rows once, in their order, silently, and return this model.

        For data that comes in parts. Parameters and errors are those of `fit`.
        """
        return self.fit(
            X, y, sample_weight=sample_weight, batch_size=batch_size, loss=loss,
            optimizer=optimizer, rng=rng, epochs=1, shuffle=False, verbose=0,
        )  # fmt: skip

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
        x = inputs(self, self._entry, X)
        dtype, forward = input_dtype(self, x), self._infer(self._chain())
        if len(x) <= BLOCK:
            few: Array = forward(x.astype(dtype, copy=False))
            return few.astype(self.dtype, "C")
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        prediction: Array = np.empty((len(x), *self.output_shape), self.dtype)
        starts = range(0, len(x), BLOCK)
        for start in track(starts, len(starts), "predict", "block", wanted=wanted):
            rows = slice(start, start + BLOCK)
            prediction[rows] = forward(x[rows].astype(dtype, copy=False))
        return prediction

    def evaluate(
        self,
        X: Any,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        loss: Loss | None = None,
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
        loss, watched = chosen_loss(loss, self.loss), verbosity(verbose) != 0
        feed, sample = source(DataSpec(self, self._entry, loss), X, y, sample_weight)
        chosen = named_metrics(metrics, sample, self._outputs)
        objective = Objective(self._chain(), loss)
        objective.infer = self._infer(objective.layers)
        return evaluate(objective, feed, chosen, watched=watched)

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

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write this model to an ONNX file (opset 18), for inference (extra `onnx`).

        The file takes batches of any size; see `tinyframe.interop.onnx.to_onnx`.

        Parameters
        ----------
        path
            Its name, by custom ending in .onnx.

        Raises
        ------
        ImportError
            If the library onnx is not installed.
        ValueError
            If the model is not built, or has a layer that cannot be exported: names it. No file is
            written.
        StorageError
            If the file cannot be written; what was there stays.
        """
        from tinyframe.interop.onnx import save_onnx  # noqa: PLC0415 - of an extra

        save_onnx(self, path)

    def summary(self) -> str:
        """Return a table: each layer, its output shape, parameters and work, and the totals."""
        from tinyframe.inspection.summary import summary  # noqa: PLC0415 - spares `import tinyframe`

        return summary(self)

    def _repr_html_(self) -> str:
        from tinyframe.inspection.summary import summary_html  # noqa: PLC0415 - as above

        return summary_html(self)

    # ---------------------------------------------------------------- details

    @property
    def _entry(self) -> Layer:
        """The layer that meets the data: named where a shape does not fit."""
        return self

    def _infer(self, layers: tuple[Layer, ...]) -> Any:
        """Return the forward pass of layers in inference, recorded for this thread alone."""
        if self._inference is None:
            self._inference = threading.local()
        known = vars(self._inference)
        forward = known.get(len(layers))  # all of the chain, or those below a fused last one
        if forward is None or not forward.is_of(layers):
            from tinyframe.recording.inference import RecordedForward  # noqa: PLC0415 - as below

            forward = known[len(layers)] = RecordedForward(layers)
        return forward

    def _objective(self, loss: Loss) -> Any:
        """Return the chain with the loss at its end; its steps stay recorded from call to call."""
        from tinyframe import recording  # noqa: PLC0415 - spares `import tinyframe`

        self._recorded = recording.recorded(Objective(self._chain(), loss), self._recorded)
        return self._recorded

    @property
    def _outputs(self) -> int:
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        return self.output_shape[-1]

    def _begin(self, loss: Loss, optimizer: Optimizer) -> ParameterVector:
        """Take loss and optimizer into use, and return the parameters to train."""
        if optimizer is not self.optimizer:
            optimizer.reset()
        self.loss, self.optimizer = loss, optimizer
        return ParameterVector(self.trainable_parameters)


def _planned(model: Model, arguments: dict[str, Any]) -> Plan:
    """Return the plan of these arguments of `fit`: that of several processes, or of this one."""
    if arguments["communicator"] is None:
        return Plan(model, arguments)
    from tinyframe.distributed import SharedPlan  # noqa: PLC0415 - of an extra

    return SharedPlan(model, arguments)
