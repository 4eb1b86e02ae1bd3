"""C files compute what the models compute, by every compiler that is here."""

import ctypes
import itertools
import os
import shutil
import subprocess
import sys
import tracemalloc

import character_transformer
import lenet
import numpy as np
import pytest
import resnet
from cases import LAYERS, TOKENS, flags
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tinyframe as tf
from tinyframe.interop.c import exports, quantized, to_c
from tinyframe.interop.c.memory import Life, plan
from tinyframe.interop.c.program import _exports
from tinyframe.interop.c.weights import UNITS

COMPILERS = [compiler for compiler in ("gcc", "clang") if shutil.which(compiler)]
STRICT = ["-std=c99", "-O3", "-Wall", "-Wextra", "-Werror", "-pedantic"]
CLOSE = 2e-6
"""How far outputs may be from those of `predict`, relative to the largest one."""

compiled = pytest.mark.skipif(not COMPILERS, reason="needs gcc or clang")
few = settings(
    phases=[Phase.explicit, Phase.generate],  # a smaller example would cost minutes of compiling
    max_examples=max(1, settings().max_examples // 50),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
numbers = itertools.count()


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def library(sources, folder, *options):
    """Compile files, their self-tests with them, and return them as one library."""
    files, number = [], next(numbers)
    for name, source in sources.items():
        (folder / f"{name}.c").write_text(source.code)
        files.append(folder / f"{name}_and_test.c")
        files[-1].write_text(
            f"int {name}_main(void);\n#define {name.upper()}_SELF_TEST\n"
            f'#define main {name}_main\n#include "{name}.c"\n'
        )
    for compiler in COMPILERS:
        shared = folder / f"{compiler}_{number}.so"
        run(compiler, *STRICT, *options, "-shared", "-fPIC", *files, "-o", shared, "-lm")
        yield ctypes.CDLL(str(shared))


def answers(there, name, x, model, *more):
    """What a compiled network makes of x."""
    x = np.ascontiguousarray(x)
    y = np.full((len(x), *model.output_shape), np.nan, model.dtype)
    for row, out in zip(x, y, strict=True):
        getattr(there, f"{name}_predict")(
            row.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p), *more
        )
    return y


def compare(models, folder, close=CLOSE, deep=False, **options):
    """Compile models, fast and small, and compare each with what it predicts.

    `models` are pairs of a model and its x.
    """
    sources, rows = {}, {}
    for (number, (model, x)), small in itertools.product(enumerate(models), (False, True)):
        name = f"m{number}{'s' * small}"
        sources[name], rows[name] = to_c(model, name, small=small, **options), (model, x)
    for there in library(sources, folder):
        for name, (model, x) in rows.items():
            assert getattr(there, f"{name}_main")() == 0, f"the self-test of {model!r}"
            answering = quantized(model) if options.get("int8") else model
            expected = answering.predict(x)
            error = np.abs(answers(there, name, x, model) - expected).max()
            most = close * np.abs(expected).max() + (8 * moved(model, x) if deep else 0)
            assert error <= most, f"{model!r}: {error}"


def moved(model, x):
    """How far outputs move when x is rounded otherwise: of deep stacks, more than a bit."""
    signs = np.random.default_rng(0).choice([-1, 1], x.shape)
    nudged = (x * (1 + np.finfo(model.dtype).eps * signs)).astype(x.dtype)
    return np.abs(model.predict(nudged) - model.predict(x)).max()


def trained(model, rng):
    """Move all weights, and what is learned besides, away from where they start."""
    for parameter in model.parameters:
        parameter.value += rng.uniform(-0.1, 0.1, parameter.shape).astype(parameter.dtype)
    for layer in model.walk():
        for name in layer.state_names:
            setattr(layer, name, getattr(layer, name) + rng.uniform(0, 0.5))


@compiled
@pytest.mark.parametrize("name", sorted(LAYERS))
@given(data=st.data())
@few
def test_every_layer_computes_the_same(name, data, tmp_path):
    layers, shapes = LAYERS[name]
    models = []
    for _ in range(2):
        shape, rng = data.draw(shapes), np.random.default_rng(data.draw(st.integers(0, 99)))
        model = tf.Sequential([data.draw(layers)])
        model.build(shape, rng=0)
        trained(model, rng)
        models.append((model, rng.uniform(-2, 2, (8, *shape)).astype(np.float32)))
    compare(models, tmp_path, deep=name == "Sequential")
    if any(type(layer) in UNITS for layer in models[0][0].walk()):
        compare(models[:1], tmp_path, int8=True)


@compiled
@pytest.mark.parametrize("name", sorted(TOKENS))
@given(data=st.data())
@few
def test_tokens(name, data, tmp_path):
    model = tf.Sequential([data.draw(TOKENS[name]), tf.Flatten(), tf.Dense(2)])
    model.build(data.draw(st.integers(1, 4)), rng=0)
    x = np.random.default_rng(0).integers(0, 5, (3, *model.input_shape))
    first = np.int32 if name == "Embedding" else np.float32
    compare([(model, x.astype(first))], tmp_path)
    compare([(model, x.astype(np.uint8))], tmp_path, dtype="uint8")
    compare([(model, x.astype(np.float32))], tmp_path, dtype="float32")


@compiled
def test_what_is_no_token_counts_as_the_first(tmp_path):
    model = tf.Sequential([tf.Embedding(5, 3), tf.Flatten()])
    model.build(4, rng=0)
    x = np.array([[-1, 5, np.nan, 1e30], [0, 0, 0, 0]], np.float32)
    for there in library({"words": to_c(model, "words", dtype="float32")}, tmp_path):
        first, second = answers(there, "words", x, model)
        np.testing.assert_array_equal(first, second)


@compiled
@pytest.mark.parametrize("kind", [tf.RNN, tf.LSTM, tf.GRU, tf.MultiHeadAttention])
@given(data=st.data())
@few
def test_padding_is_skipped_wherever_it_stands(kind, data, tmp_path):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    options = {"heads": 2} if kind is tf.MultiHeadAttention else {"units": 3}
    options["causal" if kind is tf.MultiHeadAttention else "return_sequences"] = data.draw(flags)
    model = tf.Sequential([kind(**options, padding=0.0)])
    time = data.draw(st.integers(1, 5))
    model.build((time, 4), rng=0)
    trained(model, rng)
    x = rng.uniform(-2, 2, (9, time, 4)).astype(np.float32)
    skipped = np.array(data.draw(st.lists(flags, min_size=8 * time, max_size=8 * time)))
    x[:8][skipped.reshape(8, -1)] = 0
    x[8, :, 0] = 0  # which alone is none
    compare([(model, x)], tmp_path)


def transformer():
    block = [
        tf.Residual(tf.LayerNorm(), tf.MultiHeadAttention(2, causal=True)),
        tf.Residual(tf.LayerNorm(), tf.Dense(16), tf.GELU(), tf.Dropout(0.1), tf.Dense(8)),
    ]
    model = tf.Sequential([tf.Embedding(9, 8), tf.PositionalEmbedding(), *block, tf.Dense(9)])
    model.build(6, rng=0)
    return model


def images():
    model = tf.Sequential([
        tf.Rescale(1 / 255), tf.Reshape(1, 12, 12), tf.Conv2D(4, 3, padding=1), tf.BatchNorm(),
        tf.Residual(tf.Conv2D(4, 3, padding="same"), tf.BatchNorm(), shortcut=tf.Conv2D(4, 1)),
        tf.Concatenate([tf.Conv2D(2, 1), tf.Sequential([tf.ReLU(), tf.MaxPool2D(3, 1, "same")])]),
        tf.AveragePool2D(2), tf.ConvTranspose2D(4, 2, stride=2, groups=2), tf.BatchNorm(),
        tf.GlobalAveragePool2D(), tf.Dense(3), tf.BatchNorm(), tf.Softmax(),
    ])  # fmt: skip
    model.build((12, 12), rng=0)
    trained(model, np.random.default_rng(0))
    return model


@compiled
def test_whole_networks(rng, tmp_path):
    pixels = rng.integers(0, 255, (8, 12, 12))
    compare([(transformer(), rng.integers(0, 9, (8, 6)).astype(np.int32))], tmp_path)
    compare([(images(), pixels.astype(np.float32))], tmp_path)
    compare([(images(), pixels.astype(np.uint8))], tmp_path, dtype="uint8", int8=True)


@compiled
def test_the_networks_of_the_examples(rng, tmp_path):
    pixels = rng.integers(0, 255, (4, 28, 28)).astype(np.float32)
    padded = rng.uniform(-1, 1, (4, 9, 2)).astype(np.float32)
    padded[1, 3:] = padded[2, :4] = 0
    recurrent = [tf.LSTM(32, padding=0.0), tf.Dense(1)]
    gaussian = [tf.Dense(1, 64), tf.Tanh(), tf.Dense(64), tf.Tanh(), tf.Dense(3)]
    models = [
        (lenet.lenet(), pixels),
        (resnet.resnet(), pixels),
        (character_transformer.transformer(30, 16), rng.integers(0, 30, (4, 12)).astype("i4")),
        (tf.Sequential(recurrent), padded),
        (tf.Sequential(gaussian), rng.uniform(-2, 2, (4, 1)).astype(np.float32)),
    ]
    for model, x in models:
        model.build(x.shape[1:], rng=0)
        trained(model, rng)
    compare(models, tmp_path)
    source = to_c(models[0][0], "lenet", small=True)
    assert source.memory_bytes == 4 * (6 * 28 * 28 + 6 * 14 * 14), "two neighbours, and no more"


def test_eight_bits_are_a_fourth_and_within_half_a_step(rng):
    model = images()
    rounded = quantized(model)
    for before, after in zip(model.walk(), rounded.walk(), strict=True):
        for name, axis in UNITS.get(type(before), {}).items():
            old, new = (np.moveaxis(getattr(a, name).value, axis, 0) for a in (before, after))
            apart, largest = (np.abs(a).reshape(len(a), -1).max(axis=1) for a in (new - old, old))
            assert (apart <= 0.501 * largest / 127).all()
            assert apart.max() > 0
    x = rng.integers(0, 255, (50, 12, 12))
    assert np.abs(rounded.predict(x) - model.predict(x)).max() < 0.02
    assert np.array_equal(quantized(rounded).predict(x), rounded.predict(x))
    large = tf.Sequential([tf.Dense(400, 100)])
    sizes = [to_c(large, "large", int8=flag).weight_bytes for flag in (False, True)]
    assert sizes == [4 * 40_100, 40_000 + 4 * 200]
    for wrong, error in ((3, TypeError), (tf.Sequential([tf.Dense(3)]), ValueError)):
        with pytest.raises(error, match="quantized expected a"):
            quantized(wrong)


@compiled
def test_integers_are_converted_once_wherever_they_go(rng, tmp_path):
    model = tf.Sequential(
        tf.Concatenate(
            tf.Sequential(tf.Select(0), tf.Embedding(5, 3), tf.Flatten()),
            tf.Residual(tf.Rescale(0.1), tf.Dense(4)),
            tf.Rescale(0.5),
        ),
        tf.Dense(2),
    )
    model.build(4, rng=0)
    compare([(model, rng.integers(0, 5, (8, 4)).astype(np.uint8))], tmp_path, dtype="uint8")
    assert to_c(model, "m", dtype="uint8").code.count("(float)x[i];") == 3


@compiled
def test_double_precision(rng, tmp_path):
    layers = [tf.Dense(5, 4), tf.GELU(), tf.RMSNorm(), tf.Dense(2), tf.ELU(), tf.LogSoftmax()]
    model = tf.Sequential(layers, dtype="float64")
    compare([(model, rng.standard_normal((8, 5)))], tmp_path, close=1e-14)


@compiled
def test_a_model_that_computes_nothing(rng, tmp_path):
    model = tf.Sequential(tf.Flatten(), tf.Dropout(0.5))
    model.build((2, 3))
    compare([(model, rng.standard_normal((2, 2, 3)).astype(np.float32))], tmp_path)


@compiled
@pytest.mark.parametrize("small", [False, True])
def test_nothing_is_read_or_written_out_of_place(small, tmp_path):
    """Under the sanitizers of address and of undefined behaviour."""
    edge = tf.Sequential(tf.Rescale(0.5), tf.Conv2D(2, 3))  # rows that are no whole vectors
    edge.build((1, 5, 5), rng=0)
    for name, model in {"images": images(), "words": transformer(), "edge": edge}.items():
        file = tmp_path / f"{name}.c"
        model.to_c(file, small=small)
        sanitized = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        run(COMPILERS[0], *STRICT, *sanitized, f"-D{name.upper()}_SELF_TEST", file, "-o",
            tmp_path / name, "-lm")  # fmt: skip
        assert run(tmp_path / name) == f"{name}: 4 outputs agree\n"


@compiled
def test_a_workspace_of_the_callers(rng, tmp_path):
    model, x = images(), rng.integers(0, 255, (3, 12, 12)).astype(np.float32)
    source = to_c(model, "shared", workspace=True)
    assert "static float memory" not in source.code
    room = np.full(source.memory_bytes // 4 + 1, 7, np.float32)
    for there in library({"shared": source}, tmp_path):
        assert there.shared_main() == 0
        y = answers(there, "shared", x, model, room.ctypes.data_as(ctypes.c_void_p))
        np.testing.assert_allclose(y, model.predict(x), rtol=1e-5)
    assert room[-1] == 7, "it wrote beyond its end"
    little = tf.Sequential(tf.Dense(3, 2))
    for there in library({"little": to_c(little, "little", workspace=True)}, tmp_path):
        assert there.little_main() == 0


@compiled
def test_the_self_test_notices_a_weight(tmp_path):
    code = to_c(tf.Sequential([tf.Dense(3, 2)]), "wrong").code
    first = code.split("weight_0[6] = {\n")[1].split(",")[0]
    (tmp_path / "wrong.c").write_text(code.replace(first, "0.5f", 1))
    run(COMPILERS[0], *STRICT, "-DWRONG_SELF_TEST", tmp_path / "wrong.c", "-o", tmp_path / "wrong",
        "-lm")  # fmt: skip
    done = subprocess.run([tmp_path / "wrong"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "wrong: output" in done.stdout


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_from_cpp_by_the_header(tmp_path):
    model = tf.Sequential([tf.Rescale(1 / 255), tf.Dense(3)])
    model.build(2, rng=0)
    model.to_c(tmp_path / "net.c", dtype="uint8")
    (tmp_path / "main.cpp").write_text(
        '#include "net.h"\n#include "net.h"\n#include <cstdio>\nint main() {\n'
        "    uint8_t x[NET_INPUTS] = {255, 51};\n    float y[NET_OUTPUTS];\n"
        '    net_predict(x, y);\n    for (float v : y) std::printf("%.9g ", v);\n}\n'
    )
    warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
    program = tmp_path / "net"
    run("gcc", "-c", *STRICT, tmp_path / "net.c", "-o", tmp_path / "net.o")
    run("g++", *warnings, tmp_path / "main.cpp", tmp_path / "net.o", "-o", program)
    y = np.array(run(program).split(), np.float32)
    np.testing.assert_allclose(y, model.predict(np.array([[255, 51]]))[0], rtol=1e-6)
    run("g++", *warnings, "-x", "c++", "-DNET_SELF_TEST", tmp_path / "net.c", "-o", program)
    assert run(program) == "net: 4 outputs agree\n"


def test_batch_statistics_go_into_the_layer_before():
    code = to_c(images(), "net").code
    assert "batch_norm(" not in code
    model = tf.Sequential([tf.Dense(4), tf.BatchNorm()])  # of sequences: their features are steps
    model.build((3, 2), rng=0)
    assert "batch_norm(" in to_c(model, "net").code


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 4)), max_size=9))
def test_no_two_living_values_share_memory(drawn):
    lives = {
        f"v{i}": Life(size, first, first + more) for i, (size, first, more) in enumerate(drawn)
    }
    over = {b: a for a, b in itertools.permutations(lives, 2)}
    over |= {b: a for a, b in itertools.permutations(lives, 2) if lives[a].last == lives[b].first}
    places, length = plan(lives, over)
    assert places.keys() == lives.keys()
    assert all(start + lives[name].size <= length for name, start in places.items())
    for (a, u), (b, v) in itertools.combinations(lives.items(), 2):
        taken_over = (over.get(b) == a and u.last == v.first) or (
            over.get(a) == b and v.last == u.first
        )
        if u.first <= v.last and v.first <= u.last and not taken_over:
            apart = places[a] + u.size <= places[b] or places[b] + v.size <= places[a]
            assert apart, (a, b)


