"""The drawing of an architecture: boxes within boxes, arrows between them, branches beside."""

import itertools

import pytest

from tinyframe import (
    GELU,
    Add,
    BatchNorm,
    Concatenate,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool2D,
    MultiHeadAttention,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Softmax,
    Tanh,
)  # fmt: skip


def built(layers, shape):
    model = Sequential(layers)
    model.build(shape, rng=0)
    return model


class Own(Layer):
    """A container that joins its parts in its own way."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def setup(self, input_shape):
        return self.second.build(self.first.build(input_shape))

    def forward(self, x, training=False):
        return self.second.forward(self.first.forward(x, training), training)

    def backward(self, dy):
        return self.first.backward(self.second.backward(dy))


class Named(Sequential):
    """A Sequential by another name."""


MODELS = {
    "document": built([Flatten(), Dense(784, 10), ReLU(), Dense(10, 10), Softmax()], (28, 28)),
    "images": built([
        Reshape(1, 6, 6), Conv2D(4, 3, padding="same"), BatchNorm(), ReLU(),
        Residual(Conv2D(4, 3, padding="same"), ReLU()),
        Concatenate([Conv2D(2, 1), Sequential([Conv2D(3, 1), ReLU()])]),
        MaxPool2D(2), Flatten(), Dense(3), Softmax(),
    ], (6, 6)),
    "shortcut": built([Residual(Dense(4), Tanh(), shortcut=Dense(4)), ReLU()], (3,)),
    "transformer": built([
        Residual(LayerNorm(), MultiHeadAttention(2)),
        Residual(LayerNorm(), Dense(8), GELU(), Dense(4)),
    ], (5, 4)),
    "branches within branches": built([
        Add([Dense(7), Concatenate([Dense(1), Residual(Dense(3)), ReLU()]), Add([Dense(7)])]),
    ], (3,)),
    "own": built([Dense(4), Own(Dense(3), Tanh()), Dense(2)], (3,)),
    "named": Named([Dense(3, 4), ReLU()]),
    "one layer": Dense(3, 2),
    "not built": Sequential([Flatten(), Dense(10)]),
}  # fmt: skip


def boxes_of(axes, model):
    return dict(zip(model.walk(), (patch.get_bbox() for patch in axes.patches), strict=True))


def arrows(axes):
    """The arrows as ((from x, from y), (to x, to y)), from the input on."""
    found = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    return sorted(((a.xyann, a.xy) for a in found), key=lambda arrow: arrow[1][1])


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_boxes_hold_those_of_their_parts_and_never_overlap(model, plots, tmp_path):
    axes = plots.draw(model)
    boxes = boxes_of(axes, model)
    for layer, outer in boxes.items():
        inside = [boxes[child] for child in layer.children.values()]
        for box in inside:
            assert outer.x0 < box.x0 < box.x1 < outer.x1
            assert outer.y0 < box.y0 < box.y1 < outer.y1
        for one, other in itertools.combinations(inside, 2):
            assert one.y1 < other.y0 or one.x1 < other.x0
    axes.figure.savefig(tmp_path / "model.svg")
    assert "<svg" in (tmp_path / "model.svg").read_text()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_texts_fit_in_the_figure_and_never_overlap(model, plots):
    axes = plots.draw(model)
    axes.figure.canvas.draw()
    shown = [text for text in axes.texts if text.get_text()]
    extents = [text.get_window_extent() for text in [*shown, axes.get_legend()]]
    whole = axes.figure.bbox
    for extent in extents:
        assert whole.x0 <= extent.x0 < extent.x1 <= whole.x1
        assert whole.y0 <= extent.y0 < extent.y1 <= whole.y1
    for one, other in itertools.combinations(extents, 2):
        assert not one.overlaps(other)
    for patch in axes.patches:  # what has its middle in a box lies in it
        box = patch.get_window_extent()
        for text, extent in zip(shown, extents, strict=False):
            middle = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
            if box.contains(*middle):
                assert box.contains(*extent.min), text.get_text()
                assert box.contains(*extent.max), text.get_text()


def test_arrows_lead_from_layer_to_layer(plots):
    model = MODELS["document"]
    axes = plots.draw(model)
    boxes = boxes_of(axes, model)
    assert len(arrows(axes)) == len(model)  # that from the input too
    for (_, (x, y)), layer in zip(arrows(axes), model, strict=True):
        assert boxes[layer].x0 < x < boxes[layer].x1
        assert y == boxes[layer].y0
    for ((_, y), _), layer in zip(arrows(axes)[1:], model, strict=False):
        assert y == boxes[layer].y1
    assert "input (batch, 28, 28)" in texts(axes)
    assert "(batch, 784)" in texts(axes)


def test_branches_stand_side_by_side_and_meet(plots):
    model = MODELS["images"]
    axes = plots.draw(model)
    boxes = boxes_of(axes, model)
    branches = [boxes[branch] for branch in model[5].branches]
    assert branches[0].y0 == branches[1].y0
    assert branches[0].x1 < branches[1].x0
    (joint,) = (text for text in axes.texts if text.get_text() == "[ , ]")
    x, y = joint.get_position()
    into = [start for start, end in arrows(axes) if end[1] == y]
    assert [start[0] < x for start in sorted(into)] == [True, False]
    assert all(y > box.y1 for box in branches)


@pytest.mark.parametrize(("name", "skips"), [("images", True), ("shortcut", False)])
def test_a_residual_block_shows_its_way_around(name, skips, plots):
    model = MODELS[name]
    axes = plots.draw(model)
    boxes = boxes_of(axes, model)
    block = next(layer for layer in model if isinstance(layer, Residual))
    joints = [text.get_position() for text in axes.texts if text.get_text() == "+"]
    assert len(joints) == 1
    into = [start for start, end in arrows(axes) if end[1] == pytest.approx(joints[0][1], abs=7)]
    assert len(into) == 2
    right = max(into)[0]
    beside = max(boxes[layer].x1 for layer in block.layers)
    assert right > beside
    if skips:
        assert right < boxes[block].x1
    else:
        assert boxes[block.shortcut].x0 < right < boxes[block.shortcut].x1


def test_nobody_knows_what_an_own_container_does(plots):
    model = MODELS["own"]
    axes = plots.draw(model)
    boxes = boxes_of(axes, model)
    ends = [end[1] for _, end in arrows(axes)]
    assert ends == [boxes[layer].y0 for layer in model]
    named = plots.draw(MODELS["named"])
    assert len(arrows(named)) == 2


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("document", ["layer with weights", "layer without", "container"]),
        ("one layer", ["layer with weights"]),
        ("not built", ["layer not built yet", "container"]),
    ],
)
def test_a_legend_tells_the_colours_apart(name, kinds, plots):
    model = MODELS[name]
    axes = plots.draw(model)
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == kinds
    colours = dict(zip(kinds, (p.get_facecolor() for p in legend.get_patches()), strict=True))
    assert len(set(colours.values())) == len(kinds)
    for patch, layer in zip(axes.patches, model.walk(), strict=True):
        if layer.children:
            continue
        kind = "layer not built yet"
        if layer.output_shape is not None:
            kind = "layer with weights" if layer.parameters else "layer without"
        assert patch.get_facecolor() == colours[kind]


def test_a_drawing_fits_into_small_axes(plots):
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of an extra

    model = MODELS["document"]
    _, panels = plt.subplots(2, 3, figsize=(6, 4))
    small, alone = plots.draw(model, ax=panels[0, 1]), plots.draw(model)
    assert small is panels[0, 1]
    sizes = [{t.get_text(): t.get_fontsize() for t in axes.texts} for axes in (small, alone)]
    assert sizes[0]["ReLU()"] < sizes[1]["ReLU()"] / 2
    assert panels[0, 0].get_xlim() == panels[1, 2].get_xlim() == (0, 1)
