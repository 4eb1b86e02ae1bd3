"""Feeding, and products in pieces: faster forms that change no number."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import Dense, ReLU, Sequential, Shards, Softmax
from tinyframe.data import feed
from tinyframe.data.feed import Feed


@given(
    rows=st.integers(1, 60),
    size=st.integers(1, 25),
    block=st.integers(1, 25),
    chunk=st.integers(1, 40),
    ahead=st.booleans(),
    shuffled=st.booleans(),
    chosen=st.booleans(),
    weighted=st.booleans(),
    dtype=st.sampled_from([np.uint8, np.float32, np.float64, ">f4"]),
)
@settings(max_examples=100)
def test_every_row_comes_once_as_asked(
    rows, size, block, chunk, ahead, shuffled, chosen, weighted, dtype
):
    rng = np.random.default_rng(rows)
    x, y = rng.integers(0, 200, (2 * rows, 3)).astype(dtype), np.arange(2 * rows)
    weight = rng.random(2 * rows) if weighted else None
    some = np.sort(rng.permutation(2 * rows)[:rows]) if chosen else np.arange(2 * rows)
    order = rng.permutation(len(some)) if shuffled else None
    source = Feed(x, y, np.dtype(np.float32), weight, some if chosen else None)
    assert source.rows == len(some)
    assert source.batches(size) == -(-len(some) // size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "CHUNK", chunk)
        patch.setattr(feed, "IN_CACHE", 0)
        blocks = [
            (a.copy(), b.copy(), None if w is None else w.copy(), ends)
            for a, b, w, ends in source.blocks(size, block, order, ahead=ahead)
        ]
    assert all(len(a) == len(b) <= block for a, b, _, _ in blocks)
    assert {a.dtype for a, *_ in blocks} == {np.dtype(np.float32)}
    ends = np.cumsum([len(a) for a, *_ in blocks])[[e for *_, e in blocks]]
    np.testing.assert_array_equal(ends, [*range(size, len(some), size), len(some)])
    seen = np.concatenate([b for _, b, *_ in blocks])
    np.testing.assert_array_equal(seen, some if order is None else some[order])
    np.testing.assert_array_equal(np.concatenate([a for a, *_ in blocks]), x[seen])
    if weighted:
        np.testing.assert_array_equal(np.concatenate([w for *_, w, _ in blocks]), weight[seen])
    else:
        assert {w for *_, w, _ in blocks} == {None}


@pytest.fixture
def nothing_in_cache(monkeypatch):
    monkeypatch.setattr(feed, "IN_CACHE", 0)


def test_a_loop_that_is_left_early_leaves_no_thread(rng, nothing_in_cache):
    before = threading.active_count()
    source = Feed(rng.random((5000, 3)), np.arange(5000), np.dtype(np.float32))
    blocks = source.blocks(10, 10, ahead=True)
    next(blocks)
    assert threading.active_count() == before + 1
    blocks.close()
    assert threading.active_count() == before


def test_little_data_is_not_worth_a_thread(rng):
    before = threading.active_count()
    next(
        Feed(rng.random((5000, 3)), np.arange(5000), np.dtype(np.float32)).blocks(
            10, 10, ahead=True
        )
    )
    assert threading.active_count() == before


def test_an_error_while_fetching_reaches_the_loop(rng, nothing_in_cache):
    source = Feed(rng.random((50, 3)), np.arange(50), np.dtype(np.float32))
    source.y = None
    with pytest.raises((AttributeError, TypeError)):
        list(source.blocks(50, 50, np.arange(50), ahead=True))


@pytest.mark.parametrize("cpus", [1, 2])
def test_fetching_ahead_changes_no_bit(cpus, monkeypatch, rng, nothing_in_cache):
    x, y = rng.random((3000, 6)), rng.integers(0, 3, 3000)
    models = []
    for count in (cpus, 2):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        model = Sequential([Dense(6, 5), ReLU(), Dense(5, 3), Softmax()])
        models.append(model.fit(x, y, rng=0, epochs=2, verbose=False))
    for one, two in zip(models[0].parameters, models[1].parameters, strict=True):
        np.testing.assert_array_equal(one.value, two.value)


# ------------------------------------------------------------------ where no thread can start


@pytest.fixture
def threads_start(monkeypatch):
    """A function that says which of the next threads start, in turn; then none does."""

    start = threading.Thread.start

    def only(starts=()):
        left = list(starts)

        def maybe(thread):
            if not (left and left.pop(0)):
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", maybe)

    return only


def everything(folder):
    """All results of methods that work with a second thread where one can start."""
    rng = np.random.default_rng(0)
    x, y = rng.random((3000, 6)), rng.integers(0, 3, 3000)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    for data in ((x, y), (Shards(folder / "x.npy", folder / "y.npy", memory=20_000),)):
        model = Sequential([Dense(6, 5), ReLU(), Dense(5, 3), Softmax()])
        model.fit(*data, rng=0, epochs=2, verbose=0, validation_data=(x, y))
        yield from (model.history["loss"], model.history["val_loss"], model.predict(x))
        yield list(model.evaluate(*data).values())


def test_where_no_thread_can_start_all_is_computed_by_this_one(
    tmp_path, monkeypatch, nothing_in_cache, threads_start
):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("tinyframe.data.arrays.SHARED", 0)
    expected = list(everything(tmp_path))
    for starts in ([], [True, False, True], [False, True]):
        threads_start(starts)
        for found, other in zip(everything(tmp_path), expected, strict=True):
            np.testing.assert_array_equal(found, other)


def test_errors_are_the_same_where_no_thread_can_start(
    rng, monkeypatch, nothing_in_cache, threads_start
):
    monkeypatch.setattr("tinyframe.data.arrays.SHARED", 0)
    x = rng.random((3000, 6))
    x[[100, 2000], 3] = np.nan
    messages = []
    for starts in ([True], []):
        threads_start(starts)
        with pytest.raises(ValueError, match="got nan in row 100") as error:
            Sequential([Dense(6, 3)]).fit(x, np.zeros((3000, 3)), verbose=0)
        messages.append(str(error.value))
        source = Feed(rng.random((50, 3)), np.arange(50), np.dtype(np.float32))
        source.y = None
        with pytest.raises(AttributeError):
            list(source.blocks(50, 50, np.arange(50), ahead=True))
    assert messages[0] == messages[1]
