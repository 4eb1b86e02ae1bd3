"""Anything thrown at constructors and methods: a documented error, or a model as good as before."""

import inspect
import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinyframe
from tinyframe import (
    SGD,
    Callback,
    CrossEntropyLoss,
    Dense,
    Layer,
    Loss,
    MSELoss,
    Optimizer,
    ReLU,
    Schedule,
    Sequential,
    Softmax,
)
from tinyframe.state import state_of

EXPECTED = (TypeError, ValueError, FloatingPointError)
"""What docstrings promise; StorageError and KeyError where files and names are asked for."""

odd_numbers = st.sampled_from([
    0, 1, -1, 2, 3, 0.5, -0.5, 1.0, 1e-300, 1e300, -1e300, float("nan"), float("inf"), True, False,
    None, "3", "relu", "same", b"x", 1 + 2j, [], [1, 2], (2, 2), (0, 1), (1, -1), {}, {"a": 1},
    np.float32(0.5), np.int64(2), np.array(3), np.ones(3), np.ones((2, 2)), object, print,
])  # fmt: skip
dtypes = st.sampled_from(["f4", "f8", "i4", "u1", "?", "c8", "O", "U3", "M8[s]", "f2"])
shapes = st.lists(st.integers(0, 6), max_size=4).map(tuple)


@st.composite
def odd_arrays(draw):
    shape, dtype = draw(shapes), draw(dtypes)
    array = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 3, shape).astype("f8")
    if draw(st.booleans()) and array.size:
        array.flat[draw(st.integers(0, array.size - 1))] = draw(
            st.sampled_from([np.nan, np.inf, -1.0, 1e300, -1e39])
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return array.astype(dtype)


anything = st.one_of(odd_numbers, odd_arrays())
CLASSES = [
    value
    for name in tinyframe.__all__
    if inspect.isclass(value := getattr(tinyframe, name))
    and issubclass(value, (Layer, Loss, Optimizer, Schedule, Callback))
    and not inspect.isabstract(value)
]


@st.composite
def constructions(draw):
    made = draw(st.sampled_from(CLASSES))
    names = [
        name
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    chosen = draw(st.lists(anything, max_size=len(names)))
    return made, chosen


METHODS = ["fit", "predict", "evaluate", "train_on_batch", "partial_fit", "save", "build"]
OPTIONS = [
    "loss", "optimizer", "epochs", "batch_size", "shuffle", "validation_data", "validation_split",
    "metrics", "sample_weight", "class_weight", "augment", "callbacks", "rng", "on_nonfinite",
]  # fmt: skip


@st.composite
def calls(draw):
    method = draw(st.sampled_from(METHODS))
    if method == "save":
        return method, [draw(odd_numbers.filter(lambda v: not isinstance(v, (int, bytes))))], {}
    good_X, good_y = np.ones((4, 3)), np.array([0, 1, 0, 1])
    X = draw(st.one_of(st.just(good_X), anything))
    if method in ("predict", "build"):
        return method, [X], {}
    arguments = [X, draw(st.one_of(st.just(good_y), anything))]
    options = {}
    if method == "fit":
        options = {"verbose": 0, "epochs": 1}
        for name in draw(st.lists(st.sampled_from(OPTIONS), max_size=3, unique=True)):
            options[name] = draw(anything)
        if not isinstance(options["epochs"], int) or options["epochs"] > 3:
            options["epochs"] = 1
    return method, arguments, options


def check_construction(case):
    made, arguments = case
    try:
        instance = made(*arguments)
    except EXPECTED:
        return
    assert made.__name__ in repr(instance)
    if isinstance(instance, Layer):
        for shape in ((3,), (2, 3), (2, 4, 4)):
            try:
                made(*arguments).build(shape)
            except EXPECTED:
                continue


def check_call(case):
    method, arguments, options = case
    model = Sequential([Dense(3, 4), ReLU(), Dense(4, 2), Softmax()])
    model.build(3, rng=0)
    model.loss, model.optimizer = CrossEntropyLoss(), SGD(0.1)
    before = {name: array.tobytes() for name, array in state_of(model).items()}
    epochs = model.history.epochs
    try:
        getattr(model, method)(*arguments, **options)
    except EXPECTED:
        after = {name: array.tobytes() for name, array in state_of(model).items()}
        assert after == before
        assert model.history.epochs == epochs
    assert model.predict(np.ones((2, 3))).shape == (2, 2)


def run(check, strategy, cases):
    @given(case=strategy)
    @settings(max_examples=cases, suppress_health_check=list(HealthCheck))
    def wrapped(case):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check(case)

    wrapped()


def test_constructors_answer_anything(pytestconfig):
    run(check_construction, constructions(), 12_000 if pytestconfig.getoption("--long") else 400)


def test_methods_answer_anything(pytestconfig, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(check_call, calls(), 12_000 if pytestconfig.getoption("--long") else 300)


def test_losses_answer_anything(pytestconfig):
    losses = st.sampled_from([c for c in CLASSES if issubclass(c, Loss)])
    cases = st.tuples(losses, odd_arrays(), odd_arrays(), st.one_of(st.none(), odd_arrays()))

    def check(case):
        made, prediction, target, weight = case
        if (
            prediction.dtype not in (np.float32, np.float64)
            or prediction.ndim < 2
            or not prediction.size
        ):
            return  # what a model's output is
        loss = made()
        with np.errstate(all="ignore"):
            try:
                loss.forward(prediction, target, weight)
            except EXPECTED:
                return
            assert loss.backward().shape == prediction.shape

    run(check, cases, 3000 if pytestconfig.getoption("--long") else 200)
    assert MSELoss().mass is None
