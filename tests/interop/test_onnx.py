"""ONNX files compute what the models compute, by two runtimes."""

import numpy as np
import pytest
from cases import LAYERS, TOKENS, flags
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import needs

onnx = needs("onnx")
onnxruntime = needs("onnxruntime")

from onnx.reference import ReferenceEvaluator

import tinyframe as tf
from tinyframe.interop.onnx import exports, to_onnx
from tinyframe.interop.onnx.graph import _exports


def outputs(proto, x):
    """What ONNX Runtime and ONNX's own reference make of x."""
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    yield session.run(None, {"input": x})[0]
    if not any(map(reference_errs, proto.graph.node)):
        yield ReferenceEvaluator(proto).run(None, {"input": x})[0]


def reference_errs(node):
    """Whether onnx 1.23's reference is known to compute something else than its documents say.

    It divides the filters of transposed convolutions among the wrong groups, and confuses the sides
    in pooling with uneven padding.
    """
    options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    pads = options.get("pads", [0, 0, 0, 0])
    return (node.op_type == "ConvTranspose" and options["group"] > 1) or (
        node.op_type == "MaxPool" and len(set(pads)) > 1
    )


def compare(model, x):
    expected = model.predict(x)
    for y in outputs(to_onnx(model), x):
        assert y.shape == expected.shape
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def trained(model, rng):
    """Move all weights, and what is learned besides, away from where they start."""
    for parameter in model.parameters:
        parameter.value += rng.uniform(-0.1, 0.1, parameter.shape).astype(parameter.dtype)
    for layer in model.walk():
        for name in layer.state_names:
            setattr(layer, name, getattr(layer, name) + rng.uniform(0, 0.5))


@pytest.mark.parametrize("name", sorted(LAYERS))
@given(data=st.data())
@settings(max_examples=12)
def test_every_layer_computes_the_same(name, data):
    layers, shapes = LAYERS[name]
    shape, rng = data.draw(shapes), np.random.default_rng(data.draw(st.integers(0, 99)))
    model = tf.Sequential([data.draw(layers)])
    model.build(shape, rng=0)
    trained(model, rng)
    x = rng.uniform(-2, 2, (data.draw(st.integers(1, 3)), *shape)).astype(np.float32)
    compare(model, x)


@pytest.mark.parametrize("name", sorted(TOKENS))
@given(data=st.data())
@settings(max_examples=12)
def test_tokens_enter_as_integers_where_they_come_first(name, data):
    model = tf.Sequential([data.draw(TOKENS[name]), tf.Flatten(), tf.Dense(2)])
    model.build(data.draw(st.integers(1, 4)), rng=0)
    x = np.random.default_rng(0).integers(0, 5, (3, *model.input_shape))
    enters = onnx.TensorProto.INT64 if name == "Embedding" else onnx.TensorProto.FLOAT
    assert to_onnx(model).graph.input[0].type.tensor_type.elem_type == enters
    compare(model, x if name == "Embedding" else x.astype(np.float32))


