"""Parameters are places in one vector, and stay so under copies, pickles and nesting."""

import copy
import pickle

import numpy as np
import pytest

from tinyframe import (
    Add,
    Dense,
    Layer,
    Parameter,
    ParameterVector,
    ReLU,
    Residual,
    Sequential,
)
from tinyframe.initializers import he_normal, ones


def network():
    return Sequential([Dense(4, 3), ReLU(), Dense(3, 2)])


def assert_one_vector(model):
    vector = ParameterVector(model.parameters)
    vector.value[...] = np.arange(len(vector))
    flat = np.concatenate([p.value.ravel(order=p.order) for p in model.parameters])
    np.testing.assert_array_equal(flat, np.arange(len(vector)))
    model.parameters[0].grad = np.full(model.parameters[0].shape, 5.0)
    assert (vector.grad[: model.parameters[0].size] == 5).all()


def test_names_and_order_are_those_of_construction():
    model = Sequential([Dense(4, 3), Sequential([ReLU(), Dense(2)]), Dense(1)])
    assert list(model.named_parameters()) == [
        "0.weight",
        "0.bias",
        "1.1.weight",
        "1.1.bias",
        "2.weight",
        "2.bias",
    ]
    assert model.parameters[2] is model[1][1].weight


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_whole_and_apart(twin):
    model = network()
    ParameterVector(model.parameters, np.random.default_rng(0))
    other = twin(model)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(other.forward(x), model.forward(x))
    before = model.forward(x)
    assert_one_vector(other)
    np.testing.assert_array_equal(model.forward(x), before)
    assert_one_vector(model)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda vector: pickle.loads(pickle.dumps(vector))])
def test_a_copied_vector_stays_tied_to_its_own_parameters(twin):
    vector = ParameterVector(network().parameters)
    other = twin(vector)
    other.value += 1
    np.testing.assert_array_equal(other.parameters[0].value, vector.parameters[0].value + 1)


def test_a_pickle_holds_each_weight_and_gradient_once():
    model = Sequential([Dense(100, 100)])
    vector = ParameterVector(model.parameters)
    assert len(pickle.dumps(model)) < vector.value.nbytes + vector.grad.nbytes + 3000


def test_an_inner_model_is_a_window_of_the_outer_one():
    inner = network()
    outer = Sequential([Dense(5, 4), inner, Dense(2, 1)])
    whole = ParameterVector(outer.parameters)
    part = ParameterVector(inner.parameters)
    assert np.shares_memory(whole.value, part.value)
    part.value[...] = 7
    assert (whole.value == 7).sum() == len(part)
    assert_one_vector(outer)
    assert_one_vector(inner)


def test_a_vector_of_parameters_side_by_side_moves_nothing():
    model = network()
    first = ParameterVector(model.parameters)
    second = ParameterVector(model.parameters)
    assert np.shares_memory(first.value, second.value)


def test_moving_keeps_values_and_gradients():
    one, two = Parameter((2, 3), he_normal), Parameter((4,), ones)
    value = one.value.copy()
    one.grad = np.arange(6).reshape(2, 3)
    ParameterVector([two, one])
    np.testing.assert_array_equal(one.value, value)
    np.testing.assert_array_equal(one.grad, np.arange(6).reshape(2, 3))


def test_the_value_is_drawn_when_first_needed_and_assigned_in_place():
    parameter = Parameter((2, 2), ones)
    assert not parameter.drawn
    view = parameter.value
    parameter.value = [[1, 2], [3, 4]]
    parameter.value -= 1
    np.testing.assert_array_equal(view, [[0, 1], [2, 3]])
    with pytest.raises(ValueError, match=r"value expected shape \(2, 2\), got \(2,\)"):
        parameter.value = [1, 2]
    with pytest.raises(TypeError):
        parameter.grad = np.ones((2, 2), complex)


def test_weights_set_before_fit_are_kept_and_the_rest_is_seeded(rng):
    model = network()
    model[0].weight.value = np.full((4, 3), 0.25)
    ParameterVector(model.parameters, rng)
    assert (model[0].weight.value == 0.25).all()


def test_casting_keeps_the_value():
    model = Sequential([Dense(2, 2)])
    before = model[0].weight.value.copy()
    outer = Sequential([model, ReLU()], dtype=np.float64)
    assert model[0].weight.value.dtype == np.float64
    np.testing.assert_array_equal(model[0].weight.value, before)
    assert ParameterVector(outer.parameters).value.dtype == np.float64
    assert model.predict([[1, 2]]).dtype == np.float64