@given(st.lists(st.integers(1, 99), min_size=1, max_size=9))
def test_a_chain_takes_the_two_largest_neighbours(sizes):
    lives = {f"v{i}": Life(size, i, i + 1) for i, size in enumerate(sizes)}
    _, length = plan(lives, {})
    assert length == max(a + b for a, b in zip(sizes, [*sizes[1:], 0], strict=True))


class Twice(tf.Layer):
    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Louder(tf.Dense):
    def forward(self, x, training=False):
        return 2 * super().forward(x, training)


@pytest.mark.parametrize("layer", [Twice(), Louder(3, 3)], ids=["own", "subclass"])
def test_what_cannot_be_written_is_named_and_no_file_written(layer, tmp_path):
    name = type(layer).__name__
    model = tf.Sequential([tf.Dense(3, 3), tf.Residual(tf.ReLU(), layer)])
    with pytest.raises(ValueError, match=rf"^layer 1.layers.1: {name}\(.*cannot be"):
        model.to_c(tmp_path / "model.c")
    with pytest.raises(ValueError, match="built model"):
        tf.Sequential([tf.Dense(3)]).to_c(tmp_path / "model.c")
    assert not list(tmp_path.iterdir())


@compiled
def test_layers_of_ones_own_can_be_told(rng, monkeypatch, tmp_path):
    monkeypatch.setitem(_exports, Twice, None)  # to be forgotten again

    @exports(Twice)
    def _(program, layer, x):
        return program.map(x, f"2.0f * {x}[i]")

    for dtype in ("float32", "float64"):
        model = tf.Sequential([tf.Dense(3, 3), Twice()], dtype=dtype)
        compare([(model, rng.standard_normal((2, 3)).astype(dtype))], tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "x; system(0)", "", "1st", "_x", "a b", "ä", "x\n", "x\0", "int", "class", "main", "*/",
        "a" * 49,
    ],
)  # fmt: skip
def test_hostile_names_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"^name expected"):
        tf.Sequential([tf.Dense(3, 3)]).to_c(tmp_path / "model.c", name)
    assert not list(tmp_path.iterdir())


