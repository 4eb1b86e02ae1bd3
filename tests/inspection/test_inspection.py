"""Understanding a model: what is inside, how gradients pass, pictures, a learning rate."""

import copy
import html.parser
import pickle
import re

import numpy as np
import pytest

import tinyframe
from tinyframe import (
    LSTM,
    SGD,
    BatchNorm,
    Concatenate,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPool2D,
    MSELoss,
    MultiHeadAttention,
    Permute,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    find_learning_rate,
    inspection,
    recording,
)
from tinyframe.inspection import activations, gradient_report, recording_report, saliency
from tinyframe.layers.state import state_of
from tinyframe.testing import numeric_jacobian


def images():
    model = Sequential([
        Reshape(1, 6, 6), Conv2D(4, 3, padding="same"), BatchNorm(), ReLU(),
        Residual(Conv2D(4, 3, padding="same"), ReLU()),
        Concatenate([Conv2D(2, 1), Sequential([Conv2D(3, 1), ReLU()])]),
        MaxPool2D(2), Flatten(), Dropout(0.5), Dense(3), Softmax(),
    ], dtype=np.float64)  # fmt: skip
    model.build((6, 6), rng=0)
    return model


@pytest.fixture
def trained(rng):
    model, X, y = images(), rng.random((40, 6, 6)), rng.integers(0, 3, 40)
    return model.fit(X, y, epochs=2, rng=0, verbose=0), X, y


def unchanged(model):
    before = {name: array.tobytes() for name, array in state_of(model).items()}
    grads = [parameter.grad.copy() for parameter in model.parameters]

    def check():
        assert {name: array.tobytes() for name, array in state_of(model).items()} == before
        for parameter, grad in zip(model.parameters, grads, strict=True):
            np.testing.assert_array_equal(parameter.grad, grad)

    return check


# ------------------------------------------------------------------ numbers


def test_activations_are_those_of_predict(trained):
    model, X, _ = trained
    check = unchanged(model)
    outputs = activations(model, X[:5])
    assert list(outputs)[3] == "3: ReLU()"
    for number, output in enumerate(outputs.values()):
        np.testing.assert_array_equal(output, model[: number + 1].predict(X[:5]))
    check()


@pytest.mark.parametrize("output", [None, 0, 2])
def test_saliency_is_the_derivative_of_predict(trained, output):
    model, X, _ = trained
    check, x = unchanged(model), X[:4]
    found = saliency(model, x, output)
    assert found.shape == x.shape
    chosen = model.predict(x).argmax(axis=1) if output is None else [output] * 4
    jacobian = numeric_jacobian(model.predict, x, step=1e-7).reshape(4, 3, *x.shape)
    for row, unit in enumerate(chosen):
        np.testing.assert_allclose(found[row], jacobian[row, unit, row], rtol=1e-5, atol=1e-8)
    check()


def test_saliency_of_what_has_none(trained):
    model, X, _ = trained
    with pytest.raises(ValueError, match="output expected an integer from 0 to 2, got 3"):
        saliency(model, X, 3)
    sequences = Sequential([MultiHeadAttention(2)])
    sequences.build((5, 4))
    with pytest.raises(ValueError, match=r"expected outputs \(rows, outputs\)"):
        saliency(sequences, np.ones((2, 5, 4)))


def test_a_gradient_report_has_the_gradients_of_the_batch(trained):
    model, X, y = trained
    check = unchanged(model)
    report = gradient_report(model, X, y, MSELoss())
    twin = copy.deepcopy(model)
    for layer in twin.walk():
        if isinstance(layer, Dropout):
            layer.rng = copy.deepcopy(next(x for x in model.walk() if x.random).rng)
    loss = MSELoss()
    loss.forward(twin.forward(X, training=True), y)
    dy = loss.backward()
    assert report.layers[-1].signal == pytest.approx(np.linalg.norm(dy))
    twin.backward(dy)
    assert report.layers[9].gradient == pytest.approx(
        np.hypot(np.linalg.norm(twin[9].weight.grad), np.linalg.norm(twin[9].bias.grad))
    )
    assert np.isnan(report.layers[3].gradient)
    assert report.problems == []
    assert len(repr(report).splitlines()) == 13
    check()


