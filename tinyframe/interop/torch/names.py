"""Names: what PyTorch's modules call the weights of the layers of a model."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tinyframe.interop.torch.weights import LEAVES, theirs
from tinyframe.layers import Add, Concatenate, Layer, Reverse
from tinyframe.layers.recurrent import Recurrent
from tinyframe.parameters import Parameter
from tinyframe.types import Array
from tinyframe.utils.checks import check_kind

RECURRENT = re.compile(r"(.*(?:weight|bias)_[ih]h_l)(\d+)(_reverse)?")
"""A weight of a module of recurrent layers: its number from below, and which way it reads."""


class Place(NamedTuple):
    """A layer with weights of its own, where it is, and whether time is reversed there."""

    path: str
    layer: Layer
    backwards: bool = False


def places(model: Layer) -> list[Place]:
    """Return the layers that have weights of their own, in construction order.

    Raises
    ------
    TypeError, ValueError
        If it is no model, or not built.
    """
    check_kind("model", model, Layer, "a layer such as Sequential([Dense(784, 10)])")
    if model.input_shape is None:
        raise ValueError("expected a built model; its shapes are known after fit or build")
    return _within(model, "", backwards=False)[0]


def _within(layer: Layer, path: str, *, backwards: bool) -> tuple[list[Place], bool]:
    """Return the places in a layer, and whether time is reversed behind it."""
    if isinstance(layer, Reverse):
        return [], backwards != (layer.axis in (1, -len(layer.input_shape or ())))
    own = dict(layer._members(Parameter))  # noqa: SLF001 - not those of its children
    found = [Place(path, layer, backwards)] if own else []
    behind = backwards
    for name, child in layer.children.items():
        before = backwards if isinstance(layer, Add | Concatenate) else behind
        inner, behind = _within(child, joined(path, name), backwards=before)
        found += inner
    return found, behind


def names(found: Sequence[Place], prefixes: Sequence[str] | None) -> list[dict[str, str]]:
    """Return, for each layer, PyTorch's name of each weight by its leaf, as in `LEAVES`.

    Recurrent layers of one prefix are one module, `nn.LSTM(…, num_layers=2)`. If time is reversed
    before some of them, and not before others, it is `bidirectional`.

    Parameters
    ----------
    found
        The layers.
    prefixes
        What their modules are called; by default their places.

    Raises
    ------
    ValueError
        If the prefixes are not one a layer, or other layers share one.
    """
    prefixes = _checked(found, prefixes)
    both = {p for p, place in zip(prefixes, found, strict=True) if place.backwards} & {
        p for p, place in zip(prefixes, found, strict=True) if not place.backwards
    }
    counts: dict[tuple[str, str], int] = {}
    named: list[dict[str, str]] = []
    for prefix, place in zip(prefixes, found, strict=True):
        way = "_reverse" if place.backwards and prefix in both else ""
        number = counts[prefix, way] = counts.get((prefix, way), -1) + 1
        leaves = {leaf: joined(prefix, leaf) for leaf in theirs(place.path, place.layer)}
        if isinstance(place.layer, Recurrent):
            leaves = {leaf: f"{name[:-1]}{number}{way}" for leaf, name in leaves.items()}
        named.append(leaves)
    return named


def _checked(found: Sequence[Place], prefixes: Sequence[str] | None) -> Sequence[str]:
    """Return one prefix a layer, by default its place."""
    if prefixes is None:
        return [place.path for place in found]
    texts = isinstance(prefixes, Sequence) and all(isinstance(name, str) for name in prefixes)
    if not texts or isinstance(prefixes, str) or len(prefixes) != len(found):
        hint = ""
        if any(isinstance(place.layer, Recurrent) for place in found):
            hint = "; a module of several recurrent layers is named once for each"
        raise ValueError(
            f"prefixes expected {len(found)} names, for the layers {_listed(found)}, got "
            f"{prefixes!r}{hint}"
        )
    kinds: dict[str, type[Layer]] = {}
    for prefix, place in zip(prefixes, found, strict=True):
        kind = type(place.layer)
        known = prefix not in kinds or (kinds[prefix] is kind and issubclass(kind, Recurrent))
        if not known:
            raise ValueError(
                f"prefixes expected a name of its own for {place.path} {kind.__name__}, got "
                f"{prefix!r} again; recurrent layers of one kind alone share a module"
            )
        kinds[prefix] = kind
    return prefixes


def in_order(found: Sequence[Place], arrays: Mapping[str, Array]) -> list[str]:
    """Return the prefix of each layer, by the order of modules in a state dict.

    Raises
    ------
    ValueError
        If that is not safe, as modules have the same shapes, or are too many or too few.
    """
    modules = _modules(arrays)
    prefixes = [prefix for prefix, layers in modules.items() for _ in layers]
    if len(prefixes) != len(found):
        raise ValueError(
            f"expected {len(found)} modules, for the layers {_listed(found)}, got "
            f"{len(prefixes)}: {prefixes}"
        )
    owners: dict[tuple[tuple[str, tuple[int, ...]], ...], str] = {}
    for prefix, layers in modules.items():
        for signature in layers.values():
            if owners.setdefault(tuple(sorted(signature)), prefix) != prefix:
                raise ValueError(
                    "some modules have the same shapes, so that their order alone does not tell "
                    "which is which; name them in the order of this model's layers: "
                    f"prefixes={prefixes}"
                )
    return prefixes


def _modules(
    arrays: Mapping[str, Array],
) -> dict[str, dict[str, list[tuple[str, tuple[int, ...]]]]]:
    """Return the modules of a state dict in their order: of each layer in it, leaves and shapes."""
    leaves = sorted({leaf for names in LEAVES.values() for leaf in names}, key=len, reverse=True)
    modules: dict[str, dict[str, list[tuple[str, tuple[int, ...]]]]] = {}
    for name, array in arrays.items():
        recurrent = RECURRENT.fullmatch(name)
        layer = "".join(part or "" for part in recurrent.group(2, 3)) if recurrent else ""
        plain = f"{recurrent[1]}0" if recurrent else name
        leaf = next((leaf for leaf in leaves if f".{plain}".endswith(f".{leaf}")), "")
        if not leaf:
            raise ValueError(f"the state dict's {name!r} is no weight of a module known here")
        prefix = plain.removesuffix(leaf).removesuffix(".")
        modules.setdefault(prefix, {}).setdefault(layer, []).append((leaf, array.shape))
    return modules


def joined(prefix: str, name: str) -> str:
    """Return the name of what is called `name` within `prefix`."""
    return f"{prefix}.{name}" if prefix else name


def _listed(found: Sequence[Place]) -> list[str]:
    return [f"{place.path} {type(place.layer).__name__}" for place in found]
