"""How layers are written in C; images, sequences and normalisation have files of their own."""

import math

from tinyframe.interop.c import convolution, normalisation, pooling, sequences  # noqa: F401 - say how these are written
from tinyframe.interop.c.program import Program, exports
from tinyframe.interop.c.sums import define_dense
from tinyframe.interop.c.weights import weights
from tinyframe.layers import (
    ELU,
    GELU,
    Add,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LeakyReLU,
    LogSoftmax,
    Permute,
    PositionalEmbedding,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Reverse,
    Select,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)

# ------------------------------------------------------------------------ containers


@exports(Residual, integers=True)
def _residual(program: Program, layer: Residual, x: str) -> str:
    y = program.chain({f"layers.{i}": child for i, child in enumerate(layer.layers)}, x)
    beside = x if layer.shortcut is None else program.layer(layer.shortcut, x, "shortcut")
    return _sum(program, program.floats(beside), program.floats(y))


@exports(Add, integers=True)
def _add(program: Program, layer: Add, x: str) -> str:
    first, *others = _branches(program, layer, x)
    for other in others:
        first = _sum(program, first, other)
    return first


def _sum(program: Program, a: str, b: str) -> str:
    return program.map(a, f"{a}[i] + {b}[i]")


@exports(Concatenate, integers=True)
def _concatenate(program: Program, layer: Concatenate, x: str) -> str:
    parts = _branches(program, layer, x)
    shape = layer.output_shape or ()
    axis = layer.axis - 1 if layer.axis > 0 else len(shape) + layer.axis
    rows = math.prod(shape[:axis])
    y, width, start = program.value(math.prod(shape)), math.prod(shape[axis:]), 0
    for part in parts:
        size = program.sizes[part] // rows
        program.add(
            f"for (int r = 0; r < {rows}; ++r)\n"
            f"    for (int i = 0; i < {size}; ++i)"
            f" {y}[r * {width} + {start} + i] = {part}[r * {size} + i];"
        )
        start += size
    return y


def _branches(program: Program, layer: Add | Concatenate, x: str) -> list[str]:
    return [
        program.floats(program.layer(child, x, f"branches.{i}"))
        for i, child in enumerate(layer.branches)
    ]


# ------------------------------------------------------------------------ dense, embedding


@exports(Dense)
def _dense(program: Program, layer: Dense, x: str) -> str:
    inputs, units = layer.weight.shape
    vector = len(layer.input_shape or ()) == 1
    weight, bias = normalisation.folded(
        program, layer, units_first=layer.weight.value.T, fits=vector
    )
    rows = math.prod((layer.input_shape or ())[:-1])
    y = program.value(rows * units)
    define_dense(program)
    given = f"{x}, {weight.arguments}, {bias}, {y}, {rows}, {inputs}, {units}"
    program.add(f"dense{weight.eight}({given});")
    return y


@exports(Embedding, integers=True)
def _embedding(program: Program, layer: Embedding, x: str) -> str:
    table = weights(program, layer.weight.value, "vectors")
    tokens, width = program.sizes[x], layer.width
    y = program.value(tokens * width)
    program.add(
        f"for (int t = 0; t < {tokens}; ++t) {{ /* what is no token counts as token 0 */\n"
        f"    int k = {x}[t] > 0 && {x}[t] < {layer.vocabulary} ? (int){x}[t] : 0;\n"
        f"    for (int i = 0; i < {width}; ++i)"
        f" {y}[t * {width} + i] = {table.times('k')}{table.name}[k * {width} + i];\n"
        "}"
    )
    return y


@exports(PositionalEmbedding)
def _positions(program: Program, layer: PositionalEmbedding, x: str) -> str:
    return program.map(x, f"{x}[i] + {program.constant(layer.weight.value, 'places')}[i]")


# ------------------------------------------------------------------------ number by number

_SIGMOID = """
static float sigmoid(float x) {
    float e = expf(-fabsf(x)); /* which never overflows */
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}
"""

_GELU = """
static float gelu(float x) {
    float n = x < -10.0f ? -10.0f : x > 10.0f ? 10.0f : x;
    return x * (0.5f * (1.0f + tanhf(n * ({a} + {b} * n * n))));
}
"""


ELEMENTWISE: dict[type[Layer], str] = {
    ReLU: "{x} < 0.0f ? 0.0f : {x}",
    LeakyReLU: "{x} > 0.0f ? {x} : {slope} * {x}",
    ELU: "{x} > 0.0f ? {x} : {alpha} * expm1f({x})",
    Sigmoid: "sigmoid({x})",
    SiLU: "{x} * sigmoid({x})",
    Tanh: "tanhf({x})",
    GELU: "gelu({x})",
    Softplus: "({x} > 0.0f ? {x} : 0.0f) + log1pf(expf(-fabsf({x})))",
}
"""What becomes of a number x; the other names are attributes of the layer."""


