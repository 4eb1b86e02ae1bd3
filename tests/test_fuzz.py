"""Calls of the whole public API with good and strange values: a documented error, or a result.

`FUNCTIONS` is what is called, `GOOD` what its arguments should be, by their names, `STRANGE` what
people pass by mistake. Each call draws from these with a seed of its own: `call(seed)` repeats it.
After any error the model has the bits that it had, unless training had begun.
"""

import ast
import decimal
import fractions
import inspect
import linecache
import math
import random
import sys
import traceback
import warnings
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

import tinyframe as tf
from tinyframe import initializers, inspection, metrics, testing
from tinyframe.datasets import digits
from tinyframe.interop import torch as state_dicts
from tinyframe.interop.c import quantized, to_c
from tinyframe.interop.keras import from_keras, keras_weights
from tinyframe.interop.onnx import to_onnx
from tinyframe.layers.state import state_of

NORMAL, LONG = 400, 6_000
"""Calls in the suite, and with --long."""

DOCUMENTED = (
    TypeError, ValueError, FloatingPointError, tf.StorageError, ImportError, OSError,
    MemoryError,  # of a million units
)  # fmt: skip
"""What docstrings promise everywhere; `ALSO` has what they promise here and there."""


class Fresh(partial):
    """A good value that is made anew for each call, as it changes when it is used."""


class Here(partial):
    """A good value that is made from the bench of the call."""


class Bench:
    """What a call works on: a model that has been used, rows for it, files."""

    def __init__(self, folder):
        self.folder = folder
        self.X, self.y = np.linspace(0, 1, 36, dtype="f4").reshape(12, 3), np.arange(12) % 2
        layers = [tf.Dense(3, 4), tf.ReLU(), tf.Dense(4, 2), tf.Softmax()]
        self.model = tf.Sequential(layers)
        self.model.build(3, rng=0)
        self.model.fit(
            self.X, self.y, loss=tf.CrossEntropyLoss(), optimizer=tf.SGD(0.1), epochs=1, rng=0,
            verbose=0, validation_data=(self.X, self.y),
        )  # fmt: skip
        self.images = tf.Sequential([tf.Conv2D(2, 2), tf.ReLU(), tf.Flatten(), tf.Dense(2)])
        self.images.build((1, 4, 4), rng=0)

    def memory(self):
        """Return all that an error must not change."""
        return {
            **{name: array.tobytes() for name, array in state_of(self.model).items()},
            "epochs": self.model.history.epochs,
            "loss": repr(self.model.loss),
            "optimizer": repr(self.model.optimizer),
            "built": (self.model.input_shape, self.model.output_shape, self.model.dtype),
            "trainable": [layer.trainable for layer in self.model.walk()],
        }


class Bare:
    """Nothing that anybody expects."""


def misbehaving(*arguments, **options):
    return "nonsense"


STRANGE = [
    0, 1, -1, 2, 3, 10**6, 10**400, -(10**400), 0.5, -0.5, 1.0, 1e-300, 1e300, -1e300, math.nan,
    math.inf, -math.inf,
    True, False, None, "", "3", "relu", "same", "ä\0", b"x", 1 + 2j, [], [1, 2], [1.5, "a"],
    [[1, 2], [3]], (2, 2), (0, 1), (1, -1), (3,), {}, {"a": 1}, {0: 2.0}, {1, 2}, range(3),
    np.float32(0.5), np.float64(math.nan), np.int64(2), np.bool_(True), np.array(3), np.ones(3),
    np.ones((2, 2)), np.ones((12, 3)), np.ones((12, 1, 3)), np.zeros((0, 3)), np.ones((3, 0)),
    np.arange(12), np.arange(12) - 1, np.full((12, 3), math.nan), np.full((12, 3), 1e39),
    np.ones((12, 3), "f2"), np.ones((12, 3), ">f8"), np.ones((12, 3), "c8"), np.ones((12, 3), "O"),
    np.full((12, 3), "a"), np.zeros(12, "M8[s]"), np.zeros(12, "i4,f4"), np.ones(12, bool),
    np.array(["a", "b"] * 6), np.array("relu"), np.ma.masked_array(np.ones(12), [1] * 12),
    np.ones((12, 3))[::-1], decimal.Decimal("0.5"), fractions.Fraction(1, 2), Path("nowhere"),
    np.dtype("f4"), np.float64, np.random.default_rng(0), slice(1), Ellipsis, NotImplemented,
    object, Bare, print, misbehaving, len, tf.Dense, tf.MSELoss, tf.SGD, tf.EarlyStopping,
    Fresh(Bare), Fresh(iter, [1, 2]), Fresh(iter, ()), Fresh(tf.Dense, 3), Fresh(tf.ReLU),
    Fresh(tf.Dense, 5, 2), Fresh(tf.MSELoss), Fresh(tf.SGD, 0.1), Fresh(tf.EarlyStopping),
    Fresh(tf.StepDecay, 0.1, 2), Fresh(tf.Metric, metrics.f1), Fresh(tf.History),
]  # fmt: skip

