"""Attention: two products of matrices and a softmax between them."""

import numpy as np

from tinyframe.exercises.exercise import Case, LayerExercise, Mistake, Results
from tinyframe.exercises.softmax import softmax
from tinyframe.types import Array


def _t(a: Array) -> Array:
    return np.swapaxes(a, 1, 2)


def _function(x: Array, slip: str = "") -> Array:
    q, k, v = np.split(x, 3, axis=2)
    d = q.shape[2]
    scores = k @ _t(q) if slip == "k and q" else q @ _t(k)
    scale = {"no scale": 1.0, "d": d, "time": np.sqrt(x.shape[1]), "times": 1 / np.sqrt(d)}
    scores = scores / scale.get(slip, np.sqrt(d))
    if slip == "no softmax":
        return scores @ v
    axis = 1 if slip == "over the queries" else -1
    P = softmax(scores, axis)
    return (_t(P) if slip == "P turned" else P) @ v


def _backward(case: Case, slip: str = "") -> Results:
    """Go the right way back, or the one that takes a slip."""
    q, k, v = np.split(case.x, 3, axis=2)
    root, dy = np.sqrt(q.shape[2]), case.dy
    P = softmax(q @ _t(k) / root)
    dP = dy @ _t(v)
    dv = (P if slip == "P turned" else _t(P)) @ dy
    if slip == "diagonal":
        dS = dP * P * (1 - P)
    elif slip == "first term":
        dS = dP * P
    elif slip == "no softmax":
        dS = dP
    elif slip == "over the queries":
        dS = P * (dP - (dP * P).sum(axis=1, keepdims=True))
    else:
        dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True))
    scale = {"no scale": 1.0, "d": root * root, "twice": root * root}.get(slip, root)
    dq = dS @ k / scale
    dk = (dS if slip == "dS turned" else _t(dS)) @ q / scale
    if slip == "dq and dk":
        dq, dk = dk, dq
    return {"dx": np.concatenate([dq, dk, dv], axis=2)}


def _y(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda case: {"y": _function(case.x, slip)})


def _dx(name: str, words: str, slip: str) -> Mistake:
    return Mistake(name, words, lambda case: _backward(case, slip))


ATTENTION = LayerExercise(
    name="attention",
    title="Attention",
    asks_for="Attention",
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
        _dx("dq and dk exchanged", "dq comes first, then dk, then dv, as in x.", "dq and dk"),
    ),
    function=_function,
    shapes=((2, 4, 6), (1, 3, 12)),
)
