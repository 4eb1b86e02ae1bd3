"""Names for objects: `loss="mse"`, `optimizer="adam"`; a class stands for its object, too."""

import re
from collections.abc import Sequence
from typing import Any

from tinyframe.layers import (
    Concatenate,
    Dropout,
    Flatten,
    LogSoftmax,
    Permute,
    ReLU,
    Reshape,
    Reverse,
    Select,
    Sigmoid,
    Softmax,
    Softplus,
)
from tinyframe.layers.layer import Layer
from tinyframe.losses import (
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    KLDivergenceLoss,
    Loss,
    PoissonLoss,
)
from tinyframe.optimizers import SGD, Optimizer
from tinyframe.storage.registry import KINDS, registered_classes
from tinyframe.utils.attributes import is_ours
from tinyframe.utils.hints import closest
from tinyframe.utils.vocabulary import LOSSES, OPTIMIZERS

KEEP_VALUES = (Flatten, Reshape, Permute, Reverse, Select, Dropout)
"""Layers after which probabilities still are probabilities."""

TAKE_EITHER = (CrossEntropyLoss, BinaryCrossEntropyLoss, KLDivergenceLoss, PoissonLoss)
"""Losses of probabilities or scores, of rates or their logarithms."""


def head_of(chain: Sequence[Layer]) -> Layer | None:
    """Return the layer that makes what a chain predicts; None where branches make different things.

    Parameters
    ----------
    chain
        The layers in order, of which none is a Sequential.
    """
    for layer in reversed(chain):
        if isinstance(layer, Concatenate):
            heads = [head_of(branch._chain()) for branch in layer.branches]  # noqa: SLF001 - a chain
            return heads[0] if len({type(head) for head in heads}) == 1 else None
        if not isinstance(layer, KEEP_VALUES):
            return layer
    return chain[-1]


def named_loss(value: Any, chain: Sequence[Layer]) -> Any:
    """Return the loss that a name or a class stands for; anything else as it is.

    Losses that take probabilities or scores take what the model's last layer makes: probabilities
    where it is Softmax or Sigmoid, or of the user's own; else scores. Likewise `PoissonLoss` takes
    rates where it is Softplus or ReLU, else their logarithms.

    Parameters
    ----------
    value
        As the user gave it: "cross_entropy", CrossEntropyLoss, CrossEntropyLoss(), …
    chain
        The layers of the model.

    Raises
    ------
    ValueError
        If no loss has that name: tells those that there are. If it is one that takes either, and
        branches of the model make both.
    TypeError
        If the class needs arguments.
    """
    kind = _class_of(value, "loss")
    if kind is None:
        return value
    head = head_of(chain)
    if head is None and kind in TAKE_EITHER:
        raise ValueError(
            f"loss expected an object, such as {kind.__name__}(…), as branches of the model end in "
            f"different layers, got {value!r}"
        )
    if kind is KLDivergenceLoss:
        return KLDivergenceLoss(from_logits=isinstance(head, LogSoftmax))
    if kind is PoissonLoss:
        return PoissonLoss(log_rates=not isinstance(head, (Softplus, ReLU)))
    if kind is CrossEntropyLoss or kind is BinaryCrossEntropyLoss:
        return kind(from_logits=is_ours(head) and not isinstance(head, (Softmax, Sigmoid)))
    return _made(kind, "loss")


def named_optimizer(value: Any) -> Any:
    """Return the optimizer that a name or a class stands for; value and errors as for losses."""
    kind = _class_of(value, "optimizer")
    if kind is None:
        return value
    return SGD(0.1) if kind is SGD else _made(kind, "optimizer")


def _class_of(value: Any, kind: str) -> Any:
    """Return the class that a name or a class stands for; None for anything else."""
    if isinstance(value, type) and issubclass(value, KINDS[kind]):
        return value
    if not isinstance(value, str):
        return None
    classes = {_bare(found.__name__, kind): found for found in registered_classes(kind)}
    name = _bare(value, kind)
    elsewhere = (LOSSES if kind == "loss" else OPTIMIZERS).get(name, "")
    found = classes.get(name) or classes.get(_bare(elsewhere, kind))
    if found is None:
        names = sorted(_spoken(known.__name__, kind) for known in classes.values())
        near = closest(value, names)
        hint = "" if near is None else f"; did you mean {near!r}?"
        raise ValueError(f"{kind} expected one of {', '.join(names)}, got {value!r}{hint}")
    return found


def _bare(name: str, kind: str) -> str:
    """Return what is left of a name in small letters: "crossentropy" of "cross_entropy_loss"."""
    return re.sub("[^a-z0-9]", "", name.lower()).removesuffix(kind)


def _spoken(name: str, kind: str) -> str:
    """Return how a class is called in words: "cross_entropy" of CrossEntropyLoss."""
    words = name.removesuffix("Loss") if kind == "loss" else name.lower()
    return re.sub("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", words).lower()


def _made(kind: type[Loss | Optimizer], what: str) -> Any:
    try:
        return kind()  # type: ignore[call-arg] # most have defaults for all
    except TypeError as error:
        name = kind.__name__
        raise TypeError(f"{what} expected an object, {name}(…), got a class: {error}") from None