rows = [Here(lambda b: b.X), Here(lambda b: b.X.astype("f8")), Here(lambda b: b.X.tolist())]
labels = [Here(lambda b: b.y), Here(lambda b: b.y.tolist()), Here(lambda b: np.eye(2)[b.y])]
numbers = [Here(lambda b: np.linspace(0.1, 1, len(b.X)))]
scores = [Here(lambda b: b.model.predict(b.X))]
batches = [Here(lambda b: [(b.X[:5], b.y[:5]), (b.X[5:], b.y[5:])])]
flags = [False, True]
positive = [0.1, 1, 3]
layers = [Fresh(tf.Dense, 4), Fresh(tf.ReLU), Fresh(tf.Dropout, 0.5)]
models = [Here(lambda b: b.model)]
names = ["loss", "val_loss", "accuracy"]
rates = [0.1, 0.01, Fresh(tf.StepDecay, 0.1, 2), Fresh(tf.OneCycle, 0.1, 3)]
files = [Here(lambda b: b.folder / "file.npz"), Here(lambda b: str(b.folder / "file"))]


def saved(bench, name):
    """Return the path of the model, saved; the file is one of several kinds."""
    path = bench.folder / name
    if name.endswith(".npz"):
        bench.model.save(path)
    else:
        path.write_bytes(b"no such file" * 20)
    return path


def shard(bench, name, array):
    path = bench.folder / f"{name}.npy"
    np.save(path, array)
    return path


def shards(bench):
    return tf.Shards(shard(bench, "X", bench.X), shard(bench, "y", bench.y))


def torch_state(bench, drop=0):
    state = state_dicts.to_torch_state_dict(bench.model)
    return dict(list(state.items())[drop:])


