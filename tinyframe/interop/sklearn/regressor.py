"""NetworkRegressor: a network that names numbers."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from tinyframe.interop.sklearn.network import Network
from tinyframe.interop.sklearn.parts import unchanged_on_error
from tinyframe.layers import Layer
from tinyframe.losses import GaussianNLLLoss, Loss, MSELoss, PoissonLoss, QuantileLoss
from tinyframe.types import Array


class NetworkRegressor(RegressorMixin, Network):  # type: ignore[misc] # as above
    """A network that names a number for each row, or several.

    It ends in `Dense(outputs)`, whose bias starts around the mean of y, and makes the squared error
    small, unless told otherwise. Where the numbers of y are far from 1 in size, scale them, as by
    `TransformedTargetRegressor`: it trains faster.

    With `loss="gaussian_nll"` it predicts means, and how sure it is of them; with "poisson" the
    rates of counts; with `QuantileLoss([0.1, 0.9])` an interval.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Units of the hidden layers, as for scikit-learn's `MLPClassifier`.
    activation : {"relu", "tanh", "logistic", "identity"}
        What follows each of them.
    layers : list of Layer, or function, optional
        Instead of these two, the whole network, its last layer included; or a function
        (features, outputs) → such a list, where the number of outputs is to follow from y. The
        layers are copied, so that each fit begins anew. X may then have more axes than two, as
        images do, and `features` is their shape.
    loss : Loss, optional
        What to make small; by default `MSELoss()`.
    optimizer : Optimizer, optional
        How; by default `Adam(0.001)`. Its arguments are parameters of this estimator, such as
        `optimizer__learning_rate`, and so are those of the loss.
    solver : str, optional
        The name of one, as scikit-learn has it, where there is no `optimizer`: "lbfgs", "adam", …
        `LBFGS` takes all rows at once, and an epoch is an iteration: for a few thousand rows.
    epochs : int
        How many times at most to go through all rows.
    batch_size : int, "auto" or None
        Rows a step; "auto" is 200, or all rows if they are fewer; None is all rows.
    categorical_features : "from_dtype", sequence of str, int or bool, or None
        Which columns of X hold categories, of strings or anything else: those of a DataFrame whose
        dtype says so, by their names, or by their positions. The network learns a vector for each
        category, an `Embedding`, and takes it beside the numbers, which a `StandardScaler` in a
        `ColumnTransformer` scales. A missing value is a category; one that was not there in `fit`
        counts as the vector of zeros, around which the others are drawn. Where `layers` are given,
        they get categories as numbers from 1 on, 0 for those that were not there.
    early_stopping : bool
        Whether to watch the loss of a validation set instead of that of training, and keep the
        weights of the best epoch: `X_val` and `y_val` of `fit`, or `validation_fraction` of the
        rows, which are set aside.
    validation_fraction : float
        The share of rows for that, in (0, 1).
    n_iter_no_change : int
        Training ends when the loss has not fallen by `tol` for so many epochs.
    tol : float
        See there. With `solver="lbfgs"`, which ends where it has converged: the largest derivative
        that counts as none, as in scikit-learn.
    warm_start : bool
        Whether `fit` goes on with the network of the last one instead of a new one. The optimizer
        begins anew.
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

    Examples
    --------
    >>> from tinyframe.interop.sklearn import NetworkRegressor
    >>> X = np.linspace(-1, 1, 40)[:, np.newaxis]
    >>> y = X[:, 0] ** 2
    >>> NetworkRegressor(solver="lbfgs", random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

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
        y : array of shape (rows,) or (rows, outputs)
            Finite numbers.
        sample_weight : array of shape (rows,), optional
            What each row counts, ≥ 0.
        X_val, y_val, sample_weight_val
            Other rows, as above, whose loss is noted each epoch: `model_.history["val_loss"]`.

        Raises
        ------
        TypeError, ValueError
            If something is not as above.
        """
        with unchanged_on_error(self):
            X, y = self._checked(X, y, first=not self._goes_on)
            held = self._held(X_val, y_val, sample_weight_val)
            self._train(X, y, self._asked(y), self._weights(X, y, sample_weight), held)
            self._single = y.ndim == 1
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through these rows once, and return this estimator; arguments are those of `fit`."""
        first = not hasattr(self, "model_")
        with unchanged_on_error(self):
            X, y = self._checked(X, y, first=first)
            if first:
                self._single = y.ndim == 1
            return self._train_on(X, y, self._asked(y), self._weights(X, y, sample_weight))

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the numbers for each row, of the shape that y had.

        Several quantiles are (rows, quantiles). With "poisson" the numbers are rates, whatever the
        network makes.

        Parameters
        ----------
        X
            As in `fit`.
        return_std : bool
            Whether to return a second array beside it, the standard deviations, where the loss is
            "gaussian_nll".

        Raises
        ------
        TypeError, ValueError
            If X is not as above, or the loss knows of no deviations.
        """
        y = self._outputs(X)
        loss = self.model_.loss
        deviations = None
        if isinstance(loss, GaussianNLLLoss):
            y, s = np.split(y, 2, axis=1)
            deviations = self._shaped(np.sqrt(np.exp(s) + loss.epsilon))
        elif isinstance(loss, PoissonLoss) and loss.log_rates:
            y = np.exp(y)
        if not return_std:
            return self._shaped(y)
        if deviations is None:
            raise ValueError(f'return_std expected loss="gaussian_nll", got {loss!r}')
        return self._shaped(y), deviations

    def _shaped(self, y: Array) -> Array:
        """Return numbers as y had them."""
        return y[:, 0] if self._single and y.shape[1] == 1 else y

    def _asked(self, y: Array) -> int:
        """Return how many outputs the loss asks for."""
        columns, loss = 1 if y.ndim == 1 else int(y.shape[1]), self._part("loss")
        if isinstance(loss, GaussianNLLLoss):
            return 2 * columns
        if isinstance(loss, QuantileLoss) and isinstance(loss.quantile, tuple):
            return len(loss.quantile)
        return columns

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Any, Array]:
        X, y = self._validated(X, y, first=first, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:  # noqa: PLR2004 - (rows, 1)
            y = column_or_1d(y, warn=True)
        return X, y.astype(X.dtype)

    def _centre(self, y: Array, weight: Array | None) -> Array | float:
        y = y.reshape(len(y), -1)
        centre: Array = np.average(y, axis=0, weights=weight)
        loss = self._part("loss")
        if isinstance(loss, GaussianNLLLoss):
            variance = np.average((y - centre) ** 2, axis=0, weights=weight)
            centre = np.concatenate([centre, np.log(variance + loss.epsilon)])
        elif isinstance(loss, PoissonLoss) and loss.log_rates:
            centre = np.log(np.maximum(centre, np.finfo(y.dtype).tiny))
        return centre

    def _default_loss(self, last: Layer | None = None) -> Loss:  # noqa: ARG002 - whatever it ends in
        return MSELoss()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
