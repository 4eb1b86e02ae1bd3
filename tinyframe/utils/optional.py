"""Libraries that are there only if the user has installed them."""

from importlib import import_module
from typing import Any


def require(module: str, extra: str, purpose: str) -> Any:
    """Return a module; raise ImportError that names the extra which installs it.

    Parameters
    ----------
    module
        Its full name.
    extra
        Which of tinyframe's extras has it.
    purpose
        What it is for: "a plot".
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise ImportError(
            f'{purpose} needs {library}: pip install "tinyframe[{extra}]"', name=library
        ) from error
