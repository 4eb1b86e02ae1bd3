"""Whether a figure is better when it is lower or when it is higher: everybody asks here."""

from typing import Literal, TypeAlias

from tinyframe.utils.checks import among
from tinyframe.utils.hints import figure_hint

Mode: TypeAlias = Literal["min", "max"]

RISING = ("accuracy", "precision", "recall", "f1", "auc", "r2")
"""Parts of the names of figures that are good when large."""

FALLING = ("loss", "mse", "mae", "error", "seconds", "skipped")
"""Parts of the names of figures that are good when small."""


def direction(figure: str, mode: Mode | None = None) -> Mode:
    """Return whether a figure is best at its "min" or its "max": `mode`, or what its name says.

    Raises
    ------
    TypeError, ValueError
        If it is no name, the name does not say, or `mode` is something else.
    """
    if not isinstance(figure, str):
        raise TypeError(f"expected the name of a figure, got {figure!r}")
    if mode is not None:
        if not among(mode, "min", "max"):
            raise ValueError(f'mode expected "min" or "max", got {mode!r}')
        return mode
    falls, rises = (any(part in figure.lower() for part in ps) for ps in (FALLING, RISING))
    if falls == rises:
        raise ValueError(
            f'{figure!r} does not say whether it should fall or rise: give mode="min"/"max"'
            + figure_hint(figure)
        )
    return "min" if falls else "max"
