"""Sequential: a chain of layers that can fit, predict and evaluate."""

from collections.abc import Iterable, Iterator
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from tinyframe.checks import boolean, floating_dtype, positive_integer, random_generator
from tinyframe.data import BLOCK, Feed, as_inputs, as_targets
from tinyframe.history import History
from tinyframe.layers.layer import Layer, restored_on_error
from tinyframe.losses import Loss, MSELoss
from tinyframe.metrics import named_metrics
from tinyframe.optimizers import SGD, Optimizer
from tinyframe.parameters import ParameterVector
from tinyframe.summary import summary
from tinyframe.training import Objective, Trainer, evaluate, train
from tinyframe.types import Array, RandomSeed, Shape


class Sequential(Layer):
    """Layers in a chain, each taking what the one before it returns: y = fₙ(… f₂(f₁(x))).

    By the chain rule the gradient passes through them in reverse. A Sequential is a layer itself,
    so chains nest.

        model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]).fit(X, y)

    Parameters
    ----------
    layers : iterable of Layer
        The layers in order; each object once.
    dtype
        float32 or float64: of parameters, activations and predictions.

    Attributes
    ----------
    history : History
        What training recorded.
    loss, optimizer
        Those of the last `fit`; None before.

    Raises
    ------
    TypeError, ValueError
        If something else than layers is given, or none, or the same twice, or their shapes do not
        fit together.
    """

    def __init__(self, layers: Iterable[Layer], dtype: npt.DTypeLike = np.float32) -> None:
        if not isinstance(layers, Iterable):
            raise TypeError(f"Sequential expected a list of layers, got {layers!r}")
        self.layers = tuple(layers)
        self.dtype = floating_dtype(dtype)
        if not self.layers:
            raise ValueError("Sequential expected at least one layer, got none")
        for number, layer in enumerate(self.layers):
            if isinstance(layer, type) and issubclass(layer, Layer):
                raise TypeError(
                    f"Sequential expected layers, got the class {layer.__name__} at {number}; "
                    f"make one: {layer.__name__}()"
                )
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential expected layers, got {layer!r} at {number}")
        seen: set[int] = set()
        for layer in self.walk():
            if id(layer) in seen:
                raise ValueError(
                    f"Sequential expected each layer once, got {layer!r} twice; make two"
                )
            seen.add(id(layer))
        self.takes_integers = self.layers[0].takes_integers
        self.history = History()
        self.loss: Loss | None = None
        self.optimizer: Optimizer | None = None
        if self.layers[0].input_shape is not None:
            self.build(self.layers[0].input_shape)

    # ---------------------------------------------------------------- as a layer

    def setup(self, input_shape: Shape) -> Shape:
        shape = input_shape
        for layer in self.layers:
            shape = layer.build(shape, dtype=self.dtype)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy: Array) -> Array:
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def children(self) -> dict[str, Layer]:
        return {str(number): layer for number, layer in enumerate(self.layers)}

    # ---------------------------------------------------------------- as a sequence

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> "Layer | Sequential":
        """Return a layer, or for a slice a Sequential of the same layers: model[:2].predict(X)."""
        if isinstance(index, slice):
            return Sequential(self.layers[index], dtype=self.dtype)
        return self.layers[index]

    def __repr__(self) -> str:
        inner = "".join(f"{layer!r},\n" for layer in self.layers).replace("\n", "\n    ")
        dtype = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Sequential([\n    {inner.rstrip()}\n]{dtype})"

    def summary(self) -> str:
        """Return a table: each layer, its output shape, its number of parameters, and the total."""
        return summary(self)

    # ---------------------------------------------------------------- as a model

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        metrics: Iterable[Any] | None = None,
        rng: RandomSeed = None,
        verbose: bool = True,
    ) -> "Sequential":
        """Train on X and y, and return this model. Fitting again goes on from where it is.

        Parameters
        ----------
        X : array of shape (rows, *input_shape)
            Finite numbers; integers such as uint8 pixels too. Converted batch by batch to the
            model's dtype.
        y : array
            Integer class labels (rows,), one-hot rows or other numbers (rows, outputs), or for a
            single output (rows,).
        loss
            What to make small. By default that of the last fit, at first `MSELoss()`.
        optimizer
            How to make it small. By default that of the last fit, at first `SGD(0.1)`. One that
            this model has not trained with before starts without momentum.
        epochs
            How many times to go through all rows.
        batch_size
            Rows a step; None takes all rows in each: plain gradient descent. A last, smaller batch
            takes a step too.
        shuffle
            Whether to go through the rows in a new order each epoch.
        validation_data
            (X, y) to evaluate after each epoch.
        metrics
            Names ("accuracy") or functions (prediction, target) → number. By default accuracy
            where y names classes.
        rng
            Seed or generator for all that is random: weights that have no value yet, and the order
            of the rows. The same seed gives the same bits on the same machine. (Weights get a value
            when they are first looked at, as by `predict`; `build(input_shape, rng=0)` seeds them.)
        verbose
            Whether to print one line an epoch.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above; the model is then as it was.
        FloatingPointError
            If the loss becomes NaN or infinite: names the epoch, the batch and the first layer
            whose output was not finite. The weights are those before that batch.
        """
        epochs = positive_integer("epochs", epochs)
        batch_size = None if batch_size is None else positive_integer("batch_size", batch_size)
        loss = self._loss(loss)
        if optimizer is None:
            optimizer = self.optimizer or SGD(0.1)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer expected an Optimizer such as SGD(0.1), got {optimizer!r}")
        shuffle, verbose = boolean("shuffle", shuffle), boolean("verbose", verbose)
        weights_rng, order_rng, layers_rng = random_generator(rng).spawn(3)
        with restored_on_error(self):
            feed = self._feed(X, y, loss, build=True)
            validation = None
            if validation_data is not None:
                if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:  # noqa: PLR2004 - a pair
                    got = type(validation_data).__name__
                    raise TypeError(f"validation_data expected a pair (X, y), got a {got}")
                try:
                    validation = self._feed(*validation_data, loss)
                except (TypeError, ValueError) as error:
                    raise type(error)(f"validation_data: {error}") from None
            chosen = named_metrics(metrics, feed.y, self._outputs)
            if not self.trainable_parameters:
                raise ValueError("fit expected a model with parameters to train, got none")
            self.build(feed.X.shape[1:])  # in this model's dtype, if another one has shared layers
        ParameterVector(self.parameters, weights_rng)  # draws those that have no value yet
        parameters = ParameterVector(self.trainable_parameters)
        random_layers = [layer for layer in self.walk() if layer.random]
        seeds = layers_rng.spawn(len(random_layers))
        for layer, seed in zip(random_layers, seeds, strict=True):
            layer.rng = seed
        if optimizer is not self.optimizer:
            optimizer.reset()
        self.loss, self.optimizer = loss, optimizer
        rows = len(feed)
        trainer = Trainer(
            Objective(self._chain(), loss),
            optimizer,
            parameters,
            feed,
            rows if batch_size is None else min(batch_size, rows),
            chosen,
        )
        train(
            trainer,
            self.history,
            epochs=epochs,
            rng=order_rng if shuffle else None,
            validation=validation,
            verbose=verbose,
        )
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return the outputs for X, in a fresh array of shape (rows, *output_shape).

        It changes nothing, so that many threads may predict with one model at once.

        Parameters
        ----------
        X : array of shape (rows, *input_shape)
            Finite numbers.

        Raises
        ------
        TypeError, ValueError
            If X is not that, or the model is not built.
        """
        x = self._inputs(X)
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        dtype = self._input_dtype(x)
        if len(x) <= BLOCK:
            return self.forward(x.astype(dtype, copy=False)).astype(self.dtype, "C")
        prediction: Array = np.empty((len(x), *self.output_shape), self.dtype)
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            prediction[rows] = self.forward(x[rows].astype(dtype, copy=False))
        return prediction

    def evaluate(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: Loss | None = None,
        metrics: Iterable[Any] | None = None,
    ) -> dict[str, float]:
        """Return the loss and the metrics on X and y: {"loss": …, "accuracy": …}.

        Parameters
        ----------
        X, y
            As in `fit`.
        loss
            By default that of the last fit, at first `MSELoss()`.
        metrics
            As in `fit`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above, or the model is not built.
        """
        loss = self._loss(loss)
        feed = self._feed(X, y, loss)
        chosen = named_metrics(metrics, feed.y, self._outputs)
        return evaluate(Objective(self._chain(), loss), feed, chosen)

    # ---------------------------------------------------------------- details

    @property
    def _outputs(self) -> int:
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        return self.output_shape[-1]

    def _loss(self, loss: Loss | None) -> Loss:
        if loss is None:
            loss = self.loss or MSELoss()
        if not isinstance(loss, Loss):
            raise TypeError(f"loss expected a Loss such as MSELoss(), got {loss!r}")
        return loss

    def _chain(self) -> tuple[Layer, ...]:
        """Return the layers, with those of inner Sequentials in their place."""
        if type(self) is not Sequential:  # a subclass may compute something else
            return (self,)
        chain: list[Layer] = []
        for layer in self.layers:
            chain += layer._chain() if isinstance(layer, Sequential) else [layer]  # noqa: SLF001 - own
        return tuple(chain)

    def _inputs(self, X: npt.ArrayLike, *, build: bool = False) -> Array:
        """Return X, checked; build the model for its shape if that is asked for."""
        if self.input_shape is None and not build:
            raise ValueError(
                "the model is not built: its input shape is not known before fit or "
                "build(input_shape)"
            )
        x = as_inputs(X, self.input_shape, self.dtype, self.layers[0])
        if self.input_shape is None:
            self.build(x.shape[1:])
        return x

    def _input_dtype(self, x: Array) -> np.dtype[Any]:
        """Return what the first layer wants x in: the model's dtype, or integers as they are."""
        return x.dtype if self.takes_integers and x.dtype.kind in "bui" else self.dtype

    def _feed(self, X: npt.ArrayLike, y: npt.ArrayLike, loss: Loss, *, build: bool = False) -> Feed:
        x = self._inputs(X, build=build)
        assert self.output_shape is not None  # noqa: S101 - tells the type checker
        target = as_targets(y, len(x), self.output_shape, self.dtype, loss.ignore_index)
        return Feed(x, target, self._input_dtype(x))
