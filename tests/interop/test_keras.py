"""Keras's files: the same predictions, and nothing believed that a file says."""

import copy
import io
import json
import os
import random
import warnings
import zipfile

import numpy as np
import pytest
from json_places import places
from needs import needs

h5py = needs("h5py")
needs("torch")
os.environ["KERAS_BACKEND"] = "torch"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Keras and what it imports
    keras = needs("keras")

from keras import layers as kl

import tinyframe as tf
from tinyframe.interop.keras import archive, from_keras, keras_weights

IMAGE, SEQUENCE = (9, 8, 4), (6, 4)

LAYERS = {
    "Dense": (lambda: kl.Dense(3, activation="relu"), (5,)),
    "Dense without bias, on sequences": (lambda: kl.Dense(3, use_bias=False), SEQUENCE),
    "Dense on images": (lambda: kl.Dense(3, activation="softmax"), IMAGE),
    "Conv2D": (lambda: kl.Conv2D(6, 3, activation="softmax"), IMAGE),
    "Conv2D, same, strides": (lambda: kl.Conv2D(6, (3, 2), (2, 1), "same"), IMAGE),
    "Conv2D, dilated, groups": (
        lambda: kl.Conv2D(6, 2, dilation_rate=2, groups=2, use_bias=False), IMAGE,
    ),
    "DepthwiseConv2D": (lambda: kl.DepthwiseConv2D(3, depth_multiplier=2), IMAGE),
    "Conv2DTranspose": (lambda: kl.Conv2DTranspose(3, 3, 2), IMAGE),
    "Conv2DTranspose, same": (lambda: kl.Conv2DTranspose(3, 3, 2, "same"), IMAGE),
    "Conv1D": (lambda: kl.Conv1D(3, 3, 2, "same", activation="tanh"), SEQUENCE),
    "MaxPooling2D": (kl.MaxPooling2D, IMAGE),
    "MaxPooling2D, same": (lambda: kl.MaxPooling2D(3, 2, "same"), IMAGE),
    "AveragePooling2D": (lambda: kl.AveragePooling2D((2, 3), padding="valid"), IMAGE),
    "GlobalAveragePooling2D": (kl.GlobalAveragePooling2D, IMAGE),
    "BatchNormalization": (kl.BatchNormalization, (5,)),
    "BatchNormalization of images": (lambda: kl.BatchNormalization(scale=False), IMAGE),
    "BatchNormalization of sequences": (lambda: kl.BatchNormalization(center=False), SEQUENCE),
    "BatchNormalization of the first axis": (lambda: kl.BatchNormalization(axis=1), SEQUENCE),
    "LayerNormalization": (kl.LayerNormalization, SEQUENCE),
    "LayerNormalization of images": (lambda: kl.LayerNormalization(center=False), IMAGE),
    "RMSNormalization": (kl.RMSNormalization, SEQUENCE),
    "SimpleRNN": (lambda: kl.SimpleRNN(3), SEQUENCE),
    "LSTM": (lambda: kl.LSTM(3, return_sequences=True), SEQUENCE),
    "LSTM without bias": (lambda: kl.LSTM(3, use_bias=False), SEQUENCE),
    "GRU": (lambda: kl.GRU(3), SEQUENCE),
    "LSTM from the end": (lambda: kl.LSTM(3, go_backwards=True), SEQUENCE),
    "GRU from the end, a sequence": (
        lambda: kl.GRU(3, go_backwards=True, return_sequences=True), SEQUENCE,
    ),
    "Bidirectional": (lambda: kl.Bidirectional(kl.LSTM(3)), SEQUENCE),
    "Bidirectional, a sequence": (
        lambda: kl.Bidirectional(kl.GRU(3, return_sequences=True)), SEQUENCE,
    ),
    "Bidirectional, summed": (
        lambda: kl.Bidirectional(kl.SimpleRNN(3, return_sequences=True), "sum"), SEQUENCE,
    ),
    "Bidirectional of two kinds": (
        lambda: kl.Bidirectional(
            kl.LSTM(3, return_sequences=True),
            backward_layer=kl.GRU(2, return_sequences=True, go_backwards=True),
        ), SEQUENCE,
    ),
    "Bidirectional, the other way round": (
        lambda: kl.Bidirectional(
            kl.LSTM(3, return_sequences=True, go_backwards=True),
            backward_layer=kl.LSTM(2, return_sequences=True),
        ), SEQUENCE,
    ),
    "Rescaling": (lambda: kl.Rescaling(1 / 255), IMAGE),
    "Dropout": (lambda: kl.Dropout(0.3), SEQUENCE),
    "Flatten": (kl.Flatten, IMAGE),
    "Reshape": (lambda: kl.Reshape((12, -1)), IMAGE),
    "Permute": (lambda: kl.Permute((2, 1)), SEQUENCE),
    "ReLU": (kl.ReLU, SEQUENCE),
    "ReLU with a slope": (lambda: kl.ReLU(negative_slope=0.1), SEQUENCE),
    "LeakyReLU": (kl.LeakyReLU, SEQUENCE),
    "ELU": (kl.ELU, SEQUENCE),
    "Softmax": (kl.Softmax, SEQUENCE),
    **{
        f"activation {name}": (lambda name=name: kl.Activation(name), IMAGE)
        for name in (
            "relu", "sigmoid", "tanh", "softmax", "log_softmax", "elu", "silu",
            "softplus", "leaky_relu",
        )
    },
}  # fmt: skip


