"""Attention: two products of matrices and a softmax between them."""

import numpy as np

from tinyframe.exercises.exercise import Case, Mistake, Results
from tinyframe.exercises.kinds import LayerExercise
from tinyframe.exercises.softmax import softmax
from tinyframe.types import Array


def _t(a: Array) -> Array:
    return np.swapaxes(a, 1, 2)


def _function(x: Array, slip: str = "") -> Array:
    """Return y, or that of a slip."""
    q, k, v = np.split(x, 3, axis=2)
    d = q.shape[2]
    scores = k @ _t(q) if slip == "k and q" else q @ _t(k)
    divisor = {
        "no scale": 1.0,
        "d": d,
        "time": np.sqrt(x.shape[1]),
        "times": 1 / np.sqrt(d),
        "width": np.sqrt(3 * d),
    }
    scores = scores / divisor.get(slip, np.sqrt(d))
    if slip == "no softmax":
        return scores @ v
    if slip == "causal":
        scores = np.where(np.tri(x.shape[1], dtype=bool), scores, -np.inf)
    P = softmax(scores, 1 if slip == "over the queries" else -1)
    return (_t(P) if slip == "P turned" else P) @ v


def _backward(case: Case, slip: str = "") -> Results:
    """Go the right way back, or the one that takes a slip."""
    q, k, v = np.split(case.x, 3, axis=2)
    root, dy = np.sqrt(q.shape[2]), case.dy
    P = softmax(q @ _t(k) / root)
    dP = v @ _t(dy) if slip == "v first" else dy @ _t(v)
    dv = {"P turned": P @ dy, "dv is dy": dy}.get(slip, _t(P) @ dy)
    row = (dP * P).sum(axis=-1, keepdims=True)
    dS = {
        "diagonal": dP * P * (1 - P),
        "first term": dP * P,
        "no softmax": dP,
        "over the queries": P * (dP - (dP * P).sum(axis=1, keepdims=True)),
        "over both": P * (dP - (dP * P).sum(axis=(1, 2), keepdims=True)),
        "no P in the sum": P * (dP - dP.sum(axis=-1, keepdims=True)),
        "mean": P * (dP - (dP * P).mean(axis=-1, keepdims=True)),
        "no P outside": dP - row,
    }.get(slip, P * (dP - row))
    divisor = {"no scale": 1.0, "d": root * root, "times": 1 / root}.get(slip, root)
    dq = (_t(dS) if slip == "dq turned" else dS) @ (q if slip == "itself" else k) / divisor
    dk = (dS if slip == "dS turned" else _t(dS)) @ (k if slip == "itself" else q) / divisor
    if slip in ("no scale in dq", "no scale in dk"):
        dq, dk = (dq * root, dk) if slip == "no scale in dq" else (dq, dk * root)
    order = {"dq and dk": (dk, dq, dv), "v first of all": (dv, dq, dk)}.get(slip, (dq, dk, dv))
    return {"dx": np.concatenate(order, axis=2)}


def _y(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda case: {"y": _function(case.x, slip)})


def _dx(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda case: _backward(case, slip))


ATTENTION = LayerExercise(
    name="attention",
    title="Attention",
    class_name="Attention",
    hints=(
        "P = softmax(q @ transposed(k) / root), y = P @ v.",
        (
            "Row i of P has mixed v into row i of y; v at j has gone to every i, with P at (i, j): "
            "dv = transposed(P) @ dy, dP = dy @ transposed(v)."
        ),
        "dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True))",
        "dq = dS @ k / root, dk = transposed(dS) @ q / root",
    ),
    mistakes=(
        _y("no scale", "S is divided by √d.", "no scale"),
        _y("d in place of its root", "S is divided by √d, `root`; you divide by d.", "d"),
        _y(
            "the length in place of the width",
            "S is divided by √d, the root of the width of q, not of the number of places.",
            "time",
        ),
        _y(
            "the width of x in place of that of q",
            "d is the width of q, a third of that of x.",
            "width",
        ),
        _y("no look ahead", "Here every place asks all places, also those after it.", "causal"),
        _y("multiplied by the root", "S is divided by √d; you multiply by it.", "times"),
        _y(
            "queries and keys exchanged",
            "Row i of S belongs to query i: S = q kᵀ; yours is k qᵀ.",
            "k and q",
        ),
        _y(
            "the softmax over the queries",
            "Each query shares out 1 among the keys: softmax along the last axis.",
            "over the queries",
        ),
        _y("no softmax", "S are no shares yet: P = softmax(S).", "no softmax"),
        _y("P transposed", "Row i of y is the mixture of place i: y = P v.", "P turned"),
        _dx(
            "the off-diagonal terms",
            "Your dS lacks the off-diagonal terms of softmax's Jacobian, −Pᵢ Pⱼ: see Exercise 3.",
            "diagonal",
        ),
        _dx(
            "the second term",
            "P dP is the first term of dS = P (dP − Σ dP P); the sum is missing.",
            "first term",
        ),
        _dx(
            "no way through the softmax",
            "dP is ∂L/∂P; S lies before the softmax: dS = P (dP − Σ dP P).",
            "no softmax",
        ),
        _dx(
            "the softmax over the queries",
            "The sum in dS runs along the keys, the last axis.",
            "over the queries",
        ),
        _dx("no scale", "S = q kᵀ / √d: dq and dk are divided by √d, too.", "no scale"),
        _dx("d in place of its root", "dq and dk are divided by √d once; you divide by d.", "d"),
        _dx(
            "P is not transposed",
            "v at place j has gone to every place i, with Pᵢⱼ: dv = Pᵀ dy.",
            "P turned",
        ),
        _dx(
            "dS is not transposed",
            "k at place j is in column j of S: dk = dSᵀ q / √d.",
            "dS turned",
        ),
        _dx("dq is transposed", "q at place i is in row i of S: dq = dS k / √d.", "dq turned"),
        _dx(
            "each side by itself",
            "The derivative of q kᵀ by one side has the other: dq = dS k / √d, dk = dSᵀ q / √d.",
            "itself",
        ),
        _dx("no scale in dq", "S = q kᵀ / √d: dq is divided by √d, too.", "no scale in dq"),
        _dx("no scale in dk", "S = q kᵀ / √d: dk is divided by √d, too.", "no scale in dk"),
        _dx("multiplied by the root", "dq and dk are divided by √d, as S is.", "times"),
        _dx("P is missing in dv", "y = P v, so dv = Pᵀ dy.", "dv is dy"),
        _dx(
            "v and dy exchanged", "P at (i, j) has mixed v at j into y at i: dP = dy vᵀ.", "v first"
        ),
        _dx("the sum over everything", "Each row of P has its own sum.", "over both"),
        _dx("the sum of dP alone", "dS = P (dP − Σ dP P), with P in the sum.", "no P in the sum"),
        _dx("a mean in place of the sum", "dS = P (dP − Σ dP P): a sum over the keys.", "mean"),
        _dx("P outside is missing", "dS = P (dP − Σ dP P), all of it times P.", "no P outside"),
        _dx("the order of dx", "dq comes first, then dk, then dv, as in x.", "v first of all"),
        _dx("dq and dk exchanged", "dq comes first, then dk, then dv, as in x.", "dq and dk"),
    ),
    function=_function,
    shapes=((2, 4, 6), (1, 3, 12)),
)
