"""Whatever a step does with NumPy, its replay gives the bits and dtypes of doing it plainly."""

import operator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe.recording.memory import plan, touched
from tinyframe.recording.program import Program
from tinyframe.recording.standins import StandIn
from tinyframe.recording.tape import Call, Memory, Tape
from tinyframe.utils.aligned import LINE

AXES = (None, 0, -1)
POWERS = (0, 1, 2, 3, -1, 0.5, 1.5, 2.0, np.float32(2), np.int64(2), np.float64(2), True)
NUMBERS = (2, 0.5, np.float32(3), np.float64(0.1), True)


def made(function):
    """Return an operation whose result joins the values."""
    return False, function


def written(function):
    """Return an operation that changes its first operand."""
    return True, function


def of_axis(function, **options):
    return made(lambda x, y, n: function(x, axis=AXES[n % 3], **options))


def inner(x):
    """Return the rows of x, or more, as a matrix."""
    return x.reshape(len(x), -1)


def bounded(x):
    return np.nan_to_num(np.clip(x, -9, 9))


def whole(x):
    """Return whole numbers made of those of x."""
    return bounded(x).ravel().astype(int)


def put(x, index, value):
    x[index] = value


def changed(x, index, value, by):
    """Do x[index] += value, or another operator of this kind."""
    x[index] = by(x[index], value)


def masked(x, y):
    x[y > 0] = 0


def wholly(by):
    return written(lambda x, y, n: by(x, y))


ALIKE = (np.ones(1, np.float32) ** np.array(0.5)).dtype == np.float64
"""Whether ** is np.power. NumPy 2.0's takes an exponent without axes for a plain number: such a
step has other bits when it is replayed, which `fit` notices, and leaves unrecorded."""


def raised(x, y):
    return x**y if ALIKE or y.shape else np.power(x, y)