@pytest.mark.parametrize("kind", [tf.RNN, tf.LSTM, tf.GRU, tf.MultiHeadAttention])
@given(data=st.data())
@settings(max_examples=12)
def test_padding_is_skipped_wherever_it_stands(kind, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    options = {"heads": 2} if kind is tf.MultiHeadAttention else {"units": 3}
    options["causal" if kind is tf.MultiHeadAttention else "return_sequences"] = data.draw(flags)
    model = tf.Sequential([kind(**options, padding=0.0)])
    time = data.draw(st.integers(1, 5))
    model.build((time, 4), rng=0)
    trained(model, rng)
    x = rng.uniform(-2, 2, (4, time, 4)).astype(np.float32)
    x[np.array(data.draw(st.lists(flags, min_size=4 * time, max_size=4 * time))).reshape(4, -1)] = 0
    compare(model, x)


def test_whole_networks(rng):
    block = [
        tf.Residual(tf.LayerNorm(), tf.MultiHeadAttention(2, causal=True)),
        tf.Residual(tf.LayerNorm(), tf.Dense(16), tf.GELU(), tf.Dropout(0.1), tf.Dense(8)),
    ]
    transformer = tf.Sequential([tf.Embedding(9, 8), tf.PositionalEmbedding(), *block, tf.Dense(9)])
    transformer.build(6, rng=0)
    compare(transformer, rng.integers(0, 9, (3, 6)))
    images = tf.Sequential([
        tf.Rescale(1 / 255), tf.Reshape(1, 12, 12),
        tf.Residual(tf.Conv2D(4, 3, padding="same"), tf.BatchNorm(), shortcut=tf.Conv2D(4, 1)),
        tf.Concatenate([tf.Conv2D(2, 1), tf.Sequential([tf.ReLU(), tf.MaxPool2D(3, 1, "same")])]),
        tf.GlobalAveragePool2D(), tf.Dense(3), tf.Softmax(),
    ])  # fmt: skip
    images.build((12, 12), rng=0)
    compare(images, rng.integers(0, 255, (3, 12, 12)).astype(np.float32))


@pytest.mark.parametrize(
    "layer",
    [
        tf.BatchNorm(epsilon=0.1),
        tf.LayerNorm(epsilon=0.1),
        tf.ConvTranspose2D(2, 1, stride=2, padding="same"),
    ],
    ids=repr,
)
def test_arguments_that_the_others_leave_alone(layer, rng):
    model = tf.Sequential([layer])
    model.build((2, 3, 4), rng=0)
    compare(model, rng.standard_normal((3, 2, 3, 4)).astype(np.float32))


def test_double_precision_by_the_reference(rng):
    model = tf.Sequential([tf.Dense(5, 4), tf.GELU(), tf.RMSNorm(), tf.Dense(2)], dtype="float64")
    x = rng.standard_normal((3, 5))
    y = ReferenceEvaluator(to_onnx(model)).run(None, {"input": x})[0]
    np.testing.assert_allclose(y, model.predict(x), rtol=1e-12)


def test_the_file(tmp_path, rng):
    model = tf.Sequential([tf.Dense(4, 3), tf.ReLU()])
    model.to_onnx(tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert [o.version for o in proto.opset_import] == [18]
    assert proto.producer_name == "tinyframe"
    assert {i.name for i in proto.graph.initializer} == {"0.weight", "0.bias"}
    (entry,) = proto.graph.input
    sizes = entry.type.tensor_type.shape.dim
    assert (sizes[0].dim_param, sizes[1].dim_value) == ("batch", 4)
    for rows in (1, 7):
        compare(model, rng.standard_normal((rows, 4)).astype(np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


class Twice(tf.Layer):
    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Louder(tf.Dense):
    def forward(self, x, training=False):
        return 2 * super().forward(x, training)


@pytest.mark.parametrize("layer", [Twice(), Louder(3, 3)], ids=["own", "subclass"])
def test_what_cannot_be_exported_is_named_and_no_file_written(layer, tmp_path):
    model, name = (
        tf.Sequential([tf.Dense(3, 3), tf.Residual(tf.ReLU(), layer)]),
        type(layer).__name__,
    )
    with pytest.raises(ValueError, match=rf"^layer 1.layers.1: {name}\(.*cannot be"):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="built model"):
        tf.Sequential([tf.Dense(3)]).to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_layers_of_ones_own_can_be_told(rng, monkeypatch):
    monkeypatch.setitem(_exports, Twice, None)  # to be forgotten again

    @exports(Twice)
    def _(graph, layer, x):
        return graph.add("Add", x, x)

    model = tf.Sequential([tf.Dense(3, 3), Twice()])
    compare(model, rng.standard_normal((2, 3)).astype(np.float32))


def test_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r'needs onnx: pip install "tinyframe\[onnx\]"'):
        tf.Sequential([tf.Dense(3, 3)]).to_onnx(tmp_path / "model.onnx")
