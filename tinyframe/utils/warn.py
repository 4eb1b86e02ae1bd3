"""Warnings that point at the line of the user's that caused them."""

import sys
import warnings


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, as from the first caller that is not of this package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - as warnings itself looks
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("tinyframe."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