GOOD = {
    # layers
    "sizes": [2, 3, 4], "shape": [2, -1, 3, 1], "axes": [1, 2, 3], "axis": [-1, 1],
    "columns": [0, -1, slice(1, None), 0],
    "units": [1, 3], "filters": [2, 4], "kernel_size": [1, 2, (1, 2)], "stride": [1, 2, (1, 2)],
    "pool_size": [2, (1, 2)], "dilation": [1, 2], "groups": [1, 2], "heads": [1, 2],
    "padding": ["valid", "same", 1, None, 0.0, (0, 1)], "causal": flags, "return_sequences": flags,
    "use_bias": flags, "initializer": [initializers.zeros, initializers.he_normal],
    "slope": [0.0, 0.2], "alpha": positive, "scale": [0.5, -1, 1 / 255], "rate": [0.0, 0.5],
    "decay": [0.5], "least_change": [0.0, 1e-9], "damping": [1e-3],
    "momentum": [0.1, 0.5], "epsilon": [1e-5, 1e-3], "vocabulary": [5], "width": [3],
    "branches": [Fresh(lambda: [tf.Dense(3), tf.Dense(3)]), Fresh(tf.Dense, 4)],
    "more": [Fresh(tf.Dense, 4), Fresh(tf.ReLU)], "shortcut": [Fresh(tf.Dense, 4)],
    "layers": [Fresh(lambda: [tf.Dense(4), tf.ReLU()]), Fresh(lambda: [tf.Dense(3, 2)])],
    "dtype": ["float32", np.float64, None], "input_shape": [3, (3,), (1, 4, 4)],
    # losses
    "delta": positive, "from_logits": flags, "label_smoothing": [0.0, 0.1],
    "class_weights": [None, [1, 2]], "ignore_index": [None, 0, -1],
    "log_rates": flags, "quantile": [0.5, [0.1, 0.9]],
    # optimizers and schedules
    "learning_rate": rates, "nesterov": flags, "beta_1": [0.9, 0.0], "beta_2": [0.99],
    "rho": [0.9], "final": [0.0, 0.01],
    "weight_decay": [0.0, 0.01], "decay_biases": flags, "clip_norm": [None, 1.0],
    "clip_value": [None, 0.5], "every": [1, 2], "factor": [0.5, 0.1], "epochs": [1, 2],
    "warmup": [0, 1], "lowest": [0.001], "highest": [1.0], "rise": [0.3], "patience": [1, 5],
    "minimum": [0.0, 1e-4], "figures": names,
    # callbacks and history
    "monitor": names, "min_delta": [0.0, 0.1], "restore_best": flags, "mode": [None, "min", "max"],
    "path": files, "append": flags, "figure": names, "index": [0],
    "key": names, "function": [metrics.f1, metrics.mse], "name": [None, "mine"],
    "ax": [None], "verbose": [0, False],
    # fit and its kin
    "X": rows, "y": labels, "loss": [Fresh(tf.MSELoss), Fresh(tf.CrossEntropyLoss)],
    "optimizer": [Fresh(tf.SGD, 0.1), Fresh(tf.Adam, 0.01)], "batch_size": [1, 5, None, 100],
    "shuffle": flags, "validation_data": [Here(lambda b: (b.X, b.y)), None, *batches],
    "validation_split": [0.25, None],
    "metrics": [["accuracy"], [metrics.f1], [], None, [Fresh(tf.Metric, metrics.f1)]],
    "sample_weight": [*numbers, None], "class_weight": [{0: 2.0}, "balanced", [1, 2], None],
    "augment": [lambda x, rng: x, lambda x, rng: x + rng.normal(0, 0.1, x.shape), None],
    "callbacks": [
        [], [Fresh(tf.EarlyStopping, "loss")], None, [Fresh(tf.LearningRateLogger)],
        [Here(lambda b: tf.CSVLogger(b.folder / "log.csv"))],
        [Here(lambda b: tf.Checkpoint(b.folder / "run.npz"))],
    ],
    "rng": [0, Fresh(np.random.default_rng, 1), None], "on_nonfinite": ["raise", "skip"],
    "resume": [None, Here(lambda b: b.folder / "none.npz")], "communicator": [None],
    "deterministic": [False], "x": [*rows, Here(lambda b: b.X[0])],
    # data
    "labels": [Here(lambda b: b.y), [0, 1, 1]], "classes": [2, 3], "size": [8, 28],
    "prediction": scores, "target": labels, "weight": [None, *numbers], "memory": [1, 2**20],
    "k": [1, 2], "average": ["macro", "micro", None], "value": [0.5],
    # inspection, plots, interop, proofs
    "model": models, "output": [None, 0, 1], "of": ["inputs", "weights"],
    "vector": [np.ones(26)], "prior_precision": [None, 1.0], "noise": [None, 0.1],
    "layer": [Here(lambda b: b.model[0])],
    "image_shape": [None, (1, 3)], "steps": [3, 5],
    "state": [Here(torch_state), Here(torch_state, drop=1)], "prefixes": [None, ["0", "2"]],
    "hidden_layer_sizes": [(3,), ()], "activation": ["relu", "tanh"], "tol": [1e-4],
    "n_iter_no_change": [2], "early_stopping": flags, "validation_fraction": [0.25],
    "warm_start": flags, "random_state": [0, None],
    "categorical_features": ["from_dtype", None, [0]],
    "kept_class": [tf.Dense, tf.MSELoss, tf.SGD, tf.StepDecay],
    "tolerance": [1e-6], "header": flags, "small": flags, "int8": flags, "workspace": flags,
}  # fmt: skip

