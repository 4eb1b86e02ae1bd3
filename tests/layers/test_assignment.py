"""What may be set on layers, parameters and optimizers: what they have, under its name here."""

import copy
import pickle

import numpy as np
import pytest
from cases import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    BatchNorm,
    Conv2D,
    Dense,
    Layer,
    LayerNorm,
    Parameter,
    ParameterVector,
    ReLU,
    RMSNorm,
    Sequential,
)
from tinyframe.utils.vocabulary import WORDS

X = np.random.default_rng(0).random((6, 3)).astype(np.float32)


class Own(Layer):
    """y = g x, whose attributes are its own affair."""

    def setup(self, input_shape):
        self.gain = Parameter(input_shape, dtype=self.dtype)
        self.frozen = self.gamma = True
        return input_shape

    def forward(self, x, training=False):
        self._check_input(x)
        self.seen = len(x)
        return self.gain.value * x

    def backward(self, dy):
        raise NotImplementedError


FOREIGN = {
    "frozen": (Dense(3, 2), "frozen", r"Dense has no attribute 'frozen'; here it is 'trainable'"),
    "requires_grad": (ReLU(), "requires_grad", "ReLU has no .* 'trainable'"),
    "a typing error": (Dense(3, 2), "trainble", "'trainable'"),
    "weights": (Conv2D(2, 1), "weights", "'weight'"),
    "weights of a model": (Sequential([ReLU()]), "weights", "'model.parameters'"),
    "kernel": (Dense(3, 2), "kernel", "'weight'"),
    "gamma": (BatchNorm(), "gamma", "'gain'"),
    "moving_mean": (BatchNorm(), "moving_mean", "'running_mean'"),
    "eps": (LayerNorm(), "eps", "'epsilon'"),
    "bias of what has none": (RMSNorm(), "bias", "RMSNorm has no attribute 'bias'"),
    "learning_rate": (Sequential([ReLU()]), "lr", "'optimizer.learning_rate'"),
    "a name of nobody's": (ReLU(), "colour", "a subclass of your own may have it"),
    "of a parameter": (Parameter(3), "requires_grad", "Parameter .* 'layer.trainable'"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_an_object_does_not_have_is_refused_with_its_name_here(name):
    instance, attribute, message = FOREIGN[name]
    before = dict(vars(instance))
    with pytest.raises(AttributeError, match=message):
        setattr(instance, attribute, True)
    assert vars(instance) == before


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=20)
@given(data=st.data())
def test_every_layer_has_what_it_sets_and_no_foreign_name(name, data):
    layers, shapes = LAYERS[name]
    layer = data.draw(layers)
    layer.build(data.draw(shapes), rng=0)  # would raise
    foreign = [n for n in (*WORDS, "colour") if not hasattr(type(layer), n)]
    foreign = data.draw(st.sampled_from([n for n in foreign if n not in vars(layer)]))
    with pytest.raises(AttributeError):
        setattr(layer, foreign, np.ones(1))
    assert not hasattr(layer, foreign)
    for parameter_name in [n for n, p in vars(layer).items() if isinstance(p, Parameter)]:
        parameter = getattr(layer, parameter_name)
        value = data.draw(st.sampled_from([np.ones, np.zeros]))(parameter.shape)
        setattr(layer, parameter_name, value)
        assert getattr(layer, parameter_name) is parameter
        np.testing.assert_array_equal(parameter, value)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(again) == repr(layer)


def test_a_layer_of_ones_own_keeps_what_it_likes():
    class Wider(Dense):
        pass

    own, wider = Own(), Wider(3, 2)
    own.requires_grad = wider.weights = wider.colour = 1
    own.forward(X)
    assert (own.frozen, own.gamma, own.seen, own.requires_grad) == (True, True, 6, 1)
    assert wider.weights == wider.colour == 1


@pytest.mark.parametrize("make", [lambda: Dense(3, 3, use_bias=False), Own], ids=["ours", "own"])
def test_an_array_goes_into_the_parameter(make):
    model = Sequential([make()])
    model.build(3)
    name, parameter = next(iter(model[0].named_parameters().items()))
    vector = ParameterVector(model.parameters)
    value = np.arange(parameter.size).reshape(parameter.shape)
    setattr(model[0], name, value.tolist())
    assert getattr(model[0], name) is parameter
    np.testing.assert_array_equal(np.sort(vector.value), value.ravel())
    setattr(model[0], name, getattr(model[0], name) - value)
    assert not model.predict(X).any()
    for wrong in (np.ones(7), None, 1.0):
        with pytest.raises(ValueError, match=r"Parameter\.value expected shape"):
            setattr(model[0], name, wrong)
    with pytest.raises(TypeError):
        setattr(model[0], name, np.full(parameter.shape, "a"))
    assert not model.predict(X).any()


@pytest.mark.parametrize(
    ("layer", "name"),
    [(Dense(3), "weight"), (Dense(3, 2, use_bias=False), "bias"), (BatchNorm(), "gain")],
)
def test_an_array_for_a_parameter_that_is_not_there_is_refused(layer, name):
    with pytest.raises(AttributeError, match=f"has no {name}, or none before it is built"):
        setattr(layer, name, np.ones(2))
    assert not hasattr(layer, name)


def test_a_parameter_is_an_array_to_numpy():
    weight = Dense(3, 2).weight
    assert np.asarray(weight) is weight.value
    assert not np.shares_memory(np.array(weight), weight.value)
    assert np.asarray(weight, np.float64).dtype == np.float64
    assert np.array(weight, copy=False) is weight.value
    with pytest.raises(ValueError, match="copy"):
        np.array(weight, np.float64, copy=False)
    np.testing.assert_allclose(X @ weight, X @ weight.value)


def test_an_optimizer_with_what_it_does_not_have_is_refused():
    model, optimizer = Sequential([Dense(3, 2)]), SGD(0.1)
    optimizer.lr = 0.5
    before = model.predict(X)
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(AttributeError, match=r"SGD has no attribute 'lr'.*'learning_rate'"):
            train(X, X[:, :2], optimizer=optimizer)
    np.testing.assert_array_equal(model.predict(X), before)
