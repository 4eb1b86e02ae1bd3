"""Files: what is saved is what is loaded, and no damaged or hostile file yields other weights."""

import copy
import errno
import hashlib
import io
import json
import multiprocessing
import os
import pickle
import random
import struct
import threading
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
from json_places import places
from needs import needs

from tinyframe import (
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    Parameter,
    PositionalEmbedding,
    ReLU,
    Rescale,
    Residual,
    Sequential,
    Softmax,
    StorageError,
    initializers,
    register,
)
from tinyframe.layers.state import state_of
from tinyframe.storage import container, files
from tinyframe.storage.models import CONTAINERS, header, load_model, save_model

FORMATS = [".npz", ".safetensors"]


def path_of(tmp_path, suffix):
    if suffix == ".safetensors":
        needs("safetensors")
    return tmp_path / f"model{suffix}"


def small():
    model = Sequential([Dense(2, 2), BatchNorm(), ReLU(), Dense(2, 1)])
    model.build(2, rng=0)
    return model


def same(one, two):
    ours, theirs = state_of(one), state_of(two)
    return list(ours) == list(theirs) and all(
        a.dtype == theirs[name].dtype and a.tobytes() == theirs[name].tobytes()
        for name, a in ours.items()
    )


# ------------------------------------------------------------------ there and back


@pytest.mark.parametrize("suffix", FORMATS)
@given(data=st.data())
@settings(max_examples=150)
def test_every_layer_comes_back_to_the_bit(tmp_path_factory, suffix, data):
    path = path_of(tmp_path_factory.mktemp("models"), suffix)
    name = data.draw(st.sampled_from(sorted(LAYERS)))
    layers, samples = LAYERS[name]
    layer = data.draw(layers)
    shape = data.draw(samples) if samples is not None else (3,)
    model = Sequential([layer], dtype=data.draw(st.sampled_from([np.float32, np.float64])))
    model.build(shape, rng=0)
    model.save(path)
    loaded = Sequential.load(path)
    assert repr(loaded) == repr(model)
    assert same(loaded, model)
    x = np.random.default_rng(0).random((3, *shape))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_trained_model_comes_back_and_trains_on(tmp_path, rng, suffix):
    path = path_of(tmp_path, suffix)
    X, y = rng.integers(0, 256, (60, 4, 4), dtype=np.uint8), rng.integers(0, 3, 60)
    model = Sequential([
        Rescale(1 / 255), Flatten(), Dense(8, use_bias=False), BatchNorm(), ReLU(), Dropout(0.2),
        Residual(Dense(8, initializer=initializers.orthogonal), ReLU()),
        Sequential([Dense(3, initializer=initializers.constant(0.5)), Softmax()]),
    ])  # fmt: skip
    model.fit(X, y, epochs=3, rng=0, verbose=0)
    model[2].trainable = False
    model.save(path)
    loaded = Sequential.load(path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert [layer.trainable for layer in loaded.walk()] == [x.trainable for x in model.walk()]
    assert (loaded.history.epochs, loaded.optimizer.steps) == (0, 0)
    models = [m.fit(X, y, epochs=1, rng=1, verbose=0) for m in (model, loaded)]
    assert same(*models)


def test_tokens_come_back(tmp_path):
    model = Sequential([Embedding(5, 4, padding=0), PositionalEmbedding(), Dense(2)])
    model.build((6,), rng=0)
    model.save(tmp_path / "m.npz")
    tokens = np.arange(12).reshape(2, 6) % 5
    loaded = Sequential.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(loaded.predict(tokens), model.predict(tokens))


def test_numpy_opens_it_too(tmp_path):
    model = small()
    model.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["0.weight"], model[0].weight.value)
        meta = json.loads(arrays["tinyframe.json"].tobytes())
    assert meta["format"] == 1
    assert meta["tinyframe"]


@register
class Scale(Layer):
    def __init__(self, start=1.0):
        self.start = start

    def setup(self, input_shape):
        self.factor = Parameter(input_shape, initializers.constant(self.start), dtype=self.dtype)
        return input_shape

    def forward(self, x, training=False):
        return x * self.factor.value

    def backward(self, dy):
        raise NotImplementedError


def test_a_registered_layer_of_ones_own_comes_back(tmp_path):
    model = Sequential([Scale(2.0)])
    model.build(3)
    model[0].factor.value[:] = [1, 2, 3]
    model.save(tmp_path / "m.npz")
    loaded = Sequential.load(tmp_path / "m.npz")
    assert repr(loaded) == repr(model)
    np.testing.assert_array_equal(loaded[0].factor.value, [1, 2, 3])


