"""ONNX's own tests of its operators, which ship with it, computed by the layers and losses.

Each test has inputs and outputs of one operator. Every one of an operator that is a layer or a
loss here is run, or stands in `NOT_EXPRESSIBLE` with the reason; docs/ecosystem.md shows that
table. What a layer does not give, such as indices or a mask, is not compared.
"""

import re
import warnings
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from needs import needs

import tinyframe as tf

onnx = needs("onnx")

from onnx.backend.test.loader import load_model_tests
from onnx.numpy_helper import to_array

NOT_EXPRESSIBLE = {
    "layers compute in float32 and float64": [
        "add_*int*", "maxpool_2d_uint8", "attention_*_fp16", "attention_*_bf16",
        "attention_*float16*", "attention_24_qk_matmul_output_mode3_softmax_precision",
    ],
    "`Add` sums branches of one shape": ["add_bcast"],
    "`Dense` has one W and one b for all rows": [
        "gemm_default_matrix_bias", "matmul_3d", "matmul_4d", "matmul_bcast", "matmul_1d_3d",
    ],
    "`GELU` is the form with tanh": ["gelu_default_*"],
    "`Reshape` takes sizes of at least 1": ["reshape_allowzero_reordered"],
    "which numbers `Dropout` drops is random": [
        "training_dropout_default*", "training_dropout", "training_dropout_mask",
    ],
    "there are no three-dimensional convolutions and poolings": [
        "convtranspose_3d", "*pool_3d_*",
    ],
    "the output would be larger than what the kernels reach": [
        "convtranspose_output_shape", "convtranspose_pad", "convtranspose_kernel_shape",
    ],
    "poolings do not begin a window that does not end on the padded image": [
        "maxpool_2d_ceil", "averagepool_2d_ceil*",
    ],
    "pixels of the padding do not count in `AveragePool2D`": ["averagepool_*_count_include_pad"],
    "windows of poolings have no gaps": ["*pool_2d_dilations"],
    '`padding="same"` puts an odd row of padding last': ["*pool_2d_same_lower"],
    "`LSTM` has no peepholes": ["lstm_with_peepholes"],
    "tokens count from the first": ["gather_negative_indices"],
    "`MultiHeadAttention` hides what is causal or padding, and has no other mask": [
        "attention_[34]d_attn_mask", "attention_4d_attn_mask_[34]d*", "attention_*_gqa_attn_mask",
        "attention_*_sizes_attn_mask", "attention_*boolmask*", "attention_*fullymasked*",
        "attention_4d_with_qk_matmul_bias", "attention_4d_with_qk_matmul_softmax",
        "attention_*nonpad*", "attention_*padded_kv", "attention_*_window",
        "attention_local_window_with_past", "attention_local_window_*mask",
        "attention_3d_*_past_and_present*", "attention_4d_with_past_and_present*",
        "attention_4d_gqa_with_past_and_present", "attention_4d_diff_heads_with_past_and_present*",
    ],
    "`MultiHeadAttention` has no cap on its scores": [
        "attention_*softcap", "attention_4d_softcap_neginf_mask*",
    ],
}  # fmt: skip

NO_OPERATOR = {
    tf.Rescale: "multiplies by one number",
    tf.PositionalEmbedding: "adds its weights",
    tf.Residual: "adds as `Add` does",
    tf.Sequential: "is a graph",
    tf.Reverse: "is a `Slice` in steps of −1",
    tf.Select: "is a `Gather` of features by a list that does not change",
    tf.Conv1D: "is a `Conv2D` of height 1",
    **dict.fromkeys(
        [tf.MSELoss, tf.MAELoss, tf.HuberLoss, tf.HingeLoss, tf.KLDivergenceLoss], "a loss"
    ),
    **dict.fromkeys(
        [tf.BinaryCrossEntropyLoss, tf.GaussianNLLLoss, tf.PoissonLoss, tf.QuantileLoss], "a loss"
    ),
}

