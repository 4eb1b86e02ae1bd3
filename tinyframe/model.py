"""Model: a layer that learns: `fit`, and single steps on batches that come one by one."""

import os
from abc import ABC
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from tinyframe.losses import Loss, LossLike
from tinyframe.optimizers import Optimizer, OptimizerLike
from tinyframe.parameters import ParameterVector
from tinyframe.predictor import Predictor
from tinyframe.training.augmentation import Augment
from tinyframe.training.callbacks import Callback
from tinyframe.training.history import History
from tinyframe.training.loop import train
from tinyframe.training.objective import Objective
from tinyframe.training.plan import Plan
from tinyframe.training.stream import Stream
from tinyframe.types import RandomSeed, Shape
from tinyframe.utils.hints import understood

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


class Model(Predictor, ABC):
    """A layer at the top: what data goes into, and predictions come out of; see `Predictor`, too.

    Attributes
    ----------
    history : History
        What training recorded.
    loss, optimizer
        Those of the last `fit`; None before.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 40)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 8), Tanh(), Dense(1)])
    >>> model.fit(X, X**2, epochs=200, rng=0, verbose=0).evaluate(X, X**2)["loss"] < 0.05
    True
    >>> model.predict([[0.5]]).shape
    (1, 1)
    """

    history: History
    optimizer: Optimizer | None = None
    _recorded: Any = None
    _stream: Stream | None = None

    @understood
    def fit(
        self,
        X: Any,
        y: npt.ArrayLike | None = None,
        *,
        loss: LossLike | None = None,
        optimizer: OptimizerLike | None = None,
        epochs: int = 10,
        batch_size: int | str | None = "auto",
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
            What to make small: a `Loss`, or its name: "mse", "cross_entropy", … By default that of
            the last fit, which a saved model keeps; at first `MSELoss()`.
        optimizer
            How to make it small: an `Optimizer`, or its name: "adam", … By default that of the last
            fit, of which a saved model keeps the settings; at first `SGD(0.1)`. One that this model
            has not trained with before starts without momentum.
        epochs
            How many times to go through all rows.
        batch_size
            Rows a step, by default 32; None takes all rows in each: plain gradient descent. A last,
            smaller batch takes a step too. Optimizers such as `LBFGS` always take all.
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
        plan = _prepare(  # all is checked, or nothing has changed
            self, X, y, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch_size,
            shuffle=shuffle, validation_data=validation_data, validation_split=validation_split,
            metrics=metrics, sample_weight=sample_weight, class_weight=class_weight,
            augment=augment, callbacks=callbacks, rng=rng, verbose=verbose,
            on_nonfinite=on_nonfinite, resume=resume, communicator=communicator,
            deterministic=deterministic,
        )  # fmt: skip
        with plan.training() as run:
            train(run, plan.calls, plan.validation)
        return self

    @understood
    def train_on_batch(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        loss: LossLike | None = None,
        optimizer: OptimizerLike | None = None,
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

    @understood
    def partial_fit(
        self,
        X: Any,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int | str | None = "auto",
        loss: LossLike | None = None,
        optimizer: OptimizerLike | None = None,
        rng: RandomSeed = None,
    ) -> Self:
        """Go through these rows once, in their order, silently, and return this model.

        For data that comes in parts. Parameters and errors are those of `fit`.
        """
        return self.fit(
            X, y, sample_weight=sample_weight, batch_size=batch_size, loss=loss,
            optimizer=optimizer, rng=rng, epochs=1, shuffle=False, verbose=0,
        )  # fmt: skip

    def with_input(self, input_shape: int | Shape, rng: RandomSeed = None) -> Self:
        """Fix the shapes, as `build` does, and return this model, to be gone on with.

            Sequential([Dense(64), ReLU(), Dense(10)]).with_input(784).summary()

        Parameters and errors are those of `build`, which returns the output shape.
        """
        self.build(input_shape, rng=rng)
        return self

    def _repr_html_(self) -> str:
        if not self.history:
            return super()._repr_html_()
        from tinyframe.training.history_html import history_html  # noqa: PLC0415 - spares `import tinyframe`

        layers = (
            f"<details><summary>{type(self).__name__}</summary>{super()._repr_html_()}</details>"
        )
        return history_html(self.history) + layers

    # ---------------------------------------------------------------- details

    def _objective(self, loss: Loss) -> Any:
        """Return the chain with the loss at its end, its steps recorded once and then replayed."""
        from tinyframe.recording import recorded  # noqa: PLC0415 - spares `import tinyframe`

        self._recorded = recorded(Objective(self._chain(), loss), self._recorded)
        return self._recorded

    def _begin(self, loss: Loss, optimizer: Optimizer) -> ParameterVector:
        """Take loss and optimizer into use, and return the parameters to train."""
        vector = ParameterVector(self.trainable_parameters)
        if optimizer is not self.optimizer or not optimizer.serves(vector):
            optimizer.reset()
        optimizer.serve(vector)
        self.loss, self.optimizer = loss, optimizer
        return vector


def _prepare(model: Model, X: Any, y: Any, *, communicator: Any, **options: Any) -> Plan:
    """Return the plan of these arguments of `fit`: that of several processes, or of this one."""
    if communicator is None:
        return Plan(model, X, y, **options)
    from tinyframe.distributed import SharedPlan  # noqa: PLC0415 - of an extra

    return SharedPlan(model, X, y, communicator=communicator, **options)