# Where a name means something else than elsewhere.
OVERRIDES = {
    "Residual": {"layers": layers},
    "Shards": {
        "X": [Here(lambda b: shard(b, "X", b.X)), Here(lambda b: [shard(b, "X", b.X)])],
        "y": [Here(lambda b: shard(b, "y", b.y))],
        "weight": [None, Here(lambda b: shard(b, "w", np.ones(12)))],
    },
    "Shards, broken": {
        "X": [
            Here(saved, "no.npy"), Here(lambda b: b.folder), Here(lambda b: shard(b, "X", b.X[:0])),
            Here(lambda b: shard(b, "X", b.X.astype("U3"))), Here(lambda b: b.folder / "none*.npy"),
        ],
        "y": [Here(lambda b: shard(b, "y", b.y[:5])), Here(lambda b: shard(b, "y", b.y))],
    },
    "fit batches": {"X": [*batches, Here(shards)], "y": [None]},
    "evaluate batches": {"X": [*batches, Here(shards)], "y": [None]},
    "save": {"path": [Here(lambda b: b.folder / "m.npz"), Here(lambda b: b.folder / "no/m.npz")]},
    "load": {
        "path": [Here(saved, "m.npz"), Here(saved, "x.npz.txt"), Here(lambda b: b.folder / "a.npz")]
    },
    "predictor": {"rows": [1, 3], "dtype": [None, np.float32, "f8", np.int64]},
    "model[…]": {"index": [0, -1, slice(1), slice(0, 2)]},
    "plot_weights": {
        "layer": [Here(lambda b: b.model[0]), Here(lambda b: b.images[0])], "figure": [None],
    },
    "plot_activations": {
        "model": [Here(lambda b: b.images)], "x": [np.ones((1, 4, 4), "f4")], "figure": [None],
    },
    "plot_flow": {
        "model": [Here(lambda b: b.images)], "x": [np.ones((1, 4, 4), "f4")], "y": [0, [1]],
        "loss": [None, "mse"], "figure": [None],
    },
    "plot_saliency": {
        "model": [Here(lambda b: b.images), *models], "figure": [None],
        "X": [np.ones((2, 1, 4, 4), "f4"), *rows],
    },
    "plot_confusion_matrix": {"labels": [None, ["a", "b"]]},
    "from_keras": {"path": [Here(saved, "m.keras"), Here(saved, "m.npz")]},
    "keras_weights": {"path": [Here(saved, "m.keras"), Here(saved, "m.npz")]},
    "to_c": {"name": ["mine"], "dtype": [None, "uint8"]},
    "model.to_c": {"path": [Here(lambda b: b.folder / "m.c")], "dtype": [None, "uint8", "f4"]},
    "top_k_accuracy": {"k": [1, 2]},
    "check_layer": {"layer": layers, "input_shape": [(3,)]},
    "check_loss": {"loss": [Fresh(tf.MSELoss)], "prediction": scores, "target": scores},
    "ModelCheckpoint": {"path": [Here(lambda b: b.folder / "best.npz")]},
    "Metric": {"options": []},
}  # fmt: skip

SETTINGS = [
    "hidden_layer_sizes", "activation", "layers", "loss", "optimizer", "epochs", "batch_size",
    "class_weight", "categorical_features", "early_stopping", "validation_fraction",
    "n_iter_no_change", "tol", "warm_start", "random_state", "verbose",
]  # fmt: skip
STEPS = ["weight_decay", "decay_biases", "clip_norm", "clip_value"]
KEYWORDS = {
    "classify": SETTINGS, "regress": SETTINGS, "Metric": ["average", "k"],
    "SGD": STEPS, "Adam": STEPS, "AdamW": STEPS, "RMSprop": STEPS, "Adagrad": STEPS, "Lion": STEPS,
}  # fmt: skip
"""What stands behind `**options` in a signature."""

