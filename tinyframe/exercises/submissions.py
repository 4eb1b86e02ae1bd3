"""Files that were handed in: which exercises they answer, and how well."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tinyframe.exercises.exercise import Exercise
from tinyframe.exercises.grading import grade_answer
from tinyframe.exercises.notebook import code_of

PATIENCE = 60.0
"""Seconds that a file may take."""


def grade_files(paths: Sequence[Path], *, patience: float = PATIENCE) -> list[dict[str, Any]]:
    """Return a line for each exercise that each file answers.

    Each file runs in a process of its own, which is ended when its time is over. It still is a
    program that somebody else wrote, and can do what you can do.

    Parameters
    ----------
    paths
        Scripts and notebooks.
    patience
        Seconds for each.

    Returns
    -------
    list of dict
        "file", "exercise", "passed", "mistakes"; a file that cannot be graded has one line that
        says why.
    """
    return [line for path in paths for line in _lines(path, patience)]


def as_csv(lines: Sequence[dict[str, Any]]) -> str:
    """Return such lines as CSV, with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "exercise", "passed", "mistakes"])
    for line in lines:
        passed = "yes" if line["passed"] else "no"
        writer.writerow([line["file"], line["exercise"], passed, "; ".join(line["mistakes"])])
    return text.getvalue()


def _lines(path: Path, patience: float) -> list[dict[str, Any]]:
    def failed(why: str) -> list[dict[str, Any]]:
        return [{"file": str(path), "exercise": "", "passed": False, "mistakes": [why]}]

    if not path.is_file():
        return failed("there is no such file")
    command = [sys.executable, "-m", "tinyframe.exercises", "grade", "--as-json", str(path)]
    try:
        run = subprocess.run(  # noqa: S603 - this interpreter, on the file that was asked for
            command, capture_output=True, text=True, timeout=patience, check=False, input=""
        )
    except subprocess.TimeoutExpired:
        return failed(f"it took more than {patience:g} seconds")
    try:
        found: list[dict[str, Any]] = json.loads(run.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return failed(run.stderr.strip().rpartition("\n")[2] or "it ended before its time")
    return found or failed("none of the exercises' classes is in it")


def grade_here(path: Path, exercises: Sequence[Exercise]) -> list[dict[str, Any]]:
    """Return the lines of one file, which runs in this process."""
    code = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        code = code_of(code)
    module = ModuleType("answer")
    sys.modules["answer"] = module
    exec(compile(code, str(path), "exec"), vars(module))  # noqa: S102 - that is what is asked for
    lines = []
    for exercise in exercises:
        answer = vars(module).get(exercise.class_name)
        if isinstance(answer, type) and answer.__module__ == "answer":
            grade = grade_answer(exercise, answer)
            lines.append(
                {
                    "file": str(path),
                    "exercise": exercise.name,
                    "passed": grade.passed,
                    "mistakes": list(grade.mistakes),
                }
            )
    return lines
