"""The exercises' sheets as modules: answers complete them, so that what they give is proved too."""

from types import SimpleNamespace
from typing import Any

from tinyframe.exercises import EXERCISES


def sheet(name: str) -> SimpleNamespace:
    """Return the names that a sheet defines; a class is made anew by each call."""
    defined: dict[str, Any] = {"__name__": f"sheet_of_{name}"}
    exec(compile(EXERCISES[name].sheet, f"{name}.py", "exec"), defined)  # noqa: S102 - our own
    return SimpleNamespace(**defined)
