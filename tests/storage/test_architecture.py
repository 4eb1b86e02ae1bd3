"""A saved model keeps its loss and its optimizer's settings, and nobody gets others in silence."""

import json

import numpy as np
import pytest
from cases import LOSSES
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Add,
    Concatenate,
    CosineDecay,
    CrossEntropyLoss,
    Dense,
    ExponentialDecay,
    Lion,
    OneCycle,
    Permute,
    ReduceOnPlateau,
    ReLU,
    Reshape,
    Residual,
    RMSprop,
    Schedule,
    Sequential,
    Sigmoid,
    StepDecay,
    StorageError,
    Tanh,
    register,
)
from tinyframe.inspection import gradient_report
from tinyframe.layers.state import state_of
from tinyframe.losses.loss import PointwiseLoss
from tinyframe.storage import container
from tinyframe.storage.architecture import describe, rebuild
from tinyframe.storage.models import header, load_model


def same(one, two):
    ours, theirs = state_of(one), state_of(two)
    return ours.keys() == theirs.keys() and all(
        np.array_equal(array, theirs[name]) for name, array in ours.items()
    )


def packed(**changes):
    """A file as versions wrote it that kept no loss, or with other things in its description."""
    model = Sequential([Dense(2, 2)])
    model.build(2, rng=0)
    return container.pack_npz(header("model", model) | changes, state_of(model))


def labels(X):
    return np.arange(len(X)) % 4


numbers = st.floats(1e-3, 0.9)
SCHEDULES = st.one_of(
    numbers,
    st.builds(StepDecay, numbers, st.integers(1, 9), numbers),
    st.builds(ExponentialDecay, numbers, numbers),
    st.builds(CosineDecay, numbers, st.just(9), warmup=numbers, final=numbers),
    st.builds(OneCycle, numbers, st.integers(1, 9), numbers),
    st.builds(ReduceOnPlateau, numbers, st.sampled_from([None, "loss"]), numbers),
)
OPTIONS = {
    "weight_decay": numbers,
    "decay_biases": st.booleans(),
    "clip_norm": st.none() | numbers,
    "clip_value": st.none() | numbers,
}
OPTIMIZERS = st.one_of(
    st.builds(SGD, SCHEDULES, numbers, nesterov=st.booleans(), **OPTIONS),
    st.builds(Adam, SCHEDULES, numbers, numbers, **OPTIONS),
    st.builds(AdamW, SCHEDULES, beta_1=numbers, **OPTIONS),
    st.builds(RMSprop, SCHEDULES, numbers, momentum=numbers),
    st.builds(Adagrad, SCHEDULES, epsilon=numbers),
    st.builds(Lion, SCHEDULES, numbers, numbers),
)


@given(st.sampled_from(sorted(LOSSES)), OPTIMIZERS)
@settings(max_examples=60)
def test_every_loss_and_optimizer_comes_back(tmp_path_factory, name, optimizer):
    path = tmp_path_factory.mktemp("models") / "m.npz"
    loss, bounds, _ = LOSSES[name]
    X = np.random.default_rng(0).random((8, 4)).astype(np.float32)
    head = [Sigmoid()] if bounds[0] >= 0 else []
    model = Sequential([Dense(4, 4), *head])
    model.loss, model.optimizer = loss, optimizer
    model.save(path)
    loaded = Sequential.load(path)
    assert repr(loaded.loss) == repr(loss)
    assert repr(loaded.optimizer) == repr(optimizer)
    for key in OPTIONS:
        assert getattr(loaded.optimizer, key) == getattr(optimizer, key)
    assert loaded.evaluate(X, labels(X)) == model.evaluate(X, labels(X))


def test_a_loaded_model_evaluates_and_trains_as_it_did(tmp_path, rng):
    X, path = rng.random((40, 4)), tmp_path / "m.npz"
    model = Sequential([Dense(4, 4)])
    optimizer = SGD(CosineDecay(0.5, 9), momentum=0.9)
    model.fit(X, labels(X), loss=CrossEntropyLoss(from_logits=True), optimizer=optimizer,
              rng=0, verbose=0, epochs=2)  # fmt: skip
    optimizer.clip_norm = 0.1  # set later: a setting like any other
    model.save(path)
    loaded = Sequential.load(path)
    assert loaded.evaluate(X, labels(X)) == model.evaluate(X, labels(X))
    assert loaded.optimizer.clip_norm == 0.1
    assert loaded.optimizer.steps == 0
    model.optimizer.reset()  # the file holds no memory
    for one in (model, loaded):
        one.fit(X, labels(X), epochs=2, rng=1, verbose=0)
    assert same(model, loaded)


