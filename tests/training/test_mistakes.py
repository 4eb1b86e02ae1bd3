"""Mistakes that train in silence get one warning a fit, with the mend; what is right gets none."""

import warnings

import numpy as np
import pytest
from cases import LAYERS, LOSSES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinyframe import (
    LSTM,
    SGD,
    BatchNorm,
    BinaryCrossEntropyLoss,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    KLDivergenceLoss,
    LayerNorm,
    LogSoftmax,
    MaxPool2D,
    MSELoss,
    Permute,
    ReLU,
    Rescale,
    Reshape,
    Reverse,
    Select,
    Sequential,
    Shards,
    Sigmoid,
    Softmax,
)
from tinyframe.training.mistakes import warn_of_mistakes
from tinyframe.training.named import head_of

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (12, 10, 10), np.uint8)
GREY, COLOUR = PIXELS[..., np.newaxis], rng.random((12, 16, 24, 3))
FEATURES = rng.standard_normal((12, 6))
LABELS = np.arange(12) % 3

LAST = (
    r"Conv2D\(2, 3.*\) takes images as \(channels, height, width\) .*put Permute\(3, 1, 2\) before"
)
DARK = r"numbers from 0 to 255, and .* takes them as they are: .*put Rescale\(1 / 255\) before it"
TWICE = r"\(from_logits=True\) expects scores, .* ends in S.*: leave from_logits=True out"


def images(*before, size=3):
    return [*before, Conv2D(2, size, padding="same"), ReLU(), Flatten(), Dense(3)]


MISTAKES = {
    "colours last": (images(), COLOUR, MSELoss(), LAST),
    "grey, channel last": (images(Rescale(1 / 255)), GREY, MSELoss(), LAST),
    "after Reshape": (images(Rescale(1 / 255), Reshape(10, 10, 1)), PIXELS, MSELoss(), LAST),
    "pixels": ([Flatten(), Dense(3), Softmax()], PIXELS, MSELoss(), DARK),
    "pixels as floats": ([Flatten(), Dense(3)], PIXELS.astype(float), MSELoss(), DARK),
    "pixels into a convolution": (images(MaxPool2D(2)), PIXELS[:, None], MSELoss(), DARK),
    "pixels into an LSTM": ([LSTM(3)], PIXELS, MSELoss(), DARK),
    "pixels read backwards": ([Reverse(), LSTM(3)], PIXELS, MSELoss(), DARK),
    "Softmax twice": ([Dense(3), Softmax()], FEATURES, CrossEntropyLoss(True), TWICE),
    "Softmax, no logarithm": (
        [Dense(3), Sequential([Softmax()])], FEATURES, KLDivergenceLoss(from_logits=True), TWICE,
    ),
    "Sigmoid twice": ([Dense(3), Sigmoid()], FEATURES, BinaryCrossEntropyLoss(True), TWICE),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_once_a_fit_with_the_mend(name, tmp_path):
    layers, X, loss, message = MISTAKES[name]
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", LABELS)
    batches = [(X[:6], LABELS[:6]), (X[6:], LABELS[6:])]
    shards = Shards(tmp_path / "X.npy", tmp_path / "y.npy")
    model = Sequential(layers)
    for data in ((X, LABELS), (batches,), (shards,)):
        with pytest.warns(UserWarning, match=message) as told:
            model.fit(*data, loss=loss, optimizer=SGD(1e-9), epochs=2, verbose=0)
        assert [w.filename for w in told] == [__file__]


def test_a_warning_that_is_an_error_leaves_the_model_as_it_was():
    model = Sequential([Dense(3), Softmax()])
    with pytest.raises(UserWarning, match="leave from_logits=True out"):  # as pytest is set here
        model.fit(FEATURES, LABELS, loss=CrossEntropyLoss(True), verbose=0)
    assert (model.input_shape, model.loss, model.parameters) == (None, None, ())


RIGHT = {
    "colours first": (images(Permute(3, 1, 2)), COLOUR),
    "as many channels as pixels": (images(), rng.random((12, 3, 16, 3))),
    "narrow features of another network": (images(), rng.random((12, 64, 4, 4))),
    "a signal": (images(size=(5, 1)), rng.random((12, 16, 30, 1))),
    "a long signal of few channels": (images(), rng.random((12, 8, 100, 3))),
    "pixels rescaled": ([Rescale(1 / 255), Flatten(), Dense(3)], PIXELS),
    "pixels rescaled later": ([Flatten(), Dropout(0.1), Rescale(1 / 255), Dense(3)], PIXELS),
    "pixels rescaled before": ([Flatten(), Dense(3)], PIXELS / 255),
    "pixels normalised": ([Flatten(), BatchNorm(), Dense(3)], PIXELS),
    "pixels normalised behind the weights": (
        [Reshape(1, 10, 10), Conv2D(2, 3), BatchNorm(), ReLU(), Flatten(), Dense(3)], PIXELS,
    ),
    "tokens": ([Flatten(), Embedding(256, 3), Flatten(), LayerNorm(), Dense(3)], PIXELS),
    "counts": ([Flatten(), Dense(3)], PIXELS // 4),
    "a table of whole numbers": ([Dense(3)], np.arange(72).reshape(12, 6) * 3),
    "a large scale": ([Flatten(), Dense(3)], 1000.0 * PIXELS),
    "differences": ([Flatten(), Dense(3)], PIXELS - 128.0),
    "yes and no": ([Flatten(), Dense(3)], PIXELS > 99),
    "scores": ([Dense(3)], FEATURES),
    "columns that are not selected": (
        [Select(slice(5)), Dense(3)], np.eye(12, 70) + 200 * (np.arange(70) > 5),
    ),
    "Softmax within": ([Dense(3), Softmax(), Dense(3)], FEATURES),
    "logarithms, which are scores": ([Dense(3), LogSoftmax()], FEATURES),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_gets_no_warning(name):
    layers, X = RIGHT[name]
    loss = CrossEntropyLoss(from_logits=True)
    Sequential(layers).fit(X, LABELS, loss=loss, optimizer=SGD(1e-9), epochs=1, verbose=0)


def test_a_frozen_layer_takes_what_it_was_trained_with():
    model = Sequential([Flatten(), Dense(3), Dense(3)])
    model[1].trainable = False
    model.fit(PIXELS, LABELS, optimizer=SGD(1e-9), epochs=1, verbose=0)


@given(
    name=st.sampled_from(sorted(LAYERS)),
    loss=st.sampled_from([loss for loss, _, _ in LOSSES.values()]),
    scale=st.sampled_from([1e-3, 1.0, 10.0, 255.0, 1e6]),
    data=st.data(),
)
@settings(max_examples=200)
def test_no_layer_on_real_numbers_is_warned_of(name, loss, scale, data):
    layers, shapes = LAYERS[name]
    layer, shape = data.draw(layers), data.draw(shapes)
    model = Sequential([layer])
    model.build(shape)
    last = head_of(model._chain())
    assume(not (getattr(loss, "from_logits", False) and isinstance(last, Softmax | Sigmoid)))
    x = scale * np.random.default_rng(0).random((5, *shape))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_mistakes(model._chain(), loss, x)