OPERATIONS = {
    # functions of each element
    **{f.__name__: made(lambda x, y, n, f=f: f(x)) for f in (
        np.negative, np.abs, np.tanh, np.square, np.sign, np.isfinite, np.logical_not, np.floor,
        np.exp, np.nan_to_num, np.zeros_like, np.ones_like, np.copy, np.positive, np.reciprocal,
    )},
    **{f.__name__: made(lambda x, y, n, f=f: f(x, y)) for f in (
        np.maximum, np.minimum, np.arctan2, np.copysign, np.logical_and, np.float_power,
        operator.add, operator.sub, operator.mul, operator.truediv, operator.mod,
        operator.floordiv, operator.lt, operator.ge, operator.eq, operator.and_,
    )},
    "number first": made(lambda x, y, n: NUMBERS[n % 5] - x),
    "number last": made(lambda x, y, n: x * NUMBERS[n % 5]),
    "number divided": made(lambda x, y, n: NUMBERS[n % 5] / x),
    "power": made(lambda x, y, n: x ** POWERS[n % 12]),
    "power of a number": made(lambda x, y, n: (2, 0.5, 3.0)[n % 3] ** abs(x)),
    "power of another": made(lambda x, y, n: raised(x, abs(y))),
    "other's power": made(lambda x, y, n: raised(x.sum(), abs(y))),
    "np.power": made(lambda x, y, n: np.power(x, POWERS[n % 12])),
    "sqrt": made(lambda x, y, n: np.sqrt(np.abs(x))),
    "modf": made(lambda x, y, n: np.modf(x)[n % 2]),
    "divmod": made(lambda x, y, n: divmod(x, y)[n % 2]),
    "where": made(lambda x, y, n: np.where(x > 0, x, (y, 0, 0.5)[n % 3])),
    "where one is": made(lambda x, y, n: np.where(y, x, -1)),
    "clip": made(lambda x, y, n: (np.clip(x, -0.5, 1), x.clip(0), np.clip(x, None, y))[n % 3]),
    "astype": made(lambda x, y, n: bounded(x).astype(("f4", "f8", "i8", "?")[n % 4])),
    "same type": made(lambda x, y, n: x.astype(x.dtype, copy=False)),
    "dtype": made(lambda x, y, n: np.multiply(x, y, dtype=np.float64)),
    "where=": made(lambda x, y, n: np.add(x, 1, out=np.zeros_like(x), where=x > 0)),
    "comparisons": made(lambda x, y, n: (x > -1) & (x < 1) | ~(y == 0)),
    # sums and the like
    **{f.__name__: of_axis(f) for f in (
        np.sum, np.mean, np.var, np.std, np.max, np.min, np.prod, np.argmax, np.any, np.all,
        np.cumsum, np.argsort, np.sort,
    )},
    "sum, kept": of_axis(np.sum, keepdims=True),
    "sum, wide": of_axis(np.sum, dtype=np.float64),
    "max, from": of_axis(np.max, keepdims=True, initial=0),
    "mean, kept": of_axis(np.mean, keepdims=True),
    "sum of some": made(lambda x, y, n: np.sum(x, axis=AXES[n % 3], where=x > 0)),
    "methods": made(lambda x, y, n: (x.sum, x.mean, x.var, x.min, x.argmin)[n % 5](AXES[n % 3])),
    "reduce": made(lambda x, y, n: (np.add.reduce, np.maximum.reduce)[n % 2](x, axis=-(n % 3 > 0))),
    "accumulate": made(lambda x, y, n: np.add.accumulate(x, axis=-1)),
    "outer": made(lambda x, y, n: np.multiply.outer(x.ravel()[:3], y.ravel()[:2])),
    # shapes
    "T": made(lambda x, y, n: x.T),
    "transpose": made(lambda x, y, n: np.transpose(x)),
    "reshape": made(lambda x, y, n: x.reshape(((-1,), (len(x), -1), (1, -1, 1))[n % 3])),
    "np.reshape": made(lambda x, y, n: np.reshape(x, (-1, 2), order="CFA"[n % 3])),
    "ravel": made(lambda x, y, n: x.ravel("CFAK"[n % 4])),
    "flatten": made(lambda x, y, n: x.flatten("CF"[n % 2])),
    "swapaxes": made(lambda x, y, n: np.swapaxes(x, 0, -1)),
    "moveaxis": made(lambda x, y, n: np.moveaxis(x, 0, -1)),
    "squeeze": made(lambda x, y, n: np.squeeze(x)),
    "expand_dims": made(lambda x, y, n: np.expand_dims(x, n % 2)),
    "broadcast_to": made(lambda x, y, n: np.broadcast_to(x, (2, *x.shape))),
    "repeat": made(lambda x, y, n: np.repeat(x, 2, axis=AXES[n % 3])),
    "roll": made(lambda x, y, n: np.roll(x, n % 3, axis=0)),
    "flip": made(lambda x, y, n: np.flip(x)),
    "pad": made(lambda x, y, n: np.pad(x, 1)),
    "split": made(lambda x, y, n: np.split(x, [1, 2])[n % 3]),
    "concatenate": made(lambda x, y, n: np.concatenate([x, y, x], axis=n % 2)),
    "stack": made(lambda x, y, n: np.stack([x, y], n % 2)),
    "vstack": made(lambda x, y, n: np.vstack([x, y])),
    "full": made(lambda x, y, n: np.full_like(x, n, dtype=(None, "f8")[n % 2])),
    "eye": made(lambda x, y, n: x + np.eye(x.shape[-1], dtype=x.dtype)),
    "tril": made(lambda x, y, n: np.tril(x, n % 3 - 1)),
    "like": made(lambda x, y, n: np.zeros((len(x), 2), x.dtype, like=x)),
    # parts
    "some": made(lambda x, y, n: (
        x[0], x[-1], x[1:], x[::2], x[..., ::-1], x[None], x[..., None], x[:, 0], x[:, 1:], x[...],
    )[n % 10] if x.ndim > 1 else x[n % len(x):]),
    "rows by number": made(lambda x, y, n: x[[0, -1, 0]]),
    "numbers": made(lambda x, y, n: x[np.arange(len(x)), 0]),
    "chosen": made(lambda x, y, n: x[whole(y) % len(x)]),
    "chosen each": made(lambda x, y, n: inner(x)[np.arange(len(x)), np.argmax(inner(x), axis=1)]),
    "take": made(lambda x, y, n: np.take(x, [0, 0], axis=AXES[n % 3])),
    "take_along_axis": made(lambda x, y, n: np.take_along_axis(x, np.argsort(x, -1), -1)),
    "diagonal": made(lambda x, y, n: np.diagonal(inner(x))),
    "windows": made(
        lambda x, y, n: np.lib.stride_tricks.sliding_window_view(x, 2, axis=-1)
    ),
    # products
    "dot": made(lambda x, y, n: np.dot(inner(x), inner(y).T)),
    "x.dot": made(lambda x, y, n: inner(x).T.dot(inner(x))),
    "matmul": made(lambda x, y, n: inner(x) @ inner(y).T),
    "einsum": made(lambda x, y, n: np.einsum("ij,kj->ik", inner(x), inner(y))),
    "tensordot": made(lambda x, y, n: np.tensordot(x, x, axes=x.ndim)),
    "outer product": made(lambda x, y, n: np.outer(x, y[:1])),
    "norm": made(lambda x, y, n: np.linalg.norm(x, axis=AXES[n % 3], keepdims=True)),
    "dot to": made(lambda x, y, n: np.dot(
        inner(x), inner(x).T, out=np.empty((len(x), len(x)), x.dtype, like=x)
    )),
    # in place
    "+=": wholly(operator.iadd),
    "-=": wholly(operator.isub),
    "*=": wholly(operator.imul),
    "/=": wholly(operator.itruediv),
    "//=": wholly(operator.ifloordiv),
    "%=": wholly(operator.imod),
    "&=": wholly(operator.iand),
    "**=": written(lambda x, y, n: operator.ipow(x, POWERS[n % 12])),
    "*= number": written(lambda x, y, n: operator.imul(x, NUMBERS[n % 5])),
    "out": written(lambda x, y, n: np.add(x, y, out=x)),
    "out, by place": written(lambda x, y, n: np.multiply(y, 2, x)),
    "sum to a row": written(lambda x, y, n: np.sum(x, axis=0, out=x[0])),
    "sum to, by place": written(lambda x, y, n: np.sum(y, 0, None, x[-1])),
    "sum to, by method": written(lambda x, y, n: y.sum(0, None, x[0])),
    "clip to, by place": written(lambda x, y, n: np.clip(y, 0, 1, x)),
    "clip to, by method": written(lambda x, y, n: y.clip(0, 1, x)),
    "cumsum to, by place": written(lambda x, y, n: np.cumsum(y, 0, None, x)),
    "max to, by place": written(lambda x, y, n: np.max(y, 0, x[0])),
    "dot to, by place": written(lambda x, y, n: np.dot(x[:, 0], x, x[0].copy())),
    "reduce to": written(lambda x, y, n: np.add.reduce(y, 0, None, x[0])),
    "add to, by name": written(lambda x, y, n: np.add(x, True, out=x)),
    "mean to": written(lambda x, y, n: np.mean(y, axis=0, out=x[0])),
    "concatenate to": written(lambda x, y, n: np.concatenate([y[:1], y[1:]], 0, x)),
    "copyto": written(lambda x, y, n: np.copyto(x, y)),
    "copyto some": written(lambda x, y, n: np.copyto(x, 1, where=y > 0)),
    "fill": written(lambda x, y, n: x.fill(n)),
    "x[...] =": written(lambda x, y, n: put(x, ..., y)),
    "x[0] =": written(lambda x, y, n: put(x, n % 2, (1, y[0])[n % 2])),
    "x[0, 0] =": written(lambda x, y, n: put(x, (0, 0), y.sum())),
    "x[1:] =": written(lambda x, y, n: put(x, slice(1, None), x[:-1])),
    "x[1:] +=": written(lambda x, y, n: changed(x, slice(1, None), x[:-1], operator.iadd)),
    "x[:, 0] *=": written(lambda x, y, n: changed(x, (slice(None), 0), 2, operator.imul)),
    "x[[0, -1]] -=": written(lambda x, y, n: changed(x, [0, -1], 2, operator.isub)),
    "x[0, 0] -=": written(lambda x, y, n: changed(x, (0, 0), 2, operator.isub)),
    "x[chosen] =": written(lambda x, y, n: put(x, whole(y) % len(x), (1, y[:1])[n % 2])),
    "x[mask] =": written(lambda x, y, n: put(x, x > 0, n)),
    "x[other mask] =": written(lambda x, y, n: masked(x, y)),
    "x[rows] =": written(lambda x, y, n: put(x, (np.arange(len(x)), np.argmax(x, 1)), 0)),
    "add.at": written(lambda x, y, n: np.add.at(x, [0, 0, -1], y[0])),
    "fill_diagonal": written(lambda x, y, n: np.fill_diagonal(x, 7)),
}  # fmt: skip


