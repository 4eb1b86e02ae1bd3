"""grade_answer: what is right in an answer, and what went wrong in words."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyframe.exercises.exercise import Case, Exercise, Results
from tinyframe.exercises.symptoms import (
    GENERAL,
    NOT_FINITE,
    TOLERANCE,
    no_numbers,
    of_contract,
    of_error,
    same,
)
from tinyframe.types import Array


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
        told: set[str] = set()
        lines = [self.title]
        for finding in self.findings:  # what was said once is not said again
            lines.append(str(replace(finding, words="") if finding.words in told else finding))
            told.add(finding.words)
        last = "Passed: all of it is right." if self.passed else "Not yet."
        return "\n".join([*lines, last])

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
        if finding is None:  # it stopped before that, at another's name
            assert stopped is not None  # noqa: S101 - tells the type checker
            yield stopped
            return
        yield finding
        all_right = all_right and finding.right
        if not finding.right and (part == parts[0] or finding is stopped):
            return  # what follows from it is wrong too
    if all_right:
        with np.errstate(all="ignore"):
            try:
                exercise.prove(answer)
            except Exception as error:  # noqa: BLE001 - an answer may raise anything
                yield Finding("the rest of the contract", *of_contract(error))


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
        return Finding(*of_error(error, answer, parts[len(there)], case))
    return None


def _judged(  # noqa: PLR0911 - a return a reason
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
    odd = no_numbers(answer, part, given, expected)
    if odd:
        return Finding(part, *odd)
    if all(map(same, given, expected)):
        return Finding(part)
    for mistake in exercise.mistakes:
        with np.errstate(all="ignore"):
            wrong = [mistake.results(case).get(part) for case in cases]
        if all(w is not None and same(g, w) for g, w in zip(given, wrong, strict=True)):
            return Finding(part, mistake.name, mistake.words)
    if not all(
        np.isfinite(g).all() for g, e in zip(given, expected, strict=True) if np.isfinite(e).all()
    ):
        return Finding(part, *NOT_FINITE)
    for name, words, looks_so in GENERAL:
        if all(looks_so(g, e, case) for g, e, case in zip(given, expected, cases, strict=True)):
            return Finding(part, name, words)
    factors = [_factor(g, e) for g, e in zip(given, expected, strict=True)]
    if None not in factors and np.ptp(np.array(factors, float)) < TOLERANCE:
        return Finding(part, "a factor", f"It is {factors[0]:.4g} times what it should be.")
    return Finding(part, "other numbers", _first_difference(part, given, expected))


def _factor(given: Array, right: Array) -> float | None:
    square = float(np.vdot(right, right))
    factor = float(np.vdot(given, right)) / square if square else 0.0
    return factor if np.isfinite(factor) and same(given, factor * right) else None


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
