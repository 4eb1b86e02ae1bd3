"""An LSTM cell: the chain rule, line by line, with two ways into the memory."""

import numpy as np

from tinyframe.exercises.exercise import Case, Mistake, Results
from tinyframe.exercises.kinds import LayerExercise
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
    dh, given = np.split(case.dy, 2, axis=1)
    if slip == "halves":
        dh, given = given, dh
    do = {"tanh of c'": dh * c_new, "do is dh": dh, "do is dh o": dh * o}.get(slip, dh * t)
    through = {
        "tanh's slope": dh * o,
        "slope of slope": dh * o * (1 - np.tanh(t) ** 2),
        "no square": dh * o * (1 - t),
        "no o": dh * (1 - t * t),
        "no way through h'": 0 * dh,
    }.get(slip, dh * o * (1 - t * t))
    d = through if slip == "no way through c'" else given + through
    dc = {
        "no forget gate": d,
        "i for f": d * i,
        "given alone": given * f,
        "nothing for c": 0 * d,
        "itself": d * c,
    }.get(slip, d * f)
    df = {"f for c": d * f, "new c": d * c_new}.get(slip, d * c)
    di, dg = (d * i, d * g) if slip in ("i and g", "itself") else (d * g, d * i)
    if slip == "itself":
        df = d * f
    slopes = {
        "no slopes": [np.ones_like(i)] * 4,
        "sigmoid for g": [i * (1 - i), f * (1 - f), g * (1 - g), o * (1 - o)],
        "tanh for all": [1 - s * s for s in (i, f, g, o)],
        "half slopes": [i, f, 1 - g * g, o],
        "other half": [1 - i, 1 - f, 1 - g * g, 1 - o],
        "g has none": [i * (1 - i), f * (1 - f), np.ones_like(g), o * (1 - o)],
        "g not squared": [i * (1 - i), f * (1 - f), 1 - g, o * (1 - o)],
        "twice": [
            *(_sigmoid(s) * (1 - _sigmoid(s)) for s in (i, f)), 1 - np.tanh(g) ** 2,
            _sigmoid(o) * (1 - _sigmoid(o)),
        ],
    }.get(slip, [i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)])  # fmt: skip
    parts = [d * s for d, s in zip((di, df, dg, do), slopes, strict=True)]
    if slip == "order":
        parts = [parts[k] for k in (0, 1, 3, 2)]
    dz = np.concatenate(parts, axis=1)
    sides = [dz @ case.weight.T, dc]
    rows = len(case.x) if slip == "mean" else 1
    return {
        "dx": np.concatenate(sides[::-1] if slip == "sides" else sides, axis=1),
        WEIGHT: xh.T @ dz / rows,
        BIAS: dz.sum(axis=0) / rows,
    }


def _slip(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda case: _backward(case, slip))


LSTM_CELL = LayerExercise(
    name="lstm_cell",
    title="An LSTM cell, backward",
    class_name="LSTMCell",
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
            "the slope of tanh",
            "t is tanh(c') already: its slope is 1 − t².",
            "slope of slope",
        ),
        _slip("the slope of tanh", "The slope is 1 − tanh²(c'), with a square.", "no square"),
        _slip(
            "the output gate",
            "h' = o tanh(c'): what goes through h' to c' is multiplied by o.",
            "no o",
        ),
        _slip("tanh(c') is missing", "h' = o tanh(c'), so do = dh' tanh(c').", "do is dh"),
        _slip("o in its own derivative", "h' = o tanh(c'), so do = dh' tanh(c').", "do is dh o"),
        _slip("the halves of dy", "dy holds dh' first, then dc'.", "halves"),
        _slip(
            "the dc' that was given",
            "c' has two ways out: dc = (dc' + dh' o (1 − tanh²(c'))) f.",
            "given alone",
        ),
        _slip("i in place of f", "c' = f c + i g, so dc = dc' f.", "i for f"),
        _slip("no way to c", "c is in c' = f c + i g: dc = dc' f.", "nothing for c"),
        _slip(
            "c' in place of c",
            "c' = f c + …: the derivative by f is the old memory, c.",
            "new c",
        ),
        _slip(
            "each factor by itself",
            "The derivative of a product by one side is the other side.",
            "itself",
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
        _slip("half of the slope of σ", "∂σ/∂z is s (1 − s), with both factors.", "other half"),
        _slip(
            "the gates are sigmoids",
            "i, f and o are σ(z), with slope s (1 − s); 1 − s² is tanh's.",
            "tanh for all",
        ),
        _slip("the slope of g", "g = tanh(z): multiply dg by 1 − g².", "g has none"),
        _slip(
            "the slope of g", "g = tanh(z): its slope is 1 − g², with a square.", "g not squared"
        ),
        _slip(
            "the activation once more",
            "i, f, g and o are after their activations already: the slope is s (1 − s), of s "
            "itself.",
            "twice",
        ),
        _slip("the sides of dx", "dx is [d[x h]  dc], in this order, as x is.", "sides"),
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