@pytest.mark.parametrize("loss", [MSELoss(), CrossEntropyLoss()])
def test_vanishing_gradients_are_named(rng, loss):
    layers = [part for _ in range(9) for part in (Dense(8), Sigmoid())]
    model = Sequential([*layers, Dense(3), Softmax()])
    model.build((5,), rng=0)
    problems = gradient_report(model, rng.random((50, 5)), rng.integers(0, 3, 50), loss).problems
    assert problems[0].startswith("0: Dense(8): vanishing gradient: ")
    assert not any("Softmax" in problem for problem in problems)


def test_exploding_gradients_and_saturation_are_named(rng):
    model = Sequential([Dense(8), Dense(8), Dense(8), Dense(8), Dense(3)])
    model.build((5,), rng=0)
    for layer in model:
        layer.weight.value *= 30
    X, y = rng.random((50, 5)), rng.random((50, 3))
    assert re.match(r"0: Dense\(8\): exploding gradient", gradient_report(model, X, y).problems[0])
    saturated = Sequential([Dense(8), Sigmoid(), Dense(3)])
    saturated.build((5,), rng=0)
    saturated[0].weight.value *= 1000
    assert any("saturated: " in line for line in gradient_report(saturated, X, y).problems)


def test_dead_units_are_counted(rng):
    model = Sequential([Dense(5, 6), ReLU(), Dense(3)])
    model[0].bias.value[:] = [-100, -100, -100, -100, 100, 100]
    report = gradient_report(model, rng.random((50, 5)), rng.random((50, 3)))
    assert report.problems == ["1: ReLU(): 4 of 6 units are dead: 0 for all 50 rows"]
    convolution = Sequential([Conv2D(4, 3), ReLU(), Flatten(), Dense(1)])
    convolution.build((1, 5, 5), rng=0)
    convolution[0].bias.value[:] = [-100, -100, -100, 100]
    report = gradient_report(convolution, rng.random((9, 1, 5, 5)), rng.random((9, 1)))
    assert report.problems == ["1: ReLU(): 3 of 4 units are dead: 0 for all 9 rows"]


# ------------------------------------------------------------------ tables


def test_summary_has_shapes_parameters_work_and_memory():
    text = images().summary()
    assert re.search(r"\n1: Conv2D\(4, 3, padding='same'\) +\(batch, 4, 6, 6\) +40 +1,296\n", text)
    assert "  branches.1: Sequential " in text
    frozen = images()
    frozen[9].trainable = False
    assert "9: Dense(3), frozen" in frozen.summary()
    assert frozen.summary().endswith("; 138 parameters frozen")


def test_multiply_adds_are_those_of_the_products():
    attention = MultiHeadAttention(2)
    attention.build((7, 4))
    assert attention.multiply_adds == 7 * (4 * 12 + 4 * 4) + 2 * 7 * 7 * 4
    depthwise = Conv2D(6, 3, groups=3, stride=2)
    depthwise.build((3, 9, 9))
    assert depthwise.multiply_adds == 6 * 1 * 9 * 4 * 4


