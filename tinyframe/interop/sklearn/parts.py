"""The loss and the optimizer of an estimator, whose arguments scikit-learn reads and changes."""

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from sklearn.base import BaseEstimator

from tinyframe.layers import Layer, Softmax
from tinyframe.losses import Loss
from tinyframe.optimizers import LBFGS, Adam, Optimizer
from tinyframe.optimizers.optimizer import StepOptions
from tinyframe.training.named import named_loss, named_optimizer

PARTS = ("optimizer", "loss")
"""Parameters whose own arguments are parameters too: optimizer__learning_rate."""


class Parts(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """An estimator with parameters `loss` and `optimizer`, objects whose arguments it hands on."""

    loss: Any
    optimizer: Any
    solver: Any

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
        super().set_params(**params)
        for part, arguments in changes.items():  # of what is there now
            super().set_params(**{part: changed(self._part(part), arguments)})
        return self

    def _part(self, name: str) -> Any:
        """Return the optimizer or the loss: the one given, or what is used instead of None."""
        given = getattr(self, name)
        if given is None and name == "optimizer":
            given = self._solved() if self.solver == "lbfgs" else self.solver
        if given is None:
            return Adam() if name == "optimizer" else self._default_loss()
        try:
            return (
                named_optimizer(given) if name == "optimizer" else named_loss(given, (Softmax(),))
            )
        except (TypeError, ValueError):
            return given  # `fit` says what is wrong with it

    def _solved(self) -> LBFGS:
        """Return the optimizer of solver="lbfgs", of which `tol` is the tolerance."""
        try:
            return LBFGS(tolerance=getattr(self, "tol", 1e-4))
        except (TypeError, ValueError):
            return LBFGS()  # `fit` says what is wrong with `tol`

    def _default_loss(self, last: Layer | None = None) -> Loss:
        """Return the loss for a network that ends in this layer."""
        raise NotImplementedError

    def _own_loss(self, last: Layer) -> Any:
        """Return a loss for a network that ends in this layer: the one asked for, as it needs it.

        A copy, as is the optimizer below: what is given is not changed.
        """
        if self.loss is None:
            return self._default_loss(last)
        return named_loss(copy.deepcopy(self.loss), (last,))

    def _own_optimizer(self) -> Any:
        """Return an optimizer to train with; ValueError if `solver` names another one."""
        optimizer = copy.deepcopy(self._part("optimizer"))
        named = named_optimizer(self.solver)
        if named is not None and type(named) is not type(optimizer):
            raise ValueError(
                f"solver={self.solver!r} expected optimizer=None or one of that kind, got "
                f"{optimizer!r}"
            )
        return optimizer


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put an estimator's attributes back as they were if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def arguments_of(part: Any) -> dict[str, Any]:
    """Return what an optimizer or a loss can be made with, as it is now."""
    if not isinstance(part, Optimizer | Loss):
        return {}
    names = _own_arguments(part)
    if isinstance(part, Optimizer):
        names += [name for name in StepOptions.__annotations__ if name not in names]
    return {name: getattr(part, name) for name in names}


def changed(part: Any, changes: dict[str, Any]) -> Any:
    """Return an optimizer or a loss made anew with some arguments changed."""
    if unknown := sorted(changes.keys() - arguments_of(part)):
        raise ValueError(f"{part!r} has no parameter {', '.join(unknown)}")
    kept = {name: getattr(part, name) for name in _own_arguments(part)}
    return type(part)(**kept | getattr(part, "options", {}) | changes)


def _own_arguments(part: Optimizer | Loss) -> list[str]:
    parameters = inspect.signature(type(part)).parameters.values()
    return [
        parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD
    ]
