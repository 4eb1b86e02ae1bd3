"""Cross-entropy from logits: p − t."""

import numpy as np

from tinyframe.exercises.exercise import Case, Mistake
from tinyframe.exercises.kinds import LossExercise
from tinyframe.exercises.softmax import softmax
from tinyframe.types import Array

L, GRADIENT, LARGE = "L", "∂L/∂prediction", "L of numbers of ±10⁴"


def cross_entropy(z: Array, t: Array) -> float:
    """L = −1/rows Σᵣ Σᵢ tᵣᵢ log pᵣᵢ with p = softmax(z)."""
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -float((t * log_p).sum()) / len(z)


def _gradient(c: Case) -> Array:
    return (softmax(c.prediction) - c.target) / len(c.target)


def _log_sum(z: Array) -> Array:
    return np.log(np.exp(z).sum(axis=1, keepdims=True))


def _of(t: Array, log_p: Array) -> Array:
    """L, given log p."""
    return np.array(-np.sum(t * log_p) / len(t))


def _below_zero(z: Array) -> Array:
    return z - z.max(axis=1, keepdims=True)


def _extreme(c: Case) -> tuple[Array, Array]:
    return 1e4 * np.sign(c.prediction), c.target


CROSS_ENTROPY = LossExercise(
    name="cross_entropy",
    title="Cross-entropy, and a gradient that is nicer than its parts",
    class_name="CrossEntropy",
    hints=(
        (
            "z = z - z.max(axis=1, keepdims=True), then log_p = z - np.log(np.exp(z).sum(axis=1, "
            "keepdims=True))."
        ),
        "L is minus the mean over the rows of (t * log_p).sum(axis=1).",
        "The first term is −t, the second p = np.exp(log_p).",
        "dz = (np.exp(log_p) - t) / len(t)",
    ),
    mistakes=(
        Mistake(
            "a sum in place of the mean",
            "L is a mean over the rows, so that its size does not depend on the batch's.",
            lambda c: {L: np.array(cross_entropy(c.prediction, c.target) * len(c.target))},
        ),
        Mistake(
            "a mean over all numbers",
            "You divide by rows · classes, as `.mean()` does; L is a sum over the classes and a "
            "mean over the rows.",
            lambda c: {
                L: np.array(cross_entropy(c.prediction, c.target) / c.target.shape[1]),
                GRADIENT: _gradient(c) / c.target.shape[1],
            },
        ),
        Mistake(
            "the minus",
            "The logarithm of a probability is negative; L is minus that, so that less is better.",
            lambda c: {L: np.array(-cross_entropy(c.prediction, c.target))},
        ),
        Mistake(
            "another logarithm",
            "Cross-entropy takes the natural logarithm, np.log.",
            lambda c: {L: np.array(cross_entropy(c.prediction, c.target) / np.log(2))},
        ),
        Mistake(
            "another logarithm",
            "Cross-entropy takes the natural logarithm, np.log.",
            lambda c: {L: np.array(cross_entropy(c.prediction, c.target) / np.log(10))},
        ),
        Mistake(
            "all classes count",
            "The logarithms of all classes are added up; t picks the one that is right.",
            lambda c: {L: -np.log(softmax(c.prediction)).sum() / np.array(len(c.target), float)},
        ),
        Mistake(
            "the logits in place of their probabilities",
            "You sum t · z. It is t · log p, with log p = z − log Σ e^z.",
            lambda c: {L: np.array(-np.sum(c.target * c.prediction) / len(c.target))},
        ),
        Mistake(
            "the probability in place of its logarithm",
            "You sum t · p. It is t · log p.",
            lambda c: {L: np.array(-np.sum(c.target * softmax(c.prediction)) / len(c.target))},
        ),
        Mistake(
            "the largest number is lost",
            "You take it away from z within the sum, and have to do so outside, too: log p = (z "
            "− m) − log Σ e^(z−m).",
            lambda c: {
                L: _of(c.target, c.prediction - _log_sum(_below_zero(c.prediction))),
            },
        ),
        Mistake(
            "the sum is missing",
            "log p = (z − m) − log Σ e^(z−m): the logarithm of the sum is missing.",
            lambda c: {L: _of(c.target, _below_zero(c.prediction))},
        ),
        Mistake(
            "the sum over the rows",
            "Σₖ runs over the classes of a row, axis 1; yours runs down the batch.",
            lambda c: {
                L: _of(c.target, c.prediction - np.log(np.exp(c.prediction).sum(axis=0))),
            },
        ),
        Mistake(
            "the other classes, too",
            "log (1 − p) of the classes that are wrong belongs to binary cross-entropy. Here t "
            "picks the one that is right.",
            lambda c: {
                L: _of(c.target, np.log(softmax(c.prediction)))
                + _of(1 - c.target, np.log(1 - softmax(c.prediction))),
            },
        ),
        Mistake(
            "p or e^z as a number",
            "e^10000 is more than a number can hold, and where p is 0 its logarithm is −∞. Compute "
            "log p = (z − m) − log Σ e^(z−m), with m the largest z of each row, without p.",
            lambda c: {LARGE: _of(c.target, np.log(softmax(_extreme(c)[0])))},
        ),
        Mistake(
            "p or e^z as a number",
            "Where p is 0 its logarithm is −∞. Compute log p = (z − m) − log Σ e^(z−m) without p.",
            lambda c: {
                LARGE: -np.log(np.sum(c.target * softmax(_extreme(c)[0]), axis=1)).mean(),
            },
        ),
        Mistake(
            "not divided by the rows",
            "L is a mean over the rows: each row's gradient is divided by their number.",
            lambda c: {GRADIENT: _gradient(c) * len(c.target)},
        ),
        Mistake(
            "t − p in place of p − t",
            "A larger z makes its p larger: the gradient is p − t. t − p is the way down, which "
            "the optimizer takes.",
            lambda c: {GRADIENT: -_gradient(c)},
        ),
        Mistake(
            "the gradient by p",
            "−t / p is ∂L/∂p. It still has to go through Softmax, whose Jacobian makes p − t of "
            "it.",
            lambda c: {GRADIENT: -c.target / softmax(c.prediction) / len(c.target)},
        ),
        Mistake(
            "the gradient by p",
            "−t / p is ∂L/∂p. It still has to go through Softmax, whose Jacobian makes p − t of "
            "it. And it is divided by the rows.",
            lambda c: {GRADIENT: -c.target / softmax(c.prediction)},
        ),
        Mistake(
            "p is missing",
            "That is −t / rows; the second term of the derivative is p.",
            lambda c: {GRADIENT: -c.target / len(c.target)},
        ),
        Mistake(
            "the class that is right alone",
            "−t (1 − p) has a gradient for one class alone; every z is in the sum: p − t.",
            lambda c: {GRADIENT: -c.target * (1 - softmax(c.prediction)) / len(c.target)},
        ),
        Mistake(
            "brackets",
            "Both terms are divided by the rows: (p − t) / rows.",
            lambda c: {GRADIENT: softmax(c.prediction) - c.target / len(c.target)},
        ),
        Mistake(
            "divided by the classes",
            "L is a mean over the rows: divide by their number, len(t).",
            lambda c: {GRADIENT: _gradient(c) * len(c.target) / c.target.shape[1]},
        ),
        Mistake(
            "L is in it",
            "You multiply by L: the gradient says how L changes, whatever it is.",
            lambda c: {GRADIENT: _gradient(c) * cross_entropy(c.prediction, c.target)},
        ),
        Mistake(
            "t is missing",
            "That is p; the class that is right also has its −1: p − t.",
            lambda c: {GRADIENT: softmax(c.prediction) / len(c.target)},
        ),
        Mistake(
            "the logarithm of p in place of p",
            "You take log p − t. The second term of the derivative is p itself: np.exp(log_p).",
            lambda c: {GRADIENT: (np.log(softmax(c.prediction)) - c.target) / len(c.target)},
        ),
        Mistake(
            "the logits in place of p",
            "You take z − t, which would be the gradient of a squared error; here it is p − t.",
            lambda c: {GRADIENT: (c.prediction - c.target) / len(c.target)},
        ),
        Mistake(
            "twice the gradient",
            "There is a 2 in it: squared errors have one, cross-entropy has none.",
            lambda c: {GRADIENT: 2 * _gradient(c)},
        ),
    ),
    function=cross_entropy,
)
