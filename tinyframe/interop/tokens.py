"""Whether a network takes numbers or tokens, which other formats declare as integers."""

from tinyframe.layers import Add, Concatenate, Embedding, Layer, Residual


def integers_enter(layer: Layer) -> bool:
    """Whether what a layer takes first are tokens."""
    if isinstance(layer, Residual):
        beside = layer.layers[0] if layer.shortcut is None else layer.shortcut
        return integers_enter(layer.layers[0]) and integers_enter(beside)
    if isinstance(layer, Add | Concatenate):
        return all(map(integers_enter, layer.branches))
    children = list(layer.children.values())
    return isinstance(layer, Embedding) or (bool(children) and integers_enter(children[0]))
