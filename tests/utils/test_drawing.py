"""The style of pictures: one for all of them, and never more than theirs."""

import itertools

import numpy as np
import pytest

from tinyframe import CrossEntropyLoss, Dense, ReLU, Sequential, Softmax, find_learning_rate
from tinyframe.utils import drawing

ROWS = np.random.default_rng(0).random((20, 16))
LABELS = np.arange(20) % 3
MODEL = Sequential([Dense(16, 4), ReLU(), Dense(3), Softmax()])
MODEL.fit(ROWS, LABELS, epochs=3, validation_data=(ROWS, LABELS), rng=0, verbose=0)
SWEEP = find_learning_rate(MODEL, ROWS, LABELS, loss=CrossEntropyLoss(), rng=0)

PICTURES = {
    "draw": lambda plots: plots.draw(MODEL).figure,
    "plot_weights": lambda plots: plots.plot_weights(MODEL[0]),
    "plot_activations": lambda plots: plots.plot_activations(MODEL, ROWS[0]),
    "plot_flow": lambda plots: plots.plot_flow(MODEL, ROWS[0], LABELS[0]),
    "plot_saliency": lambda plots: plots.plot_saliency(MODEL, ROWS[:2]),
    "plot_confusion_matrix": lambda plots: plots.plot_confusion_matrix(LABELS, LABELS).figure,
    "History.plot": lambda plots: MODEL.history.plot().figure,
    "LearningRateSweep.plot": lambda plots: SWEEP.plot().figure,
}


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


@pytest.mark.parametrize("theirs", ["dark_background", "ggplot", "seaborn-v0_8-whitegrid"])
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_look_the_same_whatever_the_user_has_set(name, theirs, plots):
    """A dark notebook's style would leave ink on ink."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of an extra

    with plt.style.context("default"):
        expected = pixels(PICTURES[name](plots))
    fonts = {key: v for key, v in plt.rcParamsDefault.items() if key.startswith("font.")}
    with plt.style.context([theirs, fonts | {"figure.dpi": 100, "font.size": 23}]):
        np.testing.assert_array_equal(pixels(PICTURES[name](plots)), expected)


@pytest.mark.parametrize("name", PICTURES)
def test_the_users_parameters_stay(name, plots):
    import matplotlib as mpl  # noqa: PLC0415 - of an extra

    with mpl.rc_context({"font.size": 13, "text.color": "red"}):
        before = dict(mpl.rcParams)
        figure = PICTURES[name](plots)
        assert dict(mpl.rcParams) == before
    assert figure.get_facecolor() == (1, 1, 1, 1)


def test_the_users_parameters_stay_where_something_is_wrong(plots):
    import matplotlib as mpl  # noqa: PLC0415 - of an extra

    before = dict(mpl.rcParams)
    with pytest.raises(RuntimeError), drawing.axes_for(None):
        raise RuntimeError
    assert dict(mpl.rcParams) == before


def test_the_style_is_one_of_matplotlib(plots):
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of an extra

    with plt.style.context(plots.STYLE):
        assert plt.rcParams["text.color"] == plots.INK
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.PALETTE)


def test_given_axes_keep_their_sizes(plots):
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of an extra

    with plt.rc_context({"font.size": 17, "legend.fontsize": 15}):
        axes = SWEEP.plot(ax=plt.figure().subplots())
        assert axes.xaxis.label.get_size() == 17
        assert {text.get_size() for text in axes.get_legend().get_texts()} == {15}


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_ink_is_legible_and_colours_differ(plots):
    from matplotlib.colors import to_rgb  # noqa: PLC0415 - of an extra

    paper, ink = luminance(to_rgb(drawing.PAPER)), luminance(to_rgb(drawing.INK))
    assert (paper + 0.05) / (ink + 0.05) > 7  # as WCAG 2 asks for
    for one, other in itertools.combinations(plots.PALETTE, 2):
        assert np.linalg.norm(np.subtract(to_rgb(one), to_rgb(other))) > 0.25
