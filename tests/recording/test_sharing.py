"""Blocks that two threads share: the bits of one thread, whatever happens in between."""

import threading

import numpy as np
import pytest
from needs import needs

from tinyframe import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    MSELoss,
    Parameter,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Softmax,
    Tanh,
    recording,
)
from tinyframe.recording.ahead import Ahead
from tinyframe.training import blocks
from tinyframe.training.callbacks import Callback
from tinyframe.utils import threads


@pytest.fixture(autouse=True)
def anything_is_long(monkeypatch):
    monkeypatch.setattr(blocks, "LONG", 0)
    monkeypatch.setattr(blocks, "MANY", 0)


@pytest.fixture
def begun(monkeypatch):
    """The blocks that a helper began with, so that a test can tell that it did."""
    found = []
    init = Ahead.__init__

    def noted(self, *arguments):
        found.append(self)
        init(self, *arguments)

    monkeypatch.setattr(Ahead, "__init__", noted)
    return found


def dense():
    return [Dense(16, 12), ReLU(), Residual(Dense(12), Tanh()), Dense(4), Softmax()]


def convolutional():
    layers = [Reshape(1, 4, 4), Conv2D(3, 3, padding=1), ReLU(), MaxPool2D(2), Flatten()]
    return [*layers, Dense(4), Softmax()]


def dropping():
    return [Dense(16, 12), ReLU(), Dropout(0.5), Dense(4), Softmax()]


def normalising():
    return [Dense(16, 12), BatchNorm(), ReLU(), Dense(4), Softmax()]


def trained(layers, monkeypatch, *, count=1, recorded=True, loss=MSELoss, rows=70, **options):
    """Return all that a fit with so many threads leaves behind."""
    needs("threadpoolctl")
    monkeypatch.setattr(threads, "threads", lambda: count)
    monkeypatch.setattr(recording, "enabled", recorded)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((rows, 16)).astype("f"), rng.integers(0, 4, rows)
    options = {"epochs": 4, "batch_size": 20, "rng": 0, "verbose": 0, **options}
    model = Sequential(layers())
    model.fit(X, y, loss=loss(), optimizer=Adam(0.01), validation_data=(X, y), **options)
    found = [p.value.tobytes() for p in model.parameters]
    figures = {name: values for name, values in model.history.items() if name != "seconds"}
    return found, figures, model.predict(X).tobytes(), model.evaluate(X, y)["loss"]


@pytest.mark.parametrize("layers", [dense, convolutional, dropping, normalising])
@pytest.mark.parametrize("loss", [MSELoss, CrossEntropyLoss])
@pytest.mark.parametrize(("rows", "batch"), [(70, 20), (2500, None), (2500, 1100)])
def test_the_bits_do_not_depend_on_how_many_threads_there_are(
    monkeypatch, begun, layers, loss, rows, batch
):
    options = {"loss": loss, "rows": rows, "batch_size": batch}
    if rows == 70:
        options["sample_weight"] = np.random.default_rng(1).random(rows)
    one = trained(layers, monkeypatch, **options)
    assert not begun
    assert trained(layers, monkeypatch, count=2, **options) == one
    if rows == 70:  # else the validation, at least
        assert bool(begun) is (layers in (dense, convolutional))
    assert begun or layers in (dropping, normalising)
    plain = trained(layers, monkeypatch, recorded=False, **options)
    assert plain[:2] == one[:2]


def test_a_branch_in_a_block_that_was_begun_with_is_taken_plainly(monkeypatch, begun):
    class Branches(Layer):
        def forward(self, x, training=False):
            return 2 * x if x.sum() > 0 else 3 * x

        def backward(self, dy):
            return dy * 1

    def layers():
        return [Dense(16, 5), Branches(), Dense(4)]

    one = trained(layers, monkeypatch, loss=lambda: CrossEntropyLoss(from_logits=True))
    two = trained(layers, monkeypatch, count=2, loss=lambda: CrossEntropyLoss(from_logits=True))
    assert two == one


def test_an_epoch_that_is_stopped_leaves_nothing_begun(monkeypatch, begun):
    class Stops(Callback):
        def on_batch_end(self, run):
            if run.epoch == 3 and run.batch == 2:
                run.stop("enough")

    one = trained(dense, monkeypatch, callbacks=[Stops()])
    assert trained(dense, monkeypatch, count=2, callbacks=[Stops()]) == one
    assert begun


