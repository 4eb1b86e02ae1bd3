"""The signatures of all public names, which are promises: docs/compatibility.md.

python tests/signatures.py      writes signatures.txt anew, where one was to change
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tinyframe
from tinyframe import datasets, inspection, metrics, testing
from tinyframe.utils.reprs import shown

FILE = Path(__file__).with_name("signatures.txt")


def signatures() -> Iterator[str]:
    """Yield a line for each public name: its arguments, their kinds and defaults."""
    for module in (tinyframe, datasets, inspection, metrics, testing):
        for name in sorted(module.__all__):
            public = getattr(module, name)
            if callable(public) and not (isinstance(public, type) and issubclass(public, OSError)):
                yield f"{module.__name__}.{name}{arguments(public)}"
    for name, method in inspect.getmembers(tinyframe.Sequential, inspect.isroutine):
        if callable(method) and not name.startswith("_"):
            yield f"tinyframe.Sequential.{name}{arguments(method)}"


def arguments(public: Any) -> str:
    """Return a signature without its annotations."""
    signature = inspect.signature(public)
    bare = [
        p.replace(annotation=p.empty, default=p.default if p.default is p.empty else _As(p.default))
        for p in signature.parameters.values()
    ]
    return str(inspect.Signature(bare))


class _As:
    """A default that shows itself without an address."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return self.value.__name__ if isinstance(self.value, type) else shown(self.value)


if __name__ == "__main__":
    FILE.write_text("\n".join(signatures()) + "\n")
