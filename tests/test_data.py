"""Feeding, and products in pieces: faster forms that change no number."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import Dense, ReLU, Sequential, Softmax, data
from tinyframe.data import Feed
from tinyframe.products import matmul


@given(
    rows=st.integers(1, 60),
    step=st.integers(1, 25),
    chunk=st.integers(1, 40),
    ahead=st.booleans(),
    shuffled=st.booleans(),
    dtype=st.sampled_from([np.uint8, np.float32, np.float64, ">f4"]),
)
@settings(max_examples=60)
def test_every_row_comes_once_as_asked(rows, step, chunk, ahead, shuffled, dtype):
    rng = np.random.default_rng(rows)
    x, y = rng.integers(0, 200, (rows, 3)).astype(dtype), np.arange(rows)
    order = rng.permutation(rows) if shuffled else None
    spans = [(i, min(i + step, rows)) for i in range(0, rows, step)]
    feed = Feed(x, y, np.dtype(np.float32))
    patch = pytest.MonkeyPatch()
    patch.setattr(data, "CHUNK", chunk)
    try:
        blocks = [(a.copy(), b.copy()) for a, b in feed.blocks(spans, order, ahead=ahead)]
    finally:
        patch.undo()
    assert [len(a) for a, _ in blocks] == [stop - start for start, stop in spans]
    assert {a.dtype for a, _ in blocks} == {np.dtype(np.float32)}
    seen = np.concatenate([b for _, b in blocks])
    np.testing.assert_array_equal(seen, np.arange(rows) if order is None else order)
    np.testing.assert_array_equal(np.concatenate([a for a, _ in blocks]), x[seen])


def test_a_loop_that_is_left_early_leaves_no_thread(rng):
    before = threading.active_count()
    feed = Feed(rng.random((5000, 3)), np.arange(5000), np.dtype(np.float32))
    blocks = feed.blocks([(i, i + 10) for i in range(0, 5000, 10)], ahead=True)
    next(blocks)
    blocks.close()
    assert threading.active_count() == before


def test_an_error_while_fetching_reaches_the_loop(rng):
    feed = Feed(rng.random((50, 3)), np.arange(50), np.dtype(np.float32))
    feed.X = None
    with pytest.raises(AttributeError):
        list(feed.blocks([(0, 50)], np.arange(50), ahead=True))


@pytest.mark.parametrize("cpus", [1, 2])
def test_fetching_ahead_changes_no_bit(cpus, monkeypatch, rng):
    x, y = rng.random((3000, 6)), rng.integers(0, 3, 3000)
    models = []
    for count in (cpus, 2):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        model = Sequential([Dense(6, 5), ReLU(), Dense(5, 3), Softmax()])
        models.append(model.fit(x, y, rng=0, epochs=2, verbose=False))
    for one, two in zip(models[0].parameters, models[1].parameters, strict=True):
        np.testing.assert_array_equal(one.value, two.value)


@given(
    m=st.integers(0, 40),
    k=st.sampled_from([0, 1, 3, 700, 2000]),
    n=st.sampled_from([0, 1, 5, 900, 3000]),
    orders=st.tuples(st.booleans(), st.booleans()),
    given_out=st.booleans(),
)
@settings(max_examples=60)
def test_a_product_in_pieces_is_the_product(m, k, n, orders, given_out):
    rng = np.random.default_rng(m)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    a, b = (np.asfortranarray(v) if f else v for v, f in zip((a, b), orders, strict=True))
    out = np.full((m, n), np.nan) if given_out else None
    result = matmul(a, b, out)
    assert out is None or result is out
    np.testing.assert_allclose(result, a @ b, rtol=1e-10, atol=1e-11)