def test_a_name_is_registered_once():
    assert register(Scale) is Scale  # again, as where a notebook's cell runs twice
    with pytest.raises(ValueError, match=r"Dense is registered already, for tinyframe.layers"):
        register(type("Dense", (ReLU,), {}))
    with pytest.raises(TypeError, match="a class of layers"):
        register(Scale())


def test_what_cannot_be_saved_says_why_and_writes_nothing(tmp_path):
    class Unknown(ReLU):
        pass

    @register
    class Forgetful(ReLU):
        def __init__(self, slope):
            self.kept_elsewhere = slope

    @register
    class Array(ReLU):
        def __init__(self, table):
            self.table = table

    path = tmp_path / "m.npz"
    for layer, message in (
        (Unknown(), "Unknown is not registered: put @tinyframe.register"),
        (Forgetful(1), "Forgetful does not keep its argument 'slope'"),
        (Array(np.ones(3)), "its table is a ndarray"),
    ):
        model = Sequential([Dense(2, 2), layer])
        with pytest.raises(StorageError, match=message):
            model.save(path)
    with pytest.raises(ValueError, match="a built model"):
        Sequential([Dense(2)]).save(path)
    with pytest.raises(ValueError, match=r"in \.npz or \.safetensors, got 'm\.h5'"):
        small().save(tmp_path / "m.h5")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ damage


def loads_as(path, content, model):
    """Whether these bytes are refused, or are the identical model."""
    path.write_bytes(content)
    try:
        loaded = load_model(path)
    except StorageError:
        return "refused"
    assert repr(loaded) == repr(model)
    assert same(loaded, model)
    return "identical"


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_truncation_is_refused(tmp_path, suffix):
    path, model = path_of(tmp_path, suffix), small()
    model.save(path)
    content = path.read_bytes()
    for length in range(len(content)):
        assert loads_as(path, content[:length], model) == "refused", length
    for tail in (b"\0", b"x" * 100, content):
        assert loads_as(path, content + tail, model) == "refused"


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_flipped_bit_yields_other_weights(tmp_path, suffix, pytestconfig):
    path, model = path_of(tmp_path, suffix), small()
    model.save(path)
    content = path.read_bytes()
    bits = range(8 * len(content))
    if not pytestconfig.getoption("--long"):
        bits = np.random.default_rng(0).choice(bits, 3000, replace=False)
    for bit in bits:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        loads_as(path, bytes(flipped), model)


def packed(arrays=None, **changes):
    """Return a file as an attacker writes it: with a right checksum."""
    model = small()
    return container.pack_npz(
        header("model", model) | changes, state_of(model) if arrays is None else arrays
    )


def weights(**changes):
    return state_of(small()) | changes


