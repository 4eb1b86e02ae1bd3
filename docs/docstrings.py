"""Docstrings are written to be read in an editor; here they become what Sphinx reads."""

import re

from sphinx.application import Sphinx

SECTION = re.compile(r"^(Parameters|Attributes|Raises|Returns|Yields)$")
NAMES = re.compile(r"^\w+(, \w+)+$")


def process(
    app: Sphinx, what: str, name: str, instance: object, options: object, lines: list[str]
) -> None:
    """Turn indented stretches of the text into literal blocks, and quote what reST would read."""
    text: list[str] = []
    told = True  # before the first section, where indented lines are equations or code
    literal = False
    for line in lines:
        if SECTION.match(line):
            told = False
        if told and line.startswith("    "):
            if not literal:
                text += ["", "::", ""]
            literal = True
            text.append(line)
            continue
        if line:
            literal = False
        if not told and NAMES.match(line):
            line += " :"  # several names are no name with a type
        text.append(line if set(line) == {"-"} else quoted(line))
    if what == "property" and text:
        text[0] = text[0].replace(": ", " – ", 1)  # what stands before a colon is taken for a type
    lines[:] = text


def quoted(line: str) -> str:
    """Return a line in which single backticks are code, and other marks are themselves."""
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(
        f"`{part}`" if part.startswith("`") else re.sub(r"([|*]|_(?!\w))", r"\\\1", part)
        for part in parts
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx; before napoleon, which reads the sections."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