RUNNERS = {}
"""operator: (the classes that compute it, function (inputs, attributes) → outputs)."""


def runs(*operators, by):
    def register(function):
        RUNNERS.update(dict.fromkeys(operators, (by, function)))
        return function

    return register


def compute(layer, x, **values):
    """Build a layer, give it weights and averages, and return y; training computes the same."""
    layer.build(x.shape[1:])
    for name, value in values.items():
        held = getattr(layer, name)
        array = held.value if isinstance(held, tf.Parameter) else held
        array[...] = np.reshape(value, array.shape)
    y = layer.forward(x)
    np.testing.assert_allclose(layer.forward(x, training=True), y, rtol=1e-5, atol=1e-5)
    assert y.dtype == np.float32
    return y


# ---------------------------------------------------------------- element by element, and shapes


@runs(
    "Relu", "LeakyRelu", "Elu", "Gelu", "Swish", "Softplus", "Sigmoid", "Tanh",
    by=[tf.ReLU, tf.LeakyReLU, tf.ELU, tf.GELU, tf.SiLU, tf.Softplus, tf.Sigmoid, tf.Tanh],
)  # fmt: skip
def _(inputs, given):
    made = {
        "Relu": tf.ReLU, "Softplus": tf.Softplus, "Sigmoid": tf.Sigmoid, "Tanh": tf.Tanh,
        "LeakyRelu": lambda: tf.LeakyReLU(given.get("alpha", 0.01)),
        "Elu": lambda: tf.ELU(given.get("alpha", 1.0)),
        "Gelu": tf.GELU,
        "Swish": tf.SiLU,
    }  # fmt: skip
    return [compute(made[given.operator](), inputs.x[np.newaxis].astype("f4"))[0]]


@runs("Softmax", "LogSoftmax", by=[tf.Softmax, tf.LogSoftmax])
def _(inputs, given):
    axis = given.get("axis", -1)
    layer = getattr(tf, given.operator)(axis if axis < 0 else axis + 1)
    return [compute(layer, inputs.x[np.newaxis])[0]]


@runs("Flatten", by=[tf.Flatten])
def _(inputs, given):
    axis = given.get("axis", 1) % inputs.a.ndim
    rows = int(np.prod(inputs.a.shape[:axis]))
    return [compute(tf.Flatten(), inputs.a.reshape(rows, *inputs.a.shape[axis:]))]


@runs("Reshape", by=[tf.Reshape])
def _(inputs, given):
    shape = [size or inputs.data.shape[i] for i, size in enumerate(inputs.shape.tolist())]
    return [compute(tf.Reshape(*shape), inputs.data[np.newaxis])[0]]


@runs("Transpose", by=[tf.Permute])
def _(inputs, given):
    axes = given.get("perm", range(inputs.data.ndim)[::-1])
    return [compute(tf.Permute(*(axis + 1 for axis in axes)), inputs.data[np.newaxis])[0]]


@runs("Dropout", by=[tf.Dropout])
def _(inputs, given):
    if getattr(inputs, "t", False):  # training; whose rate can be compared is 0
        assert inputs.r == 0
        return [compute(tf.Dropout(0.0), inputs.x)]
    layer = tf.Dropout(float(getattr(inputs, "r", given.get("ratio", 0.5))))
    return [layer.forward(inputs.x)]


@runs("Add", "Sum", by=[tf.Add])
def _(inputs, given):
    return [_joined(tf.Add, inputs)]


@runs("Concat", by=[tf.Concatenate])
def _(inputs, given):
    axis = given.axis
    return [_joined(lambda b: tf.Concatenate(b, axis + (axis >= 0)), inputs)]


def _joined(container, inputs):
    """Give a container all inputs side by side as one sample; each branch takes one of them."""
    arrays = list(vars(inputs).values())
    joined = np.concatenate(arrays, axis=-1)[np.newaxis]
    places = np.split(np.eye(joined.shape[-1]), np.cumsum([a.shape[-1] for a in arrays])[:-1])
    branches = []
    for place in places:
        branches.append(tf.Dense(len(place), use_bias=False))
        branches[-1].build(joined.shape[1:])
        branches[-1].weight.value[...] = place.T
    return compute(container(branches), joined)[0]