def test_a_file_without_loss_and_optimizer_loads_still(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(packed())  # as files of before
    loaded = load_model(path)
    assert (loaded.loss, loaded.optimizer) == (None, None)
    loaded.save(path)
    loaded = load_model(path)
    assert (loaded.loss, loaded.optimizer) == (None, None)


OF_BEFORE = json.loads("""
{"layer": "Sequential", "arguments": {"layers": [{"layer": "Reshape", "arguments": {},
"positional": [4, -1]}, {"layer": "Permute", "arguments": {}, "positional": [2, 1]}, {"layer":
"Residual", "arguments": {"shortcut": {"layer": "Dense", "arguments": {"use_bias": true},
"positional": [4]}}, "positional": [{"layer": "Dense", "arguments": {"use_bias": true},
"positional": [4]}, {"layer": "Tanh", "arguments": {}}]}, {"layer": "Concatenate", "arguments":
{"branches": [{"layer": "Dense", "arguments": {"use_bias": true}, "positional": [3]}, {"layer":
"Sequential", "arguments": {"layers": [{"layer": "Dense", "arguments": {"use_bias": true},
"positional": [2]}, {"layer": "ReLU", "arguments": {}}], "dtype": "float64"}}], "axis": -1}},
{"layer": "Add", "arguments": {"branches": [{"layer": "Dense", "arguments": {"use_bias": true},
"positional": [2]}, {"layer": "Sequential", "arguments": {"layers": [{"layer": "Tanh",
"arguments": {}}, {"layer": "Dense", "arguments": {"use_bias": true}, "positional": [2]}],
"dtype": "float64"}}]}}], "dtype": "float64"}}
""")
"""How a file described containers when their layers came in one list alone."""


def test_containers_are_described_as_they_were_when_their_layers_came_in_lists():
    model = Sequential(
        Reshape(4, -1),
        Permute(2, 1),
        Residual(Dense(4), Tanh(), shortcut=Dense(4)),
        Concatenate(Dense(3), Sequential(Dense(2), ReLU(), dtype="float64"), axis=-1),
        Add(Dense(2), Sequential(Tanh(), Dense(2), dtype="float64")),
        dtype="float64",
    )
    assert repr(rebuild(OF_BEFORE)) == repr(model)
    assert describe(model) == OF_BEFORE  # so that programs of before read files of now


class Squares(PointwiseLoss):
    def __init__(self, factor=1.0):
        self.factor = factor

    def terms(self, prediction, target):
        difference = prediction - target
        return self.factor * difference**2, 2 * self.factor * difference


class Halving(Schedule):
    def __init__(self, start):
        self.start = start

    def __call__(self, epoch):
        return self.start * 0.5**epoch


def test_a_loss_and_a_schedule_of_ones_own_come_back_where_registered(tmp_path, rng):
    X, y, path = rng.random((8, 4)), rng.random((8, 2)), tmp_path / "m.npz"
    model = Sequential([Dense(4, 2)])
    model.fit(X, y, loss=Squares(3.0), optimizer=SGD(Halving(0.1)), epochs=1, verbose=0)
    with pytest.warns(UserWarning, match=r"name of (Squares|SGD) alone.*put @tinyframe.register"):
        model.save(path)
    unknown = Sequential.load(path)
    np.testing.assert_array_equal(unknown.predict(X), model.predict(X))
    with pytest.raises(TypeError, match="got Squares, of which the file holds the name alone"):
        unknown.evaluate(X, y)
    with pytest.raises(TypeError, match="got Squares"):
        gradient_report(unknown, X, y)
    with pytest.raises(TypeError, match="got SGD, of which the file"):
        unknown.fit(X, y, loss=Squares())
    assert unknown.evaluate(X, y, loss=Squares(3.0)) == model.evaluate(X, y)
    unknown.save(path)  # again, without a second warning
    with pytest.raises(TypeError, match="got Squares"):
        Sequential.load(path).evaluate(X, y)
    register(Squares)
    register(Halving)
    model.save(path)
    loaded = Sequential.load(path)
    assert loaded.evaluate(X, y) == model.evaluate(X, y)
    assert repr(loaded.optimizer) == "SGD(Halving(0.1))"


HOSTILE_SETTINGS = {
    "no description": 1,
    "another kind": {"layer": "ReLU", "arguments": {}},
    "no class": {"loss": ["MSELoss"], "arguments": {}},
    "no arguments": {"loss": "MSELoss"},
    "too many arguments": {"loss": "MSELoss", "arguments": {"a": 1}},
    "a layer by the name of a loss": {"loss": "ReLU", "arguments": 3},
}


@pytest.mark.parametrize("name", HOSTILE_SETTINGS)
def test_a_hostile_loss_is_refused_or_a_name(tmp_path, name):
    path = tmp_path / "evil.npz"
    path.write_bytes(packed(loss=HOSTILE_SETTINGS[name]))
    try:
        loaded = load_model(path)
    except StorageError as error:
        assert "evil.npz" in str(error)  # noqa: PT017 - or it is a name
    else:
        with pytest.raises(TypeError, match="the name alone"):
            loaded.evaluate(np.ones((2, 2)), [0, 1])
