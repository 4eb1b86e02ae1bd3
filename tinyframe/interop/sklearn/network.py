"""Network: what the estimators share, their parameters and their training."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, check_X_y, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tinyframe.data.arrays import as_weights
from tinyframe.interop.sklearn.architecture import dense, draw_biases, hidden_layers, own_layers
from tinyframe.interop.sklearn.categories import Categories, as_table
from tinyframe.interop.sklearn.parts import Parts
from tinyframe.interop.sklearn.rows import outputs as outputs_of
from tinyframe.interop.sklearn.rows import to_train, to_validate
from tinyframe.layers import Layer
from tinyframe.losses import LossLike
from tinyframe.optimizers import FullBatchOptimizer, OptimizerLike
from tinyframe.sequential import Sequential
from tinyframe.training.callbacks import EarlyStopping
from tinyframe.types import Array
from tinyframe.utils.checks import boolean
from tinyframe.utils.hints import understood

FLOATS = (np.float64, np.float32)  # what X stays or becomes, the network with it


class Network(Parts):
    """What the two estimators share; the parameters are those of `NetworkRegressor`."""

    model_: Sequential
    _categories: Categories | None = None

    @understood
    def __init__(
        self,
        hidden_layer_sizes: Iterable[int] = (100,),
        activation: str = "relu",
        *,
        layers: Iterable[Layer] | Callable[[Any, int], Iterable[Layer]] | None = None,
        loss: LossLike | None = None,
        optimizer: OptimizerLike | None = None,
        solver: str | None = None,
        epochs: int = 200,
        batch_size: int | str | None = "auto",
        categorical_features: Any = "from_dtype",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.layers = layers
        self.loss = loss
        self.optimizer = optimizer
        self.solver = solver
        self.epochs = epochs
        self.batch_size = batch_size
        self.categorical_features = categorical_features
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # ---------------------------------------------------------------- data

    def _validated(self, X: Any, *y: Any, first: bool, **options: Any) -> Any:
        """Return X, or X and y, as arrays; X may be sparse, and with own layers of more axes.

        Categories in it become numbers.
        """
        categories = self._categories
        if first:
            categories = Categories.of(X, self.categorical_features)
        if categories is None:
            checked = validate_data(
                self, X, *y, dtype=FLOATS, accept_sparse="csr", reset=first,
                allow_nd=self.layers is not None, **options,
            )  # fmt: skip
        else:
            table = as_table(X)
            validate_data(self, table, reset=first, skip_check_array=True)
            numbers = categories.encode(table)
            check = check_X_y if y else check_array
            checked = check(numbers, *y, dtype=FLOATS, **options)
        self._categories = categories
        return checked

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Any, Array]:
        """Return X and y as arrays, or raise ValueError."""
        raise NotImplementedError

    def _numbers(self, y: Array) -> Array:
        """Return checked y as numbers."""
        return y

    def _held(self, X: Any, y: Any, weight: Any) -> tuple[Any, ...] | None:
        """Return the validation set given to `fit`, checked; None if there is none."""
        if X is None and y is None and weight is None:
            return None
        if X is None or y is None:
            raise ValueError("fit expected X_val and y_val together, got one without the other")
        X, y = self._checked(X, y, first=False)
        return X, self._numbers(y), self._weights(X, y, weight)

    def _weights(self, X: Any, y: Array, weight: Any, class_weight: Any = None) -> Array | None:
        """Return what each row counts, or None where all count alike."""
        if weight is None and class_weight is None:
            return None
        given = _check_sample_weight(weight, X, ensure_non_negative=True)
        weights = as_weights(given, X.shape[0])  # a number of 400 digits comes through that
        if class_weight is not None:
            weights = weights * compute_sample_weight(class_weight, y)
        if not weights.any():
            raise ValueError("the weights expected a row that counts, got zeros alone")
        return weights

    def _set_aside(self, X: Any, y: Array, weight: Array | None) -> tuple[Any, ...]:
        """Return X, y and weights to train with, and those to validate with."""
        X, X_held, y, y_held, weight, weight_held = train_test_split(
            X,
            y,
            np.ones(X.shape[0]) if weight is None else weight,
            test_size=self.validation_fraction,
            random_state=self._new_seed(),
            stratify=self._strata(y),
        )
        return X, y, weight, X_held, y_held, weight_held

    def _strata(self, y: Array) -> Array | None:  # noqa: ARG002 - for classes
        """Return what the rows set aside have like those kept."""
        return None

    # ---------------------------------------------------------------- the network

    def _network(self, shape: tuple[int, ...], outputs: int, dtype: Any) -> Sequential:
        """Return a fresh network; raise TypeError or ValueError if it does not suit the data."""
        features = shape[0] if len(shape) == 1 else shape
        if self.layers is None:
            first = [] if self._categories is None else self._categories.layers(shape[0])
            hidden = hidden_layers(self.hidden_layer_sizes, self.activation)
            layers = [*first, *hidden, *self._last_layers(outputs)]
        else:
            layers = own_layers(self.layers, features, outputs)
        model = Sequential(layers, dtype=dtype)
        model.build(shape)
        if model.output_shape not in self._output_shapes(outputs):
            raise ValueError(
                f"layers expected a network from {features} features to {outputs} outputs, got "
                f"outputs of shape {model.output_shape}; a function (features, outputs) may make it"
            )
        return model

    def _last_layers(self, outputs: int) -> list[Layer]:
        return [dense(outputs)]

    def _output_shapes(self, outputs: int) -> list[tuple[int, ...]]:
        return [(outputs,)]

    def _begin(self, X: Any, y: Array, outputs: int, weight: Array | None) -> Sequential:
        """Return a fresh network with the first biases drawn, if it is this estimator's own."""
        model = self._network(X.shape[1:], outputs, X.dtype)
        self._rng = np.random.default_rng(self._new_seed())
        if self.layers is None:
            draw_biases(model, self._rng, self._centre(y, weight))
        return model

    def _centre(self, y: Array, weight: Array | None) -> Array | float:  # noqa: ARG002 - for numbers
        """Return what the outputs begin around."""
        return 0.0

    # ---------------------------------------------------------------- training

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` goes on with the network there is."""
        return boolean("warm_start", self.warm_start) and hasattr(self, "model_")

    def _train(
        self, X: Any, y: Array, outputs: int, weight: Array | None, held: tuple[Any, ...] | None
    ) -> Self:
        """Fit a network to checked data: a new one, or with `warm_start` the one there is."""
        if self._goes_on:
            model = self.model_
            self._check_outputs(outputs)
            self._rng = np.random.default_rng(self._new_seed())
        else:
            model = self._begin(X, y, outputs, weight)
        stops_early = boolean("early_stopping", self.early_stopping)
        if held is None and stops_early:
            X, y, weight, *rest = self._set_aside(X, y, weight)
            held = tuple(rest)
        validation = None
        if held is not None:
            X_held, y_held, weight_held = held
            validation = to_validate(X_held, self._targets(y_held, model), weight_held)
        stopper = EarlyStopping(
            "val_loss" if stops_early else "loss", self.n_iter_no_change, min_delta=self.tol,
            restore_best=stops_early,
        )  # fmt: skip
        optimizer = self._own_optimizer()
        X, size = self._rows_a_step(X, optimizer)
        # One of all rows ends by itself, where it has converged.
        watched = stops_early or not isinstance(optimizer, FullBatchOptimizer)
        model.fit(
            **to_train(X, self._targets(y, model), weight, size, self._rng),
            loss=self._own_loss(model[-1]),
            optimizer=optimizer,
            epochs=self.epochs,
            validation_data=validation,
            metrics=[],
            callbacks=[stopper] if watched else [],
            rng=self._rng,
            verbose=self.verbose,
        )
        self.model_ = model
        self.n_iter_ = len(model.history["loss"])
        return self

    def _train_on(self, X: Any, y: Array, outputs: int, weight: Array | None) -> Self:
        """Go through checked data once, with the network there is, or a new one."""
        if not hasattr(self, "model_"):
            self._use(self._begin(X, y, outputs, weight))
        X, size = self._rows_a_step(X, self.model_.optimizer)
        self.model_.partial_fit(
            **to_train(X, self._targets(y, self.model_), weight, size, None), rng=self._rng
        )
        self.n_iter_ = len(self.model_.history["loss"])
        return self

    def _use(self, model: Sequential) -> None:
        """Make this network the estimator's, to be trained by its loss and its optimizer."""
        model.loss = self._own_loss(model[-1])
        model.optimizer = self._own_optimizer()
        self.model_ = model

    def _take_over(self, model: Sequential, epochs: int) -> None:
        """Make a trained network the estimator's, as if so many epochs had led to it."""
        self._use(model)
        self._rng = np.random.default_rng(self._new_seed())
        self.n_iter_ = epochs

    def _check_outputs(self, outputs: int) -> None:
        """Raise ValueError if the network there is has other outputs than y asks for."""
        if self.model_.output_shape not in self._output_shapes(outputs):
            raise ValueError(
                f"y expected what the network has outputs for, {self.model_.output_shape}, as "
                f"warm_start goes on with it; got {outputs}"
            )

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _rows_a_step(self, X: Any, optimizer: Any) -> tuple[Any, Any]:
        """Return X, dense where the optimizer takes all rows at once, and how many a step takes."""
        if isinstance(optimizer, FullBatchOptimizer):
            X = X.toarray() if issparse(X) else X
            return X, None if self.batch_size == "auto" else self.batch_size
        return X, min(200, X.shape[0]) if self.batch_size == "auto" else self.batch_size

    def _targets(self, y: Array, model: Sequential) -> Array:  # noqa: ARG002 - classes ask for it
        """Return y as the loss of this network takes it."""
        return y

    def _outputs(self, X: Any) -> Array:
        """Return what the network says of X."""
        check_is_fitted(self)
        return outputs_of(self.model_, self._validated(X, first=False))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