# ---------------------------------------------------------------- products


@runs("Gemm", by=[tf.Dense])
def _(inputs, given):
    A = inputs.a.T if given.get("transA", 0) else inputs.a
    B = inputs.b.T if given.get("transB", 0) else inputs.b
    bias = np.broadcast_to(getattr(inputs, "c", np.zeros(1)), (1, B.shape[1]))
    weights = {"weight": given.get("alpha", 1.0) * B, "bias": given.get("beta", 1.0) * bias}
    return [compute(tf.Dense(B.shape[1]), np.ascontiguousarray(A), **weights)]


@runs("MatMul", by=[tf.Dense])
def _(inputs, given):
    a, b = np.atleast_2d(inputs.a), inputs.b.reshape(len(inputs.b), -1)
    y = compute(tf.Dense(b.shape[1], use_bias=False), a, weight=b)
    y = y[..., 0] if inputs.b.ndim == 1 else y
    return [y[0] if inputs.a.ndim == 1 else y]


@runs("Gather", by=[tf.Embedding])
def _(inputs, given):
    table = np.moveaxis(inputs.data, given.axis, 0)
    layer = tf.Embedding(len(table), table[0].size)
    y = compute(layer, inputs.indices[np.newaxis], weight=table)[0]
    y = y.reshape(*inputs.indices.shape, *table.shape[1:])
    places = range(inputs.indices.ndim)
    return [np.moveaxis(y, places, [given.axis + place for place in places])]


# ---------------------------------------------------------------- images


def _padding(given, spatial):
    """Return `padding=` for what ONNX says, of images and of rows of pixels."""
    if given.get("auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER"):
        return "same"
    pads = given.get("pads", [0] * 2 * spatial)
    before, after = pads[:spatial], pads[spatial:]
    assert before == after
    return _pair(before, 0)


def _pair(sizes, missing):
    return (missing, *sizes) if len(sizes) == 1 else tuple(sizes)


def _as_image(x):
    return x[:, :, np.newaxis] if x.ndim == 3 else x


@runs("Conv", "ConvTranspose", by=[tf.Conv2D, tf.ConvTranspose2D])
def _(inputs, given):
    x, W = (getattr(inputs, "x", None), inputs.W)
    x = inputs.X if x is None else x
    spatial, groups = x.ndim - 2, given.get("group", 1)
    transposed = given.operator == "ConvTranspose"
    layer = (tf.ConvTranspose2D if transposed else tf.Conv2D)(
        W.shape[1] * groups if transposed else len(W),
        _pair(W.shape[2:], 1),
        stride=_pair(given.get("strides", [1] * spatial), 1),
        padding=_padding(given, spatial),
        dilation=_pair(given.get("dilations", [1] * spatial), 1),
        groups=groups,
        use_bias=False,
    )
    y = compute(layer, _as_image(x), weight=W)
    return [y[:, :, 0] if spatial == 1 else y]


@runs("MaxPool", "AveragePool", by=[tf.MaxPool2D, tf.AveragePool2D])
def _(inputs, given):
    spatial = inputs.x.ndim - 2
    layer = getattr(tf, f"{given.operator}2D")(
        _pair(given.kernel_shape, 1),
        stride=_pair(given.get("strides", [1] * spatial), 1),
        padding=_padding(given, spatial),
    )
    y = compute(layer, _as_image(inputs.x))
    return [y[:, :, 0] if spatial == 1 else y]


@runs("GlobalAveragePool", by=[tf.GlobalAveragePool2D])
def _(inputs, given):
    return [compute(tf.GlobalAveragePool2D(), inputs.x)[:, :, np.newaxis, np.newaxis]]


# ---------------------------------------------------------------- normalisation