def carried_out(operations, values):
    """Return the values and all that the operations add to them."""
    values = list(values)
    for name, a, b, n in operations:
        changes, function = OPERATIONS[name]
        result = function(values[a], values[b], n)
        if not changes:
            values.append(result)
    return values


def is_fit(result):
    kinds = (np.ndarray, np.generic)
    return isinstance(result, kinds) and result.dtype.kind in "fi?b" and 0 < result.size < 500


@st.composite
def programs(draw, names=tuple(OPERATIONS)):
    """Operations that go one after the other, and the inputs and states that they begin with."""
    rows, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    seed = draw(st.integers(0, 99))
    given = inputs(rows, width, dtype, seed)
    values, operations = [array.copy() for array in given], []
    drawn = st.tuples(
        st.sampled_from(names), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)
    )
    for name, a, b, n in draw(st.lists(drawn, min_size=1, max_size=10)):
        changes, function = OPERATIONS[name]
        a, b = (len(values) - 1 - i % len(values) for i in (a, b))
        x, y = values[a], values[b]
        fixed = [values[0], values[1]]
        if changes and (
            not isinstance(x, np.ndarray) or any(np.may_share_memory(x, v) for v in fixed)
        ):
            continue  # it is not the step's own
        try:
            with np.errstate(all="ignore"):
                result = function(x, y, n)
        except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError):
            continue
        if not changes:
            if not is_fit(result):
                continue
            values.append(result)
        operations.append((name, a, b, n))
    numbers = range(len(values))
    wanted = draw(st.just(set(numbers)) | st.sets(st.sampled_from(numbers), min_size=1, max_size=2))
    return operations, (rows, width, dtype, seed), wanted | {len(values) - 1}


