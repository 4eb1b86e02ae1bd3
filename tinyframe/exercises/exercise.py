"""Exercise: what is asked, what is right, and what usually goes wrong."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

from tinyframe.types import Array

SHEETS = Path(__file__).parent / "sheets"

Case: TypeAlias = SimpleNamespace
"""Numbers that an answer is tried with: x, dy and y of a layer, and its weights by their names;
prediction and target of a loss; value, gradients and rates of an optimizer."""

Results: TypeAlias = Mapping[str, Array]
"""Arrays by the name of what they are, such as "y", "dx" or "the gradient of weight"."""


@dataclass(frozen=True)
class Mistake:
    """One that is made often: its name, what to say of it, and the numbers that it gives."""

    name: str
    words: str
    results: Callable[[Case], Results]


class Slip(Exception):  # noqa: N818 - of a student
    """A mistake that has other signs than wrong numbers: its name, and what to say of it."""


@dataclass(frozen=True)
class Exercise(ABC):
    """A class with blanks. Its sheet, a script, has the derivation.

    Attributes
    ----------
    name, title
        "softmax"; "Softmax, and why its derivative has a sum in it".
    class_name
        Name of the class that is to be completed.
    hints
        From a nudge to nearly the answer.
    mistakes
        Those that are recognised; the first that fits is told.
    """

    name: str
    title: str
    class_name: str
    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def sheet(self) -> str:
        """The script that is to be completed."""
        return (SHEETS / f"{self.name}.py").read_text(encoding="utf-8")

    @property
    @abstractmethod
    def kind(self) -> type:
        """What the class has to be derived from."""

    @abstractmethod
    def cases(self) -> list[Case]:
        """Return what the answer is to be tried with, the same each time."""

    @abstractmethod
    def right(self, case: Case) -> Results:
        """Return the right results, in the order in which they are told."""

    @abstractmethod
    def results(self, answer: type[Any], case: Case) -> Iterator[tuple[str, Any]]:
        """Yield the answer's results, each as soon as it is there."""

    @abstractmethod
    def prove(self, answer: type[Any]) -> None:
        """Raise AssertionError if the answer breaks the contract of its kind somewhere else."""