def saved(tmp_path, *layers, shape=None):
    """A Keras model whose weights are not where they start, and its file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = keras.Sequential([*([keras.Input(shape)] if shape else []), *layers])
        rng = np.random.default_rng(0)
        model.set_weights([rng.uniform(0.1, 0.9, w.shape) for w in model.get_weights()])
        model.save(tmp_path / "model.keras")
    return model, tmp_path / "model.keras"


def numbers(tensor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras.ops.convert_to_numpy(tensor)


def compare(model, path, x, **options):
    expected = numbers(model(x, training=False))
    ours = from_keras(path, **options).predict(x)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_predicts_the_same(name, tmp_path, rng):
    make, shape = LAYERS[name]
    model, path = saved(tmp_path, make(), shape=shape)
    compare(model, path, rng.uniform(-1, 1, (3, *shape)).astype(np.float32))


def test_a_dense_model(tmp_path, rng):
    model, path = saved(
        tmp_path, kl.Dense(16, "relu", name="dense_2"), kl.Dropout(0.2),
        kl.Dense(8, "tanh", name="dense_1"),
        kl.Dense(3, "softmax", name="dense"), shape=(5,),
    )  # fmt: skip
    compare(model, path, rng.standard_normal((4, 5)).astype(np.float32))


def test_a_convolutional_model(tmp_path, rng):
    model, path = saved(
        tmp_path, kl.Rescaling(1 / 255), kl.Conv2D(4, 3, padding="same", activation="relu"),
        kl.BatchNormalization(), kl.MaxPooling2D(), kl.Conv2D(6, 3), kl.LeakyReLU(),
        keras.Sequential([kl.Conv2D(3, 1), kl.BatchNormalization()]),
        kl.Flatten(), kl.Dense(5, "softmax"), shape=(12, 12, 1),
    )  # fmt: skip
    compare(model, path, rng.uniform(0, 255, (3, 12, 12, 1)).astype(np.float32))
    names = [type(layer).__name__ for layer in from_keras(path)]
    assert names.count("Permute") == 2, names
    assert names[:3] == ["Rescale", "Permute", "Conv2D"]


def test_tokens(tmp_path, rng):
    model, path = saved(tmp_path, kl.Embedding(9, 4), kl.GRU(5), kl.Dense(2), shape=(6,))
    compare(model, path, rng.integers(0, 9, (3, 6)))


def test_tokens_read_in_both_directions(tmp_path, rng):
    model, path = saved(
        tmp_path, kl.Embedding(9, 4), kl.Bidirectional(kl.LSTM(3, return_sequences=True)),
        kl.Bidirectional(kl.LSTM(3), name="the_second"), kl.Dense(2), shape=(6,),
    )  # fmt: skip
    compare(model, path, rng.integers(0, 9, (3, 6)))


def test_open_shapes_are_asked_for(tmp_path, rng):
    model, path = saved(tmp_path, kl.LSTM(3), kl.Dense(2), shape=(None, 4))
    with pytest.raises(ValueError, match=r"leaves the input's shape open, \[None, None, 4\]"):
        from_keras(path)
    compare(model, path, rng.standard_normal((3, 7, 4)).astype(np.float32), input_shape=(7, 4))


def test_weights_alone_of_any_model(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        entry = keras.Input((4,))
        model = keras.Model(entry, kl.Add()([kl.Dense(3)(entry), kl.Dense(3)(entry)]))
        model.save(tmp_path / "model.keras")
    weights = keras_weights(tmp_path / "model.keras")
    assert set(weights) == {f"layers/{d}/vars/{i}" for d in ("dense", "dense_1") for i in (0, 1)}
    np.testing.assert_array_equal(weights["layers/dense/vars/0"], numbers(model.weights[0]))
    with pytest.raises(ValueError, match="Sequential model, got a Functional"):
        from_keras(tmp_path / "model.keras")


REFUSED = {
    "GRU with reset_after=False": (lambda: kl.GRU(3, reset_after=False), SEQUENCE),
    "LSTM with activation='relu'": (lambda: kl.LSTM(3, activation="relu"), SEQUENCE),
    "Bidirectional cannot be imported: its merge_mode 'mul' is none of concat, sum": (
        lambda: kl.Bidirectional(kl.LSTM(3), "mul"), SEQUENCE,
    ),
    "Bidirectional: GRU with reset_after=False": (
        lambda: kl.Bidirectional(kl.GRU(3, reset_after=False)), SEQUENCE,
    ),
    "Embedding with mask_zero=True": (lambda: kl.Embedding(4, 3, mask_zero=True), (5,)),
    "Dense cannot be imported: its activation 'gelu'": (lambda: kl.Dense(3, "gelu"), (5,)),
    "UpSampling2D cannot be imported: tinyframe has no such layer": (kl.UpSampling2D, IMAGE),
    "ReLU with max_value=6": (lambda: kl.ReLU(6), (5,)),
    'Conv1D cannot be imported: its padding is "causal"': (
        lambda: kl.Conv1D(3, 2, padding="causal"), SEQUENCE,
    ),
    "LayerNormalization cannot be imported: it normalises along axis": (
        lambda: kl.LayerNormalization(axis=[1, 2]), SEQUENCE,
    ),
    "Conv2DTranspose cannot be imported: its kernel is smaller": (
        lambda: kl.Conv2DTranspose(3, 2, 3), IMAGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_imported_is_named(what, tmp_path):
    make, shape = REFUSED[what]
    _, path = saved(tmp_path, kl.Activation("relu"), make(), shape=shape)
    with pytest.raises(ValueError, match=f"layer 1: {what}"):
        from_keras(path)


def rewritten(path, config=None, weights=None):
    """The file with another description, or other weights."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    if config is not None:
        members["config.json"] = config
    if weights is not None:
        members["model.weights.h5"] = weights
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def hdf5(fill):
    file = io.BytesIO()
    with h5py.File(file, "w") as content:
        fill(content)
    return file.getvalue()