ALSO = {
    "History.best": [KeyError], "History.plot": [KeyError], "history[…]": [KeyError],
    "classify": [OverflowError, RuntimeWarning],  # of X and y, scikit-learn's own
    "regress": [OverflowError, RuntimeWarning],
    "model[…]": [IndexError], "check_layer": [AssertionError], "check_loss": [AssertionError],
}  # fmt: skip

NOT_CALLED = {
    "Callback", "History", "Parameter", "ParameterVector", "ProgressBar", "StorageError",
    "LayerGradient", "GradientReport", "RecordingReport", "Laplace", "Prediction", "Scores",
    "named_metrics", "numeric_jacobian",
}  # fmt: skip
"""Made by tinyframe itself, or to be derived from."""


def error_bars(model, X):
    """Predict with the error bars of some rows that fit."""
    bars = inspection.uncertainty(model, np.eye(3), [0, 1, 1], prior_precision=1)
    return bars.predict(X)


METRICS = [name for name in metrics.__all__ if name[0].islower() and name != "named_metrics"]
CLASSES = [
    value
    for name in tf.__all__
    if inspect.isclass(value := getattr(tf, name))
    and not inspect.isabstract(value)
    and not issubclass(value, (Exception, tf.ParameterVector, tf.Parameter))
    and value not in (tf.Callback, tf.Model, tf.History, tf.ProgressBar)
]


def classify(X, y, sample_weight=None, **settings):
    """Fit scikit-learn's kind of network; settings are checked there."""
    from tinyframe.interop.sklearn import NetworkClassifier  # noqa: PLC0415 - needs scikit-learn

    return NetworkClassifier(**{"epochs": 2} | settings).fit(X, y, sample_weight).predict(X)


def regress(X, y, sample_weight=None, **settings):
    from tinyframe.interop.sklearn import NetworkRegressor  # noqa: PLC0415 - needs scikit-learn

    return NetworkRegressor(**{"epochs": 2} | settings).fit(X, y, sample_weight).predict(X)


FUNCTIONS = {
    **{made.__name__: made for made in CLASSES},
    **{f"{c.__name__}.forward": c.forward for c in CLASSES if issubclass(c, tf.Loss)},
    **{name: getattr(metrics, name) for name in METRICS},
    "Shards, broken": tf.Shards,
    "fit": tf.Sequential.fit, "fit batches": tf.Sequential.fit,
    "train_on_batch": tf.Sequential.train_on_batch, "partial_fit": tf.Sequential.partial_fit,
    "predict": tf.Sequential.predict, "evaluate": tf.Sequential.evaluate,
    "predictor": tf.Sequential.predictor,
    "evaluate batches": tf.Sequential.evaluate, "save": tf.Sequential.save,
    "load": tf.Sequential.load, "build": tf.Sequential.build, "model[…]": tf.Sequential.__getitem__,
    "History.best": tf.History.best, "History.plot": tf.History.plot,
    "History.to_csv": tf.History.to_csv, "History.to_json": tf.History.to_json,
    "history[…]": tf.History.__getitem__,
    "one_hot": tf.one_hot, "digits": digits, "find_learning_rate": tf.find_learning_rate,
    "register": tf.register, "constant": initializers.constant,
    "activations": inspection.activations, "saliency": inspection.saliency,
    "gradient_report": inspection.gradient_report, "jacobian": inspection.jacobian,
    "hessian_vector_product": inspection.hessian_vector_product,
    "uncertainty": inspection.uncertainty, "uncertainty.predict": error_bars,
    "recording_report": inspection.recording_report,
    "draw": tf.plots.draw, "plot_weights": tf.plots.plot_weights,
    "plot_activations": tf.plots.plot_activations, "plot_flow": tf.plots.plot_flow,
    "plot_saliency": tf.plots.plot_saliency,
    "plot_confusion_matrix": tf.plots.plot_confusion_matrix,
    "to_torch_state_dict": state_dicts.to_torch_state_dict,
    "from_torch_state_dict": state_dicts.from_torch_state_dict,
    "to_onnx": to_onnx, "model.to_onnx": tf.Sequential.to_onnx, "from_keras": from_keras,
    "to_c": to_c, "quantized": quantized, "model.to_c": tf.Sequential.to_c,
    "keras_weights": keras_weights, "classify": classify, "regress": regress,
    "summary": tf.Sequential.summary,
    "check_layer": testing.check_layer, "check_loss": testing.check_loss,
}  # fmt: skip


