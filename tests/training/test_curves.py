"""What `History.plot` draws: a panel for each family of figures, training beside validation."""

import numpy as np
import pytest

from tinyframe import History


def history(epochs=4, **without):
    """A history with all that training records."""
    found = History()
    for epoch in range(1, epochs + 1):
        figures = {
            "loss": 1 / epoch, "f1": 0.1 * epoch, "accuracy": 0.2 * epoch, "val_loss": 2 / epoch,
            "val_f1": 0.09 * epoch, "val_accuracy": 0.19 * epoch, "learning_rate": 0.1 / epoch,
            "seconds": 1.0,
        }  # fmt: skip
        found.record({name: v for name, v in figures.items() if without.get(name, True)})
    return found


def drawn(panel):
    """The lines of a panel: what the legend calls them, and their numbers."""
    return {line.get_label(): list(line.get_ydata()) for line in panel.lines}


def legend(panel):
    found = panel.get_legend()
    return found and [text.get_text() for text in found.get_texts()]


def test_each_family_has_a_panel(plots):
    found = history()
    first = found.plot()
    panels = first.figure.axes
    assert first is panels[0]
    assert [p.get_ylabel() for p in panels] == ["loss", "accuracy", "f1", "learning rate"]
    assert [p.get_xlabel() for p in panels] == ["epoch"] * 4
    for panel, name in zip(panels[:3], ("loss", "accuracy", "f1"), strict=True):
        assert drawn(panel) == {"training": found[name], "validation": found[f"val_{name}"]}
        assert legend(panel) == ["training", "validation"]
    assert [list(line.get_ydata()) for line in panels[3].lines] == [found["learning_rate"]]
    assert legend(panels[3]) is None
    boxes = [panel.get_subplotspec() for panel in panels]
    assert [(b.rowspan.start, b.colspan.start) for b in boxes] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_validation_is_dashed_in_the_colour_of_training(plots):
    from matplotlib.colors import to_hex  # noqa: PLC0415 - of an extra

    for panel in history().plot("loss", "accuracy").figure.axes:
        training, validation = panel.lines
        assert training.get_color() == validation.get_color()
        assert to_hex(training.get_color()).upper() == plots.PALETTE[0]
        assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
        assert (training.get_marker(), validation.get_marker()) == ("None", "None")
        np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4])


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 12, 100])
def test_ticks_are_whole_epochs(epochs, plots):
    axes = history(epochs).plot("loss")
    axes.figure.canvas.draw()
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == int(tick) and 1 <= tick <= epochs for tick in ticks)


def test_numbers_that_make_no_line_are_points(plots):
    for line in history(1).plot("loss").lines:
        assert line.get_marker() == "o"
    found = history(3)
    for epoch, val_loss in enumerate((1.0, np.nan, 2.0)):
        found._epochs[epoch]["val_loss"] = val_loss
    training, validation = found.plot("loss").lines
    assert (training.get_marker(), validation.get_marker()) == ("None", "o")


def test_figures_choose_the_panels(plots):
    found = history()
    panels = found.plot("f1", "loss").figure.axes
    assert [panel.get_ylabel() for panel in panels] == ["f1", "loss"]
    assert drawn(found.plot("val_loss")) == {"validation": found["val_loss"]}
    both = found.plot("val_loss", "loss", "loss")
    assert len(both.figure.axes) == 1
    assert drawn(both) == {"training": found["loss"], "validation": found["val_loss"]}
    assert found.plot("seconds").get_ylabel() == "seconds"
    with pytest.raises(KeyError, match="recorded"):
        found.plot("top_k_accuracy")
    for name in (3, None):
        with pytest.raises(TypeError, match="names of figures"):
            found.plot(name)
    with pytest.raises(KeyError, match="nothing yet"):
        History().plot()


def test_what_is_recorded_is_what_is_drawn(plots):
    alone = history(loss=True, f1=False, accuracy=False, val_loss=False, val_f1=False)
    panels = alone.plot().figure.axes
    assert [panel.get_ylabel() for panel in panels] == ["loss", "accuracy", "learning rate"]
    assert [legend(panel) for panel in panels] == [["training"], ["validation"], None]


def test_given_axes_take_all_lines_and_keep_their_look(plots):
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of an extra

    found = history()
    figure, (left, right) = plt.subplots(1, 2)
    assert found.plot(ax=left) is left
    assert legend(left) == ["training", "validation"]
    assert left.get_ylabel() == "loss"
    assert found.plot("loss", "accuracy", "learning_rate", ax=right) is right
    names = ["loss, training", "loss, validation", "accuracy, training", "accuracy, validation"]
    assert legend(right) == [*names, "learning rate"]
    colours = [line.get_color() for line in right.lines]
    assert colours == ["C0", "C0", "C1", "C1", "C2"] or len(set(colours)) == 3
    assert right.get_ylabel() == ""
    assert figure.axes == [left, right]
    assert left.xaxis.label.get_size() == plt.rcParams["font.size"]
    assert left.get_legend().get_texts()[0].get_size() == plt.rcParams["font.size"]
    another = history(2).plot(ax=left)  # to compare two
    assert len({line.get_color() for line in another.lines}) == 2