def test_hostile_and_damaged_files(tmp_path):
    _, path = saved(tmp_path, kl.Dense(3), shape=(4,))
    good = path.read_bytes()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(64))

    def elsewhere(file):
        file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[(str(secret), 0, 48)])

    def linked(file):
        file.create_group("layers/dense/vars")["0"] = h5py.ExternalLink(str(secret), "/x")

    def huge(file):
        file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", chunks=(10, 10))

    def texts(file):
        file["layers/dense/vars/0"] = "code"

    for content in (b"", b"no zip", good[: len(good) // 2], good[:-30]):
        path.write_bytes(content)
        with pytest.raises(tf.StorageError):
            from_keras(path)
    for change in (elsewhere, huge, texts):
        path.write_bytes(good)
        with pytest.raises(tf.StorageError, match=r"layers/dense/vars/0"):
            from_keras(rewritten(path, weights=hdf5(change)))
    path.write_bytes(good)
    with pytest.raises(ValueError, match=r"layer 0: Dense .* 0 arrays"):
        from_keras(rewritten(path, weights=hdf5(linked)))
    for config in (b"[]", b"{", b'{"class_name": "Sequential"}', b"null"):
        path.write_bytes(good)
        with pytest.raises(tf.StorageError):
            from_keras(rewritten(path, config=config))
    path.write_bytes(good)
    with pytest.raises(tf.StorageError, match=r"config\.json would become"):
        from_keras(rewritten(path, config=b" " * 10**8))
    with pytest.raises(tf.StorageError):
        from_keras(tmp_path / "nothing.keras")


def deep(file):
    for _ in range(200):
        file = file.create_group("g")


def many(file):
    for number in range(archive.OBJECTS + 1):
        file.create_group(f"g{number}")


def cycle(file):
    group = file.create_group("layers")
    group["again"] = group["and again"] = group


def repeated(file):
    file["w"] = np.ones(1000, "f4")
    for number in range(100):
        file[f"w{number}"] = file["w"]


def unwritten(file):
    for number in range(9):
        file.create_dataset(f"w{number}", (200,), "f8")


def compressed(file):
    file.create_dataset("w", data=np.zeros(10**6, "f4"), compression="gzip")


def long_name(file):
    file.create_group("layers/dense/vars").attrs["name"] = np.full(7000, "x", "S9")


def records(file):
    file["w"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


SWOLLEN = {
    "groups in groups": (deep, "in groups of groups"),
    "groups without end": (many, "more than 300 groups and arrays"),
    "a group in itself": (cycle, "in groups of groups|more than 300"),
    "one array again and again": (repeated, "bytes in a file of"),
    "arrays that were never written": (unwritten, "bytes in a file of"),
    "a compressed array": (compressed, "w is not in one piece"),
    "a name without end": (long_name, "its name"),
    "records": (records, "w expected numbers"),
}


@pytest.mark.parametrize("name", SWOLLEN)
def test_what_would_swell_is_refused_before_it_is_read(tmp_path, name, monkeypatch):
    monkeypatch.setattr(archive, "OBJECTS", 300)
    _, path = saved(tmp_path, kl.Dense(3), shape=(4,))
    fill, message = SWOLLEN[name]
    with pytest.raises(tf.StorageError, match=message):
        keras_weights(rewritten(path, weights=hdf5(fill)))


ODD = [
    None, True, 0, -1, 2, 0.5, float("nan"), 10**400, 10**18, "", "x", "same", [], [1], [1, 1],
    [None, 3], [[]], {}, {"a": 1}, {"class_name": "Dense", "config": {}}, [10**400, 2],
]  # fmt: skip


def test_a_mutated_description_is_refused_or_is_a_model(tmp_path, pytestconfig):
    _, path = saved(
        tmp_path, kl.Rescaling(0.5), kl.Conv2D(2, 2, activation="relu"), kl.BatchNormalization(),
        kl.MaxPooling2D(), kl.Flatten(), keras.Sequential([kl.Dense(4)]), kl.Reshape((2, 2)),
        kl.Bidirectional(kl.GRU(2, return_sequences=True)), kl.GRU(2), kl.Dropout(0.1),
        kl.Softmax(), shape=(4, 4, 1),
    )  # fmt: skip
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    evil = tmp_path / "evil.keras"
    for seed in range(5000 if pytestconfig.getoption("--long") else 300):
        rng, changed = random.Random(seed), copy.deepcopy(config)  # noqa: S311 - no secret
        for _ in range(rng.choice([1, 1, 2])):
            *steps, key = rng.choice(list(places(changed)))
            parent = changed
            for step in steps:
                parent = parent[step]
            if rng.random() < 0.2:
                del parent[key]
            else:
                parent[key] = copy.deepcopy(rng.choice(ODD))
        evil.write_bytes(path.read_bytes())
        try:
            assert from_keras(rewritten(evil, config=json.dumps(changed).encode()))
        except (tf.StorageError, ValueError):
            continue
        except Exception as error:  # noqa: BLE001 - the point of the test
            pytest.fail(f"seed {seed}, {changed}: {error!r}")


def test_models_in_models_without_end_are_refused(tmp_path):
    _, path = saved(tmp_path, kl.Dense(3), shape=(4,))
    nested = {"class_name": "Dense", "config": {}}
    for _ in range(250):
        nested = {"class_name": "Sequential", "config": {"layers": [nested], "name": "s"}}
    nested["config"]["build_input_shape"] = [None, 4]
    with pytest.raises(tf.StorageError):
        from_keras(rewritten(path, config=json.dumps(nested).encode()))


def test_code_in_a_file_is_never_run(tmp_path):
    _, path = saved(tmp_path, kl.Dense(3), shape=(4,))
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    layer = config["config"]["layers"][1]
    layer["class_name"] = "Lambda"
    with pytest.raises(ValueError, match="layer 0: Lambda cannot be imported: tinyframe has no"):
        from_keras(rewritten(path, config=json.dumps(config).encode()))


def test_weights_of_another_shape_are_named(tmp_path):
    _, path = saved(tmp_path, kl.Dense(3), shape=(4,))

    def fill(file):
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.ones((3, 4)), np.ones(3)

    with pytest.raises(ValueError, match=r"layer 0: Dense: its weight expected shape \(4, 3\)"):
        from_keras(rewritten(path, weights=hdf5(fill)))


def test_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r'needs h5py: pip install "tinyframe\[keras\]"'):
        from_keras(tmp_path / "model.keras")
