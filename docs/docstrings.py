"""Docstrings are written to be read in an editor; here they become what Sphinx reads."""

import re
from collections.abc import Iterator

from sphinx.application import Sphinx

SECTION = re.compile(r"^(Parameters|Attributes|Raises|Returns|Yields)$")


def process(
    app: Sphinx, what: str, name: str, instance: object, options: object, lines: list[str]
) -> None:
    """Turn indented stretches of the text into literal blocks, and quote what reST would read."""
    first = next((i for i, line in enumerate(lines) if SECTION.match(line)), len(lines))
    told, sections = lines[:first], list(one_name_each(lines[first:]))
    if what == "property" and told:
        told[0] = told[0].replace(": ", " – ", 1)  # what stands before a colon is taken for a type
    lines[:] = [*literal_blocks(told), *map(quoted, sections)]


def literal_blocks(lines: list[str]) -> Iterator[str]:
    """Yield text whose indented lines, equations or code, are kept as they are."""
    within = False
    for line in lines:
        if line.startswith("    "):
            if not within:
                yield from ("", "::", "")
            within = True
            yield line
            continue
        within = within and not line
        yield quoted(line)


def one_name_each(lines: list[str]) -> Iterator[str]:
    """Yield sections in which attributes described together, "a, b", are described one by one."""
    section = ""
    for number, line in enumerate(lines):
        if SECTION.match(line):
            section = line
        if section == "Attributes" and re.match(r"^\w+(, \w+)+", line):
            names, colon, kind = line.partition(" : ")
            *others, last = names.split(", ")
            end = number + 1
            while end < len(lines) and lines[end].startswith("    "):
                end += 1
            for other in others:
                yield other + colon + kind
                yield from lines[number + 1 : end]
            line = last + colon + kind
        yield line


def quoted(line: str) -> str:
    """Return a line in which single backticks are code, and other marks are themselves."""
    if set(line) == {"-"}:
        return line
    parts = re.split(r"(`[^`]+`)", line)
    for number, part in enumerate(parts):
        if number % 2:  # what is between backticks
            follows = re.match(r"\w", parts[number + 1])
            parts[number] = f"`{part}`" + ("\\ " if follows else "")
        else:
            parts[number] = re.sub(r"([|*]|_(?!\w))", r"\\\1", part)
    return "".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx; before napoleon, which reads the sections."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
