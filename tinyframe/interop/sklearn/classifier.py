"""NetworkClassifier: a network that names classes."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from tinyframe.interop.sklearn.network import FLOATS, Network
from tinyframe.layers import Layer, LogSoftmax, Sigmoid, Softmax
from tinyframe.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, LossLike
from tinyframe.optimizers import OptimizerLike
from tinyframe.sequential import Sequential
from tinyframe.types import Array


class NetworkClassifier(ClassifierMixin, Network):  # type: ignore[misc] # as above
    """A network that names the class of each row.

    It ends in a `Softmax` over the classes and makes the cross-entropy small, unless told
    otherwise. A network of one's own may end in `Softmax`, `LogSoftmax` or scores; with two classes
    also in a single output, `Sigmoid` or score, for the second of them.

        GridSearchCV(NetworkClassifier(), {"optimizer__learning_rate": [1e-3, 1e-2]}).fit(X, y)

    Parameters
    ----------
    hidden_layer_sizes, activation, layers, loss, optimizer, epochs, batch_size, early_stopping
        See `NetworkRegressor`.
    validation_fraction, n_iter_no_change, tol, random_state, verbose
        Likewise.
    class_weight : dict, "balanced" or None
        What each class counts, by its name in y; "balanced": inversely to its rows.

    Attributes
    ----------
    classes_ : array
        The classes, sorted.
    model_ : Sequential
        The network; `model_.history` is the record of its training.
    n_iter_ : int
        Epochs of that.
    """

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
        class_weight: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, layers=layers, loss=loss, optimizer=optimizer,
            epochs=epochs, batch_size=batch_size, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, tol=tol,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network on X and y, and return this estimator.

        Parameters
        ----------
        X : array or DataFrame of shape (rows, features)
            Finite numbers.
        y : array of shape (rows,)
            The class of each row: numbers, strings, …
        sample_weight : array of shape (rows,), optional
            What each row counts, ≥ 0.

        Raises
        ------
        TypeError, ValueError
            If something is not as above.
        """
        X, y = self._checked(X, y)
        self.classes_ = np.unique(y)
        weight = self._weights(X, y, sample_weight, self.class_weight)
        return self._train(X, self._numbers(y), max(2, len(self.classes_)), weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go through these rows once, and return this estimator.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array
            All classes there will be; needed at the first call.

        Raises
        ------
        TypeError, ValueError
            If something is not as above, or y has a class that is none of them.
        """
        first = not hasattr(self, "model_")
        if isinstance(self.class_weight, str):
            raise ValueError(  # noqa: TRY004 - a string is fine, in `fit`
                "partial_fit expected class_weight to be a dict or None, got "
                f"{self.class_weight!r}, which needs all rows at once"
            )
        if first and classes is None:
            raise ValueError("partial_fit expected classes=… at its first call, got none")
        X, y = self._checked(X, y, first=first)
        known = self.classes_ if classes is None else np.unique(classes)
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes expected {self.classes_}, as at first, got {known}")
        if unknown := sorted(set(y.tolist()) - set(known.tolist()), key=str):
            raise ValueError(f"y expected the classes {known}, got {unknown}")
        self.classes_ = known
        weight = self._weights(X, y, sample_weight, self.class_weight)
        return self._train_on(X, self._numbers(y), max(2, len(known)), weight)

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row, (rows,)."""
        winners = self.predict_proba(X).argmax(axis=1)
        classes: Array = self.classes_[winners]
        return classes

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, in the order of `classes_`: (rows, classes)."""
        y, last = self._outputs(X), self.model_[-1]
        if isinstance(last, LogSoftmax):
            y = np.exp(y)
        elif not isinstance(last, Softmax | Sigmoid):
            y = (Softmax() if y.shape[1] > 1 else Sigmoid()).forward(y)
        if y.shape[1] == 1:
            y = np.column_stack([1 - y, y])
        return y[:, : len(self.classes_)]

    def _checked(self, X: Any, y: Any, *, first: bool = True) -> tuple[Array, Array]:
        """Return X and y as arrays, or raise ValueError."""
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, reset=first)
        if y.ndim == 2 and y.shape[1] == 1:  # noqa: PLR2004 - (rows, 1)
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if y.ndim > 1:
            raise ValueError(f"y expected one class a row, got an array of shape {y.shape}")
        return X, y

    def _numbers(self, y: Array) -> Array:
        """Return the place of each row's class in `classes_`."""
        return np.searchsorted(self.classes_, y)

    def _targets(self, y: Array, model: Sequential) -> Array:
        single = model.output_shape == (1,)
        return y[:, np.newaxis].astype(model.dtype) if single else y

    def _last_layers(self, outputs: int) -> list[Layer]:
        return [*super()._last_layers(outputs), Softmax()]

    @staticmethod
    def _output_shapes(outputs: int) -> list[tuple[int, ...]]:
        return [(outputs,), (1,)] if outputs == 2 else [(outputs,)]  # noqa: PLR2004 - of two classes

    def _default_loss(self, last: Layer | None = None) -> Loss:
        if last is not None and last.output_shape == (1,):
            return BinaryCrossEntropyLoss(from_logits=not isinstance(last, Sigmoid))
        return CrossEntropyLoss(from_logits=not isinstance(last, Softmax | None))
