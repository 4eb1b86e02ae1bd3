"""Data on disk: every row once an epoch, well mixed, never read one by one."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyframe import Callback, Checkpoint, Dense, ReLU, Sequential, Shards, Softmax
from tinyframe.data.shard_feed import ShardFeed
from tinyframe.data.shards import NpyRows

ROWS = 3000


@pytest.fixture
def files(tmp_path):
    """Rows whose first number is their own, in files of 1,000, 1 and 1,999; labels in one."""
    X = np.stack([np.arange(ROWS), np.arange(ROWS) % 7], axis=1).astype(np.float32)
    for number, (start, stop) in enumerate([(0, 1000), (1000, 1001), (1001, ROWS)]):
        np.save(tmp_path / f"x-{number}.npy", X[start:stop])
    np.save(tmp_path / "y.npy", np.arange(ROWS) % 3)
    np.save(tmp_path / "w.npy", np.arange(ROWS) / ROWS)
    return tmp_path


def shards(files, **options):
    return Shards(str(files / "x-*.npy"), files / "y.npy", **options)


def feed(files, **options):
    return ShardFeed(shards(files, **options), lambda rows: (*rows, None)[:3], np.dtype(np.float32))


def numbers(blocks):
    return [x[:, 0].astype(int) for x, *_ in blocks]


def network():
    return Sequential([Dense(2, 4), ReLU(), Dense(3), Softmax()])


@given(
    size=st.integers(1, 3200),
    memory=st.integers(1, 40_000),
    ranks=st.integers(1, 9),
    shuffled=st.booleans(),
)
def test_all_ranks_together_yield_every_row_once(size, memory, ranks, shuffled, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "rows"
    if not folder.exists():
        folder.mkdir()
        np.save(folder / "x.npy", np.arange(700, dtype=np.float32).reshape(-1, 1))
        np.save(folder / "y.npy", np.arange(700))
    data = Shards(folder / "x.npy", folder / "y.npy", memory=memory)
    order = np.array([7]) if shuffled else None
    batches = {}
    for rank in range(ranks):
        source = ShardFeed(data, lambda rows: (*rows, None)[:3], np.dtype(np.float32))
        source.share(ranks, range(rank, rank + 1))
        batch = 0
        for x, y, weight, ends in source.blocks(size, 50, order):
            assert (x[:, 0] == y).all()
            if weight is None:
                batches.setdefault(batch, []).extend(y)
            batch += ends
        assert batch == source.batches(size)
    assert sorted(row for rows in batches.values() for row in rows) == list(range(700))
    assert {len(rows) for number, rows in batches.items() if number < batch - 1} <= {size}


def test_batches_are_the_same_for_1_2_4_and_8_ranks(files):
    def batches(ranks):
        sources = [feed(files) for _ in range(ranks)]
        for rank, source in enumerate(sources):
            source.share(ranks, range(rank, rank + 1))
        order = np.array([3])
        parts = zip(*(numbers(s.blocks(64, 64, order)) for s in sources), strict=True)
        return [sorted(np.concatenate(part)) for part in parts]

    assert batches(1) == batches(2) == batches(4) == batches(8)


def test_each_epoch_mixes_the_rows_anew(files):
    source, rng = feed(files), np.random.default_rng(0)
    first, second = (
        np.concatenate(numbers(source.blocks(50, 50, source.draw_order(rng, 50)))) for _ in "ab"
    )
    assert (first != second).mean() > 0.99
    for rows in (first, second):
        assert abs(np.corrcoef(rows, np.arange(ROWS))[0, 1]) < 0.2
    # A batch has rows from all over the files, as a shuffle of single rows would have.
    spread = np.mean([np.std(rows) for rows in first.reshape(-1, 50)])
    assert spread == pytest.approx(ROWS / np.sqrt(12), rel=0.1)


def test_blocks_come_in_a_random_order(files):
    source = feed(files, memory=6000)  # far less than a lane
    rows = np.concatenate(numbers(source.blocks(50, 50, np.array([0]))))
    lane = ROWS // 8
    assert abs(np.corrcoef(rows % lane, np.arange(ROWS))[0, 1]) < 0.2
    in_order = np.concatenate(numbers(source.blocks(50, 50)))
    assert np.corrcoef(in_order % lane, np.arange(ROWS))[0, 1] > 0.99


def test_rows_are_read_in_blocks_ahead_of_time(files, monkeypatch):
    reads = []
    read = NpyRows.read

    def spy(self, ranges):
        ranges = list(ranges)
        reads.append((self.name, ranges, threading.current_thread()))
        return read(self, ranges)

    monkeypatch.setattr(NpyRows, "read", spy)
    memory = ROWS * 8 // 2  # half of X
    source = feed(files, memory=memory)
    blocks = source.blocks(50, 50, np.array([0]))
    next(blocks)
    blocks.close()
    of_x = [ranges for name, ranges, thread in reads if name == "X"]
    assert all(thread is not threading.main_thread() for *_, thread in reads)
    sizes = [stop - start for ranges in of_x for start, stop in ranges]
    assert np.mean(sizes) > 8
    assert 8 * sum(sizes) <= memory  # of 8 lanes, the pool in use and the next one


def test_training_on_shards_is_training(files):
    X = np.concatenate([np.load(files / f"x-{i}.npy") for i in range(3)])
    y = np.load(files / "y.npy")
    a = network().fit(shards(files), epochs=2, batch_size=100, rng=0, verbose=0)
    assert a.history.epochs == 2
    assert a.history["accuracy"][0] > 0
    found, expected = a.evaluate(shards(files)), a.evaluate(X, y)
    assert found == pytest.approx(expected, rel=1e-6)
    b = network().fit(shards(files), epochs=2, batch_size=100, rng=0, verbose=0)
    np.testing.assert_array_equal(a[0].weight.value, b[0].weight.value)


def test_one_step_on_all_rows_is_that_of_arrays(files):
    X = np.concatenate([np.load(files / f"x-{i}.npy") for i in range(3)]) / 1000
    for i, part in enumerate(np.split(X, [1000, 1001])):
        np.save(files / f"x-{i}.npy", part)
    y, w = np.load(files / "y.npy"), np.load(files / "w.npy")
    of_arrays, of_shards = network(), network()
    options = {"epochs": 3, "batch_size": None, "rng": 0, "verbose": 0, "class_weight": {1: 2.0}}
    of_arrays.fit(X, y, sample_weight=w, **options)
    of_shards.fit(shards(files, weight=files / "w.npy"), **options)
    np.testing.assert_allclose(of_shards[0].weight.value, of_arrays[0].weight.value, atol=1e-5)


def test_weights_that_are_all_zero_are_refused(files):
    np.save(files / "zeros.npy", np.zeros(ROWS))
    np.save(files / "late.npy", np.arange(ROWS) == ROWS - 1)
    model = network()
    model.build(2, rng=0)
    for call in (
        lambda data: model.fit(data, verbose=0),
        model.evaluate,
        lambda data: model.fit(np.ones((2, 2)), [0, 1], validation_data=data, verbose=0),
    ):
        with pytest.raises(ValueError, match="a row that counts, got zeros alone"):
            call(shards(files, weight=files / "zeros.npy"))
        call(shards(files, weight=files / "late.npy"))
    data = shards(files, weight=files / "w.npy")
    with pytest.raises(ValueError, match="a row that counts, got zeros alone"):
        model.fit(data, class_weight={0: 0, 1: 0, 2: 0}, verbose=0)


def test_training_goes_on_within_an_epoch(files, tmp_path):
    class Killed(Callback):
        def __init__(self, step=None):
            self.step = step

        def on_batch_end(self, run):
            if run.steps == self.step:
                raise KeyboardInterrupt

    def fit(*callbacks, **options):
        return network().fit(
            shards(files), epochs=3, batch_size=100, rng=0, verbose=0, metrics=["mse"],
            callbacks=callbacks, **options,
        )  # fmt: skip

    file = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(Killed(43), Checkpoint(file, 20))
    whole, resumed = fit(), fit(Killed(), Checkpoint(file, 20), resume=file)
    np.testing.assert_array_equal(resumed[0].weight.value, whole[0].weight.value)
    assert resumed.history["mse"] == whole.history["mse"]


def test_integers_stay_integers_until_the_batch(files):
    np.save(files / "x.npy", np.arange(ROWS * 2, dtype=np.uint8).reshape(ROWS, 2))
    data = Shards(files / "x.npy", files / "y.npy")
    model = network().fit(data, epochs=1, rng=0, verbose=0)
    assert np.isfinite(model.history["loss"]).all()
    assert data.X.row_bytes == 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: Shards(f / "nothing-*.npy", f / "y.npy"), FileNotFoundError, "found no file"),
        (lambda f: Shards([], f / "y.npy"), ValueError, "expected files of X, got none"),
        (lambda f: Shards(np.zeros(3), f / "y.npy"), TypeError, "expected X as a path, a pattern"),
        (lambda f: Shards(f / "x-0.npy", f / "y.npy"), ValueError, "as of X, 1000, got 3000"),
        (lambda f: Shards(f / "text", f / "y.npy"), ValueError, "text is no .npy file of numbers"),
        (lambda f: Shards(f / "z.npz", f / "y.npy"), ValueError, "take the arrays out of an archi"),
        (lambda f: Shards(f / "names.npy", f / "y.npy"), TypeError, "expected real numbers, got d"),
        (lambda f: Shards(f / "fortran.npy", f / "y.npy"), ValueError, "in Fortran order"),
        (lambda f: Shards([f / "x-0.npy", f / "y.npy"], f / "y.npy"), ValueError, "in all files"),
        (lambda f: Shards(f / "empty.npy", f / "empty.npy"), ValueError, "got empty files"),
        (lambda f: shards(f, memory=0), ValueError, "memory expected"),
    ],
)  # fmt: skip
def test_files_that_will_not_do(files, make, error, message):
    (files / "text").write_text("no array")
    np.savez(files / "z.npz", x=np.zeros(3))
    np.save(files / "names.npy", np.array(["a", "b"]))
    np.save(files / "fortran.npy", np.asfortranarray(np.zeros((ROWS, 2))))
    np.save(files / "empty.npy", np.zeros((0, 2)))
    with pytest.raises(error, match=message):
        make(files)


def npy(shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize("content", [
    b"", npy("(-5, 2)") + bytes(40), npy("(5, -2)") + bytes(40), npy((10**30, 2)),
    npy((-(10**30), 2)), npy("(True, 2)") + bytes(8), npy("(" * 500), npy((5, 2)) + bytes(10),
    npy((1,) * 100) + bytes(4), npy((0, 10**18, 10**18)), b"\x93NUMPY",
])  # fmt: skip
def test_a_file_that_is_none_is_named_wherever_it_stands(files, content):
    (files / "evil.npy").write_bytes(content)
    for place in (0, 1):
        names = [files / "x-0.npy"]
        names.insert(place, files / "evil.npy")
        with pytest.raises(ValueError, match=r"evil\.npy is no \.npy file of numbers"):
            Shards(names, files / "y.npy")


def test_a_file_without_rows_among_others_adds_none(files):
    np.save(files / "x-1b.npy", np.zeros((0, 2), np.load(files / "x-0.npy").dtype))
    assert shards(files).rows == ROWS
    np.testing.assert_array_equal(
        shards(files).X.read([(0, ROWS)]),
        np.concatenate([np.load(files / f"x-{number}.npy") for number in range(3)]),
    )


def test_bad_rows_are_named_when_they_are_met(files):
    X = np.load(files / "x-2.npy")
    X[1500, 1] = np.nan
    np.save(files / "x-2.npy", X)
    with pytest.raises(ValueError, match=r"among the rows .* of the files: X expected finite"):
        network().fit(shards(files), epochs=1, verbose=0)


def test_a_file_that_has_become_shorter_is_an_error(files):
    data = shards(files)
    with (files / "x-2.npy").open("r+b") as file:
        file.truncate(10_000)
    with pytest.raises(OSError, match=r"x-2\.npy has fewer rows"):
        network().fit(data, epochs=1, verbose=0)


def test_what_shards_are_not_for(files):
    model = network()
    with pytest.raises(ValueError, match="weights come in files"):
        model.fit(shards(files), sample_weight=np.ones(ROWS))
    with pytest.raises(ValueError, match="validation_split expected arrays"):
        model.fit(shards(files), validation_split=0.1)
    with pytest.raises(TypeError, match="X expected"):
        model.fit(shards(files), epochs=1, verbose=0).predict(shards(files))


def test_repr_and_length(files):
    assert repr(shards(files)) == "Shards(3000 rows of shape (2,) in 3 files)"
    assert len(shards(files)) == ROWS
