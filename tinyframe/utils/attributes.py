"""Attributes: those that an object has, and what other libraries call them."""

import inspect
from functools import cache
from typing import Any

ELSEWHERE = {
    "b": "bias",
    "beta": "bias",
    "biases": "bias",
    "dilation_rate": "dilation",
    "dilations": "dilation",
    "eps": "epsilon",
    "freeze": "trainable",
    "frozen": "trainable",
    "gamma": "gain",
    "kernel": "weight",
    "kernel_initializer": "initializer",
    "learnable": "trainable",
    "learning_rate": "optimizer.learning_rate",
    "lr": "learning_rate",
    "moving_mean": "running_mean",
    "moving_var": "running_variance",
    "moving_variance": "running_variance",
    "negative_slope": "slope",
    "num_heads": "heads",
    "out_channels": "filters",
    "p": "rate",
    "params": "parameters",
    "recurrent_kernel": "recurrent_weight",
    "requires_grad": "trainable",
    "running_var": "running_variance",
    "strides": "stride",
    "trainable": "layer.trainable",
    "trainable_variables": "trainable_parameters",
    "trainable_weights": "trainable_parameters",
    "variables": "parameters",
    "w": "weight",
    "weight": "model.parameters",
    "weights": "weight",
}
"""What other libraries call it, in small letters: the name that it has here, or the next best."""


@cache
def attributes(kind: Any) -> dict[str, Any] | None:
    """Return what may be set on objects of a class of tinyframe's own; None where anything may.

    A class of the user's keeps what it likes. The names are those of the class, of its annotations,
    which are what they stand for here, and of its constructor's arguments.

    Parameters
    ----------
    kind : type
        The class.
    """
    if kind.__module__.partition(".")[0] != "tinyframe":
        return None
    names: dict[str, Any] = dict.fromkeys((*dir(kind), *inspect.signature(kind).parameters))
    for base in reversed(kind.__mro__):
        names |= inspect.get_annotations(base)
    return names


def is_ours(instance: object) -> bool:
    """Whether an object is of a class of tinyframe's own, not of the user's."""
    return type(instance).__module__.startswith("tinyframe.")


class Changes:
    """Marks the last time that an attribute of any layer or parameter was set.

    Attributes
    ----------
    latest
        An object that is another one after each change.
    """

    latest: object = None

    @classmethod
    def note(cls) -> None:
        """Say that something has changed just now."""
        cls.latest = object()


def check_attribute(instance: object, name: str) -> None:
    """Raise AttributeError if an object of tinyframe's own has nothing of that name."""
    names = attributes(type(instance))  # type: ignore[arg-type] # classes are hashable
    if names is not None and name not in names:
        raise unknown_attribute(type(instance), name)


def unknown_attribute(kind: Any, name: str) -> AttributeError:
    """Return the error for a name that objects of this class, tinyframe's own, do not have."""
    import difflib  # noqa: PLC0415 - spares `import tinyframe`

    names = attributes(kind) or {}
    right = ELSEWHERE.get(name.lower())
    while right is not None and "." not in right and right not in names:
        right = ELSEWHERE.get(right)
    if right is None:
        public = [n for n in names if not n.startswith("_")]
        right = next(iter(difflib.get_close_matches(name, public, n=1)), None)
    hint = "a subclass of your own may have it" if right is None else f"here it is {right!r}"
    return AttributeError(f"{kind.__name__} has no attribute {name!r}; {hint}")