def inputs(rows, width, dtype, seed):
    """Return x, labels and a state."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, width)).astype(dtype)
    return x, rng.integers(0, 3, rows), rng.standard_normal((rows, width)).astype(dtype)


def noted(operations, given, wanted):
    """Return the program of what the operations do, from which values of some numbers come out."""
    tape = Tape()
    x, labels, state = given
    stand_ins = [
        StandIn(tape, x, Memory(x, "x", written=False)),
        StandIn(tape, labels, Memory(labels, "target", written=False)),
        StandIn(tape, state, Memory(state, "kept")),
    ]
    values = carried_out(operations, stand_ins)
    results = {
        str(number): value.copy() if value.memory.name in ("x", "target") else value
        for number, value in enumerate(values)
        if number in wanted
    }
    tape.turn = len(tape.calls)
    return Program(tape, results)


def check_program(operations, of, wanted):
    rows, width, dtype, seed = of
    with np.errstate(all="ignore"):
        state = inputs(*of)[2].copy()
        program = noted(operations, (*inputs(*of)[:2], state), wanted)
        places = inputs(rows, width, dtype, seed + 1)[:2]
        state[...] = expected_state = inputs(*of)[2]
        for turn in range(3):
            new = inputs(rows, width, dtype, seed + 100 * turn)
            if turn < 2:  # at the same place
                for place, array in zip(places, new, strict=False):
                    place[...] = array
            else:
                places = new[:2]
            expected = carried_out(operations, [new[0].copy(), new[1].copy(), expected_state])
            for call in program.at(x=places[0], target=places[1])[0]:
                call()
            assert state.tobytes() == expected_state.tobytes(), "the state"
            for number in wanted:
                value = expected[number]
                found = program.results[str(number)]
                assert found.dtype == value.dtype, (number, found.dtype, value.dtype)
                assert found.shape == value.shape, number
                assert found.tobytes() == value.tobytes(), (number, found, value)


@settings(max_examples=200)
@given(programs())
def test_a_replay_has_the_bits_of_the_calls(program):
    check_program(*program)


@st.composite
def call_lists(draw):
    """Calls that read and write memory of drawn sizes, and what lasts to the end."""
    tape = Tape()
    sizes = draw(st.lists(st.integers(0, 300), min_size=1, max_size=12))
    names = st.sampled_from(["", "", "", "kept", "x"])
    made = []
    for size in sizes:
        array = np.empty(size, np.uint8)
        made.append(StandIn(tape, array, Memory(array, draw(names))))
    some = st.lists(st.sampled_from(made), max_size=3)
    calls = []
    for _ in range(draw(st.integers(1, 12))):
        written_to = tuple(stand_in.memory for stand_in in draw(some))
        calls.append(Call(np.add, tuple(draw(some)), {}, tuple(draw(some)), written_to))
    return calls, {stand_in.memory for stand_in in draw(some)}


@given(call_lists())
def test_what_is_needed_at_a_time_lies_apart(drawn):
    calls, lasting = drawn
    places, length = plan(calls, lasting)
    times = {}
    for number, call in enumerate(calls):
        for memory in touched(call):
            times.setdefault(memory, []).append(number)
    for memory in lasting:
        times.setdefault(memory, []).append(len(calls))
    times = {memory: (min(at), max(at)) for memory, at in times.items() if not memory.name}
    assert places.keys() == times.keys()
    for memory, start in places.items():
        assert start % LINE == 0
        assert start + memory.size <= length
        for other, begin in places.items():
            (born, dies), (arises, ends) = times[memory], times[other]
            if memory is not other and born <= ends and arises <= dies:
                assert start + memory.size <= begin or begin + other.size <= start