def test_what_is_no_argument(tmp_path):
    model = tf.Sequential([tf.Dense(3, 3)])
    with pytest.raises(TypeError, match="name expected a string"):
        model.to_c(tmp_path / "model.c", 3)
    for path in ("model.h", "model", "model.cpp"):
        with pytest.raises(ValueError, match=r"path expected a name in \.c"):
            model.to_c(tmp_path / path)
    for dtype in ("uint64", "float64"):
        with pytest.raises(ValueError, match=f"dtype expected float32 or uint8, .*, got {dtype}"):
            model.to_c(tmp_path / "model.c", dtype=dtype)
    with pytest.raises(TypeError, match="expected a model, got 3"):
        to_c(3, "three")
    model[0].weight.value[0, 0] = np.inf
    with pytest.raises(ValueError, match="finite weights, got others in layer 0"):
        model.to_c(tmp_path / "model.c")
    assert not list(tmp_path.iterdir())


def test_too_many_weights_are_told_before_anything_is_made(tmp_path):
    model = tf.Sequential([tf.Dense(10_000, 10_000)])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"at most, got 100,010,000: some 1,600 MB of text"):
            model.to_c(tmp_path / "model.c")
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()
    wide = tf.Sequential(
        [tf.Reshape(1, 20_000, 1), tf.ConvTranspose2D(1, (1, 1), stride=(20_000, 1))]
    )
    wide.build(20_000, rng=0)
    with pytest.raises(ValueError, match="numbers at a time at most"):
        wide.to_c(tmp_path / "model.c")
    assert not list(tmp_path.iterdir())


