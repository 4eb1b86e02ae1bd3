"""Exercises that grade themselves: ten classes with blanks, from ReLU to Adam.

    python -m tinyframe.exercises                  what there is
    python -m tinyframe.exercises start softmax    writes softmax.py, with the derivation and blanks
    python softmax.py                              says what is right and what went wrong
    python -m tinyframe.exercises hint softmax     a nudge; `hint softmax 2` is a stronger one

`start softmax --notebook` writes a notebook. `grade` compares an answer with differences of the
right function, names the usual mistakes, and has `check_layer` or `check_loss` say the last word.
"""

import os
from pathlib import Path
from typing import Any

from tinyframe.exercises.adam import ADAM
from tinyframe.exercises.attention import ATTENTION
from tinyframe.exercises.batch_norm import BATCH_NORM
from tinyframe.exercises.convolution import CONVOLUTION
from tinyframe.exercises.cross_entropy import CROSS_ENTROPY
from tinyframe.exercises.dense import DENSE
from tinyframe.exercises.exercise import Exercise, Mistake
from tinyframe.exercises.grading import Finding, Grade, grade_answer
from tinyframe.exercises.lstm_cell import LSTM_CELL
from tinyframe.exercises.momentum import MOMENTUM
from tinyframe.exercises.notebook import as_notebook
from tinyframe.exercises.relu import RELU
from tinyframe.exercises.softmax import SOFTMAX
from tinyframe.utils.checks import positive_integer
from tinyframe.utils.hints import closest

__all__ = ["EXERCISES", "Exercise", "Finding", "Grade", "Mistake", "grade", "hint", "start"]

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        RELU, DENSE, SOFTMAX, CROSS_ENTROPY, BATCH_NORM, CONVOLUTION, LSTM_CELL, ATTENTION,
        MOMENTUM, ADAM,
    )
}  # fmt: skip
"""By name, in the order in which they build on each other."""


def _named(name: Any) -> Exercise:
    if isinstance(name, Exercise):
        return name
    found = EXERCISES.get(name) if isinstance(name, str) else None
    if found is None:
        like = closest(name, EXERCISES) if isinstance(name, str) else None
        guess = f"; is it {like!r}?" if like else ""
        raise ValueError(f"expected one of {', '.join(EXERCISES)}, got {name!r}{guess}")
    return found


def start(name: str, path: str | os.PathLike[str] | None = None, *, notebook: bool = False) -> Path:
    """Write an exercise's sheet, to be completed, and return its path.

    Parameters
    ----------
    name
        One of `EXERCISES`.
    path
        Its file, by default NAME.py here.
    notebook
        Whether it is to be a notebook, by default NAME.ipynb.

    Raises
    ------
    ValueError
        If there is no such exercise.
    FileExistsError
        If the file is there already: it is left as it is.

    Examples
    --------
    >>> from tinyframe.exercises import start
    >>> import tempfile
    >>> start("relu", tempfile.mkdtemp() + "/relu.py").name
    'relu.py'
    """
    exercise = _named(name)
    path = Path(path or f"{exercise.name}{'.ipynb' if notebook else '.py'}")
    text = as_notebook(exercise) if notebook else exercise.sheet
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FileExistsError(
            f"{path} is there already, and may hold your answer; move it away first"
        ) from None
    return path


def hint(name: str, number: int = 1) -> str:
    """Return a hint; the last is nearly the answer.

    Parameters
    ----------
    name
        One of `EXERCISES`.
    number
        Which, from 1.

    Raises
    ------
    ValueError
        If there is no such exercise, or no such hint.

    Examples
    --------
    >>> from tinyframe.exercises import hint
    >>> hint("relu", 1)
    'Hint 1 of 3: np.maximum(a, b) is the larger of two numbers, for each place of two arrays.'
    """
    exercise = _named(name)
    hints = exercise.hints
    number = positive_integer("number", number)
    if number > len(hints):
        raise ValueError(f"{exercise.name} has {len(hints)} hints, got {number}")
    return f"Hint {number} of {len(hints)}: {hints[number - 1]}"


def grade(name: str, answer: type[Any]) -> Grade:
    """Say what is right in an answer, and what went wrong.

    y is compared with the right one, and what `backward` gives with central differences of that,
    for several shapes. The usual mistakes are known by the numbers that they give. If all is right,
    `check_layer` or `check_loss` proves the rest of the contract.

    Parameters
    ----------
    name
        One of `EXERCISES`.
    answer
        The completed class.

    Returns
    -------
    Grade
        It tells all when printed; `passed`, `findings` and `mistakes` are for programs.

    Raises
    ------
    TypeError, ValueError
        If there is no such exercise, or the answer is no class of its kind.

    Examples
    --------
    >>> from tinyframe.exercises import grade
    >>> grade("relu", ReLU).passed
    True
    """
    return grade_answer(_named(name), answer)
