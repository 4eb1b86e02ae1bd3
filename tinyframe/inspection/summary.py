"""Summary: a model as a table of its layers, in plain text and in HTML."""

import math
from collections.abc import Iterator
from typing import NamedTuple, Self

from tinyframe.layers.layer import Layer
from tinyframe.utils.checks import batched

HEAD = ("layer", "output shape", "parameters", "multiply-adds")


class Row(NamedTuple):
    """A line of the table: how deep the layer lies, and a cell for each of `HEAD`."""

    depth: int
    cells: tuple[str, str, str, str]


class Summary(str):
    """A table of a model that shows itself as one, on a prompt and in a notebook; it is a text."""

    __slots__ = ("_html",)
    _html: str

    def __new__(cls, model: Layer) -> Self:
        """Return the table of a model.

        Multiply-adds are those of the matrix products for one row, forwards; training takes about
        three times as many.

        Parameters
        ----------
        model
            A layer, mostly a Sequential; built, or the shapes are missing.
        """
        table = super().__new__(cls, _table(model))
        table._html = summary_html(model)
        return table

    def __repr__(self) -> str:
        return str.__str__(self)

    def _repr_html_(self) -> str:
        return self._html


def _table(model: Layer) -> str:
    """Return the table as plain text."""
    rows = [("", *HEAD)[1:], *(_indented(row) for row in _rows(model)), _total(model)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        f"{layer:{widths[0]}}  {shape:{widths[1]}}  {count:>{widths[2]}}  {work:>{widths[3]}}"
        for layer, shape, count, work in rows
    ]
    rule = "─" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], _note(model)])


def summary_html(model: Layer) -> str:
    """Return the same table as HTML, as notebooks show it; without scripts or outside addresses."""
    import html  # noqa: PLC0415 - spares `import tinyframe`

    number = 'style="text-align:right;white-space:nowrap"'
    text = 'style="text-align:left;white-space:nowrap"'

    def line(cells: tuple[str, ...], tag: str, depth: int = 0) -> str:
        indent = f'style="text-align:left;white-space:nowrap;padding-left:{0.5 + 1.5 * depth}em"'
        styles = (indent, text, number, number)
        return "<tr>{}</tr>".format(
            "".join(
                f"<{tag} {style}>{html.escape(cell)}</{tag}>"
                for style, cell in zip(styles, cells, strict=True)
            )
        )

    body = "".join(line(row.cells, "td", row.depth) for row in _rows(model))
    return (
        '<div style="overflow-x:auto">'
        f"<table><caption {text}>{html.escape(type(model).__name__)}</caption>"
        f"<thead>{line(HEAD, 'th')}</thead><tbody>{body}</tbody>"
        f"<tfoot>{line(_total(model), 'th')}</tfoot></table></div>"
        f"<p>{html.escape(_note(model))}</p>"
    )


def _rows(model: Layer, depth: int = 0) -> Iterator[Row]:
    for name, layer in model.children.items():
        title = type(layer).__name__ if layer.children else repr(layer)
        frozen = "" if layer.trainable else ", frozen"
        shape = "?" if layer.output_shape is None else batched(layer.output_shape)
        yield Row(depth, (f"{name}: {title}{frozen}", shape, *_counts(layer)))
        yield from _rows(layer, depth + 1)


def _indented(row: Row) -> tuple[str, ...]:
    return ("  " * row.depth + row.cells[0], *row.cells[1:])


def _total(model: Layer) -> tuple[str, str, str, str]:
    return ("total", "", *_counts(model))


def _counts(layer: Layer) -> tuple[str, str]:
    """Return the number of parameters and of multiply-adds."""
    if layer.output_shape is None:
        return "?", "?"
    return f"{sum(p.size for p in layer.parameters):,}", f"{layer.multiply_adds:,}"


def _note(model: Layer) -> str:
    """Say how much memory the model takes, or why that is not known."""
    if model.output_shape is None:
        return "Shapes marked ? are known after build(input_shape) or fit."
    size = model.dtype.itemsize
    weights = size * sum(p.size for p in model.parameters)
    leaves = [layer for layer in model.walk() if not layer.children]
    row = size * sum(math.prod(layer.output_shape or ()) for layer in leaves)
    frozen = sum(p.size for p in model.parameters) - sum(p.size for p in model.trainable_parameters)
    note = f"{model.dtype}: {_bytes(weights)} of parameters, {_bytes(row)} of outputs a row"
    return f"{note}; {frozen:,} parameters frozen" if frozen else note


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004 - of the next unit
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
