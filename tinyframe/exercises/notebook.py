"""Exercise sheets as notebooks, and the code that a notebook holds."""

import ast
import json
from typing import Any

from tinyframe.exercises.exercise import Exercise


def as_notebook(exercise: Exercise) -> str:
    """Return a sheet as a notebook, in nbformat 4: the derivation, the class, and its grade."""
    sheet = exercise.sheet
    derivation = ast.get_docstring(ast.parse(sheet)) or ""
    code = sheet.split('"""', 2)[2].partition("if __name__")[0].strip()
    name = f'"{exercise.name}"'
    grading = (
        "from tinyframe.exercises import grade, hint\n\n"
        f"grade({name}, {exercise.class_name})  # hint({name}) gives a nudge"
    )
    cells = [_cell("markdown", derivation, 0), _cell("code", code, 1), _cell("code", grading, 2)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _cell(kind: str, text: str, number: int) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def code_of(notebook: str) -> str:
    """Return the Python code of a notebook's cells, without what is IPython's alone.

    Raises
    ------
    ValueError
        If it is no notebook.
    """
    try:
        cells = json.loads(notebook)["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"expected a notebook in nbformat 4, got other JSON ({error!r})") from None
    lines = [line for source in sources for line in [*source.splitlines(), ""]]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))) + "\n"
