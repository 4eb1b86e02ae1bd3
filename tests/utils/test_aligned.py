"""Arrays that begin where a line of the cache does."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import Adam, Dense, ParameterVector, ReLU, Sequential
from tinyframe.data.feed import Feed, Rows
from tinyframe.utils.aligned import LINE, aligned_zeros


def begins_at_a_line(array):
    return array.__array_interface__["data"][0] % LINE == 0


@given(
    shape=st.one_of(st.integers(0, 300), st.lists(st.integers(0, 7), max_size=3).map(tuple)),
    dtype=st.sampled_from([np.uint8, np.float16, np.float32, np.float64, np.int64]),
)
def test_an_array_is_as_numpy_makes_it_but_for_where_it_begins(shape, dtype):
    array, usual = aligned_zeros(shape, dtype), np.zeros(shape, dtype)
    assert begins_at_a_line(array)
    assert (array.shape, array.dtype) == (usual.shape, usual.dtype)
    assert array.strides == usual.strides or not array.size
    assert not array.any()
    assert array.flags.writeable
    assert array.flags.c_contiguous


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_what_is_copied_holds_its_numbers_alone(copied):
    array = aligned_zeros(1000, np.float32)
    array[:] = np.arange(1000)
    twin = copied(array)
    assert twin.tobytes() == array.tobytes()
    assert len(pickle.dumps(twin)) < array.nbytes + 300


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_rows_that_are_fetched_begin_at_a_line(dtype):
    feed = Feed(np.ones((9, 7), dtype), np.ones((9, 1), np.float32), np.dtype(np.float32))
    assert begins_at_a_line(Rows(feed, 5).x)


def test_weights_gradients_and_what_optimizers_remember_begin_at_lines():
    model = Sequential([Dense(7, 5), ReLU(), Dense(5, 3)])
    optimizer = Adam(0.01)
    model.fit(np.ones((9, 7)), np.ones((9, 3)), optimizer=optimizer, epochs=1, verbose=0)
    vector = ParameterVector(model.parameters)
    for array in (vector.value, vector.grad, *optimizer.state().values()):
        assert begins_at_a_line(array)
