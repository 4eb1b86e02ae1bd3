"""grade_answer: what is right in an answer, and what went wrong in words."""

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyframe.exercises.exercise import LEFT_OVER, Case, Exercise, Results
from tinyframe.types import Array, Shape

TOLERANCE = 1e-6
"""Largest difference from the right result, relative to its largest number."""


@dataclass(frozen=True)
class Finding:
    """What was found of one result: `mistake` is "" where it is right."""

    part: str
    mistake: str = ""
    words: str = ""

    @property
    def right(self) -> bool:
        """Whether it is right."""
        return not self.mistake

    def __str__(self) -> str:
        if self.right:
            return f"  ✓ {self.part}"
        lines = [part for line in self.words.splitlines() for part in textwrap.wrap(line, 84)]
        return "\n      ".join([f"  ✗ {self.part}: {self.mistake}", *lines])


@dataclass(frozen=True, repr=False)
class Grade:
    """What `grade` found; it is told when printed."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether all of it is right."""
        return all(finding.right for finding in self.findings)

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The names of the mistakes."""
        return tuple(finding.mistake for finding in self.findings if not finding.right)

    def __str__(self) -> str:
        last = "Passed: all of it is right." if self.passed else "Not yet."
        return "\n".join([self.title, *map(str, self.findings), last])

    __repr__ = __str__


def grade_answer(exercise: Exercise, answer: Any) -> Grade:
    """Return what is right in an answer, and what went wrong."""
    if not isinstance(answer, type) or not issubclass(answer, exercise.kind):
        raise TypeError(
            f"grade expected a class derived from {exercise.kind.__name__}, got {answer!r}"
        )
    findings = tuple(_findings(exercise, answer))
    return Grade(exercise.title, findings)


def _findings(exercise: Exercise, answer: type[Any]) -> Iterator[Finding]:
    cases = exercise.cases()
    right = [exercise.right(case) for case in cases]
    parts = list(right[0])
    results: dict[str, list[Any]] = {part: [] for part in parts}
    stopped = None
    for case in cases:
        stopped = _gather(exercise, answer, case, parts, results)
        if stopped is not None:
            break
    all_right = True
    for part in parts:
        finding = stopped if stopped is not None and stopped.part == part else None
        given = results[part]
        if given:
            judged = _judged(exercise, answer, part, given, right, cases)
            finding = finding if finding is not None and judged.right else judged
        if finding is None:
            return
        yield finding
        all_right = all_right and finding.right
        if not finding.right and (part == parts[0] or finding is stopped or exercise.builds_up):
            return  # what follows from it is wrong too
    if all_right:
        with np.errstate(all="ignore"):
            try:
                exercise.prove(answer)
            except Exception as error:  # noqa: BLE001 - an answer may raise anything
                yield Finding("the rest of the contract", *_of_contract(error))


def _gather(
    exercise: Exercise, answer: type[Any], case: Case, parts: list[str], results: dict[str, Any]
) -> Finding | None:
    """Add a case's results; return what stopped it, if anything did."""
    there: list[str] = []
    try:
        with np.errstate(all="ignore"):
            for part, result in exercise.results(answer, case):
                results[part].append(result)
                there.append(part)
    except Exception as error:  # noqa: BLE001 - an answer may raise anything
        part = parts[len(there)]
        return Finding(part, *_of_error(error, answer, case))
    return None


def _judged(
    exercise: Exercise,
    answer: type[Any],
    part: str,
    given: list[Any],
    right: list[Results],
    cases: list[Case],
) -> Finding:
    """Compare an answer's results with the right ones, then with those of the usual mistakes."""
    cases = cases[: len(given)]
    expected = [of[part] for of in right[: len(given)]]
    odd = _no_numbers(answer, part, given, expected)
    if odd:
        return Finding(part, *odd)
    if all(map(_same, given, expected)):
        return Finding(part)
    for mistake in exercise.mistakes:
        with np.errstate(all="ignore"):
            wrong = [mistake.results(case).get(part) for case in cases]
        if all(w is not None and _same(g, w) for g, w in zip(given, wrong, strict=True)):
            return Finding(part, mistake.name, mistake.words)
    for name, words, looks_so in GENERAL:
        if all(looks_so(g, e, case) for g, e, case in zip(given, expected, cases, strict=True)):
            return Finding(part, name, words)
    factors = [_factor(g, e) for g, e in zip(given, expected, strict=True)]
    if None not in factors and np.ptp(np.array(factors, float)) < TOLERANCE:
        return Finding(part, "a factor", f"It is {factors[0]:.4g} times what it should be.")
    return Finding(part, "other numbers", _first_difference(part, given, expected))


def _no_numbers(  # noqa: PLR0911 - a return a reason
    answer: type[Any], part: str, given: list[Any], expected: list[Array]
) -> tuple[str, str] | None:
    """Return what is wrong with results that are no arrays of the right shape, or not written."""
    for result, right in zip(given, expected, strict=True):
        if result is None:
            return "nothing is returned", "The method ends without `return`."
        if result is ...:
            return BLANK
        array = np.asarray(result)
        if array.dtype.kind not in "fiub":
            return "no numbers", f"Expected real numbers, got {result!r}."
        if array.shape != right.shape:
            return _other_shape(right.shape, array.shape)
        if part.startswith("the gradient"):
            if (array == LEFT_OVER).all():
                words = "`backward` left what was there: write into `.grad`."
                return BLANK if _blank(answer) else ("it is not written", words)
            if _same(array - LEFT_OVER, right):
                return ADDED
    return None


