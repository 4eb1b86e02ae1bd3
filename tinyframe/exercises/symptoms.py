"""What any answer's results and exceptions tell, whichever the exercise."""

import ast
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyframe.exercises.exercise import Case, Slip
from tinyframe.exercises.kinds import LEFT_OVER
from tinyframe.types import Array, Shape

TOLERANCE = 1e-6
"""Largest difference from the right result, relative to its largest number."""

Symptom = tuple[str, str]
"""A mistake's name, and what to say of it."""

BLANK = "a blank", "`...` is still there for you to fill in."
ADDED = (
    "it is added to what was there",
    "`backward` overwrites the gradient of the last batch: =, not +=.",
)
BORROWED = (
    "it writes to what is not its own",
    "What comes as an argument belongs to others, who may still need it: make new arrays.",
)


def same(given: Any, right: Any) -> bool:
    """Whether results are the right ones, rounding aside; what is not finite has to be so, too."""
    if right is None or np.shape(given) != np.shape(right):
        return False
    given, right = np.asarray(given, float), np.asarray(right, float)
    if not np.array_equal(np.isfinite(given), np.isfinite(right)):
        return False
    size = np.max(np.abs(right), initial=0, where=np.isfinite(right))
    return bool(np.allclose(given, right, rtol=0, atol=TOLERANCE * max(size, 1e-3), equal_nan=True))


def no_numbers(  # noqa: PLR0911 - a return a reason
    answer: type[Any], part: str, given: list[Any], expected: list[Array]
) -> Symptom | None:
    """Return what is wrong with results that are no arrays of the right shape, or not written."""
    for result, right in zip(given, expected, strict=True):
        if result is None:
            return "nothing is returned", "The method ends without `return`."
        if result is ...:
            return BLANK
        if isinstance(result, list | tuple):
            return "no array", f"Expected an array, got a {type(result).__name__}."
        array = np.asarray(result)
        if array.dtype.kind not in "fiub":
            return "no numbers", f"Expected real numbers, got {result!r}."
        if array.shape != right.shape:
            return _other_shape(right.shape, array.shape)
        if part.startswith("the gradient"):
            if (array == LEFT_OVER).all():
                words = "`backward` left what was there: write into `.grad`."
                return BLANK if _blank(answer) else ("it is not written", words)
            if same(array - LEFT_OVER, right):
                return ADDED
    return None


def _other_shape(expected: Shape, got: Shape) -> Symptom:
    turned = len(got) > 1 and got == expected[::-1]
    words = f"Expected shape {expected}, got {got}." if expected else "Expected one number."
    if len(got) < len(expected):
        words += " An axis is gone: np.max, .sum and .mean run along one; np.maximum does not."
    elif len(got) == len(expected) and not turned:
        words += " Which axis was summed, and which should have been?"
    return "transposed" if turned else "another shape", words


NOT_FINITE = (
    "numbers that are not finite",
    (
        "There is nan or infinity in it: a division by 0, the root or logarithm of a negative "
        "number, 0 · ∞, or e to a large number."
    ),
)

GENERAL: tuple[tuple[str, str, Callable[[Array, Array, Case], bool]], ...] = (
    ("the sign", "It is minus what it should be.", lambda given, right, _: same(-given, right)),
    (
        "nothing but zeros",
        "All of it is 0.",
        lambda given, right, _: bool(right.any() and not given.any()),
    ),
    (
        "dy as it came",
        "You return dy: by the chain rule it has to be multiplied by the layer's own derivative.",
        lambda given, _, case: same(given, getattr(case, "dy", None)),
    ),
    (
        "a mean in place of a sum",
        "It is divided by the number of rows. The loss has done that already: a layer sums.",
        lambda given, right, case: "x" in vars(case) and same(given * len(case.x), right),
    ),
    (
        "the first row alone",
        "It changes with the first row of the batch alone: every row adds to the gradient.",
        lambda given, _, case: "dy" in vars(case) and same(given, case.dy[0]),
    ),
)
"""Mistakes of every exercise: the name, the words, and whether a result looks so."""


OF_A_BLANK = r"dtype\('O'\)|got \(\)"
"""What NumPy says of `...` in the place of numbers, where it does not call it an ellipsis."""


def of_error(error: Exception, answer: type[Any], part: str, case: Case) -> tuple[str, str, str]:
    """Return the part that an exception is about, the mistake's name and words."""
    text = f"{type(error).__name__}: {error}"
    shapes = re.search(r"Parameter.grad expected shape (\([^)]*\)), got (\([^)]*\))", text)
    if isinstance(error, Slip):
        found = error.args
    elif "read-only" in text:
        found = BORROWED
    elif "ellipsis" in text.lower() or (_blank(answer) and re.search(OF_A_BLANK, text)):
        found = BLANK
    elif shapes:
        expected, got = map(ast.literal_eval, shapes.groups())
        of = [name for name, array in vars(case).items() if np.shape(array) == expected]
        part = f"the gradient of {of[-1]}" if of else part
        found = _other_shape(expected, got)
    elif "'Parameter'" in text:
        words = "self.weight is a Parameter; its numbers are self.weight.value."
        found = "the parameter in place of its value", words
    elif "truth value of an array" in text:
        words = "`if` and max(a, b) ask one number; np.where and np.maximum go number by number."
        found = "a question to a whole array", words
    elif re.search("broadcast|matmul|shapes|dimension|subscript|axes", text):
        arrays = {k: v.shape for k, v in vars(case).items() if isinstance(v, np.ndarray)}
        told = ", ".join(f"{name} {shape}" for name, shape in arrays.items() if name != "y")
        found = "shapes that do not fit", f"{text}\nHere: {told}."
    elif "NoneType" in text:
        found = "nothing saved", f"{SAVE} ({text})"
    else:
        found = "an error", text
    return part, found[0], found[1]


FLOAT64 = "float32 does not stay float32"
SAVES = "it saves in inference"
SAVE = "`backward` needs numbers of `forward`, which has to keep them: `self._saved = …`."


def of_contract(error: Exception) -> Symptom:
    """Return what `check_layer` and its like found."""
    if isinstance(error, Slip):
        return error.args[0], error.args[1]
    text = str(error)
    names = {
        "writes to": BORROWED[0],
        "saves in inference": SAVES,
        "after an inference in between": SAVES,
        "has to overwrite": ADDED[0],
        "float32": FLOAT64,
    }
    name = next((name for key, name in names.items() if key in text), "the contract")
    if name == FLOAT64:
        return name, (
            "A float32 x has to give a float32 y and dx: .astype(float) and NumPy's single numbers "
            "make float64. (x > 0) multiplies as it is; math.sqrt gives a plain number."
        )
    return name, text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}"


def _blank(answer: type[Any]) -> bool:
    """Whether one of its methods has a `...`: a blank, or all axes that are not named."""
    codes = [vars(answer).get(name) for name in ("forward", "backward", "update")]
    return any(... in method.__code__.co_consts for method in codes if hasattr(method, "__code__"))