OFTEN = ["fit", "fit batches", "train_on_batch", "evaluate", "evaluate batches", "predict"]
CALLED = [*FUNCTIONS, *OFTEN * 6]


def arguments_of(name):
    """Return the parameters of a function, those behind `**options` too."""
    kinds = inspect.Parameter
    signature = inspect.signature(FUNCTIONS[name])
    found = [p for p in signature.parameters.values() if p.kind is not kinds.VAR_KEYWORD]
    return found + [
        kinds(each, kinds.KEYWORD_ONLY, default=None) for each in KEYWORDS.get(name, ())
    ]


def good_values(name, parameter):
    """Return the good values of an argument."""
    if parameter == "self":
        if name.endswith(".forward"):
            return [Fresh(getattr(tf, name.removesuffix(".forward")))]
        return [Here(lambda b: b.model.history if "istory" in name else b.model)]
    return OVERRIDES.get(name, {}).get(parameter) or GOOD[parameter]


def made(value, bench):
    if isinstance(value, Here):
        return value.func(bench, *value.args, **value.keywords)
    if isinstance(value, Fresh):
        return value()
    if type(value) in (list, tuple):
        return type(value)(made(each, bench) for each in value)
    return value


def drawn_call(chance, bench):
    """Return the name of a function, and what to call it with."""
    name = chance.choice(CALLED)
    share = chance.choice([0, 0.2, 0.5])  # of arguments that are strange

    def value(parameter):
        strange = chance.random() < share and parameter != "self"
        pool = STRANGE if strange else good_values(name, parameter)
        return made(chance.choice(pool), bench)

    positional, keywords = [], {}
    some_more = chance.choice([0, 1, 1, 2, 3])
    parameters = arguments_of(name)
    one_by_one = some_more and any(p.kind is p.VAR_POSITIONAL for p in parameters)
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += [value(parameter.name) for _ in range(some_more)]
        elif one_by_one and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            positional.append(value(parameter.name))  # what stands before these
        elif parameter.name == "self":
            positional.insert(0, value("self"))
        elif parameter.default is parameter.empty or chance.random() < 0.4:
            keywords[parameter.name] = value(parameter.name)
    return name, positional, keywords


def use(result, bench):
    """Do with what was made what it is for."""
    repr(result)
    if isinstance(result, type):
        return
    if isinstance(result, tf.Sequential):
        result.predict(bench.X)
    elif isinstance(result, tf.Layer):
        for shape in ((3,), (2, 3), (2, 4, 4)):
            twin = tf.Sequential([result])
            try:
                twin.build(shape, rng=0)
            except (TypeError, ValueError):
                continue
            y = twin.forward(np.ones((2, *shape), "f4"), training=True)
            twin.backward(np.ones_like(y))
            return
    else:
        options = {
            tf.Loss: "loss", tf.Optimizer: "optimizer", tf.Schedule: "optimizer",
            tf.Callback: "callbacks", tf.Metric: "metrics",
        }  # fmt: skip
        for kind, option in options.items():
            if isinstance(result, kind):
                result = tf.SGD(result) if kind is tf.Schedule else result
                given = [result] if option in ("callbacks", "metrics") else result
                bench.model.fit(bench.X, bench.y, epochs=2, rng=0, verbose=0, **{option: given})
        if isinstance(result, tf.Shards):
            bench.model.fit(result, epochs=1, verbose=0, rng=0)