@runs("BatchNormalization", by=[tf.BatchNorm])
def _(inputs, given):
    old = 0.9  # weight of what was there before: the operator's default
    layer = tf.BatchNorm(momentum=1 - old, epsilon=given.get("epsilon", 1e-5))
    layer.build(inputs.x.shape[1:])
    layer.gain.value[...], layer.bias.value[...] = inputs.s, inputs.bias
    layer.running_mean[...], layer.running_variance[...] = inputs.mean, inputs.var
    if not given.get("training_mode", 0):
        return [layer.forward(inputs.x)]
    y = layer.forward(inputs.x, training=True)
    m = inputs.x[:, 0].size  # ours is the variance of a sample, theirs that of the batch
    batch = (layer.running_variance - old * inputs.var) * (m - 1) / m
    return [y, layer.running_mean, old * inputs.var + batch]


@runs("LayerNormalization", "RMSNormalization", by=[tf.LayerNorm, tf.RMSNorm])
def _(inputs, given):
    X, axis = inputs.X, given.get("axis", -1) % inputs.X.ndim
    layer = {"LayerNormalization": tf.LayerNorm, "RMSNormalization": tf.RMSNorm}[given.operator]
    weights = {"gain": inputs.W} | ({"bias": inputs.B} if hasattr(inputs, "B") else {})
    rows = X.reshape(1, *X.shape[:axis], -1)
    y = compute(layer(epsilon=given.get("epsilon", 1e-5)), rows, **weights)
    return [y.reshape(X.shape)]


# ---------------------------------------------------------------- sequences