HOSTILE = {
    "a newer format": lambda: packed(format=99),
    "no format": lambda: packed(format="1"),
    "an unknown layer": lambda: packed(model={"layer": "os.system", "arguments": {}}),
    "a function": lambda: packed(model={"layer": "eval", "arguments": {"source": "1"}}),
    "no arguments": lambda: packed(model={"layer": "Dense"}),
    "a wrong argument": lambda: packed(
        model={"layer": "Sequential", "arguments": {"layers": "abc"}}
    ),
    "no layer": lambda: packed(model=[1, 2]),
    "another layer": lambda: packed(model={"layer": "Dense", "arguments": {"inputs": 3}}),
    "a deep nest": lambda: packed(model=nest(150)),
    "an endless nest": lambda: rezipped(
        {"tinyframe.json.npy": npy("(200000,)", "|u1") + b"[" * 200_000}
    ),
    "an unknown initializer": lambda: packed(
        model={"layer": "Dense", "arguments": {"units": 3, "initializer": {"initializer": "os"}}}
    ),
    "a huge layer": lambda: packed(
        model={"layer": "Dense", "arguments": {"inputs": 10**9, "units": 10**9}},
        input_shape=[10**9],
    ),
    "an array missing": lambda: packed(arrays={"0.weight": np.ones((2, 2), np.float32)}),
    "an array too many": lambda: packed(arrays=weights(**{"9.weight": np.ones(2)})),
    "another shape": lambda: packed(arrays=weights(**{"0.weight": np.ones((2, 3), np.float32)})),
    "another dtype": lambda: packed(arrays=weights(**{"0.weight": np.ones((2, 2))})),
    "objects": lambda: rezipped({"0.weight.npy": pickled_npy()}),
    "a bomb": lambda: rezipped({"bomb.npy": bytes(10**7)}, zipfile.ZIP_DEFLATED),
    "an endless shape": lambda: rezipped({"0.weight.npy": npy("(1000000000, 1000000000)")}),
    "a negative shape": lambda: rezipped({"0.weight.npy": npy("(-1,)")}),
    "code in a header": lambda: rezipped({"0.weight.npy": npy("__import__('os').getpid()")}),
    "a path": lambda: rezipped({"../../evil.npy": npy("(1,)") + bytes(4)}),
    "no description": lambda: rezipped({}, keep=False),
    "a list of kinds": lambda: rezipped({"0.weight.npy": kinds_npy()}),
    "a hundred axes": lambda: rezipped({"0.weight.npy": npy((1,) * 100) + bytes(4)}),
    "an empty endless shape": lambda: rezipped({"0.weight.npy": npy((0, 10**30))}),
    "an empty array too large": lambda: rezipped({"0.weight.npy": npy((0, 10**18, 10**18))}),
    "a shape of 5,000 digits": lambda: rezipped({"0.weight.npy": npy(f"({'9' * 5000},)")}),
    "a nested header": lambda: rezipped({"0.weight.npy": npy("(" * 9000)}),
    "a member larger than the file": lambda: patched(22, 24, (2**31).to_bytes(4, "little")),
    "a member that says it is compressed": lambda: patched(10, 12, b"\x08\0"),
    "a member whose sizes differ": lambda: patched(20, 22, b"\x01\0"),
    "a member elsewhere": lambda: patched(42, 46, b"\xf0\xff\xff\x7f"),
    "a name in bad UTF-8": lambda: patched(46, 48, b"\xff\xfe", flags=b"\0\x08"),
    "an encrypted member": lambda: patched(8, 10, b"\x01\0"),
    "overlapping members": lambda: overlapping(members=20),
    "a number of 400 digits": lambda: packed(
        model={"layer": "Dense", "arguments": {"units": 10**400, "inputs": 2}}
    ),
    "a real number of 400 digits": lambda: packed(
        model={"layer": "Dropout", "arguments": {"rate": 10**400}}
    ),
    "a shape of 400 digits": lambda: packed(input_shape=[10**400]),
    "a format of 400 digits": lambda: packed(format=10**400),
    "a negative format": lambda: packed(format=-1),
    "a true format": lambda: packed(format=True),
    "not JSON": lambda: rezipped({"tinyframe.json.npy": npy("(3,)", "|u1") + b"abc"}),
}


def nest(depth):
    inner = {"layer": "ReLU", "arguments": {}}
    for _ in range(depth):
        inner = {"layer": "Residual", "arguments": {}, "positional": [inner]}
    return inner


def npy(shape, descr="<f4"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def kinds_npy():
    header = b"{'descr': [['<f4']], 'fortran_order': False, 'shape': (1,), }"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(4)


def signed(body):
    """Return a file with a right checksum."""
    body = body[: -container.DIGEST_LENGTH]
    return body + hashlib.sha256(body).hexdigest().encode()


def patched(start, stop, new, *, flags=None):
    """Return a file with some bytes of its directory's first entry replaced."""
    content = bytearray(packed())
    entry = content.index(b"PK\1\2")
    content[entry + start : entry + stop] = new
    if flags is not None:
        content[entry + 8 : entry + 10] = flags
    return signed(bytes(content))


def overlapping(members=200, size=100_000):
    """Return a file in which each member's content goes on to the end of the last one's."""
    names = [f"{number:03}.npy".encode() for number in range(members)]
    heads = [30 + len(name) for name in names]
    begins = [sum(heads[:number]) for number in range(members + 1)]
    end = begins[-1] + size
    body, directory = b"", b""
    for name, begin, after in zip(names, begins, begins[1:], strict=False):
        common = struct.pack("<5H3L2H", 20, 0, 0, 0, 33, 0, end - after, end - after, len(name), 0)
        body += b"PK\3\4" + common + name
        tail = struct.pack("<3H2L", 0, 0, 0, 0, begin)
        directory += b"PK\1\2" + struct.pack("<H", 20) + common + tail + name
    comment = container.COMMENT + b"0" * container.DIGEST_LENGTH
    counts = struct.pack("<4H2LH", 0, 0, members, members, len(directory), end, len(comment))
    return signed(body + bytes(size) + directory + b"PK\5\6" + counts + comment)


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/evil-tinyframe",))  # noqa: S108 - must never be made


def pickled_npy():
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([Evil()], object), allow_pickle=True)
    return buffer.getvalue()


