"""Network: what the estimators share, their parameters and their training."""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from tinyframe.data.arrays import as_weights
from tinyframe.initializers import glorot_uniform
from tinyframe.interop.sklearn.parts import arguments_of, changed
from tinyframe.layers import Dense, Layer, ReLU, Sigmoid, Softmax, Tanh
from tinyframe.losses import Loss, LossLike
from tinyframe.optimizers import Adam, OptimizerLike
from tinyframe.sequential import Sequential
from tinyframe.training.callbacks import EarlyStopping
from tinyframe.training.named import named_loss, named_optimizer
from tinyframe.types import Array
from tinyframe.utils.checks import boolean

ACTIVATIONS: dict[str, type[Layer] | None] = {
    "relu": ReLU,
    "tanh": Tanh,
    "logistic": Sigmoid,
    "identity": None,
}
"""What stands between the layers of `hidden_layer_sizes`, by scikit-learn's names."""

FLOATS = (np.float64, np.float32)  # what X stays or becomes, the network with it

PARTS = ("optimizer", "loss")
"""Parameters whose own arguments are parameters too: optimizer__learning_rate."""


class Network(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """What the two estimators share; the parameters are those of `NetworkRegressor`."""

    model_: Sequential

    def __init__(
        self,
        hidden_layer_sizes: Iterable[int] = (100,),
        activation: str = "relu",
        *,
        layers: Iterable[Layer] | Callable[[int, int], Iterable[Layer]] | None = None,
        loss: LossLike | None = None,
        optimizer: OptimizerLike | None = None,
        epochs: int = 200,
        batch_size: int | str | None = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.layers = layers
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    # ---------------------------------------------------------------- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; with `deep` also those of optimizer and loss."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for part in PARTS:
                arguments = arguments_of(self._part(part))
                params |= {f"{part}__{name}": value for name, value in arguments.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of optimizer and loss, and return this estimator.

        Parameters
        ----------
        **params
            By their names in `get_params()`.

        Raises
        ------
        TypeError, ValueError
            If there is no such parameter, or a part does not take its value.
        """
        changes: dict[str, dict[str, Any]] = {}
        for name in tuple(params):
            part, _, argument = name.partition("__")
            if argument and part not in PARTS:
                raise ValueError(f"Invalid parameter {name!r}: {part} has no parameters of its own")
            if argument:
                changes.setdefault(part, {})[argument] = params.pop(name)
        for part, arguments in changes.items():
            given = params.get(part)
            params[part] = changed(self._part(part) if given is None else given, arguments)
        super().set_params(**params)
        return self

    def _part(self, name: str) -> Any:
        """Return the optimizer or the loss: the one given, or what is used instead of None."""
        given = getattr(self, name)
        if given is None:
            return Adam() if name == "optimizer" else self._default_loss()
        try:
            return named_optimizer(given) if name == "optimizer" else named_loss(given, Softmax())
        except (TypeError, ValueError):
            return given  # `fit` says what is wrong with it

    def _default_loss(self, last: Layer | None = None) -> Loss:
        """Return the loss for a network that ends in this layer."""
        raise NotImplementedError

    # ---------------------------------------------------------------- training

    def _weights(self, X: Array, y: Array, weight: Any, class_weight: Any = None) -> Array | None:
        """Return what each row counts, or None where all count alike."""
        if weight is None and class_weight is None:
            return None
        given = _check_sample_weight(weight, X, ensure_non_negative=True)
        weights = as_weights(given, len(X))  # a number of 400 digits comes through that
        if class_weight is not None:
            weights = weights * compute_sample_weight(class_weight, y)
        if not weights.any():
            raise ValueError("the weights expected a row that counts, got zeros alone")
        return weights

    def _network(self, features: int, outputs: int, dtype: Any) -> Sequential:
        """Return a fresh network; raise TypeError or ValueError if it does not suit the data."""
        if self.layers is None:
            layers = self._hidden_layers() + self._last_layers(outputs)
        else:
            given: Any = self.layers
            if callable(given) and not isinstance(given, Layer):
                given = given(features, outputs)
            layers = copy.deepcopy(list(given))
        model = Sequential(layers, dtype=dtype)
        model.build(features)
        if model.output_shape not in self._output_shapes(outputs):
            raise ValueError(
                f"layers expected a network from {features} features to {outputs} outputs, got "
                f"outputs of shape {model.output_shape}; a function (features, outputs) may make it"
            )
        return model

    def _hidden_layers(self) -> list[Layer]:
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation expected one of {', '.join(ACTIVATIONS)}, got {self.activation!r}"
            )
        activation = ACTIVATIONS[self.activation]
        layers: list[Layer] = []
        for units in np.atleast_1d(np.asarray(self.hidden_layer_sizes, object)):
            layers += [
                Dense(units, initializer=glorot_uniform),
                *([] if activation is None else [activation()]),
            ]
        return layers

    def _last_layers(self, outputs: int) -> list[Layer]:
        return [Dense(outputs, initializer=glorot_uniform)]

    @staticmethod
    def _output_shapes(outputs: int) -> list[tuple[int, ...]]:
        return [(outputs,)]

    def _begin(self, X: Array, y: Array, outputs: int, weight: Array | None) -> Sequential:
        """Return a fresh network with the first biases drawn, if it is this estimator's own."""
        model = self._network(X.shape[1], outputs, X.dtype)
        self._rng = np.random.default_rng(self._new_seed())
        if self.layers is None:
            self._draw_biases(model, self._centre(y, weight))
        return model

    def _centre(self, y: Array, weight: Array | None) -> Array | float:  # noqa: ARG002 - for numbers
        """Return what the outputs begin around."""
        return 0.0

    def _draw_biases(self, model: Sequential, centre: Array | float = 0.0) -> None:
        """Draw the biases as scikit-learn does, not at zero: it trains faster (measured).

        They are uniform within Glorot's bounds, like the weights; the last ones around `centre`.
        """
        layers = [layer for layer in model if isinstance(layer, Dense)]
        for layer in layers:
            bound = math.sqrt(6 / sum(layer.weight.shape))
            layer.bias.value = self._rng.uniform(-bound, bound, layer.bias.shape)
        layers[-1].bias.value += centre

    def _train(self, X: Array, y: Array, outputs: int, weight: Array | None) -> Self:
        """Fit a new network to checked data."""
        model = self._begin(X, y, outputs, weight)
        watched, validation = "loss", None
        if boolean("early_stopping", self.early_stopping):
            X, y, weight, X_held, y_held, weight_held = self._set_aside(X, y, weight)
            watched, validation = "val_loss", (X_held, self._targets(y_held, model), weight_held)
        model.fit(
            X,
            self._targets(y, model),
            sample_weight=weight,
            loss=self._own_loss(model),
            optimizer=copy.deepcopy(self._part("optimizer")),
            epochs=self.epochs,
            batch_size=self._rows_a_step(len(X)),
            validation_data=validation,
            metrics=[],
            callbacks=[
                EarlyStopping(
                    watched,
                    self.n_iter_no_change,
                    min_delta=self.tol,
                    restore_best=self.early_stopping,
                )
            ],
            rng=self._rng,
            verbose=self.verbose,
        )
        self.model_ = model
        self.n_iter_ = len(model.history["loss"])
        return self

    def _train_on(self, X: Array, y: Array, outputs: int, weight: Array | None) -> Self:
        """Go through checked data once, with the network there is, or a new one."""
        if not hasattr(self, "model_"):
            model = self._begin(X, y, outputs, weight)
            model.loss = self._own_loss(model)
            model.optimizer = copy.deepcopy(self._part("optimizer"))
            self.model_ = model
        self.model_.partial_fit(
            X,
            self._targets(y, self.model_),
            sample_weight=weight,
            batch_size=self._rows_a_step(len(X)),
            rng=self._rng,
        )
        self.n_iter_ = len(self.model_.history["loss"])
        return self

    def _own_loss(self, model: Sequential) -> Any:
        """Return a loss for the network: the one asked for, as its last layer needs it."""
        if self.loss is None:
            return self._default_loss(model[-1])
        return named_loss(copy.deepcopy(self.loss), model[-1])

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _rows_a_step(self, rows: int) -> Any:
        return min(200, rows) if self.batch_size == "auto" else self.batch_size

    def _set_aside(self, X: Array, y: Array, weight: Array | None) -> tuple[Any, ...]:
        """Return X, y and weights to train with, and those to validate with."""
        X, X_held, y, y_held, weight, weight_held = train_test_split(
            X,
            y,
            np.ones(len(X)) if weight is None else weight,
            test_size=self.validation_fraction,
            random_state=self._new_seed(),
            stratify=y if isinstance(self, ClassifierMixin) else None,
        )
        return X, y, weight, X_held, y_held, weight_held

    def _targets(self, y: Array, model: Sequential) -> Array:  # noqa: ARG002 - classes ask for it
        """Return y as the loss of this network takes it."""
        return y

    def _outputs(self, X: Any) -> Array:
        """Return what the network says of X."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return self.model_.predict(X, verbose=0)
