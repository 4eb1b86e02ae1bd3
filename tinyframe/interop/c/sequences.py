"""How layers of sequences are written in C: recurrent ones, and attention."""

from tinyframe.interop.c.program import Program, exports
from tinyframe.interop.c.sums import define_dense, define_dot, of_weights
from tinyframe.interop.c.weights import weights
from tinyframe.layers import GRU, LSTM, RNN, MultiHeadAttention

_IS_PADDING = """
static int is_padding(const float *x, float padding, int n) {
    int i;
    for (i = 0; i < n; ++i)
        if (x[i] != padding) return 0;
    return 1;
}
"""

_GATE = """
static float gate(float z) { return 0.5f + 0.5f * tanhf(0.5f * z); }
"""

# One step each: z = W x + b is there; h, and c, become those after it.
_STEPS = {
    RNN: """
            for (i = 0; i < units; ++i) z[i] += @times(again, i)dot@8(h, u + i * units, units);
            for (i = 0; i < units; ++i) h[i] = tanhf(z[i]);""",
    LSTM: """
            for (i = 0; i < 4 * units; ++i) z[i] += @times(again, i)dot@8(h, u + i * units, units);
            for (i = 0; i < units; ++i) {
                c[i] = gate(z[units + i]) * c[i] + gate(z[i]) * tanhf(z[2 * units + i]);
                h[i] = gate(z[3 * units + i]) * tanhf(c[i]);
            }""",
    GRU: """
            for (i = 0; i < 2 * units; ++i) z[i] += @times(again, i)dot@8(h, u + i * units, units);
            for (i = 2 * units; i < 3 * units; ++i)
                c[i - 2 * units] = @times(again, i)dot@8(h, u + i * units, units);
            for (i = 0; i < units; ++i) {
                float n = tanhf(z[2 * units + i] + gate(z[i]) * (c[i] + after[i]));
                h[i] = n + gate(z[units + i]) * (h[i] - n);
            }""",
}

_RECURRENT = """
static void %(name)s@8(const float *x, const @float *w, @param(scale)const @float *u,
                       @param(again)const float *b, %(more)sfloat *y, float *h, float *z, int time,
                       int features, int units, int sequence) {
    int t, i;
    for (i = 0; i < units; ++i) h[i] = %(zero)s0.0f;
    for (t = 0; t < time; ++t, x += features) {
        %(when)s{
            dense@8(x, w, @give(scale)b, z, 1, features, %(gates)d * units);%(step)s
        }
        if (sequence || t == time - 1)
            for (i = 0; i < units; ++i) *y++ = h[i];
    }
}
"""


@exports(RNN, LSTM, GRU)
def _recurrent(program: Program, layer: RNN | LSTM | GRU, x: str) -> str:
    time, features = layer.input_shape or ()
    kind, units, gates = type(layer), layer.units, len(layer.logistic)
    given = [
        x,
        weights(program, layer.weight.value.T).arguments,
        weights(program, layer.recurrent_weight.value.T, "recurrent").arguments,
        program.constant(layer.bias.value, "bias"),
    ]
    more = ""
    if isinstance(layer, GRU):
        more += "const float *after, "
        given.append(program.constant(layer.recurrent_bias.value, "bias"))
    if kind is not RNN:
        more += "float *c, "
        given.append(program.value(units))
    if layer.padding is not None:
        more += "float padding, "
        given.append(program.number(layer.padding))
    y = program.value(units * (time if layer.return_sequences else 1))
    given += [y, program.value(units), program.value(gates * units)]
    name = kind.__name__.lower() + ("" if layer.padding is None else "_padded")
    define_dense(program)
    if kind is not RNN:
        program.define(_GATE)
    if layer.padding is not None:
        program.define(_IS_PADDING)
    parts = {
        "name": name, "more": more, "gates": gates, "zero": "c[i] = " if kind is LSTM else "",
        "step": _STEPS[kind],
        "when": "" if layer.padding is None else "if (!is_padding(x, padding, features)) ",
    }  # fmt: skip
    program.define(of_weights(_RECURRENT % parts, int8=program.int8))
    name += "_8" if program.int8 else ""
    sizes = f"{time}, {features}, {units}, {int(layer.return_sequences)}"
    program.add(f"{name}({', '.join(given)}, {sizes});")
    return y


_ATTENTION = """
static void attention(const float *qkv, const float *skipped, float *scores, float *y, int time,
                      int heads, int size, int causal) {
    int width = heads * size, q, k, h, i;
    float scale = 1.0f / sqrtf((float)size);
    for (q = 0; q < time; ++q)
        for (h = 0; h < heads; ++h, y += size) {
            const float *query = qkv + q * 3 * width + h * size, *key = qkv + width + h * size;
            int keys = causal ? q + 1 : time, none = 1;
            float highest = 0.0f, total = 0.0f;
            for (i = 0; i < size; ++i) y[i] = 0.0f;
            if (skipped && skipped[q] != 0.0f) continue;
            for (k = 0; k < keys; ++k) {
                if (skipped && skipped[k] != 0.0f) continue;
                scores[k] = scale * dot(query, key + k * 3 * width, size);
                if (none || scores[k] > highest) highest = scores[k];
                none = 0;
            }
            for (k = 0; k < keys; ++k) {
                const float *value = key + width + k * 3 * width;
                float share;
                if (skipped && skipped[k] != 0.0f) continue;
                share = expf(scores[k] - highest);
                total += share;
                for (i = 0; i < size; ++i) y[i] += share * value[i];
            }
            for (i = 0; i < size; ++i) y[i] /= total;
        }
}
"""


@exports(MultiHeadAttention)
def _attention(program: Program, layer: MultiHeadAttention, x: str) -> str:
    time, features = layer.input_shape or ()
    size = features // layer.heads
    qkv, mixed = program.value(3 * time * features), program.value(time * features)
    weight = weights(program, layer.weight.value.T)
    bias = program.constant(layer.bias.value, "bias")
    define_dense(program)
    given = f"{x}, {weight.arguments}, {bias}, {qkv}, {time}, {features}, {3 * features}"
    program.add(f"dense{weight.eight}({given});")
    skipped = "0"
    if layer.padding is not None:
        skipped, padding = program.value(time), program.number(layer.padding)
        program.define(_IS_PADDING)
        program.add(
            f"for (int t = 0; t < {time}; ++t) {skipped}[t] ="
            f" is_padding({x} + t * {features}, {padding}, {features}) ? 1.0f : 0.0f;"
        )
    define_dot(program)
    program.define(_ATTENTION)
    scores = program.value(time)
    program.add(
        f"attention({qkv}, {skipped}, {scores}, {mixed}, {time}, {layer.heads}, {size},"
        f" {int(layer.causal)});"
    )
    weight = weights(program, layer.output_weight.value.T)
    bias = program.constant(layer.output_bias.value, "bias")
    y = program.value(time * features)
    given = f"{mixed}, {weight.arguments}, {bias}, {y}, {time}, {features}, {features}"
    program.add(f"dense{weight.eight}({given});")
    return y
