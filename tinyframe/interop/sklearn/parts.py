"""The loss and the optimizer of an estimator, whose arguments scikit-learn reads and changes."""

import inspect
from typing import Any

from tinyframe.losses import Loss
from tinyframe.optimizers import Optimizer
from tinyframe.optimizers.optimizer import StepOptions


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
