"""The Greek sheets of the exercises: a derivation in Greek above the code of the English sheet."""

from pathlib import Path

from sphinx.application import Sphinx

from tinyframe.exercises import EXERCISES


def sheet(derivation: Path) -> str:
    """Return the script, given the file with its derivation."""
    _, _, code = EXERCISES[derivation.stem].sheet.split('"""', 2)
    return f'"""{derivation.read_text(encoding="utf-8").rstrip()}\n"""{code}'


def write(app: Sphinx) -> None:
    """Write the scripts beside their derivations, for the page to show and to offer."""
    for derivation in sorted((Path(app.srcdir) / "el" / "sheets").glob("*.md")):
        derivation.with_suffix(".py").write_text(sheet(derivation), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
