"""NetworkClassifier: a network that names classes."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from tinyframe.interop.sklearn.architecture import dense
from tinyframe.interop.sklearn.network import Network
from tinyframe.interop.sklearn.parts import unchanged_on_error
from tinyframe.layers import Layer, LogSoftmax, Sigmoid, Softmax
from tinyframe.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, LossLike
from tinyframe.optimizers import OptimizerLike
from tinyframe.sequential import Sequential
from tinyframe.types import Array
from tinyframe.utils.hints import understood


class NetworkClassifier(ClassifierMixin, Network):  # type: ignore[misc] # as above
    """A network that names the class of each row.

    It ends in a `Softmax` over the classes and makes the cross-entropy small, unless told
    otherwise. A network of one's own may end in `Softmax`, `LogSoftmax` or scores; with two classes
    also in a single output, `Sigmoid` or score, for the second of them.

    Where y is a matrix of 0 and 1, rows may have several labels or none: the network ends in a
    `Sigmoid` for each, and makes the binary cross-entropy small.

        GridSearchCV(NetworkClassifier(), {"optimizer__learning_rate": [1e-3, 1e-2]}).fit(X, y)

    Parameters
    ----------
    hidden_layer_sizes, activation, layers, loss, optimizer, solver, epochs, batch_size
        See `NetworkRegressor`.
    categorical_features, early_stopping, validation_fraction, n_iter_no_change, tol
        Likewise.
    warm_start, random_state, verbose
        Likewise.
    class_weight : dict, "balanced" or None
        What each class counts, by its name in y; "balanced": inversely to its rows. It counts in
        rows that `early_stopping` sets aside, too, not in `X_val`, whose weights are given.

    Attributes
    ----------
    classes_ : array
        The classes, sorted; of several labels a row, 0 … labels − 1.
    model_ : Sequential
        The network; `model_.history` is the record of its training.
    n_iter_ : int
        Epochs of that.

    Examples
    --------
    >>> from tinyframe.interop.sklearn import NetworkClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NetworkClassifier(solver="lbfgs", random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    classes_: Array

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
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, layers=layers, loss=loss, optimizer=optimizer,
            solver=solver,
            epochs=epochs, batch_size=batch_size, categorical_features=categorical_features,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, tol=tol,
            warm_start=warm_start, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train a new network on X and y, and return this estimator.

        Parameters
        ----------
        X : array, DataFrame or sparse matrix of shape (rows, features)
            Finite numbers. A sparse one becomes dense a batch at a time.
        y : array of shape (rows,), or (rows, labels)
            The class of each row: numbers, strings, …; or 1 for each label that it has, else 0.
        sample_weight : array of shape (rows,), optional
            What each row counts, ≥ 0.
        X_val, y_val, sample_weight_val
            Other rows, as above, whose loss is noted each epoch: `model_.history["val_loss"]`.

        Raises
        ------
        TypeError, ValueError
            If something is not as above, or with `warm_start` the classes are others than before.
        """
        first = not self._goes_on
        with unchanged_on_error(self):
            X, y = self._checked(X, y, first=first)
            classes = np.arange(y.shape[1]) if self._multilabel else np.unique(y)
            self._take_classes(classes, first=first)
            held = self._held(X_val, y_val, sample_weight_val)
            weight = self._weights(X, y, sample_weight, self.class_weight)
            return self._train(X, self._numbers(y), self._asked(), weight, held)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go through these rows once, and return this estimator.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array
            All classes there will be; needed at the first call, unless y is a matrix of labels.

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
        with unchanged_on_error(self):
            X, y = self._checked(X, y, first=first)
            if classes is None and first and not self._multilabel:
                raise ValueError("partial_fit expected classes=… at its first call, got none")
            if classes is None:
                classes = np.arange(y.shape[1]) if self._multilabel else self.classes_
            self._take_classes(np.unique(classes), first=first)
            weight = self._weights(X, y, sample_weight, self.class_weight)
            return self._train_on(X, self._numbers(y), self._asked(), weight)

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row, (rows,).

        Of labels, 1 for those whose probability is above ½, else 0: (rows, labels).
        """
        p = self.predict_proba(X)
        if self._multilabel:
            return (p > 0.5).astype(int)  # noqa: PLR2004 - as likely as not
        classes: Array = self.classes_[p.argmax(axis=1)]
        return classes

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, in the order of `classes_`: (rows, classes).

        Those of labels do not sum to 1.
        """
        y, last = self._outputs(X), self.model_[-1]
        if isinstance(last, LogSoftmax):
            y = np.exp(y)
        elif not isinstance(last, Softmax | Sigmoid):
            several = y.shape[1] > 1 and not self._multilabel
            y = (Softmax() if several else Sigmoid()).forward(y)
        if y.shape[1] == 1 and not self._multilabel:
            y = np.column_stack([1 - y, y])
        elif y.shape[1] > len(self.classes_):  # one class, though the network has two outputs
            return np.ones_like(y[:, :1])
        return y[:, : len(self.classes_)]

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Any, Array]:
        X, y = self._validated(X, y, first=first, multi_output=True)
        if issparse(y):
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:  # noqa: PLR2004 - (rows, 1)
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if y.ndim > 1 and type_of_target(y) != "multilabel-indicator":
            raise ValueError(
                "y expected one class a row, or a matrix of 0 and 1, got an array of shape "
                f"{y.shape}"
            )
        if first:
            self._multilabel = y.ndim > 1
        elif self._multilabel != (y.ndim > 1):
            raise ValueError(f"y expected the form that it had at first, got {y.ndim} axes")
        return X, y

    def _take_classes(self, classes: Array, *, first: bool) -> None:
        """Set `classes_`, or raise ValueError if they are others than at first."""
        if not first and not np.array_equal(classes, self.classes_):
            raise ValueError(f"classes expected {self.classes_}, as at first, got {classes}")
        self.classes_ = classes

    def _numbers(self, y: Array) -> Array:
        """Return the place of each row's class in `classes_`; labels as they are."""
        if self._multilabel:
            if y.shape[1] != len(self.classes_):
                raise ValueError(f"y expected {len(self.classes_)} labels, got {y.shape[1]}")
            return y
        known = set(self.classes_.tolist())
        if unknown := sorted(set(y.tolist()) - known, key=str):
            raise ValueError(f"y expected the classes {self.classes_}, got {unknown}")
        return np.searchsorted(self.classes_, y)

    def _asked(self) -> int:
        """Return how many outputs the classes ask for."""
        return len(self.classes_) if self._multilabel else max(2, len(self.classes_))

    def _strata(self, y: Array) -> Array | None:
        return None if self._multilabel else y

    def _targets(self, y: Array, model: Sequential) -> Array:
        single = model.output_shape == (1,) and not self._multilabel
        return y[:, np.newaxis].astype(model.dtype) if single else y

    def _last_layers(self, outputs: int) -> list[Layer]:
        return [dense(outputs), Sigmoid() if self._multilabel else Softmax()]

    def _output_shapes(self, outputs: int) -> list[tuple[int, ...]]:
        single = outputs == 2 and not self._multilabel  # noqa: PLR2004 - of two classes
        return [(outputs,), (1,)] if single else [(outputs,)]

    def _default_loss(self, last: Layer | None = None) -> Loss:
        if getattr(self, "_multilabel", False) and isinstance(last, Softmax | LogSoftmax):
            raise ValueError(f"layers expected Sigmoid() or scores at the end, got {last!r}")
        yes_or_no = last is not None and last.output_shape == (1,)
        if yes_or_no or getattr(self, "_multilabel", False):
            return BinaryCrossEntropyLoss(
                from_logits=not isinstance(last, Softmax | Sigmoid | None)
            )
        return CrossEntropyLoss(from_logits=not isinstance(last, Softmax | None))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
