"""The tutorials as notebooks: they are valid, and run from top to bottom."""

from pathlib import Path

import pytest
from needs import needs

TUTORIALS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_run_as_notebooks(page, tmp_path, monkeypatch):
    jupytext = needs("jupytext")
    nbformat = needs("nbformat")
    matplotlib = needs("matplotlib")
    matplotlib.use("Agg")
    notebook = jupytext.read(page)
    jupytext.write(notebook, tmp_path / "tutorial.ipynb")
    nbformat.validate(nbformat.read(tmp_path / "tutorial.ipynb", as_version=4))
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 5
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for number, source in enumerate(code):
        exec(compile(source, f"{page.name}, cell {number}", "exec"), names)  # noqa: S102 - our own