GATES = {"RNN": [0], "LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2]}
"""Where our gates are among ONNX's: of its i, o, f, c we want i, f, c, o.

ONNX's GRU applies the reset gate before the product with U, ours after it. Its tests cannot tell:
their weights are equal, or their gates wide open or shut.
"""


@runs("RNN", "LSTM", "GRU", by=[tf.RNN, tf.LSTM, tf.GRU])
def _(inputs, given):
    x = inputs.X if given.get("layout", 0) else inputs.X.swapaxes(0, 1)  # (batch, time, features)
    direction = given.get("direction", b"forward")
    steps = {b"forward": [1], b"reverse": [-1], b"bidirectional": [1, -1]}[direction]
    sequences = []
    for number, step in enumerate(steps):
        layer = getattr(tf, given.operator)(given.hidden_size, return_sequences=True)
        both = np.zeros((1, 2, len(inputs.W[0]))) if not hasattr(inputs, "B") else inputs.B
        bias = both[number if hasattr(inputs, "B") else 0].reshape(2, -1).sum(axis=0)
        weights = {
            "weight": _by_gate(given, inputs.W[number]).T,
            "recurrent_weight": _by_gate(given, inputs.R[number]).T,
            "bias": _by_gate(given, bias),
        }
        sequences.append(compute(layer, x[:, ::step], **weights)[:, ::step])
    Y = np.stack(sequences)  # (directions, batch, time, units)
    last = np.stack([y[:, ::step][:, -1] for y, step in zip(sequences, steps, strict=True)])
    if given.get("layout", 0):
        return [Y.transpose(1, 2, 0, 3), last.swapaxes(0, 1)]
    return [Y.transpose(2, 0, 1, 3), last]


def _by_gate(given, array):
    gates = array.reshape(-1, given.hidden_size, *array.shape[1:])
    return gates[GATES[given.operator]].reshape(array.shape)


@runs("Attention", by=[tf.MultiHeadAttention])
def _(inputs, given):
    """The features of a place are its q, k and v side by side; the weights take them apart."""
    assert "softcap" not in vars(given)
    assert np.all(getattr(inputs, "attn_mask", True) == np.True_)  # which hides nothing
    Q, K, V = (_heads(getattr(inputs, n), given, n) for n in ("Q", "K", "V"))
    past = 0
    if hasattr(inputs, "past_key"):  # what came before: the queries' places are behind it
        past = inputs.past_key.shape[2]
        K = np.concatenate([inputs.past_key, K], axis=2)
        V = np.concatenate([inputs.past_value, V], axis=2)
    batch, heads, queries, size = Q.shape
    places = K.shape[2]
    K, V = (np.repeat(array, heads // array.shape[1], axis=1) for array in (K, V))
    full = np.zeros((batch, heads, places, size), np.float32)
    full[:, :, past : past + queries] = Q
    rows = [array.transpose(0, 2, 1, 3).reshape(batch, places, -1) for array in (full, K, V)]
    x = np.concatenate(rows, axis=2)
    features = -(-x.shape[2] // heads) * heads
    x = np.concatenate([x, np.zeros((batch, places, features - x.shape[2]), "f4")], axis=2)
    d = features // heads
    weight = np.zeros((features, 3, heads, d))
    output_weight = np.zeros((heads, d, features))
    start = 0
    for part, array in enumerate((Q, K, V)):
        for head in range(heads):
            for i in range(array.shape[3]):
                weight[start, part, head, i] = 1
                start += 1
    weight[:, 0] *= given.get("scale", size**-0.5) * d**0.5  # the layer divides by √d
    for column, (head, i) in enumerate(np.ndindex(heads, V.shape[3])):
        output_weight[head, i, column] = 1
    layer = tf.MultiHeadAttention(heads, causal=bool(given.get("is_causal", 0)))
    y = compute(layer, x, weight=weight, output_weight=output_weight)
    y = y[:, past : past + queries, : heads * V.shape[3]]
    if inputs.Q.ndim == 3:
        return [y]
    return [y.reshape(batch, queries, heads, -1).transpose(0, 2, 1, 3)]


def _heads(x, given, name):
    """Return (batch, heads, time, d)."""
    if x.ndim == 4:
        return x
    heads = given.q_num_heads if name == "Q" else given.kv_num_heads
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


# ---------------------------------------------------------------- losses


@runs("SoftmaxCrossEntropyLoss", by=[tf.CrossEntropyLoss])
def _(inputs, given):
    options = {"from_logits": True, "class_weights": getattr(inputs, "w", None)}
    loss = tf.CrossEntropyLoss(ignore_index=given.get("ignore_index"), **options)
    logarithms = compute(tf.LogSoftmax(axis=1), inputs.x)
    return [_reduced(loss, np.moveaxis(inputs.x, 1, -1), inputs.y, given, 0.0), logarithms]


@runs("NegativeLogLikelihoodLoss", by=[tf.CrossEntropyLoss])
def _(inputs, given):
    """−x of the right class, where our −log p asks for probabilities: p = exp(x − 1), x ≤ 1."""
    weights = getattr(inputs, "weight", None)
    loss = tf.CrossEntropyLoss(class_weights=weights, ignore_index=given.get("ignore_index"))
    return [_reduced(loss, np.exp(np.moveaxis(inputs.input, 1, -1) - 1), inputs.target, given, 1)]


def _reduced(loss, scores, labels, given, shift):
    """Return the mean of the loss, its sum, or each of its terms; `shift` is taken from a term."""
    reduction = given.get("reduction", b"mean")
    if reduction != b"none":
        mean = loss.forward(scores, labels) - shift
        return np.float32(mean * (loss.weight_sum if reduction == b"sum" else 1))
    terms = np.empty(labels.shape, np.float32)
    for place in np.ndindex(labels.shape):
        mean = loss.forward(scores[place][np.newaxis], labels[place][np.newaxis])
        terms[place] = (mean - shift) * loss.weight_sum
    return terms


# ---------------------------------------------------------------- the tests


class Attributes(SimpleNamespace):
    def get(self, name, default=None):
        return getattr(self, name, default)


def base_name(name):
    """A test whose operator is written in others has the numbers of the one that it expands."""
    return re.sub(r"_expanded(_ver\d+)?$", "", name)


@pytest.fixture(scope="module")
def cases():
    """Return {name: test} of the covered operators, and those that expand one of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # while onnx computes its examples
        everything = {
            case.name.removeprefix("test_"): case for case in load_model_tests(kind="node")
        }
    covered = {
        name: case
        for name, case in everything.items()
        if name == base_name(name) and operator(case) in RUNNERS
    }
    expanded = {
        name: case
        for name, case in everything.items()
        if name != base_name(name) and base_name(name) in covered
    }
    assert len(covered) > 200
    return covered, expanded


def operator(case):
    nodes = case.model.graph.node
    return nodes[0].op_type if len(nodes) == 1 else None


def reasons(name):
    return [
        reason
        for reason, patterns in NOT_EXPRESSIBLE.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def arrays(values):
    return [to_array(v) if isinstance(v, onnx.TensorProto) else np.asarray(v) for v in values]


def compare(case):
    """Compute a test, and compare what the operator and our layer both give."""
    (node,) = case.model.graph.node
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    names = [name for name in node.input if name]
    ((values, outputs),) = case.data_sets
    inputs = SimpleNamespace(**dict(zip(names, arrays(values), strict=True)))
    _, run = RUNNERS[node.op_type]
    results = run(inputs, Attributes(operator=node.op_type, **given))
    places = [place for place, name in enumerate(node.output) if name]
    pairs = [
        (results[place], expected)
        for place, expected in zip(places, arrays(outputs), strict=True)
        if place < len(results)
    ]
    assert pairs
    for result, expected in pairs:
        assert (result.shape, result.dtype.kind) == (expected.shape, expected.dtype.kind)
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", sorted(RUNNERS))
def test_layers_compute_what_onnx_expects(kind, cases):
    mine = [case for case in cases[0].values() if operator(case) == kind]
    wrong, ran = {}, 0
    for case in mine:
        name = case.name.removeprefix("test_")
        if not reasons(name):
            ran += 1
            try:
                compare(case)
            except (AssertionError, TypeError, ValueError) as error:
                wrong[name] = str(error)
    assert wrong == {}
    assert ran, f"no test of {kind} was run"


def test_what_is_called_not_expressible_does_not_pass(cases):
    passing = []
    for name, case in cases[0].items():
        if reasons(name):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    compare(case)
                except Exception:  # noqa: BLE001, S112 - however it shows
                    continue
            passing.append(name)
    assert passing == []


def test_what_is_written_in_other_operators_has_the_same_numbers(cases):
    covered, expanded = cases
    assert len(expanded) > 100
    for name, case in expanded.items():
        for ours, theirs in zip(
            covered[base_name(name)].data_sets[0], case.data_sets[0], strict=True
        ):
            for one, other in zip(arrays(ours), arrays(theirs), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=name)


def test_the_table_names_what_there_is(cases):
    covered, _ = cases
    if onnx.__version__.startswith("1.23."):  # of which the table was made; others may have fewer
        unknown = [
            pattern
            for patterns in NOT_EXPRESSIBLE.values()
            for pattern in patterns
            if not any(fnmatchcase(name, pattern) for name in covered)
        ]
        assert unknown == []


def test_every_layer_and_loss_is_asked_for():
    asked = {made for by, _ in RUNNERS.values() for made in by} | set(NO_OPERATOR)
    everything = {
        value
        for name in tf.__all__
        if isinstance(value := getattr(tf, name), type)
        and issubclass(value, (tf.Layer, tf.Loss))
        and not getattr(value, "__abstractmethods__", None)
    }
    assert asked == everything


def table():
    """Return the table of docs/ecosystem.md."""
    rows = ["| what ONNX tests and layers do not express | its node tests |", "|---|---|"]
    for reason, patterns in NOT_EXPRESSIBLE.items():
        names = ", ".join(f"`{pattern}`" for pattern in patterns)
        rows.append(f"| {reason} | {names} |")
    return "\n".join(rows)


def test_the_docs_show_the_table():
    page = Path(__file__).parents[2] / "docs" / "ecosystem.md"
    assert table() in page.read_text(encoding="utf-8"), f"put this into the page:\n{table()}"