@cache
def raise_lines(filename):
    """Return the lines of the `raise` statements in a file."""
    tree = ast.parse("".join(linecache.getlines(filename)))
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        for line in range(node.lineno, node.end_lineno + 1)
    }


def on_purpose(error):
    """Whether somebody wrote the `raise`, or the call itself was wrong."""
    if isinstance(error, (OSError, MemoryError)):
        return True  # Python's own, and clear
    if "expected str, bytes or os.PathLike object" in str(error):
        return True  # likewise
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if frame.filename == __file__ or "sklearn" in frame.filename:
        return True
    return frame.lineno in raise_lines(frame.filename)


def call(seed, folder):
    """Make the call of this seed; return what is wrong about it, or None."""
    chance, bench = random.Random(seed), Bench(folder)  # noqa: S311 - to be repeatable
    name, positional, keywords = drawn_call(chance, bench)
    text = f"seed {seed}: {name}(*{positional!r}, **{keywords!r})"
    before, steps = bench.memory(), []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        step = tf.Optimizer.step
        patch.setattr(tf.Optimizer, "step", lambda *a: (steps.append(1), step(*a))[1])
        patch.chdir(folder)
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)  # advice
        try:
            result = FUNCTIONS[name](*positional, **keywords)
            with np.errstate(all="ignore"):  # as in `fit`
                use(result, bench)
        except (*DOCUMENTED, *ALSO.get(name, ())) as error:
            if not str(error):
                return f"{text}: {type(error).__name__} without a message"
            if isinstance(error, ImportError) and "tinyframe[" not in str(error):
                return f"{text}: {error!r} names no extra"
            if not on_purpose(error):
                return f"{text}: {''.join(traceback.format_exception(error)[-4:])}"
            if not steps and bench.memory() != before:
                return f"{text}: changed the model, and raised {error!r}"
        except Exception as error:  # noqa: BLE001 - that is what it looks for
            return f"{text}: {''.join(traceback.format_exception(error)[-4:])}"
        with np.errstate(all="ignore"):  # a learning rate of 1e300 leaves weights that overflow
            assert bench.model.predict(bench.X).shape == (12, 2)
    return None


def test_the_public_functions_answer_anything(pytestconfig, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    wrong = []
    for seed in range(LONG if pytestconfig.getoption("--long") else NORMAL):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if (said := call(seed, folder)) is not None:
            wrong.append(said)
        capsys.readouterr()  # lines an epoch
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    assert not wrong, "\n\n".join([f"{len(wrong)} calls went wrong", *wrong[:5]])


def test_the_same_seed_makes_the_same_call(tmp_path):
    for seed in range(20):
        one, other = (drawn_call(random.Random(seed), Bench(tmp_path)) for _ in range(2))  # noqa: S311
        assert one[0] == other[0]
        assert list(one[2]) == list(other[2])
        assert len(one[1]) == len(other[1])


def test_every_argument_has_good_values_and_no_value_is_left_over():
    used = set()
    for name in FUNCTIONS:
        for parameter in arguments_of(name):
            assert good_values(name, parameter.name)
            used.add(parameter.name)
    assert set(GOOD) <= used
    assert set(OVERRIDES) | set(KEYWORDS) | set(ALSO) <= set(FUNCTIONS)


def test_all_that_is_public_is_called():
    called = {id(function) for function in FUNCTIONS.values()}
    missing = {
        name
        for module in (tf, metrics, inspection, tf.plots, testing, state_dicts)
        for name, value in vars(module).items()
        if callable(value)
        and name[0] != "_"
        and getattr(value, "__module__", "").startswith("tinyframe")
        and name in getattr(module, "__all__", [name])
        and (hasattr(module, "__all__") or value.__module__ == module.__name__)
        and id(value) not in called
        and not inspect.isabstract(value)
    }
    assert missing == NOT_CALLED
