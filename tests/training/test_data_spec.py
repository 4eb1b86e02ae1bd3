"""Data in all the forms that people have it: weights, tables, batches, splits, streams."""

import importlib

import numpy as np
import pytest
from needs import needs
from networks import LOSSES, network

from tinyframe import (
    SGD,
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    Rescale,
    Sequential,
    Sigmoid,
    Softmax,
    one_hot,
)
from tinyframe.layers.state import state_of


@pytest.fixture
def data(rng):
    y = rng.integers(0, 3, 60)
    return rng.random((60, 5)) + np.eye(3, 5)[y], y


def same(one, two, rtol=1e-12):
    ours, theirs = state_of(one), state_of(two)
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=rtol, atol=1e-14, err_msg=name)


# ------------------------------------------------------------------ weights


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_weight_two_is_the_row_twice_and_weight_zero_the_row_absent(data, rng, loss, batch_size):
    X, y = data
    weight = rng.integers(0, 3, len(X))
    if batch_size:  # the same rows in each batch, on both sides
        weight = np.tile(rng.permutation([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]), 4)[:60]
        weight[48:] = 1
        sizes = [int(weight[i : i + 16].sum()) for i in range(0, 60, 16)]
        assert sizes[:-1] == [16, 16, 16]
    repeated = np.repeat(np.arange(len(X)), weight)
    options = {
        "loss": LOSSES[loss], "optimizer": SGD(0.3), "epochs": 4, "batch_size": batch_size,
        "shuffle": False, "verbose": 0, "metrics": ["accuracy", "f1"],
    }  # fmt: skip
    one = network().fit(X, y, sample_weight=weight, **options)
    two = network().fit(X[repeated], y[repeated], **options)
    same(one, two)
    for figure in ("loss", "accuracy", "f1"):
        assert one.history[figure] == pytest.approx(two.history[figure], rel=1e-12)
    ours = one.evaluate(X, y, sample_weight=weight)
    theirs = two.evaluate(X[repeated], y[repeated])
    assert ours == pytest.approx(theirs, rel=1e-11)


def test_weights_of_blocks_join_as_those_of_the_batch(data, rng, monkeypatch):
    X, y = data
    weight, models = rng.random(60), []
    for block in (1000, 7):
        monkeypatch.setattr("tinyframe.training.blocks.BLOCK", block)
        models.append(
            network().fit(X, y, sample_weight=weight, batch_size=None, epochs=3, verbose=0)
        )
    same(*models)


def test_shuffled_rows_keep_their_weights(data):
    X, y = data
    weight = np.where(y == 0, 0.0, 1.0)
    options = {"epochs": 20, "rng": 0, "verbose": 0, "optimizer": SGD(0.5)}
    model = network().fit(X, y, sample_weight=weight, **options)
    assert (model.predict(X).argmax(axis=1) > 0).all()  # class 0 was never there


def test_class_weights_are_weights_of_rows(data):
    X, y = data
    options = {"epochs": 3, "rng": 0, "verbose": 0}
    by_hand = network().fit(X, y, sample_weight=np.array([2.0, 1.0, 0.5])[y], **options)
    for weights in ({0: 2.0, 2: 0.5}, [2.0, 1.0, 0.5], np.array([2.0, 1.0, 0.5])):
        same(network().fit(X, y, class_weight=weights, **options), by_hand)
        same(network().fit(X, one_hot(y, 3), class_weight=weights, **options), by_hand)
    both = network().fit(X, y, class_weight={0: 2.0}, sample_weight=np.full(60, 3.0), **options)
    same(both, network().fit(X, y, class_weight={0: 2.0}, **options))


def test_balanced_classes_count_alike(data):
    X, y = data
    y = np.where(np.arange(60) < 50, 0, y)
    counts = np.bincount(y, minlength=3)
    expected = 60 / (3 * counts[y])
    options = {"epochs": 3, "rng": 0, "verbose": 0}
    same(
        network().fit(X, y, class_weight="balanced", **options),
        network().fit(X, y, sample_weight=expected, **options),
    )


