"""NetworkRegressor: a network that names numbers."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from tinyframe.interop.sklearn.network import FLOATS, Network
from tinyframe.layers import Layer
from tinyframe.losses import Loss, MSELoss
from tinyframe.types import Array


class NetworkRegressor(RegressorMixin, Network):  # type: ignore[misc] # as above
    """A network that names a number for each row, or several.

    It ends in `Dense(outputs)`, whose bias starts around the mean of y, and makes the squared error
    small, unless told otherwise. Where the numbers of y are far from 1 in size, scale them, as by
    `TransformedTargetRegressor`: it trains faster.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Units of the hidden layers, as for scikit-learn's `MLPClassifier`.
    activation : {"relu", "tanh", "logistic", "identity"}
        What follows each of them.
    layers : list of Layer, or function, optional
        Instead of these two, the whole network, its last layer included; or a function
        (features, outputs) → such a list, where the number of outputs is to follow from y. The
        layers are copied, so that each fit begins anew.
    loss : Loss, optional
        What to make small; by default `MSELoss()`.
    optimizer : Optimizer, optional
        How; by default `Adam(0.001)`. Its arguments are parameters of this estimator, such as
        `optimizer__learning_rate`, and so are those of the loss.
    epochs : int
        How many times at most to go through all rows.
    batch_size : int, "auto" or None
        Rows a step; "auto" is 200, or all rows if they are fewer; None is all rows.
    early_stopping : bool
        Whether to set aside `validation_fraction` of the rows, watch the loss on these instead of
        that of training, and keep the weights of the best epoch.
    validation_fraction : float
        The share of rows for that, in (0, 1).
    n_iter_no_change : int
        Training ends when the loss has not fallen by `tol` for so many epochs.
    tol : float
        See there.
    random_state : int, RandomState or None
        Seed of all that is random.
    verbose : int
        As in `Model.fit`.

    Attributes
    ----------
    model_ : Sequential
        The network; `model_.history` is the record of its training.
    n_iter_ : int
        Epochs of that.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network on X and y, and return this estimator.

        Parameters
        ----------
        X : array or DataFrame of shape (rows, features)
            Finite numbers.
        y : array of shape (rows,) or (rows, outputs)
            Finite numbers.
        sample_weight : array of shape (rows,), optional
            What each row counts, ≥ 0.

        Raises
        ------
        TypeError, ValueError
            If something is not as above.
        """
        X, y = self._checked(X, y, first=True)
        self._single = y.ndim == 1
        return self._train(X, y, _columns(y), self._weights(X, y, sample_weight))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through these rows once, and return this estimator; arguments are those of `fit`."""
        first = not hasattr(self, "model_")
        X, y = self._checked(X, y, first=first)
        if first:
            self._single = y.ndim == 1
        return self._train_on(X, y, _columns(y), self._weights(X, y, sample_weight))

    def predict(self, X: Any) -> Array:
        """Return the numbers for each row, of the shape that y had."""
        y = self._outputs(X)
        return y[:, 0] if self._single else y

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Array, Array]:
        """Return X and y as arrays, or raise ValueError."""
        X, y = validate_data(
            self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True, reset=first
        )
        if y.ndim == 2 and y.shape[1] == 1:  # noqa: PLR2004 - (rows, 1)
            y = column_or_1d(y, warn=True)
        return X, y.astype(X.dtype)

    def _centre(self, y: Array, weight: Array | None) -> Array | float:
        centre: Array = np.average(y.reshape(len(y), -1), axis=0, weights=weight)
        return centre

    def _default_loss(self, last: Layer | None = None) -> Loss:  # noqa: ARG002 - whatever it ends in
        return MSELoss()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _columns(y: Array) -> int:
    return 1 if y.ndim == 1 else int(y.shape[1])