def test_a_model_that_trains_on_goes_on_from_where_it_is(monkeypatch, begun):
    needs("threadpoolctl")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 16)).astype("f"), rng.integers(0, 4, 40)
    found = []
    for count in (1, 2):
        monkeypatch.setattr(threads, "threads", lambda count=count: count)
        model = Sequential(dense())
        for fit in range(4):
            model[0].trainable = fit != 2
            model.fit(X, y, optimizer=SGD(0.1), epochs=3, batch_size=20, rng=fit, verbose=0)
        found.append([p.value.tobytes() for p in model.parameters])
    assert begun
    assert found[0] == found[1]


def test_a_batch_that_is_not_finite_is_skipped_or_named(monkeypatch, begun):
    needs("threadpoolctl")
    X = np.full((40, 16), 1.0, np.float32)
    X[35] = 1e30
    for count in (1, 2):
        monkeypatch.setattr(threads, "threads", lambda count=count: count)
        model = Sequential([Dense(16, 3)])
        options = {"shuffle": False, "batch_size": 20, "epochs": 4, "rng": 0, "verbose": 0}
        y = np.zeros((40, 3), "f")
        model.fit(X, y, optimizer=SGD(1e-3), on_nonfinite="skip", **options)
        assert model.history["skipped"] == [1] * 4
        with pytest.raises(FloatingPointError, match="batch 2"):
            model.fit(X, y, optimizer=SGD(1e-3), **options)
    assert begun


class Shift(Layer):
    """x + b, with a weight besides that no pass uses."""

    def setup(self, input_shape):
        self.unused = Parameter(input_shape, dtype=self.dtype)
        self.b = Parameter(input_shape, dtype=self.dtype)
        return input_shape

    def forward(self, x, training=False):
        return x + self.b.value

    def backward(self, dy):
        self.b.grad[...] = dy.sum(0)
        return dy * 1


def with_frozen():
    last = Dense(12)
    last.trainable = False
    return [Dense(16, 12), ReLU(), Residual(Dense(12), Tanh(), last), Dense(4), Softmax()]


@pytest.mark.parametrize(
    "layers", [with_frozen, lambda: [Dense(16, 12), Shift(), ReLU(), Dense(4), Softmax()]]
)
def test_gradients_that_are_not_all_written_are_not_shared(monkeypatch, layers):
    one = trained(layers, monkeypatch)
    assert trained(layers, monkeypatch, count=2) == one


@pytest.mark.parametrize("inner", ["fit", "train_on_batch"])
def test_a_callback_may_train_the_model_too(monkeypatch, begun, inner):
    class Trains(Callback):
        def on_batch_end(self, run):
            X, y = np.ones((40, 16), np.float32), np.zeros(40, int)
            if run.batch != 2 or run.epoch > 3:
                return
            if inner == "fit":
                run.model.partial_fit(X, y, batch_size=20, rng=0)
            else:
                run.model.train_on_batch(X[:10], y[:10])

    options = {"callbacks": [Trains()], "metrics": ["accuracy"]}
    one = trained(dense, monkeypatch, **options)
    assert trained(dense, monkeypatch, count=2, **options) == one
    assert begun


def test_layers_of_ones_own_are_in_one_thread_at_a_time(monkeypatch, rng):
    needs("threadpoolctl")
    monkeypatch.setattr(threads, "threads", lambda: 2)
    seen = set()

    class Looks(Layer):
        def forward(self, x, training=False):
            seen.add(threading.get_ident())
            return x * 1

        def backward(self, dy):
            return dy

    model = Sequential([Dense(4, 3), Looks()])
    model.build(4, rng=0)
    X = rng.random((9000, 4), np.float32)
    model.predict(X)
    model.evaluate(X, X[:, :3])
    assert seen == {threading.get_ident()}


def test_a_model_first_trained_alone_shares_later(monkeypatch, begun, rng):
    needs("threadpoolctl")
    X, y = rng.random((40, 16), np.float32), rng.integers(0, 4, 40)
    model = Sequential(dense())
    options = {"epochs": 4, "batch_size": 20, "rng": 0, "verbose": 0}
    monkeypatch.setattr(threads, "threads", lambda: 1)
    model.fit(X, y, **options)
    monkeypatch.setattr(threads, "threads", lambda: 2)
    model.fit(X, y, **options)
    assert begun