class Collector(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.cells = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        assert all(name == "style" for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells.append(data)


def test_a_notebook_shows_a_table_without_scripts():
    collector = Collector()
    collector.feed(images()._repr_html_())
    collector.close()
    assert not collector.open
    assert collector.tags == {
        "div", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "p",
    }  # fmt: skip
    assert "1: Conv2D(4, 3, padding='same')" in collector.cells
    assert "1,296" in collector.cells


def test_a_layers_text_is_no_markup_in_the_table():
    class Shouting(ReLU):
        def __repr__(self):
            return "<script>alert(1)</script>"

    model = Sequential([Shouting()])
    assert "<script>" not in model._repr_html_()
    assert "&lt;script&gt;" in model._repr_html_()


# ------------------------------------------------------------------ learning rate


def test_the_sweep_leaves_the_model_alone_and_suggests_a_rate_that_learns(rng):
    y = rng.integers(0, 3, 600)
    X = rng.random((600, 5)) + np.eye(3, 5)[y]
    model = Sequential([Dense(5, 8), ReLU(), Dense(8, 3), Softmax()])
    model.build((5,), rng=0)
    optimizer = SGD(123.0, momentum=0.9)
    check = unchanged(model)
    sweep = find_learning_rate(model, X, y, optimizer=optimizer, highest=1000.0, rng=0)
    check()
    assert (optimizer.learning_rate, optimizer.steps, model.history.epochs) == (123.0, 0, 0)
    np.testing.assert_allclose(np.diff(np.log(sweep.rates)), np.log(1000 / 1e-5) / 199)
    assert len(sweep.rates) == len(sweep.losses) == len(sweep.smoothed)
    assert repr(sweep).startswith("LearningRateSweep(")
    assert 1e-3 < sweep.suggestion < 10
    before = model.evaluate(X, y)["loss"]
    model.fit(X, y, optimizer=SGD(sweep.suggestion, momentum=0.9), epochs=5, rng=0, verbose=0)
    assert model.evaluate(X, y)["loss"] < before / 2


def test_a_sweep_ends_where_the_loss_runs_away(rng):
    model = Sequential([Dense(5, 1)])
    model.build((5,), rng=0)
    sweep = find_learning_rate(model, rng.random((64, 5)), rng.random(64), highest=1e4, rng=0)
    assert len(sweep.rates) < 200
    assert sweep.losses[-1] > 4 * sweep.losses.min()
    for options in ({"lowest": 0.0}, {"lowest": 1.0, "highest": 0.5}, {"steps": 0}):
        with pytest.raises(ValueError, match=r"lowest|highest|steps"):
            find_learning_rate(model, rng.random((9, 5)), rng.random(9), **options)


def test_a_sweep_of_what_is_not_finite_from_the_start(rng):
    model = Sequential([Dense(5, 1)])
    model[0].weight = np.full((5, 1), 1e30)
    X = np.full((64, 5), 1e30)
    with pytest.raises(ValueError, match="the loss is not finite before the first step"):
        find_learning_rate(model, X, rng.random(64), rng=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("batch_size", [8, 32])  # the last of an epoch is of 8 rows
def test_a_batch_of_large_errors_does_not_end_a_sweep(batch_size, seed):
    X = np.linspace(-1, 1, 200)[:, np.newaxis]
    model = Sequential([Dense(1, 8), Tanh(), Dense(1)])
    sweep = find_learning_rate(model, X, X**2, batch_size=batch_size, rng=seed)
    assert sweep.losses[:50].max() > 2 * sweep.losses[:50].min()
    assert sweep.rates[-1] > 0.1
    assert 1e-3 < sweep.suggestion < 1


# ------------------------------------------------------------------ pictures


def texts(axes):
    return [text.get_text() for text in axes.texts]


ANYTHING = [3, "ax", np.ones(3), [1, 2], print, Dense, {}]


@pytest.mark.parametrize("wrong", ANYTHING, ids=str)
def test_what_is_drawn_on_is_of_matplotlib(trained, plots, wrong):
    model, X, y = trained
    sweep = tinyframe.find_learning_rate(model, X, y, rng=0)
    for draw in (
        lambda: plots.draw(model, ax=wrong),
        lambda: plots.plot_confusion_matrix(y, y, ax=wrong),
        lambda: model.history.plot(ax=wrong),
        lambda: sweep.plot(ax=wrong),
    ):
        with pytest.raises(TypeError, match="ax expected axes of matplotlib"):
            draw()
    for draw in (
        lambda: plots.plot_weights(model[1], figure=wrong),
        lambda: plots.plot_activations(model, X[0], wrong),
        lambda: plots.plot_flow(model, X[0], y[0], figure=wrong),
        lambda: plots.plot_saliency(model, X, figure=wrong),
    ):
        with pytest.raises(TypeError, match="figure expected a figure of matplotlib"):
            draw()


@pytest.mark.parametrize("labels", [{"a", "b", "c"}, np.array(3), "abc", b"abc", 3])
def test_labels_are_a_list_of_names(plots, labels):
    with pytest.raises(TypeError, match="labels expected a list of"):
        plots.plot_confusion_matrix([0, 1, 2], [0, 1, 2], labels=labels)


def test_a_part_of_a_figure_is_drawn_on_too(trained, plots):
    from matplotlib import pyplot as plt  # noqa: PLC0415 - of an extra

    model, X, _ = trained
    left, right = plt.figure().subfigures(1, 2)
    assert plots.plot_activations(model, X[0], left) is left
    assert plots.plot_saliency(model, X, figure=right) is right


def test_weights_are_drawn_unit_by_unit(plots):
    layer = Dense(12, 5)
    *panels, scale = plots.plot_weights(layer, (3, 4)).axes
    assert len(panels) == 5
    limit = abs(layer.weight.value).max()
    assert scale.get_ylabel() == "weight"
    for panel in panels:
        assert panel.images[0].get_clim() == (-limit, limit) == scale.get_ylim()
    np.testing.assert_array_equal(
        panels[2].images[0].get_array(), layer.weight.value[:, 2].reshape(3, 4)
    )
    assert len(plots.plot_weights(images()[1]).axes) == 4 + 1
    with pytest.raises(ValueError, match="12 pixels"):
        plots.plot_weights(layer, (5, 5))
    with pytest.raises(TypeError, match=r"got ReLU\(\)"):
        plots.plot_weights(ReLU())


def test_a_row_apart_does_not_end_a_sweep():
    X = np.linspace(-1, 1, 400)[:, np.newaxis]
    y = np.sign(X)
    y[7] = 12.0
    model = Sequential([Dense(1, 8), Tanh(), Dense(1)])
    sweep = find_learning_rate(model, X, y, batch_size=16, rng=0)
    apart = sweep.losses[10:100].max() / sweep.smoothed[10:100].min()
    assert apart > 4
    assert sweep.rates[-1] > 0.05


def test_more_units_than_are_drawn(plots):
    figure = plots.plot_weights(Dense(4, 200), (2, 2))
    assert re.fullmatch(r"the first \d+ of 200", figure.get_suptitle())


def test_saliency_of_channels_is_their_sum(plots, rng):
    colours = Sequential([Conv2D(2, 3), Flatten(), Dense(3)])
    colours.build((3, 8, 8), rng=0)
    x = rng.random((2, 3, 8, 8))
    drawn = [
        image.get_array() for axes in plots.plot_saliency(colours, x).axes for image in axes.images
    ]
    np.testing.assert_allclose(drawn[0], x[0].mean(axis=0), rtol=1e-6)
    sequences = Sequential([Permute(2, 1, 3, 4), Flatten(), Dense(3)])
    sequences.build((2, 3, 4, 4), rng=0)
    with pytest.raises(ValueError, match=r"expected images, got samples of shape \(2, 3, 4, 4\)"):
        plots.plot_saliency(sequences, rng.random((2, 2, 3, 4, 4)))


def test_long_names_of_classes_lean(plots):
    y = [0, 1, 2]
    for labels, angle in ((["cat", "dog", "eel"], 0), (["cat", "crocodile", "eel"], 45)):
        axes = plots.plot_confusion_matrix(y, y, labels=labels)
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {angle}


SQUARE = Sequential([Dense(16, 4), ReLU(), Dense(3), Softmax()])
SQUARE.build(16, rng=0)
ROWS = np.random.default_rng(0).random((5, 16))
OF_MODELS = {
    "find_learning_rate": lambda model: find_learning_rate(model, ROWS, [0, 1, 2, 0, 1], steps=2),
    "activations": lambda model: activations(model, ROWS),
    "saliency": lambda model: saliency(model, ROWS),
    "recording_report": recording_report,
    "gradient_report": lambda model: gradient_report(model, ROWS, [0, 1, 2, 0, 1]),
    "draw": tinyframe.plots.draw,
    "plot_activations": lambda model: tinyframe.plots.plot_activations(model, ROWS[0]),
    "plot_flow": lambda model: tinyframe.plots.plot_flow(model, ROWS[0], 1),
    "plot_saliency": lambda model: tinyframe.plots.plot_saliency(model, ROWS),
    "plot_weights": tinyframe.plots.plot_weights,
}


@pytest.mark.parametrize("model", [None, 3, "m", [1], Sequential, ROWS, np.ma.array(ROWS)], ids=str)
@pytest.mark.parametrize("name", OF_MODELS)
def test_what_is_no_model_is_told(name, model, plots):
    with pytest.raises(TypeError, match=r"(model|plot_weights) expected a .* got ") as error:
        OF_MODELS[name](model)
    assert len(str(error.value)) < 300


def test_a_lone_layer_is_a_model_for_some_alone(plots):
    for name in set(OF_MODELS) - {"draw", "plot_weights"}:
        with pytest.raises(
            TypeError, match=r"model expected a model such as .* got Dense\(16, 4\)"
        ):
            OF_MODELS[name](Dense(16, 4))
    OF_MODELS["draw"](Dense(16, 4))
    OF_MODELS["plot_weights"](Dense(16, 4))


@pytest.mark.parametrize("output", [False, True, 1.0, "a", [0, 1, 2, 0, 1], np.array([1])])
def test_an_output_is_an_integer(output, plots):
    for call in (saliency, plots.plot_saliency):
        with pytest.raises(TypeError, match="output expected an integer from 0 to 2, got "):
            call(SQUARE, ROWS, output)
    np.testing.assert_array_equal(saliency(SQUARE, ROWS, np.int8(1)), saliency(SQUARE, ROWS, 1))


def test_losses_and_optimizers_are_checked_everywhere():
    with pytest.raises(TypeError, match="optimizer expected an Optimizer such as"):
        find_learning_rate(SQUARE, ROWS, [0] * 5, optimizer=MSELoss())
    with pytest.raises(TypeError, match="loss expected a Loss such as"):
        gradient_report(SQUARE, ROWS, [0] * 5, SGD(0.1))
    assert find_learning_rate(SQUARE, ROWS, [0] * 5, loss="mse", optimizer="sgd").suggestion > 0
    assert gradient_report(SQUARE, ROWS, [0] * 5, "cross_entropy").layers


@pytest.mark.parametrize("rows", [1, 2, 5, 12])
@pytest.mark.parametrize("features", [4, 7])
def test_saliency_of_any_rows_is_drawn(rows, features, plots, rng):
    model = Sequential([Dense(features, 3)])
    X = rng.random((rows, features))
    for data in (X, X.tolist()):
        assert len(plots.plot_saliency(model, data).axes) == 2 * min(rows, 10) + 1
    for call in (plots.plot_saliency, saliency):
        with pytest.raises(TypeError, match="masked"):
            call(model, [np.ma.masked_less(row, 0.5) for row in X])


def test_activations_are_drawn_for_one_sample(plots):
    with pytest.raises(
        ValueError, match=r"one sample of shape \(16,\), got \(5, 16\); .* is X\[0\]"
    ):
        plots.plot_activations(SQUARE, ROWS)
    with pytest.raises(ValueError, match=r"one sample of shape \(16,\), got \(\)"):
        plots.plot_activations(SQUARE, 3)
    with pytest.raises(ValueError, match=r"one sample of shape \(16,\), got \(1, 1, 16\)"):
        plots.plot_activations(SQUARE, ROWS[np.newaxis, :1])
    drawn = [
        [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
        for figure in (
            plots.plot_activations(SQUARE, ROWS[0]),
            plots.plot_activations(SQUARE, ROWS[:1]),
        )
    ]
    assert drawn[0] == drawn[1]
    for heights, output in zip(drawn[0], activations(SQUARE, ROWS[:1]).values(), strict=True):
        np.testing.assert_array_equal(heights, output[0])


def test_weights_that_make_no_image_are_told(plots):
    with pytest.raises(ValueError, match=r"make an image, got 7, .* image_shape=\(1, 7\) draws"):
        plots.plot_weights(Dense(7, 3))
    assert len(plots.plot_weights(Dense(7, 3), (1, 7)).axes) == 3 + 1
    for shape, error in ((5, ValueError), ("ab", TypeError), ((4.0, 4.0), TypeError),
                         ((-4, -4), ValueError), ((16,), ValueError)):  # fmt: skip
        with pytest.raises(error, match="image_shape expected"):
            plots.plot_weights(SQUARE[0], shape)
    for layer, shape in ((LSTM(4), (5, 4)), (MultiHeadAttention(2), (5, 4)), (Embedding(9, 4), 3)):
        layer.build(shape)
        with pytest.raises(TypeError, match="plot_weights expected a built Dense layer or conv"):
            plots.plot_weights(layer)
    with pytest.raises(TypeError, match=r"plot_weights expected a built .* got Dense\(3\)"):
        plots.plot_weights(Dense(3))


def test_saliency_and_activations_are_drawn(trained, plots):
    model, X, _ = trained
    panels = plots.plot_saliency(model, X[:3]).axes
    np.testing.assert_array_equal(panels[0].images[0].get_array(), X[0])
    np.testing.assert_array_equal(
        panels[3].images[0].get_array(), inspection.saliency(model, X[:3])[0]
    )
    assert [axes.get_ylabel() for axes in panels[:6:3]] == ["x", "∂y/∂x"]
    answers = model.predict(X[:3]).argmax(axis=1)
    assert [axes.get_title() for axes in panels[:3]] == [f"→ {answer}" for answer in answers]
    assert [text.get_text() for text in panels[6].get_yticklabels()] == ["against", "0", "for"]
    figure = plots.plot_activations(model, X[0])
    assert len(figure.subfigs) == len(model)


def test_a_confusion_matrix_shows_its_counts(plots, rng):
    prediction, labels = rng.random((50, 3)), rng.integers(0, 3, 50)
    axes = plots.plot_confusion_matrix(prediction, labels, ["a", "b", "c"])
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (labels, prediction.argmax(axis=1)), 1)
    assert texts(axes) == [str(n) if n else "·" for n in expected.ravel()]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [other.get_ylabel() for other in axes.figure.axes[1:]] == ["share of the row"]
    with pytest.raises(ValueError, match="3 names, got 2"):
        plots.plot_confusion_matrix(prediction, labels, ["a", "b"])
    for names in ("abc", 3):
        with pytest.raises(TypeError, match="labels expected a list of 3 names, got"):
            plots.plot_confusion_matrix(prediction, labels, names)


def test_a_sweep_is_drawn(plots, rng):
    model = Sequential([Dense(5, 1)])
    sweep = find_learning_rate(model, rng.random((64, 5)), rng.random(64), rng=0)
    axes = sweep.plot()
    assert axes.get_xscale() == "log"
    assert len(axes.lines) == 3


class Counting(Dense):
    """A layer that changes an attribute in each pass, which no recording would do."""

    passes = 0

    def forward(self, x, training=False):
        self.passes += 1
        return super().forward(x, training)


class CountingContainer(Layer):
    def __init__(self, layers):
        self.layers, self.passes = tuple(layers), 0

    def setup(self, input_shape):
        for layer in self.layers:
            input_shape = layer.build(input_shape, dtype=self.dtype)
        return input_shape

    def forward(self, x, training=False):
        self.passes += training
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy):
        for layer in self.layers[::-1]:
            dy = layer.backward(dy)
        return dy


def test_the_recording_report_names_what_runs_at_its_plain_speed_and_why(rng):
    X, y = rng.random((60, 5)), rng.integers(0, 3, 60)
    model = Sequential([Residual(Counting(5)), Sequential([ReLU(), Dense(3)]), Softmax()])
    assert "not trained yet" in repr(recording_report(model))
    assert recording_report(model).parts == ()
    assert not recording_report(model).complete
    model.fit(X, y, epochs=2, batch_size=20, loss=CrossEntropyLoss(), verbose=0)
    report = recording_report(model)
    names = ["0: Residual", "0.layers.0: Counting(5)", "1: ReLU()", "2: Dense(3)", "3: Softmax()"]
    assert [line.part for line in report.parts] == [*names, "loss: CrossEntropyLoss()"]
    assert [line.recorded for line in report.parts] == [True, False, True, True, True, True]
    (problem,) = report.problems
    assert problem == "0.layers.0: Counting(5): changes self.passes as it goes"
    assert not report.complete
    assert report.remark == ""
    lines = [re.sub(" {2,}", "  ", line) for line in repr(report).splitlines()]
    assert lines[0] == "layer  recorded"
    assert lines[3:5] == [
        "0.layers.0: Counting(5)  no  changes self.passes as it goes", "1: ReLU()  yes",
    ]  # fmt: skip


def test_the_recording_report_tells_what_is_inside_of_what_is_not_recorded(rng):
    model = Sequential([CountingContainer([Dense(4), Residual(ReLU())]), Dense(3)])
    X, y = rng.random((60, 5)), rng.integers(0, 3, 60)
    model.fit(X, y, epochs=3, batch_size=20, optimizer=SGD(1e-3), verbose=0)
    reasons = {line.part: line.reason for line in recording_report(model).parts}
    assert list(reasons) == [
        "0: CountingContainer", "0.layers.0: Dense(4)", "0.layers.1: Residual",
        "0.layers.1.layers.0: ReLU()", "1: Dense(3)", "loss: MSELoss()",
    ]  # fmt: skip
    inside = "inside of 0: CountingContainer, which is not recorded"
    assert list(reasons.values())[1:] == [inside, inside, inside, "", ""]


def test_the_recording_report_follows_training(rng):
    X, y = rng.random((20, 5)), rng.integers(0, 3, 20)
    model = Sequential([LeakyReLU(), Dense(3), Softmax()])
    model.train_on_batch(X, y)
    report = recording_report(model)
    assert report.remark.startswith("no step is replayed yet")
    assert repr(report).splitlines()[2].split() == ["0:", "LeakyReLU()", "not", "yet"]
    assert not report.complete
    for _ in range(3):
        model.train_on_batch(X, y)
    assert recording_report(model).complete
    assert recording_report(model).problems == []
    model[0].slope = 0.5
    assert "was changed since" in recording_report(model).remark
    for _ in range(3):
        model.train_on_batch(X, y)
    assert recording_report(model).remark == ""
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert "is a copy" in repr(recording_report(twin))


def test_the_recording_report_says_that_recording_was_off(rng, monkeypatch):
    monkeypatch.setattr(recording, "enabled", False)
    model = Sequential([Dense(3)]).fit(rng.random((20, 5)), rng.integers(0, 3, 20), verbose=0)
    assert repr(recording_report(model)) == "nothing is recorded: recording was off"


def flow_of(figure):
    """The titles and, where there are bars, the numbers that `plot_flow` shows, cell by cell."""
    cells = []
    for panel in figure.subfigs:
        heights = [bar.get_height() for axes in panel.axes for bar in axes.patches]
        cells.append((panel.get_suptitle(), heights))
    return cells[::2], cells[1::2]


def test_the_flow_shows_outputs_and_their_gradients(plots):
    """Of the document's chain, with its equations; each gradient is that of differences."""
    model = Sequential([Dense(3, 4), ReLU(), Dense(2), Softmax()], dtype="float64")
    model.build(3, rng=2)
    x, t = np.array([0.3, -1.0, 2.0]), np.array([0.0, 1.0])
    figure = plots.plot_flow(model, x, t, loss=MSELoss())
    down, up = flow_of(figure)
    for (_, heights), y in zip(down, activations(model, x[np.newaxis]).values(), strict=True):
        np.testing.assert_array_equal(heights, y[0])
    for number, (_, heights) in enumerate(up):
        y = model[: number + 1].forward(x[np.newaxis])
        for unit, height in enumerate(heights):
            losses = []
            for step in (1e-6, -1e-6):
                moved = y.copy()
                moved[0, unit] += step
                for layer in list(model)[number + 1 :]:
                    moved = layer.forward(moved)
                losses.append(((moved - t) ** 2).sum())
            assert height == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)
    assert [title.split("    ")[1] for title, _ in down] == [
        "y₀ = Wᵀx + b", "y₁ = max(y₀, 0)", "y₂ = Wᵀy₁ + b", "y₃ = exp y₂ / Σ exp y₂",
    ]  # fmt: skip
    assert [title for title, _ in up] == [
        "∂L/∂y₀ = 1{y₀ > 0} · ∂L/∂y₁", "∂L/∂y₁ = W ∂L/∂y₂",
        "∂L/∂y₂ = y₃ · (∂L/∂y₃ − Σ ∂L/∂y₃ · y₃)", "∂L/∂y₃ = 2 (y₃ − t)",
    ]  # fmt: skip
    assert figure.get_suptitle().startswith("MSELoss: L = ")
    assert not any(p.grad.any() for p in model.parameters), "the model is as it was"


def test_the_flow_of_what_the_loss_is_taken_together_with(plots):
    model = Sequential([Dense(3, 4), Dropout(0.5), Dense(12), Softmax()], dtype="float64")
    model.build(3, rng=0)
    x = np.array([[0.3, -1.0, 2.0]])
    for given in ((x, [1]), (x[0], 1), (x[0], [1]), (x, 1)):
        down, up = flow_of(plots.plot_flow(model, *given, loss="cross_entropy"))
        assert up[3] == ("taken together with the loss: see ∂L/∂y₂", [])
        assert up[2][0] == "∂L/∂y₂ = y₃ − t"
        np.testing.assert_allclose(up[2][1], model.predict(x)[0] - np.eye(12)[1], atol=1e-12)
        assert up[1][0] == "∂L/∂y₁ = W ∂L/∂y₂"
        assert up[0][0] == "∂L/∂y₀ = ∂L/∂y₁ · ∂y₁/∂y₀"
        assert down[1][0] == "1: Dropout(0.5)    y₁ = Dropout(y₀)"
        np.testing.assert_array_equal(down[1][1], down[0][1])


@pytest.mark.parametrize(("layers", "shape"), [
    ([Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(1)], (1, 8, 8)),
    ([Embedding(9, 4), LSTM(5), Dense(1)], 6), ([Dense(1)], 1), ([LSTM(4), Dense(1)], (5, 2)),
], ids=["images", "tokens", "one number", "sequences"])  # fmt: skip
def test_every_kind_of_chain_flows(plots, layers, shape):
    model = Sequential(layers)
    model.build(shape, rng=0)
    x = np.ones(model.input_shape)
    for target in (2.0, [2.0], [[2.0]]):
        figure = plots.plot_flow(model, x, target)
        assert len(figure.subfigs) == 2 * len(layers)
        figure.canvas.draw()


def test_the_flow_is_of_one_sample(plots):
    with pytest.raises(ValueError, match=r"plot_flow expected one sample of shape \(16,\)"):
        plots.plot_flow(SQUARE, ROWS, 1)
    with pytest.raises(ValueError, match="labels"):
        plots.plot_flow(SQUARE, ROWS[0], [1, 2])
