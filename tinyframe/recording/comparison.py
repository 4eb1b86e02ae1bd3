"""Comparison: a replayed step against the plain one, bit by bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyframe.recording.watching import Part
from tinyframe.types import Array


def differing(
    plain: Any, results: Mapping[str, Any], written: list[tuple[Part, Array]], expected: list[Array]
) -> Part | None:
    """Return the layer or loss whose numbers are others in a replay than in the plain step.

    Parameters
    ----------
    plain
        The objective, after the plain step.
    results
        What the replay computed: "output 0", …, "value", "weight_sum", "gradient 0", …
    written, expected
        Gradients and states of each part after the replay, and what they were after the plain step.
    """
    for number, layer in enumerate(plain.layers):
        if not same_bits(results.get(f"output {number}"), plain.outputs[number + 1]):
            return layer
    for name in ("value", "weight_sum"):
        if not same_bits(results[name], getattr(plain, name)):
            return plain.loss
    for number, gradient in enumerate(plain.gradients):
        if not same_bits(results.get(f"gradient {number}"), gradient):
            return (plain.loss, *reversed(plain.layers))[number]
    pairs = zip(written, expected, strict=True)
    return next((part for (part, now), array in pairs if not same_bits(now, array)), None)


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays hold the same bits; None stands for what the step was given."""
    if a is None:
        return True
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def same_place(a: Any, b: Any) -> bool:
    """Whether two arrays are views of the same numbers."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return False
    of_a, of_b = a.__array_interface__, b.__array_interface__
    return all(of_a[key] == of_b[key] for key in ("data", "shape", "strides", "typestr"))
