"""Arguments one by one, or in one list: layers of containers, sizes, axes."""

import numpy as np
import pytest

from tinyframe import Add, Concatenate, Dense, Permute, ReLU, Reshape, Residual, Sequential, Tanh


def two():
    return Dense(3), Sequential([Tanh(), Dense(3)])


def names(layers):
    return [type(layer).__name__ for layer in layers]


@pytest.mark.parametrize("kind", [Add, Concatenate, Sequential, Residual], ids=repr)
def test_layers_come_one_by_one_or_in_one_list(kind):
    found = [kind(*two()), kind(list(two())), kind(two()), kind(layer for layer in two())]
    if kind is not Residual:
        name = "layers" if kind is Sequential else "branches"
        found.append(kind(**{name: list(two())}))
    for container in found:
        assert repr(container) == repr(found[0])
        assert len(container.children) == 2


@pytest.mark.parametrize("kind", [Add, Concatenate, Residual], ids=repr)
def test_a_sequential_is_one_layer(kind):
    _, chain = two()
    assert list(kind(chain).children.values()) == [chain]


def test_another_sequential_alone_stands_for_its_layers():
    _, chain = two()
    assert Sequential(chain).layers == chain.layers
    assert Sequential(chain, "float64").layers == chain.layers
    assert Sequential(chain, ReLU()).layers[0] is chain


@pytest.mark.parametrize("axis", [-1, np.int64(2)])
def test_the_axis_may_stand_behind_a_list(axis):
    for layers in (two(), list(two())):
        container = Concatenate(layers, axis)
        assert container.axis == axis
        assert names(container.branches) == ["Dense", "Sequential"]
        assert type(container.axis) is int
    assert Concatenate(*two(), axis=axis).axis == axis
    for wrong in (1.5, True, "1", None):
        with pytest.raises(TypeError, match="axis expected an integer, got"):
            Concatenate(two(), wrong)
    with pytest.raises(ValueError, match="axis expected one of a sample, got 0"):
        Concatenate(two(), 0)


def test_the_dtype_may_stand_behind_a_list():
    for model in (Sequential([Dense(2)], np.float64), Sequential(Dense(2), dtype="float64")):
        assert model.dtype == np.float64
    with pytest.raises(TypeError, match="dtype expected float32 or float64, got 'relu'"):
        Sequential([Dense(2)], "relu")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Concatenate(*two(), -1), "Concatenate expected layers, got -1 at 2"),
        (lambda: Add([Dense(2)], 1), r"Add expected layers, got \[Dense\(2\)\] at 0"),
        (lambda: Add([Dense(2)], ReLU()), r"Add expected layers, got \[Dense\(2\)\] at 0"),
        (lambda: Concatenate([ReLU()], ReLU), r"expected layers, got \[ReLU\(\)\] at 0"),
        (lambda: Residual(Dense(2), ReLU), r"got the class ReLU at 1; make one: ReLU\(\)"),
        (lambda: Residual(Dense(2), shortcut=3), "shortcut expected layers, got 3"),
        (lambda: Sequential(Dense(2), "float64"), "Sequential expected layers, got 'float64' at 1"),
    ],
)
def test_what_is_no_layer_is_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize("form", [list, tuple, np.array], ids=repr)
def test_sizes_and_axes_come_in_one_list_too(form):
    assert repr(Reshape(form([1, 4, -1]))) == "Reshape(1, 4, -1)"
    assert repr(Permute(form([3, 1, 2]))) == "Permute(3, 1, 2)"
    assert Reshape(form([1, 4, -1])).build((8,)) == (1, 4, 2)
    with pytest.raises(ValueError, match="expected"):
        Reshape(form([]))
    with pytest.raises(ValueError, match="expected"):
        Permute(form([]))
