"""from_sklearn: a fitted network of scikit-learn as one of ours, to the last digits."""

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from tinyframe.interop.sklearn.architecture import hidden_layers
from tinyframe.interop.sklearn.classifier import NetworkClassifier
from tinyframe.interop.sklearn.regressor import NetworkRegressor
from tinyframe.layers import Dense, Layer, Sigmoid, Softmax
from tinyframe.optimizers import LBFGS, SGD, Adam, Optimizer
from tinyframe.sequential import Sequential

SAME = (
    "hidden_layer_sizes", "activation", "batch_size", "early_stopping", "validation_fraction",
    "n_iter_no_change", "tol", "warm_start", "random_state",
)  # fmt: skip
"""Parameters that are called the same and mean the same."""

ENDS: dict[str, type[Layer] | None] = {
    "softmax": Softmax,
    "logistic": Sigmoid,
    "identity": None,
    "exp": None,  # of rates, whose logarithms the network makes
}
"""What scikit-learn's networks end in."""


def from_sklearn(mlp: Any) -> NetworkClassifier | NetworkRegressor:
    """Return a fitted `MLPClassifier` or `MLPRegressor` as an estimator of ours.

    It predicts the same numbers, to rounding; its `model_` is a `Sequential` of the same weights,
    in their dtype, to be looked into, trained on or exported:

        from_sklearn(mlp).model_.to_onnx("model.onnx")

    `partial_fit`, and `fit` with `warm_start`, go on with these weights, by the optimizer of the
    same name and arguments, without its memory and without `alpha`.
    A `fit` of two classes without `warm_start` begins a network with two outputs instead of one. Of
    a regressor with `loss="poisson"`, `model_` makes the logarithms of the rates.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Fitted.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is not fitted.

    Examples
    --------
    >>> from tinyframe.interop.sklearn import from_sklearn
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = np.eye(4), np.arange(4)
    >>> net = MLPClassifier(8, solver="lbfgs", random_state=0).fit(X, y)
    >>> model = from_sklearn(net)
    >>> np.allclose(model.predict_proba(X), net.predict_proba(X), atol=1e-5)
    True
    """
    if not isinstance(mlp, MLPClassifier | MLPRegressor):
        raise TypeError(f"from_sklearn expected an MLPClassifier or MLPRegressor, got {mlp!r}")
    check_is_fitted(mlp)
    parameters = {name: getattr(mlp, name) for name in SAME}
    if mlp.solver == "lbfgs":
        parameters["batch_size"] = "auto"
    parameters |= {
        "epochs": mlp.max_iter,
        "verbose": int(mlp.verbose),
        "optimizer": _optimizer(mlp),
    }
    network: NetworkClassifier | NetworkRegressor
    if isinstance(mlp, MLPClassifier):
        network = NetworkClassifier(**parameters)
        network.classes_ = mlp.classes_
        network._multilabel = mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1  # noqa: SLF001 - as `fit` does
    else:
        poisson = mlp.out_activation_ == "exp"
        network = NetworkRegressor(**parameters, loss="poisson" if poisson else None)
        network._single = mlp.n_outputs_ == 1  # noqa: SLF001 - as above
    network.n_features_in_ = mlp.n_features_in_
    if hasattr(mlp, "feature_names_in_"):
        network.feature_names_in_ = mlp.feature_names_in_
    network._take_over(_model(mlp), mlp.n_iter_)  # noqa: SLF001 - as above
    return network


def _model(mlp: Any) -> Sequential:
    """Return the network with its weights."""
    end = ENDS[mlp.out_activation_]
    units = [len(bias) for bias in mlp.intercepts_]
    layers = [*hidden_layers(units[:-1], mlp.activation), Dense(units[-1])]
    dtype = np.result_type(*mlp.coefs_)
    model = Sequential([*layers, *([] if end is None else [end()])], dtype=dtype)
    model.build(mlp.n_features_in_)
    layers_with_weights = [layer for layer in model if isinstance(layer, Dense)]
    for layer, weight, bias in zip(layers_with_weights, mlp.coefs_, mlp.intercepts_, strict=True):
        layer.weight.value, layer.bias.value = weight, bias
    return model


def _optimizer(mlp: Any) -> Optimizer:
    """Return the optimizer that `solver` stands for."""
    rate = mlp.learning_rate_init
    if mlp.solver == "adam":
        return Adam(rate, mlp.beta_1, mlp.beta_2, mlp.epsilon)
    if mlp.solver == "sgd":
        nesterov = mlp.nesterovs_momentum and mlp.momentum > 0
        return SGD(rate, momentum=mlp.momentum, nesterov=nesterov)
    return LBFGS(tolerance=mlp.tol)
