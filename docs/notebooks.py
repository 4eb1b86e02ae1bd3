"""Each tutorial as a notebook, to be downloaded from the head of its page."""

from pathlib import Path

import jupytext
from sphinx.application import Sphinx

FOLDERS = ("tutorials", "el")
FOLDER = "_notebooks"

LINK = """
<a href="../{folder}/{name}.ipynb" download>{words}</a>
"""
WORDS = {"tutorials": "This page as a notebook", "el": "Η σελίδα ως σημειωματάριο Jupyter"}


def is_tutorial(page: Path) -> bool:
    """Whether a page in Markdown has cells that run."""
    return "{code-cell}" in page.read_text(encoding="utf-8")


def link(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the link below the title."""
    folder, _, name = docname.partition("/")
    if folder in FOLDERS and is_tutorial(Path(app.srcdir) / f"{docname}.md"):
        start, title, rest = source[0].partition("\n# ")
        heading, _, body = rest.partition("\n")
        anchor = LINK.format(folder=FOLDER, name=f"{folder}-{name}", words=WORDS[folder])
        source[0] = f"{start}{title}{heading}\n{anchor}{body}"


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the notebooks."""
    if error is not None or app.builder.format != "html":
        return
    to = Path(app.outdir) / FOLDER
    to.mkdir(exist_ok=True)
    for folder in FOLDERS:
        for page in filter(is_tutorial, sorted((Path(app.srcdir) / folder).glob("*.md"))):
            jupytext.write(jupytext.read(page), to / f"{folder}-{page.stem}.ipynb")


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("source-read", link)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