@exports(*ELEMENTWISE)
def _elementwise(program: Program, layer: Layer, x: str) -> str:
    expression = ELEMENTWISE[type(layer)]
    if "sigmoid" in expression:
        program.define(_SIGMOID)
    if "gelu" in expression:
        scale = math.sqrt(2 / math.pi)
        a, b = program.number(scale), program.number(scale * 0.044715)
        program.define(_GELU.replace("{a}", a).replace("{b}", b))
    own = {n: program.number(v) for n, v in vars(layer).items() if n in ("slope", "alpha")}
    return program.map(x, expression.format(x=f"{x}[i]", **own))


@exports(Rescale, integers=True)
def _rescale(program: Program, layer: Rescale, x: str) -> str:
    return program.map(x, f"{program.number(layer.scale)} * (float){x}[i]")


@exports(Dropout)
def _dropout(program: Program, layer: Dropout, x: str) -> str:  # noqa: ARG001 - nothing, in inference
    return x


_SOFTMAX = """
static void softmax(const float *x, float *y, int rows, int n, int step) {
    int r, s, i;
    for (r = 0; r < rows; ++r)
        for (s = 0; s < step; ++s) {
            const float *a = x + r * n * step + s;
            float *b = y + r * n * step + s;
            float highest = a[0], total = 0.0f;
            for (i = 1; i < n; ++i)
                if (a[i * step] > highest) highest = a[i * step];
            for (i = 0; i < n; ++i) total += b[i * step] = expf(a[i * step] - highest);
            for (i = 0; i < n; ++i) b[i * step] /= total;
        }
}
"""

_LOG_SOFTMAX = """
static void log_softmax(const float *x, float *y, int rows, int n, int step) {
    int r, s, i;
    for (r = 0; r < rows; ++r)
        for (s = 0; s < step; ++s) {
            const float *a = x + r * n * step + s;
            float *b = y + r * n * step + s;
            float highest = a[0], total = 0.0f;
            for (i = 1; i < n; ++i)
                if (a[i * step] > highest) highest = a[i * step];
            for (i = 0; i < n; ++i) total += expf(a[i * step] - highest);
            total = logf(total);
            for (i = 0; i < n; ++i) b[i * step] = a[i * step] - highest - total;
        }
}
"""


@exports(Softmax, LogSoftmax)
def _softmax(program: Program, layer: Softmax | LogSoftmax, x: str) -> str:
    rows, n, step = _along(layer, layer.axis)
    y = program.value(program.sizes[x], over=x)
    plain = isinstance(layer, Softmax)
    program.define(_SOFTMAX if plain else _LOG_SOFTMAX)
    program.add(f"{'' if plain else 'log_'}softmax({x}, {y}, {rows}, {n}, {step});")
    return y


# ------------------------------------------------------------------------ shape


@exports(Flatten, Reshape, integers=True)
def _same_numbers(program: Program, layer: Flatten | Reshape, x: str) -> str:  # noqa: ARG001 - it has the numbers of x in their order
    return x


@exports(Permute)
def _permute(program: Program, layer: Permute, x: str) -> str:
    shape, y = layer.input_shape or (), program.value(program.sizes[x])
    steps = [math.prod(shape[axis:]) for axis in layer.axes]
    lines = [f"float *to = {y};"]
    for number, axis in enumerate(layer.axes):
        i = f"i{number}"
        lines.append("    " * number + f"for (int {i} = 0; {i} < {shape[axis - 1]}; ++{i})")
    place = " + ".join(f"i{number} * {step}" for number, step in enumerate(steps))
    lines.append("    " * len(steps) + f"*to++ = {x}[{place}];")
    program.add("\n".join(lines))
    return y


@exports(Reverse)
def _reverse(program: Program, layer: Reverse, x: str) -> str:
    rows, n, step = _along(layer, layer.axis)
    y = program.value(program.sizes[x])
    program.add(
        f"for (int r = 0; r < {rows}; ++r)\n"
        f"    for (int i = 0; i < {n}; ++i)\n"
        f"        for (int s = 0; s < {step}; ++s)\n"
        f"            {y}[(r * {n} + i) * {step} + s]"
        f" = {x}[(r * {n} + {n - 1} - i) * {step} + s];"
    )
    return y


@exports(Select)
def _select(program: Program, layer: Select, x: str) -> str:
    chosen = layer._chosen  # noqa: SLF001 - slices have become numbers there
    table, k = program.constant(chosen, "columns"), len(chosen)
    features = (layer.input_shape or (0,))[-1]
    rows = program.sizes[x] // features
    y = program.value(rows * k)
    program.add(
        f"for (int r = 0; r < {rows}; ++r)\n"
        f"    for (int i = 0; i < {k}; ++i)"
        f" {y}[r * {k} + i] = {x}[r * {features} + {table}[i]];"
    )
    return y


def _along(layer: Layer, axis: int) -> tuple[int, int, int]:
    """Return how often an axis is walked along, its length, and its step in memory."""
    shape = layer.input_shape or ()
    place = axis - 1 if axis > 0 else len(shape) + axis
    rows, step = math.prod(shape[:place]), math.prod(shape[place + 1 :])
    return rows, shape[place], step