def test_balanced_classes_of_a_single_output(rng):
    X, y = rng.random((40, 3)), (np.arange(40) < 8).astype(int)
    model = Sequential([Dense(3, 1), Sigmoid()])
    model.fit(
        X, y, loss=BinaryCrossEntropyLoss(), class_weight="balanced", optimizer=SGD(1.0),
        epochs=200, batch_size=None, verbose=0,
    )  # fmt: skip
    # the mean of both classes' probabilities is one half only if they count alike
    p = model.predict(X)[:, 0]
    assert (p[y == 1].mean() + p[y == 0].mean()) / 2 == pytest.approx(0.5, abs=0.02)


BAD_WEIGHTS = {
    "too few": ({"sample_weight": np.ones(59)}, ValueError, r"one number a row, \(60,\), got \(59"),
    "negative": ({"sample_weight": -np.ones(60)}, ValueError, "finite numbers ≥ 0, got -1.0"),
    "NaN": ({"sample_weight": np.full(60, np.nan)}, ValueError, "finite numbers ≥ 0, got nan"),
    "zeros": ({"sample_weight": np.zeros(60)}, ValueError, "zeros alone"),
    "words": ({"sample_weight": ["a"] * 60}, TypeError, "sample_weight expected real numbers"),
    "a word": ({"class_weight": "equal"}, ValueError, '"balanced", got \'equal\''),
    "too few classes": ({"class_weight": [1, 2]}, ValueError, "class_weight expected one number"),
    "a class too many": ({"class_weight": {3: 1.0}}, ValueError, "labels below 3, got 3"),
    "a class by name": ({"class_weight": {"a": 1.0}}, TypeError, "integer labels, got 'a'"),
    "a negative class": ({"class_weight": {0: -1.0}}, ValueError, r"class_weight\[0\]"),
    "a split of all": ({"validation_split": 1.0}, ValueError, "validation_split"),
    "a split of none": ({"validation_split": 0.001}, ValueError, "rows on both sides, got 0 of 60"),
    "a split and data": (
        {"validation_split": 0.5, "validation_data": (np.ones((2, 5)), [0, 1])},
        ValueError, "no validation_data beside it",
    ),
    "augment": ({"augment": 3}, TypeError, "augment expected a function"),
    "validation pair": ({"validation_data": 3}, TypeError, "validation_data: y is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_bad_options_change_nothing(data, name):
    options, error, message = BAD_WEIGHTS[name]
    model = network()
    before = state_of(model)
    with pytest.raises(error, match=message):
        model.fit(*data, verbose=0, **options)
    same_bits = {k: v.tobytes() for k, v in state_of(model).items()}
    assert same_bits == {k: v.tobytes() for k, v in before.items()}


def test_class_weights_need_a_class_a_row(rng):
    model = Sequential([Dense(3, 2)])
    with pytest.raises(ValueError, match=r"class_weight expected y to name one class a row"):
        model.fit(rng.random((6, 3)), rng.random((6, 2)), class_weight="balanced", verbose=0)


# ------------------------------------------------------------------ splits


def test_a_split_sets_the_same_rows_aside_each_time(data):
    X, y = data
    seen = []

    class Spy(Sequential):
        def forward(self, x, training=False):
            seen.append((training, set(map(tuple, np.round(x, 9)))))
            return super().forward(x, training)

    model = Spy([Dense(5, 3), Softmax()], dtype=np.float64)
    for rng in (0, 1):
        model.fit(X, y, validation_split=0.2, epochs=2, rng=rng, verbose=0)
    trained = set().union(*(rows for training, rows in seen if training))
    aside = set().union(*(rows for training, rows in seen if not training))
    assert (len(trained), len(aside)) == (48, 12)
    assert not trained & aside
    assert model.history["val_accuracy"]


def test_a_split_leaves_a_memory_map_on_the_disk(data, tmp_path):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    options = {"validation_split": 0.25, "epochs": 2, "rng": 0, "verbose": 0}
    same(network().fit(mapped, y, **options), network().fit(X, y, **options), rtol=0)


def test_validation_rows_may_have_weights(data):
    X, y = data
    weight = (np.arange(60) < 20).astype(float)
    model = network().fit(X, y, epochs=1, validation_data=(X, y, weight), verbose=0)
    expected = model.evaluate(X[:20], y[:20])
    assert model.history["val_loss"][0] == pytest.approx(expected["loss"], rel=1e-12)
    assert model.history["val_accuracy"][0] == expected["accuracy"]


# ------------------------------------------------------------------ tables


def test_data_frames_and_series_are_arrays(data):
    pandas = needs("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=list("abcde"), index=np.arange(60)[::-1])
    series = pandas.Series(y, index=frame.index, name="class")
    options = {"epochs": 2, "rng": 0, "verbose": 0}
    by_hand = network().fit(X, y, **options)
    same(network().fit(frame, series, **options), by_hand, rtol=0)
    same(network().fit(frame.astype("Float64"), series.astype("Int64"), **options), by_hand)
    weight = pandas.Series(np.ones(60))
    same(network().fit(frame, series, sample_weight=weight, **options), by_hand)
    np.testing.assert_array_equal(by_hand.predict(frame), by_hand.predict(X))


def test_columns_that_are_no_numbers_are_named(data):
    pandas = needs("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=list("abcde")).assign(c="red")
    with pytest.raises(TypeError, match=r"X expected columns of numbers, got 'c' \((object|str)\)"):
        network().fit(frame, y, verbose=0)
    names = pandas.Series(["x", "y", "z"] * 20, name="class")
    with pytest.raises(TypeError, match=r"y expected .*'class'.*pandas.factorize"):
        network().fit(X, names, verbose=0)
    holes = pandas.DataFrame(X).astype("Float64")
    holes.iloc[3, 2] = pandas.NA
    with pytest.raises(ValueError, match=r"X expected finite .* got nan in row 3"):
        network().fit(holes, y, verbose=0)


def test_categories_of_polars(data):
    pl = needs("polars")
    X, y = data
    names = pl.Series("kind", np.array(["cat", "dog", "eel"])[y])
    kinds = names.cast(pl.Enum(["cat", "dog", "eel"]))
    options = {"epochs": 2, "rng": 0, "verbose": 0}
    by_hand = network().fit(X, y, validation_data=(X, y), **options)
    for given in (kinds, kinds.to_frame()):
        model = network().fit(X, given, validation_data=(X, given), **options)
        same(model, by_hand, rtol=0)
        assert model.history["val_loss"] == by_hand.history["val_loss"]
    with pytest.raises(ValueError, match=r"the categories \['cat', 'dog', 'eel'\], in this order"):
        model.evaluate(X, names.cast(pl.Enum(["dog", "cat", "eel"])))
    with pytest.raises(ValueError, match="a category in each row, got none in row 59"):
        network().fit(X, kinds.shift(-1), verbose=0)
    loose = names.cast(pl.Categorical)
    with pytest.raises(TypeError, match=r"pl.Categorical: (y\.cast.*)$") as told:
        network().fit(X, loose, verbose=0)
    advice = str(told.value).partition("pl.Categorical: ")[2]
    found = eval(advice, {"y": loose, "pl": pl})  # noqa: S307 - our own advice
    same(network().fit(X, found, **options), model, rtol=0)


class Table:
    """Columns by name, as polars and pyarrow have them."""

    def __init__(self, columns):
        self.table = columns

    columns = property(lambda self: list(self.table))

    def __getitem__(self, name):
        return self.table[name]

    def __array__(self, dtype=None, copy=None):
        return np.array(list(self.table.values()), object).T  # what tinyframe does not want


def tables():
    """What makes a table of a dict of columns."""
    yield Table
    for library in ("polars", "pyarrow", "pandas"):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        yield module.table if library == "pyarrow" else module.DataFrame


@pytest.mark.parametrize("table", list(tables()), ids=lambda table: table.__module__)
def test_tables_of_any_library_are_arrays(data, table):
    X, y = data
    columns = {name: X[:, i] for i, name in enumerate("abcde")}
    columns["c"] = (X[:, 2] * 10).astype(int)
    columns["d"] = X[:, 3] > 0.5
    by_hand = np.column_stack(list(columns.values()))
    options = {"epochs": 2, "rng": 0, "verbose": 0}
    model = network().fit(by_hand, y, **options)
    same(network().fit(table(columns), table({"class": y}), **options), model, rtol=0)
    np.testing.assert_array_equal(model.predict(table(columns)), model.predict(by_hand))
    columns["c"] = np.array(["red"] * 60)
    with pytest.raises(TypeError, match=r"X expected columns of numbers, got 'c' \("):
        network().fit(table(columns), y, verbose=0)
    with pytest.raises(TypeError, match=r"y expected columns of numbers, .* names of classes bec"):
        network().fit(X, table({"class": ["x", "y", "z"] * 20}), verbose=0)


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "coo_array"])
def test_sparse_matrices_are_told_how_to_become_arrays(data, kind):
    sparse = getattr(needs("scipy.sparse"), kind)
    X, y = data
    for call in (
        lambda: network().fit(sparse(X), y),
        lambda: network().fit(X, sparse(one_hot(y, 3))),
        lambda: network().predict(sparse(X)),
        lambda: network().evaluate(sparse(X), y),
        lambda: network().fit(X, y, sample_weight=sparse(np.ones((1, 60)))),
    ):
        with pytest.raises(TypeError, match=rf"a sparse {kind}; \.toarray\(\) makes it one"):
            call()


def test_what_numpy_cannot_read_says_so(data):
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    with pytest.raises(TypeError, match="X expected an array or a tensor of the CPU: Can't call"):
        network().predict(Tensor())


# ------------------------------------------------------------------ batches


class Batches:
    """Goes through (x, y) in batches, anew each time."""

    def __init__(self, X, y, size, weight=None):
        self.parts = (X, y) if weight is None else (X, y, weight)
        self.size = size

    def __len__(self):
        return sum(1 for _ in self)

    def __iter__(self):
        for start in range(0, len(self.parts[0]), self.size):
            yield tuple(part[start : start + self.size] for part in self.parts)


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_batches_train_as_the_rows_do(data, rng, as_list, weighted):
    X, y = data
    weight = rng.random(60) if weighted else None
    batches = Batches(X, y, 16, weight)
    options = {"epochs": 3, "shuffle": False, "verbose": 0, "metrics": ["accuracy", "roc_auc"]}
    by_rows = network().fit(
        X, y, batch_size=16, sample_weight=weight, validation_data=(X, y), **options
    )
    model = network().fit(
        list(batches) if as_list else batches, validation_data=Batches(X, y, 9), **options
    )
    same(model, by_rows)
    for figure in set(model.history.keys()) - {"seconds"}:
        assert model.history[figure] == pytest.approx(by_rows.history[figure], rel=1e-12), figure
    assert model.evaluate(Batches(X, y, 7)) == pytest.approx(model.evaluate(X, y), rel=1e-12)


def test_large_batches_are_walked_in_blocks(data, monkeypatch):
    X, y = data
    monkeypatch.setattr("tinyframe.training.blocks.BLOCK", 7)
    options = {"epochs": 2, "shuffle": False, "verbose": 0}
    one = network().fit(Batches(X, y, 60), **options)
    same(one, network().fit(X, y, batch_size=None, **options))


def test_batches_build_a_model_and_may_be_pixels(rng):
    X, y = rng.integers(0, 256, (40, 4, 4), dtype=np.uint8), rng.integers(0, 2, 40)
    model = Sequential([Rescale(1 / 255), Flatten(), Dense(2), Softmax()])
    model.fit(Batches(X, y, 10), epochs=2, verbose=0)
    assert model.input_shape == (4, 4)


def test_a_generator_lasts_for_one_epoch(data):
    X, y = data
    model = network().fit((b for b in Batches(X, y, 16)), epochs=1, verbose=0)
    assert model.history["accuracy"][0] >= 0
    with pytest.raises(ValueError, match="an iterator, which is spent after one"):
        network().fit((b for b in Batches(X, y, 16)), epochs=2, verbose=0)


BAD_BATCHES = {
    "none": ([], ValueError, "at least one batch, got none"),
    "no pair": ([np.ones((4, 5))], TypeError, r"batch 1: expected \(x, y\)"),
    "another width": ([(np.ones((4, 6)), [0] * 4)], ValueError, "batch 1: Dense"),
    "lengths": ([(np.ones((4, 5)), [0] * 3)], ValueError, "batch 1: y expected 4 rows"),
    "a later one": (
        [(np.ones((4, 5)), [0] * 4), (np.full((4, 5), np.nan), [0] * 4)],
        ValueError, "batch 2: X expected finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_bad_batches_are_numbered(name):
    batches, error, message = BAD_BATCHES[name]
    with pytest.raises(error, match=message):
        network().fit(batches, epochs=1, verbose=0)


def test_weights_beside_batches_are_refused(data):
    with pytest.raises(ValueError, match=r"weights come in them: \(x, y, weight\)"):
        network().fit([data], sample_weight=np.ones(60), verbose=0)
    with pytest.raises(ValueError, match="validation_split expected arrays"):
        network().fit([data], validation_split=0.5, verbose=0)


# ------------------------------------------------------------------ augmentation, streams


def test_augmentation_changes_copies_reproducibly(data):
    X, y = data
    original = X.copy()

    def noisy(x, rng):
        x += rng.normal(0, 0.5, x.shape)
        return x

    options = {"epochs": 3, "rng": 0, "verbose": 0}
    one, two = (network().fit(X, y, augment=noisy, **options) for _ in range(2))
    same(one, two, rtol=0)
    np.testing.assert_array_equal(X, original)
    plain = network().fit(X, y, **options)
    assert not np.array_equal(one[0].weight.value, plain[0].weight.value)
    # the order of the rows is that without augmentation
    same(network().fit(X, y, augment=lambda x, rng: x, **options), plain, rtol=0)


def test_augmented_pixels_may_become_floats(rng):
    X, y = rng.integers(0, 256, (20, 4), dtype=np.uint8), rng.integers(0, 2, 20)
    seen = set()

    def half(x, rng):
        seen.add(x.dtype)
        return x * 0.5

    model = Sequential([Rescale(1 / 255), Dense(4, 2), Softmax()])
    model.fit(X, y, augment=half, epochs=1, verbose=0)
    assert seen == {np.dtype(np.uint8)}


def test_augmentation_keeps_the_shape(data):
    with pytest.raises(ValueError, match=r"augment expected to return shape \(32, 5\)"):
        network().fit(*data, augment=lambda x, rng: x[:, :4], verbose=0)


def test_batches_of_a_stream_take_the_steps_of_fit(data):
    X, y = data
    by_fit = network().fit(X, y, batch_size=20, epochs=1, shuffle=False, verbose=0)
    model = network()
    losses = [
        model.train_on_batch(X[i : i + 20], y[i : i + 20], optimizer=SGD(0.1) if i == 0 else None)
        for i in range(0, 60, 20)
    ]
    same(model, by_fit, rtol=1e-12)
    assert np.mean(losses) == pytest.approx(by_fit.history["loss"][0], rel=1e-12)
    assert model.history.epochs == 0
    assert model.optimizer.steps == 3


def test_train_on_batch_keeps_momentum_and_takes_weights(data):
    X, y = data
    models, optimizers = [network(), network()], [SGD(0.1, momentum=0.9), SGD(0.1, momentum=0.9)]
    weight = np.linspace(0, 1, 60)
    for _ in range(3):
        models[0].train_on_batch(X, y, sample_weight=weight, optimizer=optimizers[0])
    models[1].fit(
        X, y, sample_weight=weight, batch_size=None, epochs=3, optimizer=optimizers[1], verbose=0
    )
    same(*models)


def test_partial_fit_goes_once_through_in_order(data):
    X, y = data
    model = network()
    assert model.partial_fit(X[:30], y[:30]).partial_fit(X[30:], y[30:]) is model
    by_fit = network().fit([(X[:30], y[:30]), (X[30:], y[30:])], epochs=1, verbose=0)
    same(model, by_fit)
    assert model.history.epochs == 2


def test_dropout_in_a_stream_goes_on_drawing(data):
    X, y = data
    model = Sequential([Dense(5, 3), Dropout(0.5), Softmax()])
    model.train_on_batch(X, y, rng=0)
    first = model[1].rng.bit_generator.state
    model.train_on_batch(X, y)
    assert model[1].rng.bit_generator.state != first


def test_ignored_labels_count_in_no_metric(rng):
    tokens, targets = rng.integers(0, 4, (30, 6)), rng.integers(0, 4, (30, 6))
    targets[:, 4:] = -1
    model = Sequential([Embedding(4, 8), Dense(4), Softmax()])
    loss = CrossEntropyLoss(ignore_index=-1)
    model.fit(tokens, targets, loss=loss, epochs=1, verbose=0)
    found = model.evaluate(tokens, targets)["accuracy"]
    predicted = model.predict(tokens).argmax(axis=-1)
    assert found == pytest.approx(np.mean((predicted == targets)[:, :4]), rel=1e-12)
    assert isinstance(GlobalAveragePool2D().multiply_adds, int)


def test_a_malformed_later_batch_in_a_list_is_found_before_training():
    X, y = np.random.default_rng(0).random((6, 3)), np.array([0, 1, 2, 0, 1, 2])
    good = [(X, y), (X, y)]
    for bad, message in (
        ((X[:, :2], y), r"batch 2: .* expected \(batch, 3\)"),
        ((X, y + 1), "batch 2: labels expected"),
        ((X * np.nan, y), "batch 2: X expected finite"),
        ((X, y, -np.ones(6)), "batch 2: sample_weight expected"),
        ((X,), r"batch 2: expected \(x, y\)"),
    ):
        for kind in (list, tuple):
            batches = kind([(X, y), bad, (X, y)])
            for data, options in ((batches, {}), (good, {"validation_data": batches})):
                model = Sequential([Dense(3, 3), Softmax()])
                model.build(3, rng=0)
                before = {name: array.tobytes() for name, array in state_of(model).items()}
                where = "validation_data: " if options else ""
                with pytest.raises((TypeError, ValueError), match=where + message):
                    model.fit(data, verbose=0, **options)
                after = {name: array.tobytes() for name, array in state_of(model).items()}
                assert after == before
                assert (model.history.epochs, model.loss) == (0, None)


def test_a_malformed_later_batch_that_is_made_on_the_way_leaves_the_steps_before_it():
    X, y = np.random.default_rng(0).random((6, 3)), np.array([0, 1, 2, 0, 1, 2])

    class Batches:
        def __iter__(self):
            yield X, y
            yield X, y + 1

    model = Sequential([Dense(3, 3), Softmax()])
    with pytest.raises(ValueError, match="batch 2: labels"):
        model.fit([(X, y)], validation_data=Batches(), epochs=3, verbose=0, rng=0)
    one = Sequential([Dense(3, 3), Softmax()]).fit([(X, y)], epochs=1, verbose=0, rng=0)
    for name, array in state_of(one).items():
        np.testing.assert_array_equal(state_of(model)[name], array)
    assert model.history.epochs == 0  # the epoch was not complete
