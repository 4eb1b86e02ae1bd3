"""Summary: a model as a table of its layers."""

from collections.abc import Iterator

from tinyframe.checks import batched
from tinyframe.layers.layer import Layer


def summary(model: Layer) -> str:
    """Return a table: each layer, its output shape and number of parameters, and the total."""
    rows = [("layer", "output shape", "parameters"), *_rows(model, 0)]
    total = sum(parameter.size for parameter in model.parameters)
    known = model.output_shape is not None
    rows.append(("total", "", f"{total:,}" if known else "?"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{layer:{widths[0]}}  {shape:{widths[1]}}  {count:>{widths[2]}}"
        for layer, shape, count in rows
    ]
    rule = "─" * len(lines[0])
    lines = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
    if not known:
        lines.append("Shapes marked ? are known after build(input_shape) or fit.")
    return "\n".join(lines)


def _rows(model: Layer, depth: int) -> Iterator[tuple[str, str, str]]:
    for name, layer in model.children.items():
        title = type(layer).__name__ if layer.children else repr(layer)
        known = layer.output_shape is not None
        shape = batched(layer.output_shape) if layer.output_shape is not None else "?"
        count = f"{sum(parameter.size for parameter in layer.parameters):,}" if known else "?"
        yield f"{'  ' * depth}{name}: {title}", shape, count
        yield from _rows(layer, depth + 1)
