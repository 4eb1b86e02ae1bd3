"""Settings: what `fit` is asked to use, checked, and made ready."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tinyframe.layers.layer import Layer
from tinyframe.losses import Loss, MSELoss
from tinyframe.optimizers import SGD, Optimizer
from tinyframe.parameters import ParameterVector
from tinyframe.training.named import named_loss, named_optimizer
from tinyframe.utils.attributes import check_attribute
from tinyframe.utils.checks import among, check_kind, positive_integer

if TYPE_CHECKING:
    import numpy as np


USUAL = 32
"""Rows a step, unless it is said."""


def check_model(model: Any) -> None:
    """Raise TypeError if it is no model: no layer that can `fit`."""
    expected = "a model such as Sequential([Dense(784, 10)])"
    check_kind("model", model, Layer, expected)
    if not hasattr(model, "fit"):
        raise TypeError(f"model expected {expected}, got {model!r}, a layer alone")


def chosen_loss(loss: Any, last: Loss | None, chain: Sequence[Layer]) -> Loss:
    """Return the loss to use: the one given, that of the last fit, or MSELoss().

    Parameters
    ----------
    loss, last
        What was given, perhaps by name, and the loss of the last fit.
    chain
        The layers of the model: see `named_loss`.
    """
    last = named_loss(last or MSELoss(), chain)  # the attribute may have been set to a name
    named = named_loss(loss, chain)
    chosen = _or_last(named, last, by_name=named is not loss)
    check_kind("loss", chosen, Loss, 'a Loss such as MSELoss(), or a name such as "mse"')
    return chosen  # type: ignore[no-any-return] # it is one


def chosen_optimizer(optimizer: Any, last: Optimizer | None) -> Optimizer:
    """Return the optimizer to use: the one given, that of the last fit, or SGD(0.1).

    Raises
    ------
    TypeError, ValueError, AttributeError
        If it is none, or was given attributes that it does not have, such as `lr`.
    """
    last = named_optimizer(last or SGD(0.1))
    named = named_optimizer(optimizer)
    expected = 'an Optimizer such as SGD(0.1), or a name such as "sgd"'
    chosen = _or_last(named, last, by_name=named is not optimizer)
    check_kind("optimizer", chosen, Optimizer, expected)
    for name in vars(chosen):  # not as they are set, since a step sets two of them
        if name[0] != "_":
            check_attribute(chosen, name)
    return chosen  # type: ignore[no-any-return] # it is one


def _or_last(given: Any, last: Any, *, by_name: bool) -> Any:
    """Return what was given; the last one for None, and for a name that stands for the same."""
    same = by_name and type(given) is type(last) and repr(given) == repr(last)
    return last if given is None or same else given


def rows_a_step(batch_size: Any, *, takes_all: bool) -> int:
    """Return how many rows a step takes: 32 for "auto", but all where the optimizer takes all.

    Raises
    ------
    TypeError, ValueError
        If it is neither "auto" nor None nor an integer above 0, or a number where all are taken.
    """
    if among(batch_size, "auto"):
        return sys.maxsize if takes_all else USUAL
    if batch_size is None:
        return sys.maxsize
    rows = positive_integer("batch_size", batch_size)
    if takes_all:
        raise ValueError(
            "batch_size expected None, as the optimizer takes all rows in each iteration, got "
            f"{batch_size}"
        )
    return rows


def verbosity(verbose: Any) -> int:
    """Return 0, 1 or 2; raise TypeError for anything else but False and True."""
    if not among(verbose, 0, 1, 2):
        raise TypeError(f"verbose expected True or False, 0, 1 or 2, got {verbose!r}")
    return int(verbose)


def skips_nonfinite(on_nonfinite: Any) -> bool:
    """Return whether to skip what is not finite; raise ValueError if that is not said."""
    if not among(on_nonfinite, "raise", "skip"):
        raise ValueError(f'on_nonfinite expected "raise" or "skip", got {on_nonfinite!r}')
    return bool(on_nonfinite == "skip")


def figure_names(
    metrics: Iterable[str], *, validated: bool, skips: bool, counts: bool = False
) -> tuple[str, ...]:
    """Return the names of the figures that each epoch will have."""
    names = ("loss", *metrics)
    if validated:
        names += tuple(f"val_{name}" for name in names)
    names += ("evaluations",) if counts else ()
    return (*names, "skipped", "seconds") if skips else (*names, "seconds")


def seed(
    model: Layer, weights: "np.random.Generator", layers: "np.random.Generator | None"
) -> None:
    """Draw the weights that have no value yet, and seed the random layers, if from `layers`.

    Parameters
    ----------
    model
        Built.
    weights, layers
        What to draw from.
    """
    ParameterVector(model.parameters, weights)
    if layers is not None:
        random_layers = [layer for layer in model.walk() if layer.random]
        for layer, rng in zip(random_layers, layers.spawn(len(random_layers)), strict=True):
            layer.rng = rng
