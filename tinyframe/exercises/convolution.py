"""A convolution in one dimension: a Dense layer that looks through a window."""

import numpy as np

from tinyframe.exercises.exercise import Case, Mistake, Results
from tinyframe.exercises.kinds import LayerExercise
from tinyframe.types import Array

WEIGHT, BIAS = "the gradient of weight", "the gradient of bias"
UNITS, WIDTH = 2, 3


def _windows(x: Array) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, WIDTH, axis=2)


def _function(x: Array, weight: Array, bias: Array) -> Array:
    return np.einsum("rcpk,uck->rup", _windows(x), weight) + bias[:, None]


def _dx(c: Case, slip: str = "") -> Results:
    """Return dx, or that of a slip."""
    weight = {
        "flipped": c.weight[:, :, ::-1],
        "first number": np.repeat(c.weight[:, :, :1], WIDTH, axis=2),
        "sum": np.repeat(c.weight.sum(axis=2, keepdims=True), WIDTH, axis=2),
        "first unit": c.weight * (np.arange(UNITS) == 0)[:, None, None],
    }.get(slip, c.weight)
    dx, places = np.zeros_like(c.x), c.dy.shape[2]
    numbers = {"not the last": WIDTH - 1, "the first": 1}.get(slip, WIDTH)
    for k in range(numbers):
        back = np.einsum("rup,uc->rcp", c.dy, weight[:, :, k])
        at = 0 if slip == "not shifted" else k
        if slip == "written over":
            dx[:, :, at : at + places] = back
        else:
            dx[:, :, at : at + places] += back
    return {"dx": dx / {"mean": WIDTH, "rows": len(c.x)}.get(slip, 1)}


def _dx_slip(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda c: _dx(c, slip))


def _weight_gradient(c: Case) -> Array:
    return np.einsum("rup,rcpk->uck", c.dy, _windows(c.x))


CONVOLUTION = LayerExercise(
    name="convolution",
    title="A convolution",
    class_name="Conv1D",
    hints=(
        (
            'V is "rcpk", W "uck", y "rup". b must become (units, 1) to be added to each place: '
            "b[:, None]."
        ),
        (
            'weight.grad: np.einsum("rup,rcpk->uck", dy, V). The bias is added at every place of '
            "every "
            "row: sum over both."
        ),
        (
            "At k, x met the kernel's W[:, :, k], (units, channels): the sum over u is "
            'np.einsum("rup,uc->rcp", …).'
        ),
        'dx[:, :, k : k + places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])',
    ),
    mistakes=(
        Mistake(
            "no bias",
            "b is missing.",
            lambda c: {"y": _function(c.x, c.weight, 0 * c.bias)},
        ),
        Mistake(
            "the kernel is flipped",
            "Your kernel runs backwards: number k belongs to x at p + k. (Mathematicians' "
            "convolution flips it; the field's does not.)",
            lambda c: {
                "y": _function(c.x, c.weight[:, :, ::-1], c.bias),
                "dx": _dx(c, "flipped")["dx"],
                WEIGHT: _weight_gradient(c)[:, :, ::-1],
            },
        ),
        Mistake(
            "one channel alone",
            "It uses the first channel; the sum runs over all of them.",
            lambda c: {"y": _function(c.x[:, :1], c.weight[:, :1], c.bias)},
        ),
        Mistake(
            "channels do not meet",
            "You add the channels up before they meet the kernel. Each channel has numbers of its "
            "own in it.",
            lambda c: {"y": np.einsum("rcpk,udk->rup", _windows(c.x), c.weight) + c.bias[:, None]},
        ),
        Mistake(
            "a mean over the rows",
            "You divide by the number of rows. The loss is a mean already: a layer sums.",
            lambda c: {
                WEIGHT: _weight_gradient(c) / len(c.x),
                BIAS: c.dy.sum(axis=(0, 2)) / len(c.x),
            },
        ),
        Mistake(
            "a mean over the places",
            "Every place of every row adds to the gradient: a sum over both, no mean.",
            lambda c: {
                BIAS: c.dy.mean(axis=2).sum(axis=0),
                WEIGHT: _weight_gradient(c) / c.dy.shape[2],
            },
        ),
        Mistake(
            "a mean over rows and places",
            "You divide by rows · places; the gradient is a sum.",
            lambda c: {
                BIAS: c.dy.mean(axis=(0, 2)),
                WEIGHT: _weight_gradient(c) / (len(c.x) * c.dy.shape[2]),
            },
        ),
        Mistake(
            "one place alone",
            "The bias is added at every place: sum over the places too, not the first alone.",
            lambda c: {BIAS: c.dy[:, :, 0].sum(axis=0)},
        ),
        Mistake(
            "the last row alone",
            "It changes with the last row of the batch alone: every row adds to the gradient.",
            lambda c: {WEIGHT: np.einsum("up,cpk->uck", c.dy[-1], _windows(c.x)[-1])},
        ),
        Mistake(
            "one place alone",
            "W meets x at every place: sum over the places too.",
            lambda c: {WEIGHT: np.einsum("ru,rck->uck", c.dy[:, :, 0], _windows(c.x)[:, :, 0])},
        ),
        Mistake(
            "a mean over the kernel",
            "You divide by the width; y is a sum.",
            lambda c: {"y": _function(c.x, c.weight / WIDTH, c.bias)},
        ),
        _dx_slip(
            "written over",
            "Windows overlap: what comes back for each k is to be added, with +=. With = the last "
            "one stays.",
            "written over",
        ),
        _dx_slip(
            "one number of the kernel for all",
            "At k it was W[:, :, k] that met x; you take the same one each time.",
            "first number",
        ),
        _dx_slip(
            "the sum of the kernel",
            "You sum over the kernel at each k; only W[:, :, k] met these numbers.",
            "sum",
        ),
        _dx_slip(
            "not shifted",
            "The kernel's number k saw x from place k on: add to dx[:, :, k : k + places].",
            "not shifted",
        ),
        _dx_slip("one number less", "k runs from 0 to width − 1: range(width).", "not the last"),
        _dx_slip(
            "the first number alone",
            "Each of the kernel's numbers gives something back; yours ends after k = 0. Is "
            "`return` within the loop?",
            "the first",
        ),
        _dx_slip("one unit alone", "Every unit has seen x: sum over u.", "first unit"),
        _dx_slip("a mean over the kernel", "What comes back is added up, not averaged.", "mean"),
    ),
    function=_function,
    shapes=((2, 3, 6), (1, 2, 5), (3, 2, 4)),
    arguments=(UNITS, WIDTH),
    weights=lambda shape: {"weight": (UNITS, shape[1], WIDTH), "bias": (UNITS,)},
)