def rezipped(members, compression=zipfile.ZIP_STORED, *, keep=True):
    """Return the archive of a model with some members replaced or added, and a right checksum."""
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()} if keep else {}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in (whole | members).items():
            archive.writestr(name, content)
        archive.comment = container.COMMENT + b"0" * container.DIGEST_LENGTH
    return signed(buffer.getvalue())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(tmp_path, name):
    path = tmp_path / "evil.npz"
    path.write_bytes(HOSTILE[name]())
    with pytest.raises(StorageError, match=r"evil\.npz: "):
        load_model(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.npz"]
    assert not os.path.exists("/tmp/evil-tinyframe")  # noqa: PTH110, S108 - as above


def test_members_that_overlap_take_no_memory(tmp_path):
    path = tmp_path / "evil.npz"
    path.write_bytes(overlapping())
    tracemalloc.start()
    with pytest.raises(StorageError, match="more than the file"):
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * path.stat().st_size


ODD = [
    None, True, 0, 1, -1, 2, 10**9, 10**400, -(10**400), 0.5, float("nan"), float("inf"), "", "x",
    "same", "Dense", "float64", "O", [], [1], [[]], [10**400], {}, {"layer": "Dense"},
    {"initializer": "zeros"}, {"initializer": 10**400}, {"initializer": float("nan")},
    {"initializer": []}, {"layer": "ReLU", "arguments": {}},
    {"layer": "Sequential", "arguments": {"layers": [{"layer": "ReLU", "arguments": {}}]}},
]  # fmt: skip


def check_mutated(path, data):
    """Load a file with some places of its description changed."""
    layers, samples = LAYERS[data.draw(st.sampled_from(sorted(LAYERS)))]
    model = Sequential([data.draw(layers)])
    model.build(data.draw(samples) if samples is not None else (3,), rng=0)
    meta = json.loads(json.dumps(header("model", model)))
    rng = random.Random(data.draw(st.integers(0, 10**6)))  # noqa: S311 - no secret
    for _ in range(rng.choice([1, 1, 2])):
        *steps, key = rng.choice(list(places(meta)))
        parent = meta
        for step in steps:
            parent = parent[step]
        if rng.random() < 0.2:
            del parent[key]
        else:
            parent[key] = copy.deepcopy(rng.choice(ODD))
    pack, _ = CONTAINERS[path.suffix]
    path.write_bytes(pack(meta, state_of(model)))
    try:
        assert repr(load_model(path))
    except StorageError:
        return


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_mutated_description_is_refused_or_is_a_model(tmp_path, suffix, pytestconfig):
    path = path_of(tmp_path, suffix)

    @given(data=st.data())
    @settings(max_examples=6000 if pytestconfig.getoption("--long") else 400)
    def check(data):
        check_mutated(path, data)

    check()


def test_other_files_are_refused(tmp_path):
    for suffix in FORMATS:
        path = path_of(tmp_path, suffix)
        with pytest.raises(StorageError, match="cannot be read"):
            load_model(path)
        for content in (b"", b"hello", pickle.dumps([1]), bytes(1000)):
            path.write_bytes(content)
            with pytest.raises(StorageError):
                load_model(path)
    np.savez(tmp_path / "plain.npz", a=np.ones(3))
    with pytest.raises(StorageError, match="not a file of tinyframe's"):
        load_model(tmp_path / "plain.npz")


def test_a_model_of_another_class_is_refused(tmp_path):
    class Own(Sequential):
        pass

    small().save(tmp_path / "m.npz")
    with pytest.raises(StorageError, match="expected a Own, got a Sequential"):
        Own.load(tmp_path / "m.npz")


# ------------------------------------------------------------------ the disk


FAULTS = ["open", "write", "fsync", "replace"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, suffix, fault):
    path, model = path_of(tmp_path, suffix), small()
    model.save(path)
    before = path.read_bytes()
    model[0].weight.value += 1

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    if fault == "write":

        def half(path, content, mode):
            path.write_bytes(content[: len(content) // 2])
            full()

        monkeypatch.setattr(files, "_write", half)
    elif fault == "replace":
        monkeypatch.setattr("pathlib.Path.replace", full)
    else:
        monkeypatch.setattr(f"os.{fault}", full)
    with pytest.raises(StorageError, match=r"cannot be written: .*No space left"):
        model.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.npz"
    small().save(path)
    before = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            small().save(path)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before


def test_a_folder_that_is_none_is_named(tmp_path):
    (tmp_path / "file").touch()
    for folder in ("nowhere", "file"):
        with pytest.raises(StorageError, match=f"{folder}.*cannot be written"):
            small().save(tmp_path / folder / "m.npz")


@pytest.mark.skipif(os.name != "posix", reason="links and modes as POSIX has them")
def test_a_link_stays_one_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "m.npz", tmp_path / "m.npz"
    link.symlink_to(target)  # to nothing yet
    second = tmp_path / "again.npz"
    second.symlink_to("m.npz")
    for path in (link, link, second):
        model = small()
        model[0].weight.value += 1
        model.save(path)
        assert link.is_symlink()
        assert second.is_symlink()
        assert same(Sequential.load(target), model)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.npz", "disk", "m.npz"]
    files.write_atomically(link, b"new", keep_previous=True)
    assert sorted(p.name for p in target.parent.iterdir()) == ["m.npz", "m.npz.previous"]
    assert files.previous(link) == files.previous(target)


@pytest.mark.skipif(os.name != "posix", reason="links and modes as POSIX has them")
def test_a_file_keeps_its_mode_and_nobody_else_sees_it_before(tmp_path, monkeypatch):
    path, seen = tmp_path / "m.npz", []
    small().save(path)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()
    sync = os.fsync

    def look(handle):
        seen.append(os.fstat(handle).st_mode & 0o777)
        sync(handle)

    monkeypatch.setattr("os.fsync", look)
    for mode in (0o600, 0o640, 0o666, 0o400):
        path.chmod(mode)
        seen.clear()
        small().save(path)
        assert path.stat().st_mode & 0o777 == mode
        assert seen[0] & ~mode == 0
        files.write_atomically(path, b"new", keep_previous=True)
        assert path.stat().st_mode & 0o777 == mode
        assert files.previous(path).stat().st_mode & 0o777 == mode


def umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


# ------------------------------------------------------------------ threads and processes


def test_eight_threads_predict_the_same_bits(rng):
    X = rng.random((2000, 4)).astype(np.float32)
    model = Sequential([
        Dense(4, 16), BatchNorm(), ReLU(), Dropout(0.5), Dense(16, 3), Softmax(),
    ])  # fmt: skip
    model.fit(X, rng.integers(0, 3, 2000), epochs=1, verbose=0)
    expected = [model.predict(X[i : i + 1]) for i in range(2000)]
    before = pickle.dumps(model)
    gate = threading.Barrier(8)

    def work(_):
        gate.wait()
        return all(np.array_equal(model.predict(X[i : i + 1]), expected[i]) for i in range(2000))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert pickle.dumps(model) == before


def test_threads_that_are_the_first_to_look_see_the_same_weights():
    for _ in range(20):
        model, gate = Sequential([Dense(50, 50), Dense(50, 50)]), threading.Barrier(8)

        def first_look(_, model=model, gate=gate):
            gate.wait()
            return model.predict(np.ones((1, 50), np.float32)).tobytes()

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(first_look, range(8)))) == 1


def predicted(model, x):
    return model.predict(x)


def test_a_model_crosses_to_other_processes(rng):
    X, y = rng.random((50, 4)), rng.integers(0, 3, 50)
    model = Sequential([Dense(4, 8), BatchNorm(), ReLU(), Dense(8, 3), Softmax()])
    model.fit(X, y, epochs=2, verbose=0)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        found = pool.apply(predicted, (model, X))
    np.testing.assert_array_equal(found, model.predict(X))


def test_joblib_keeps_a_model(tmp_path, rng):
    joblib = needs("joblib")
    model = small()
    joblib.dump(model, tmp_path / "m.joblib")
    x = rng.random((3, 2))
    np.testing.assert_array_equal(joblib.load(tmp_path / "m.joblib").predict(x), model.predict(x))


def test_lone_layers_are_saved_too(tmp_path):
    layer = Dense(3, 2)
    layer.build(3, rng=0)
    save_model(layer, tmp_path / "layer.npz")
    assert same(load_model(tmp_path / "layer.npz"), layer)


@pytest.mark.parametrize("call", ["save", "load", "to_onnx"])
def test_a_name_that_no_file_has_is_a_storage_error(call, tmp_path):
    if call == "to_onnx":
        needs("onnx")
    model = Sequential([Dense(3, 2)])
    with pytest.raises(StorageError, match=r"cannot be (written|read)"):
        getattr(model, call)(str(tmp_path / "a\0.npz"))
