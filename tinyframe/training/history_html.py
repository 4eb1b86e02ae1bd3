"""The history in a notebook: a row a figure, with its curve, in HTML without scripts."""

import html
import math
from typing import TYPE_CHECKING

from tinyframe.utils.direction import direction

if TYPE_CHECKING:
    from tinyframe.training.history import History

WIDTH, HEIGHT = 120, 28
"""Of a curve, in pixels."""


def history_html(history: "History") -> str:
    """Return a table of the figures: name, curve, best and last number."""
    if not len(history):
        return "<p>History: no epochs yet</p>"
    head = ("", "by epoch", "best", "last")
    rows = "".join(_row(name, values) for name, values in history.items() if name != "seconds")
    seconds = sum(value for value in history.get("seconds", ()) if math.isfinite(value))
    caption = f"{len(history)} epoch{'s' * (len(history) > 1)}, {seconds:.1f} s of training"
    return (
        '<div style="overflow-x:auto">'
        f'<table><caption style="text-align:left">{caption}</caption>'
        f"<thead>{_line([html.escape(cell) for cell in head], 'th')}</thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(name: str, values: list[float]) -> str:
    best = _best(name, values)
    shown = "" if best is None else f"{values[best]:.4g} <small>({best + 1})</small>"
    return _line([html.escape(name), _curve(values), shown, f"{values[-1]:.4g}"], "td")


def _line(cells: list[str], tag: str) -> str:
    sides = ("left", "left", *["right"] * (len(cells) - 2))
    pairs = zip(sides, cells, strict=True)
    row = "".join(
        f'<{tag} style="text-align:{side};white-space:nowrap">{cell}</{tag}>'
        for side, cell in pairs
    )
    return f"<tr>{row}</tr>"


def _best(name: str, values: list[float]) -> int | None:
    """Return the epoch where a figure is best, counted from 0; None where that is not known."""
    try:
        rising = direction(name) == "max"
    except ValueError:
        return None
    known = [i for i, value in enumerate(values) if not math.isnan(value)]
    return min(known, key=lambda i: -values[i] if rising else values[i], default=None)


def _curve(values: list[float]) -> str:
    """Return a figure as a small curve; epochs in which it is not finite are left out."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    step, inner = (WIDTH - 6) / max(len(values) - 1, 1), HEIGHT - 6
    points = [
        (3 + step * number, 3 + inner * (1 - (value - low) / span))
        for number, value in enumerate(values)
        if math.isfinite(value)
    ]
    x, y = points[-1]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="its curve">'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.3"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="currentColor"/></svg>'
    )
