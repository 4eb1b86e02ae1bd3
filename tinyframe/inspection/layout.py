"""Where the boxes of a diagram stand: layers in a row below each other, branches side by side.

Lengths are points, of which 72 make an inch; y grows downwards.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from tinyframe.layers.containers import Add, Concatenate, Residual
from tinyframe.layers.layer import Layer
from tinyframe.utils.checks import batched
from tinyframe.utils.reprs import shortened

Point = tuple[float, float]

LABEL, SHAPE = 8.5, 7.0
"""Sizes of type: of names, and of shapes."""

LINE, TWO_LINES, TITLE = 20.0, 32.0, 18.0
"""Heights of a box, of one with its shape below its name, and of a container's title."""

GAP, SPACE, PAD = 14.0, 14.0, 8.0
"""Between boxes below each other, between branches, and inside of a box at its sides."""

LANE = 18.0
"""What a path beside the layers takes, on each side."""

RADIUS = 6.5
"""Of the joint where branches meet."""

IN_A_ROW, UNKNOWN = "", "?"
"""What stands for `joint` where there are no branches, and where the way is not known."""


@dataclass
class Path:
    """A line along these points, with an arrow's head at its end or without."""

    points: list[Point]
    head: bool = True


@dataclass
class Box:
    """A layer's box, those of its parts in columns, and the paths between them.

    A layer without parts has no columns; an empty column is a path that passes by.
    """

    layer: Layer
    depth: int
    label: str
    shape: str
    columns: "list[list[Box]]"
    joint: str
    narrow: bool
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    entry: Point = (0.0, 0.0)
    exit: Point = (0.0, 0.0)
    joined: Point = (0.0, 0.0)
    paths: list[Path] = field(default_factory=list)

    def walk(self) -> "list[Box]":
        """Return this box and all inside of it, as `Layer.walk` does."""
        inside = [inner for column in self.columns for box in column for inner in box.walk()]
        return [self, *inside]

    @property
    def branches(self) -> bool:
        """Whether it holds ways that part and meet again."""
        return self.joint not in (IN_A_ROW, UNKNOWN)


def box_of(
    layer: Layer, measure: Callable[[str, float], float], depth: int = 0, *, narrow: bool = False
) -> Box:
    """Return the box of a layer, sized but not placed.

    Parameters
    ----------
    layer, depth
        Which, and how many containers it is in.
    measure
        Tells how wide a text is in a size.
    narrow
        Whether shapes stand below names, as in branches.
    """
    parts, joint = _parts(layer)
    narrow = narrow or sum(map(bool, parts)) > 1
    columns = [[box_of(p, measure, depth + 1, narrow=narrow) for p in part] for part in parts]
    label = type(layer).__name__ if parts else shortened(repr(layer), 30 if narrow else 44)
    shape = "" if layer.output_shape is None else batched(layer.output_shape)
    if parts and narrow:
        shape = ""  # that of its last layer
    box = Box(layer, depth, label, shape, columns, joint, narrow)
    texts = measure(label, LABEL), measure(shape, SHAPE)
    if not columns:
        box.width = 2 * PAD + (max(texts) if narrow else sum(texts) + 2 * PAD)
        box.height = TWO_LINES if narrow else LINE
        return box
    widths = [max((b.width for b in column), default=0.0) for column in columns]
    inside = sum(widths) + SPACE * (sum(map(bool, columns)) - 1) + 2 * LANE * (not all(columns))
    box.width = 2 * PAD + max(inside, 2 * max(texts) + 2 * PAD)  # the middle is for the arrow
    box.height = TITLE + max(map(_height, columns)) + PAD
    if box.branches:
        box.height += 2 * GAP + 2 * RADIUS
    return box


def place(box: Box, x: float, y: float, width: float) -> None:
    """Place a box and all inside of it, this wide, and lay the paths inside of it."""
    box.x, box.y, box.width = x, y, width
    middle = x + width / 2
    box.entry, box.exit = (middle, y), (middle, y + box.height)
    if not box.columns:
        return
    top = y + TITLE + GAP * box.branches
    by_the_side = not all(box.columns)
    left = x + PAD + LANE * by_the_side
    free = width - 2 * PAD - 2 * LANE * by_the_side
    full = [column for column in box.columns if column]
    widths = [max(b.width for b in column) for column in full]
    more = (free - sum(widths) - SPACE * (len(full) - 1)) / len(full)
    for column, own in zip(full, widths, strict=True):
        at = top
        for part in column:
            place(part, left, at, own + more)
            at += part.height + GAP
        if box.joint != UNKNOWN:
            box.paths += [
                Path([above.exit, below.entry], leads(below))
                for above, below in itertools.pairwise(column)
            ]
        left += own + more + SPACE
    if box.joint == IN_A_ROW:
        box.entry, box.exit = full[0][0].entry, full[0][-1].exit
    elif box.branches:
        _join(box, middle, x + width - PAD - LANE / 2)


def leads(box: Box) -> bool:
    """Whether the arrow to a box ends in a head, and not where ways part."""
    first = box
    while first.joint == IN_A_ROW and first.columns:
        first = first.columns[0][0]
    return not first.branches


def _join(box: Box, middle: float, lane: float) -> None:
    """Lay the paths from where ways part, through the columns, to where they meet."""
    fork = box.y + TITLE
    meet = box.y + box.height - PAD - RADIUS
    beside = RADIUS + 1.2 * (len(box.joint) - 1)
    box.entry, box.joined, box.exit = (middle, fork), (middle, meet), (middle, meet + RADIUS)
    for column in box.columns:
        if not column:
            aside = [(middle, fork), (lane, fork), (lane, meet), (middle + beside, meet)]
            box.paths.append(Path(aside))
            continue
        (into, top), (out, bottom) = column[0].entry, column[-1].exit
        box.paths.append(Path([(middle, fork), (into, fork), (into, top)], leads(column[0])))
        if abs(out - middle) < RADIUS:
            box.paths.append(Path([(out, bottom), (middle, meet - RADIUS)]))
        else:
            side = beside if out > middle else -beside
            box.paths.append(Path([(out, bottom), (out, meet), (middle + side, meet)]))


def _height(column: list[Box]) -> float:
    return sum(box.height for box in column) + GAP * (len(column) - 1)


def _parts(layer: Layer) -> tuple[list[list[Layer]], str]:
    """Return what a container is made of, in columns, and what joins these.

    A class of one's own with another `forward` may join them in any way.
    """
    forward = type(layer).forward
    if isinstance(layer, Residual) and forward is Residual.forward:
        return [list(layer.layers), [] if layer.shortcut is None else [layer.shortcut]], "+"
    if isinstance(layer, Add | Concatenate) and forward in (Add.forward, Concatenate.forward):
        return [[b] for b in layer.branches], "+" if isinstance(layer, Add) else "[ , ]"
    children = list(layer.children.values())
    if not children:
        return [], IN_A_ROW
    in_a_row = forward.__qualname__ == "Sequential.forward"  # which is made of these files
    return [children], IN_A_ROW if in_a_row else UNKNOWN
