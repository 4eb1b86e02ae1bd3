"""An LSTM cell: the chain rule, line by line, with two ways into the memory."""

import numpy as np

from tinyframe.exercises.exercise import Case, LayerExercise, Mistake, Results
from tinyframe.types import Array

UNITS = 2
WEIGHT, BIAS = "the gradient of weight", "the gradient of bias"


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _gates(x: Array, weight: Array, bias: Array) -> tuple[Array, ...]:
    xh, c = x[:, :-UNITS], x[:, -UNITS:]
    i, f, g, o = np.split(xh @ weight + bias, 4, axis=1)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    return xh, c, i, f, g, o, f * c + i * g


def _function(x: Array, weight: Array, bias: Array) -> Array:
    *_, o, c_new = _gates(x, weight, bias)
    return np.concatenate([o * np.tanh(c_new), c_new], axis=1)


def _backward(case: Case, slip: str = "") -> Results:
    """Go the right way back, or the one that takes a slip."""
    xh, c, i, f, g, o, c_new = _gates(case.x, case.weight, case.bias)
    t = np.tanh(c_new)
    dh, dc_new = np.split(case.dy, 2, axis=1)
    do = dh * (c_new if slip == "tanh of c'" else t)
    through = dh * o if slip == "tanh's slope" else dh * o * (1 - t * t)
    if slip == "no way through h'":
        through = 0 * through
    dc_new = through if slip == "no way through c'" else dc_new + through
    dc = dc_new if slip == "no forget gate" else dc_new * f
    df = dc_new * f if slip == "f for c" else dc_new * c
    di, dg = (dc_new * i, dc_new * g) if slip == "i and g" else (dc_new * g, dc_new * i)
    slopes = [i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)]
    if slip == "no slopes":
        slopes = [np.ones_like(i)] * 4
    elif slip == "sigmoid for g":
        slopes[2] = g * (1 - g)
    elif slip == "half slopes":
        slopes = [i, f, 1 - g * g, o]
    parts = [d * s for d, s in zip((di, df, dg, do), slopes, strict=True)]
    if slip == "order":
        parts = [parts[k] for k in (0, 1, 3, 2)]
    dz = np.concatenate(parts, axis=1)
    dxh = dz @ case.weight.T
    rows = len(case.x) if slip == "mean" else 1
    return {
        "dx": np.concatenate([dxh, dc], axis=1),
        WEIGHT: xh.T @ dz / rows,
        BIAS: dz.sum(axis=0) / rows,
    }


def _slip(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda case: _backward(case, slip))


LSTM_CELL = LayerExercise(
    name="lstm_cell",
    title="An LSTM cell, backward",
    asks_for="LSTMCell",
    hints=(
        "do = dh * t, and dc_new = dc_new + dh * o * (1 - t * t).",
        (
            "The derivative of a product by one side is the other side: df = dc_new * c, dc = "
            "dc_new * f, di = dc_new * g, dg = dc_new * i."
        ),
        (
            "dz = [di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)]: i, "
            "f, g and o are saved after their activations."
        ),
        "weight.grad = xh.T @ dz, bias.grad = dz.sum(axis=0), dxh = dz @ W.T",
    ),
    mistakes=(
        _slip(
            "the way through h'",
            "c' is in h' = o tanh(c') as well: dc' gets dh' o (1 − tanh²(c')) besides what came.",
            "no way through h'",
        ),
        _slip(
            "the way through c'",
            "You forget the dc' that came from the next step in time: add to it what goes "
            "through h'.",
            "no way through c'",
        ),
        _slip(
            "the slope of tanh",
            "h' = o tanh(c'): on the way to c' lies tanh, whose slope is 1 − tanh²(c').",
            "tanh's slope",
        ),
        _slip(
            "c' in place of tanh(c')",
            "h' = o tanh(c'), so do = dh' tanh(c').",
            "tanh of c'",
        ),
        _slip(
            "the forget gate",
            "c' = f c + i g, so dc = dc' f: what is forgotten on the way forward is on the way "
            "back.",
            "no forget gate",
        ),
        _slip(
            "f in place of c",
            "c' = f c + …: the derivative by f is c.",
            "f for c",
        ),
        _slip(
            "i and g exchanged",
            "The derivative of i g by i is g, and by g it is i.",
            "i and g",
        ),
        _slip(
            "the slopes of the gates",
            "di … do are by the gates' values; z lies before their activations: multiply by s (1 "
            "− s), and by 1 − g² for g.",
            "no slopes",
        ),
        _slip(
            "half of the slope of σ",
            "∂σ/∂z is s (1 − s), with both factors.",
            "half slopes",
        ),
        _slip(
            "g is a tanh",
            "g = tanh(z), with slope 1 − g²; s (1 − s) is that of the three gates.",
            "sigmoid for g",
        ),
        _slip(
            "the order of the blocks",
            "The columns of W are those of i, f, g, o, in this order.",
            "order",
        ),
        _slip(
            "a mean over the rows",
            "You divide by the number of rows. The loss is a mean already: a layer sums.",
            "mean",
        ),
    ),
    function=_function,
    shapes=((4, 3 + 2 * UNITS), (1, 1 + 2 * UNITS)),
    arguments=(UNITS,),
    weights=lambda shape: {"weight": (shape[1] - UNITS, 4 * UNITS), "bias": (4 * UNITS,)},
)