def _other_shape(expected: Shape, got: Shape) -> tuple[str, str]:
    turned = len(got) > 1 and got == expected[::-1]
    return "transposed" if turned else "another shape", f"Expected shape {expected}, got {got}."


BLANK = "a blank", "`...` is still there for you to fill in."
ADDED = (
    "it is added to what was there",
    "`backward` overwrites the gradient of the last batch: =, not +=.",
)
BORROWED = (
    "it writes to what is not its own",
    "x and dy belong to others, who may still need them: make new arrays.",
)

GENERAL: tuple[tuple[str, str, Callable[[Array, Array, Case], bool]], ...] = (
    (
        "numbers that are not finite",
        "There is nan or infinity in it: a division by 0, 0 · ∞, or e to a large number.",
        lambda given, right, _: bool(np.isfinite(right).all() and not np.isfinite(given).all()),
    ),
    ("the sign", "It is minus what it should be.", lambda given, right, _: _same(-given, right)),
    (
        "nothing but zeros",
        "All of it is 0.",
        lambda given, right, _: bool(right.any() and not given.any()),
    ),
    (
        "dy as it came",
        "You return dy: by the chain rule it has to be multiplied by the layer's own derivative.",
        lambda given, _, case: _same(given, getattr(case, "dy", None)),
    ),
    (
        "a mean in place of a sum",
        "It is divided by the number of rows. The loss has done that already: a layer sums.",
        lambda given, right, case: "x" in vars(case) and _same(given * len(case.x), right),
    ),
    (
        "the first row alone",
        "It changes with the first row of the batch alone: every row adds to the gradient.",
        lambda given, _, case: "dy" in vars(case) and _same(given, case.dy[0]),
    ),
)
"""Mistakes of every exercise: the name, the words, and whether a result looks so."""


def _same(given: Any, right: Any) -> bool:
    if right is None or np.shape(given) != np.shape(right):
        return False
    given, right = np.asarray(given, float), np.asarray(right, float)
    if not np.array_equal(np.isfinite(given), np.isfinite(right)):
        return False
    size = np.max(np.abs(right), initial=0, where=np.isfinite(right))
    return bool(np.allclose(given, right, rtol=0, atol=TOLERANCE * max(size, 1e-3), equal_nan=True))


def _factor(given: Array, right: Array) -> float | None:
    square = float(np.vdot(right, right))
    factor = float(np.vdot(given, right)) / square if square else 0.0
    return factor if np.isfinite(factor) and _same(given, factor * right) else None


def _first_difference(part: str, given: list[Any], expected: list[Array]) -> str:
    for result, right in zip(given, expected, strict=True):
        result = np.asarray(result, float)
        close = np.isclose(result, right, rtol=0, atol=TOLERANCE * np.abs(right).max(initial=1e-3))
        if not close.all():
            where = tuple(map(int, np.argwhere(~close)[0]))
            place = f" [{', '.join(map(str, where))}]" if where else ""
            return (
                f"{part}{place} is {result[where]:.6g}, expected {right[where]:.6g}; "
                f"{int((~close).sum())} of {close.size} numbers differ.\n"
                "It is none of the usual mistakes: compare with the derivation, step by step."
            )
    return ""


def _of_error(error: Exception, answer: type[Any], case: Case) -> tuple[str, str]:
    """Return what an exception tells of an answer."""
    text = f"{type(error).__name__}: {error}"
    shapes = re.search(r"expected shape (\([^)]*\)), got (\([^)]*\))", text)
    if "ellipsis" in text.lower() or (_blank(answer) and "read-only" not in text):
        found = BLANK
    elif "read-only" in text:
        found = BORROWED
    elif shapes:
        found = _other_shape(*map(ast.literal_eval, shapes.groups()))
    elif re.search("broadcast|matmul|shapes|dimension|subscript|axes", text):
        arrays = {k: v.shape for k, v in vars(case).items() if isinstance(v, np.ndarray)}
        told = ", ".join(f"{name} {shape}" for name, shape in arrays.items() if name != "y")
        found = "shapes that do not fit", f"{text}\nHere: {told}."
    elif "NoneType" in text and any(name in vars(case) for name in ("x", "prediction")):
        found = "nothing saved", f"{SAVE} ({text})"
    else:
        found = "an error", text
    return found


SAVE = "`backward` needs numbers of `forward`, which has to keep them: `self._saved = …`."


def _of_contract(error: Exception) -> tuple[str, str]:
    """Return what `check_layer` and its like found."""
    text = str(error)
    names = {
        "writes to": BORROWED[0],
        "saves in inference": "it saves in inference",
        "has to overwrite": ADDED[0],
        "float32": "float32 does not stay float32",
    }
    name = next((name for key, name in names.items() if key in text), "the contract")
    return name, text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}"


def _blank(answer: type[Any]) -> bool:
    """Whether one of its methods has a `...` that stands for code."""
    codes = [vars(answer).get(name) for name in ("forward", "backward", "update")]
    return any(... in method.__code__.co_consts for method in codes if hasattr(method, "__code__"))