def test_a_vector_wants_one_dtype():
    with pytest.raises(ValueError, match="one dtype, got"):
        ParameterVector([Parameter((1,)), Parameter((1,), dtype=np.float64)])


@pytest.mark.parametrize("dtype", [np.float16, int, "complex64", "x", None])
def test_dtypes_are_single_or_double(dtype):
    with pytest.raises(TypeError, match="dtype expected float32 or float64"):
        Parameter((1,), dtype=dtype)


def test_a_vector_of_nothing_says_to_build_the_model_first():
    with pytest.raises(ValueError, match="got none; a model has them once it is built"):
        ParameterVector(Sequential([Dense(3)]).parameters)


@pytest.mark.parametrize("wrong", [network(), [Dense(2, 2)], Parameter((1,)), 3, None])
def test_a_vector_wants_parameters(wrong):
    with pytest.raises(TypeError, match=r"expected model\.parameters"):
        ParameterVector(wrong)


def test_parameters_and_layers_are_found_in_lists_and_attributes():
    class Branches(Layer):
        def __init__(self):
            self.gains = [Parameter(2, ones), Parameter(3, ones)]
            self.inner = Dense(4, 4)
            self.more = (ReLU(), Dense(4, 2))

        def forward(self, x, training=False):
            return x

        def backward(self, dy):
            return dy

    layer = Branches()
    assert list(layer.named_parameters()) == [
        "gains.0", "gains.1", "inner.weight", "inner.bias", "more.1.weight", "more.1.bias",
    ]  # fmt: skip
    layer.build(4, dtype=np.float64)
    assert {p.value.dtype for p in layer.parameters} == {np.dtype(np.float64)}
    assert layer.inner.dtype == np.float64


def test_a_failed_build_leaves_the_dtype_of_shared_layers():
    layer = Dense(4, 8)
    value = layer.weight.value
    with pytest.raises(ValueError, match="expected"):
        Sequential([layer, Dense(9, 3)], dtype=np.float64)
    assert layer.dtype == layer.weight.dtype == np.float32
    assert layer.weight.value is value
    model = network()
    with pytest.raises(ValueError, match="expected"):
        model.build(5, dtype=np.float64)
    assert model.dtype == np.float32


def test_models_that_share_layers_each_train_in_their_own_dtype():
    model = network()
    other = Sequential(model.layers[:2], dtype=np.float64)
    assert other.predict(np.ones((1, 4))).dtype == np.float64
    model.fit(np.ones((5, 4)), np.ones((5, 2)), epochs=1, verbose=False)
    assert model[0].weight.value.dtype == np.float32


def shared():
    """Two layers that hold one Parameter, which none of them knows."""
    first, second = Dense(3, 3), Dense(3, 3)
    second.weight = first.weight
    return first, second


@pytest.mark.parametrize("container", [Sequential, Add, lambda layers: Residual(*layers)])
def test_a_parameter_of_two_layers_is_refused(container):
    layers = shared()
    with pytest.raises(ValueError, match="each Parameter in one layer"):
        container(layers).build(3)


def test_a_parameter_that_becomes_shared_later_is_refused_before_training():
    model = Sequential([Dense(3, 3), Dense(3, 3)])
    model[1].weight = model[0].weight
    before = model[0].weight.value.copy()
    with pytest.raises(ValueError, match="each Parameter in one layer"):
        model.fit(np.ones((4, 3)), np.ones((4, 3)), verbose=0)
    np.testing.assert_array_equal(model[0].weight.value, before)
    with pytest.raises(ValueError, match="one twice"):
        ParameterVector([model[0].weight, model[1].weight])


def test_a_layer_may_list_its_own_parameters():
    class Listed(Layer):
        def setup(self, input_shape):
            self.gain = Parameter(input_shape, dtype=self.dtype)
            self.mine = [self.gain]
            return input_shape

        def forward(self, x, training=False):
            return x + self.gain.value

        def backward(self, dy):
            self.gain.grad = dy.sum(axis=0)
            return dy

    layer = Listed()
    layer.build(3)
    assert list(layer.named_parameters()) == ["gain"]