def test_both_files_are_written_or_none(tmp_path, monkeypatch):
    model = tf.Sequential([tf.Dense(3, 3)])
    model.to_c(tmp_path / "a.c", header=False)
    assert [file.name for file in tmp_path.iterdir()] == ["a.c"]
    (tmp_path / "b.c").mkdir()
    with pytest.raises(tf.StorageError):
        model.to_c(tmp_path / "b.c")
    assert not (tmp_path / "b.h").exists()
    (tmp_path / "b.h").write_text("mine")
    with pytest.raises(tf.StorageError):
        model.to_c(tmp_path / "b.c")
    assert (tmp_path / "b.h").read_text() == "mine"


def test_the_files_tell_what_they_are(tmp_path):
    evil = type("x*/ int main", (tf.ReLU,), {})
    model = tf.Sequential([tf.Dense(3, 4), tf.ReLU(), tf.Dense(2)])
    model.to_c(tmp_path / "model.c", "digits")
    header, code = ((tmp_path / f"model.{kind}").read_text() for kind in "hc")
    assert f"by tinyframe {tf.__version__}" in header
    assert "#define DIGITS_WEIGHT_BYTES 104\n#define DIGITS_MEMORY_BYTES 16\n" in header
    assert "void digits_predict(const float *x, float *y);" in header
    assert max(map(len, header.splitlines())) <= 100
    assert code == to_c(model, "digits").code, "the same model makes the same file"
    exports(evil)(lambda program, layer, x: x)
    try:
        assert "*/ int" not in to_c(tf.Sequential([tf.Dense(3, 4), evil()]), "d").code
        assert "x__ int main 4\n" in to_c(tf.Sequential([tf.Dense(3, 4), evil()]), "d").code
    finally:
        del _exports[evil]


SAME_TEXT = """
from tinyframe import LSTM, Conv2D, Dense, Embedding, Flatten, ReLU, Residual, Sequential
from tinyframe.interop.c import to_c

for layers, shape in (
    ([Embedding(9, 4), LSTM(5, return_sequences=True), LSTM(5), Dense(2)], 6),
    ([Conv2D(3, 3, padding=1), Residual([Conv2D(3, 3, padding=1), ReLU()]), Flatten()], (3, 6, 6)),
):
    model = Sequential(layers)
    model.build(shape, rng=0)
    print(to_c(model, "net").code)
"""


def test_a_network_is_the_same_text_in_every_process():
    """Strings are hashed anew in each, and sets of them are in another order."""
    texts = {
        subprocess.run(
            [sys.executable, "-c", SAME_TEXT], capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(5)
    }  # fmt: skip
    assert len(texts) == 1
