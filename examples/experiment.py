"""What the playground's page has set: as tinyframe code, and that code at work, epoch by epoch."""

import base64
import contextlib
import copy
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinyframe
from tinyframe import Sequential
from tinyframe.training.callbacks import Callback
from tinyframe.types import Array

ACTIVATIONS = ("none", "ReLU", "LeakyReLU", "Tanh", "Sigmoid", "GELU")
LOSSES = ("CrossEntropyLoss", "MSELoss")
OPTIMIZERS = {
    "SGD": "SGD({rate})",
    "SGD with momentum": "SGD({rate}, momentum=0.9)",
    "Adam": "Adam({rate})",
    "RMSprop": "RMSprop({rate})",
}
INITIALIZERS = ("he_normal", "zeros")

DATA = {
    "spirals": """\
y = rng.integers(2, size={rows})
r = rng.uniform(0.05, 1, size={rows})
angle = 7 * r + np.pi * y
X = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
""",
    "circles": """\
y = rng.integers(2, size={rows})
r = np.where(y == 1, rng.uniform(0, 0.45, size={rows}), rng.uniform(0.65, 1, size={rows}))
angle = rng.uniform(0, 2 * np.pi, size={rows})
X = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
""",
    "quadrants": """\
X = rng.uniform(-1, 1, size=({rows}, 2))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
""",
    "clouds": """\
y = rng.integers(3, size={rows})
centres = np.array([[-0.5, -0.4], [0.5, -0.4], [0, 0.55]])
X = centres[y] + rng.normal(0, 0.12, size=({rows}, 2))
""",
}
"""Code that makes X, (rows, 2) within about ±1, and y, classes from 0."""

MAP, UNIT_MAP = 64, 32  # side of the picture of the answer, and of a unit's, in pixels
SPAN = 1.15  # pictures show ±SPAN
MOST_LAYERS, MOST_UNITS, MOST_POINTS, MOST_CLASSES = 6, 8, 1000, 4
MOST_EPOCHS = 10_000


class Settings:
    """What the page has set, checked.

    Parameters
    ----------
    given
        The page's own object, see `playground.html`.

    Raises
    ------
    ValueError
        If something is missing, or is not what it should be: says what was expected.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.data = _one_of(given, "data", (*DATA, "points"))
        self.rows = _whole(given, "rows", 20, MOST_POINTS)
        self.noise = 0 if self.data == "points" else _number(given, "noise", 0, 0.5)
        self.points = _points(given.get("points", [])) if self.data == "points" else []
        self.layers = _layers(given.get("layers"))
        self.initializer = _one_of(given, "initializer", INITIALIZERS)
        self.loss = _one_of(given, "loss", LOSSES)
        self.optimizer = _one_of(given, "optimizer", tuple(OPTIMIZERS))
        self.rate = _number(given, "rate", 1e-6, 1000)
        self.batch_size = _whole(given, "batch_size", 1, MOST_POINTS)
        self.seed = _whole(given, "seed", 0, 10**6)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        if self.data == "points":
            return len({label for *_, label in self.points})
        return 3 if self.data == "clouds" else 2

    def data_code(self) -> str:
        """Return the code that makes X, y, X_test and y_test."""
        if self.data == "points":
            labels = sorted({label for *_, label in self.points})  # numbered from 0
            rows = "\n".join(
                f"    [{a!r}, {b!r}, {labels.index(label)}]," for a, b, label in self.points
            )
            made = (
                f"points = np.array([\n{rows}\n])\nX, y = points[:, :2], points[:, 2].astype(int)\n"
            )
        else:
            made = DATA[self.data].format(rows=self.rows)
        noise = f"X = X + rng.normal(0, {self.noise!r}, size=X.shape)\n" if self.noise else ""
        return (
            f"rng = np.random.default_rng({self.seed})\n{made}{noise}"
            "test = np.arange(len(X)) % 4 == 3  # every fourth is held back\n"
            "train = ~test\n"
        )

    def model_code(self) -> str:
        """Return the code that makes the model."""
        zeros = ', initializer="zeros"' if self.initializer == "zeros" else ""
        lines, before = [], 2
        for units, activation in self.layers:
            lines.append(f"    Dense({before}, {units}{zeros}),")
            lines += [f"    {activation}(),"] if activation != "none" else []
            before = units
        lines += [f"    Dense({before}, {self.classes}{zeros}),", "    Softmax(),"]
        return "\n".join(["model = Sequential([", *lines, "])"]) + "\n"

    @property
    def optimizer_code(self) -> str:
        """The optimizer, as its call."""
        return OPTIMIZERS[self.optimizer].format(rate=repr(self.rate))

    def code(self, epochs: int) -> str:
        """Return a program that trains as long as the page has, which may be not at all."""
        names = {"Dense", "Sequential", "Softmax", self.loss, self.optimizer_code.split("(")[0]}
        names |= {activation for _, activation in self.layers} - {"none"}
        fit = (
            "model.fit(\n"
            f"    X[train], y[train], loss={self.loss}(), optimizer={self.optimizer_code},\n"
            f"    epochs={epochs}, batch_size={self.batch_size}, rng={self.seed},\n"
            "    validation_data=(X[test], y[test]), verbose=0,\n"
            ")\n"
        )
        later = "".join(f"# {line}\n" for line in fit.replace("=0, b", "=1, b").splitlines())
        begin = f"model.build(2, rng={self.seed})  # not trained yet; to be:\n{later}"
        return (
            f"import numpy as np\n\nfrom tinyframe import {', '.join(sorted(names))}\n\n"
            f"{self.data_code()}\n{self.model_code()}{fit if epochs else begin}"
            f'print(model.evaluate(X[test], y[test], loss={self.loss}(), metrics=["accuracy"]))\n'
        )

    def run_code(self) -> dict[str, Any]:
        """Run what the program begins with, and return what it made."""
        made: dict[str, Any] = {"np": np, **vars(tinyframe)}
        exec(self.data_code() + self.model_code(), made)  # noqa: S102 - written here, from checked numbers
        return made


def _one_of(given: Mapping[str, Any], name: str, choices: Sequence[str]) -> str:
    value = given.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} expected one of {', '.join(choices)}, got {value!r:.60}")
    return value


def _number(given: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} expected a number from {least:g} to {most:g}, got {value!r:.60}")
    return value


def _whole(given: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = _number(given, name, least, most)
    if value != int(value):
        raise ValueError(f"{name} expected a whole number, got {value!r}")
    return int(value)


def _layers(given: Any) -> list[tuple[int, str]]:
    if not isinstance(given, list) or len(given) > MOST_LAYERS:
        raise ValueError(f"layers expected a list of up to {MOST_LAYERS}, got {given!r:.60}")
    layers = []
    for layer in given:
        if not isinstance(layer, dict):
            raise ValueError(f"layers expected units and activation, got {layer!r:.60}")  # noqa: TRY004 - it becomes a 400
        units = _whole(layer, "units", 1, MOST_UNITS)
        layers.append((units, _one_of(layer, "activation", ACTIVATIONS)))
    return layers


def _points(given: Any) -> list[tuple[float, float, int]]:
    if not isinstance(given, list) or not 8 <= len(given) <= MOST_POINTS:
        count = len(given) if isinstance(given, list) else repr(given)[:60]
        raise ValueError(f"points expected 8 to {MOST_POINTS} of them, got {count}")
    points = []
    for point in given:
        if not isinstance(point, list) or len(point) != 3:
            raise ValueError(f"points expected [x, y, class], got {point!r:.60}")
        fields = dict(zip(("x", "y", "class"), point, strict=True))
        x, y = (round(float(_number(fields, name, -2, 2)), 4) for name in ("x", "y"))
        points.append((x, y, _whole(fields, "class", 0, MOST_CLASSES - 1)))
    if len({label for *_, label in points}) < 2:
        raise ValueError("points expected two classes at least, got one")
    return points


@dataclass(frozen=True)
class Epoch:
    """What is kept of an epoch: the weights, one after the other, and its figures."""

    value: Array
    figures: dict[str, float]


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """The page has gone."""


class Pace(Callback):
    """Trains as many epochs as were asked for, then waits."""

    def __init__(self, experiment: "Experiment") -> None:
        self._experiment = experiment

    def on_train_begin(self, run: Any) -> None:
        self._experiment.keep(run.model, {})
        self._experiment.wait()

    def on_epoch_end(self, run: Any) -> None:
        self._experiment.keep(run.model, dict(run.figures))
        self._experiment.wait()


class Experiment:
    """A network at training, in a thread that does nothing until `advance` asks for it.

    It is `fit` itself that trains, once: so its weights are those that the shown code leads to.

    Parameters
    ----------
    settings
        What the page has set.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        made = settings.run_code()
        self.X: Array = made["X"]
        self.y: Array = made["y"]
        self.train, self.test = made["train"], made["test"]
        self.model: Sequential = made["model"]
        self.loss = getattr(tinyframe, settings.loss)()
        self.optimizer = eval(settings.optimizer_code, dict(vars(tinyframe)))  # noqa: S307 - as in run_code
        self.epochs: list[Epoch] = []
        self.problem = ""
        self.used = time.monotonic()
        self._to_do = 0
        self._over = self._ended = False
        self._news = threading.Condition()
        self._asking = threading.Lock()
        self._twin: Sequential | None = None
        self._thread = threading.Thread(target=self._fit, daemon=True)
        self._thread.start()
        with self._news:
            self._news.wait_for(lambda: self.epochs or self._ended, timeout=30)
        if not self.epochs:
            raise ValueError(self.problem)

    def _fit(self) -> None:
        try:
            with np.errstate(all="ignore"):
                self.model.fit(
                    self.X[self.train],
                    self.y[self.train],
                    loss=self.loss,
                    optimizer=self.optimizer,
                    epochs=MOST_EPOCHS,
                    batch_size=self.settings.batch_size,
                    rng=self.settings.seed,
                    validation_data=(self.X[self.test], self.y[self.test]),
                    verbose=0,
                    callbacks=[Pace(self)],
                )
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - the page is to say so
            self.problem = str(error)
        finally:
            with self._news:
                self._ended = True
                self._news.notify_all()

    def keep(self, model: Sequential, figures: dict[str, float]) -> None:
        """Keep an epoch; called in the training thread."""
        value = np.concatenate([p.value.ravel() for p in model.parameters])
        with self._news:
            self.epochs.append(Epoch(value, figures))
            self._to_do -= 1
            self._news.notify_all()

    def wait(self) -> None:
        """Wait until there is something to do; called in the training thread."""
        with self._news:
            self._news.wait_for(lambda: self._to_do > 0 or self._over)
            if self._over:
                raise Stopped

    def advance(self, epochs: int, seconds: float = 0.02) -> None:
        """Train so many epochs more, or for so long."""
        with self._asking:
            self.used = time.monotonic()
            until = self.used + seconds
            for _ in range(epochs):
                with self._news:
                    if self._ended:
                        break
                    known = len(self.epochs)
                    self._to_do = 1
                    self._news.notify_all()
                    self._news.wait_for(lambda: len(self.epochs) > known or self._ended)  # noqa: B023 - awaited here
                if time.monotonic() > until:
                    break

    def stop(self) -> None:
        """End the training and its thread."""
        with self._news:
            self._over = True
            self._news.notify_all()
        self._thread.join(timeout=10)

    def at(self, epoch: int) -> Sequential:
        """Return a model with the weights of an epoch; it is the same object each time."""
        if self._twin is None:
            self._twin = copy.deepcopy(self.model)
        start, value = 0, self.epochs[epoch].value
        for parameter in self._twin.parameters:
            part = value[start : start + parameter.size]
            parameter.value[...] = part.reshape(parameter.shape)
            start += parameter.size
        return self._twin

    def frame(self, epoch: int, probe: tuple[float, float]) -> dict[str, Any]:
        """Return what the page shows of an epoch.

        Parameters
        ----------
        epoch
            0 is before the first.
        probe
            The point whose numbers are wanted of each unit.
        """
        with self._asking, np.errstate(all="ignore"):
            epoch = min(max(epoch, 0), len(self.epochs) - 1)
            model = self.at(epoch)
            X, y = self.X[self.train], self.y[self.train]
            loss = float(self.loss.forward(model.forward(_single(X), training=True), y))
            model.backward(self.loss.backward())
            weights = [_rounded(p.value) for p in model.parameters]
            gradients = [_rounded(p.grad) for p in model.parameters]
            slopes = _slopes(model)
            hidden = _unit_outputs(model, _grid(UNIT_MAP))
            seen = _unit_outputs(model, _single(X))
            answer = model.predict(_grid(MAP))
            at_probe = _unit_outputs(model, _single(np.array([probe])))
            probabilities = model.predict(_single(np.array([probe])))[0]
            held_back = self.X[self.test], self.y[self.test]
            figures = dict(self.epochs[epoch].figures)
            if not epoch:  # which `fit` does not measure
                found = model.evaluate(*held_back, loss=self.loss, metrics=["accuracy"])
                figures = {f"val_{name}": value for name, value in found.items()}
        return {
            "epoch": epoch,
            "latest": len(self.epochs) - 1,
            "ended": self._ended,
            "problem": self.problem,
            "loss": _finite(loss),
            "figures": {name: _finite(value) for name, value in figures.items()},
            "weights": weights,
            "gradients": gradients,
            "units": [[_picture(unit) for unit in h.T] for h in hidden],
            "best": _base64(answer.argmax(axis=1)),
            "sure": _base64(255 * np.nan_to_num(answer.max(axis=1))),
            "probe": [_rounded(h[0]) for h in at_probe] + [_rounded(probabilities)],
            "remarks": self._remarks(model, seen, slopes, epoch),
        }

    def _remarks(
        self, model: Sequential, seen: list[Array], slopes: list[float], epoch: int
    ) -> list[str]:
        """Return what is worth reading about this epoch, most telling first."""
        remarks = []
        layers = self.settings.layers
        if self.problem and epoch == len(self.epochs) - 1:
            remarks.append(
                f"Training has ended: {self.problem}. With a learning rate of "
                f"{self.settings.rate:g} each step lands beyond the valley, further up on the "
                "other side, and the next one is longer. Try a tenth of it."
            )
        if layers and all(activation == "none" for _, activation in layers):
            remarks.append(
                f"Without an activation, {len(layers) + 1} Dense layers are one: W₂(W₁x + b₁) + b₂ "
                "is (W₂W₁)x + …, a single matrix. However many there are, the boundary is straight."
            )
        if any(units > 1 for units, _ in layers) and _all_units_equal(model):
            remarks.append(
                "All units of a layer have the same weights. They get the same gradient too, so "
                "they stay the same: many units do the work of one. With weights that are all zero "
                "no gradient even reaches the hidden layers. That is why weights start at random."
            )
        for number, ((_, activation), outputs) in enumerate(
            zip(layers, seen, strict=True), start=1
        ):
            dead = int(np.sum(~outputs.any(axis=0)))
            if activation == "ReLU" and dead and epoch:
                remarks.append(
                    f"{dead} of {outputs.shape[1]} ReLUs in hidden layer {number} are dead: 0 for "
                    "every point, so that their own weights get no gradient. Only what changes "
                    "below them, or momentum, may wake them."
                )
        if len(slopes) > 2 and 0 < slopes[0] < slopes[-1] / 100:
            remarks.append(
                f"The gradient of the first layer is {slopes[-1] / slopes[0]:,.0f} times smaller "
                "than that of the last: on its way down it is multiplied by the slope of each "
                "activation, which is at most ¼ for a sigmoid and small wherever Tanh is flat. The "
                "first layers hardly learn."
            )
        shares = np.bincount(self.y[self.train]) / max(1, int(np.sum(self.train)))
        guess = -np.sum(shares * np.log(shares, where=shares > 0, out=np.zeros_like(shares)))
        if self.settings.loss == "MSELoss":
            guess = 1 - np.sum(shares**2)
        remarks += _of_figures(self.epochs, epoch, float(guess))
        return remarks


def _of_figures(epochs: list[Epoch], epoch: int, guess: float) -> list[str]:
    """Return what the losses tell, given that of answering the same for every point."""
    figures = epochs[epoch].figures
    loss, held_back = figures.get("loss", math.nan), figures.get("val_loss", math.nan)
    remarks = []
    if epoch > 20 and loss < guess / 2 and held_back > 1.5 * loss + 0.05:
        remarks.append(
            f"The loss is {loss:.3f} on the points it learns from and {held_back:.3f} on those "
            "held back: it learns these points by heart. More points, fewer units or an earlier "
            "end would help."
        )
    elif epoch and loss > 1.2 * guess:
        remarks.append(
            f"The loss, {loss:.3f}, is larger than that of answering the same for every point, "
            f"{guess:.3f}: the learning rate is too high, steps land beyond the valley."
        )
    return remarks


def _all_units_equal(model: Sequential) -> bool:
    weights = [p.value for p in model.parameters if len(p.shape) == 2][:-1]
    return all((np.ptp(w, axis=1) == 0).all() for w in weights)


def _slopes(model: Sequential) -> list[float]:
    """Return the root mean square of the gradient of each weight matrix."""
    return [math.sqrt(np.mean(p.grad**2)) for p in model.parameters if len(p.shape) == 2]


def _unit_outputs(model: Sequential, x: Array) -> list[Array]:
    """Return what each hidden layer answers, after its activation if it has one."""
    outputs, layers = [], list(model)
    for k, layer in enumerate(layers[:-2]):
        x = layer(x)
        if type(layers[k + 1]).__name__ == "Dense":
            outputs.append(x)
    return outputs


def _grid(side: int) -> Array:
    """Return the points of a picture, row by row from the upper left: (side², 2)."""
    at = (np.arange(side) + 0.5) / side * 2 * SPAN - SPAN
    x, y = np.meshgrid(at, -at)
    return _single(np.stack([x.ravel(), y.ravel()], axis=1))


def _single(x: Array) -> Array:
    return x.astype(np.float32)


def _picture(unit: Array) -> dict[str, Any]:
    """Return a unit's answers all over the plane: its range, and bytes within it around 0."""
    size = float(np.abs(unit).max(initial=0)) or 1.0
    if not math.isfinite(size):
        size, unit = 1.0, np.zeros_like(unit)
    return {"size": round(size, 4), "pixels": _base64(127.5 + 127.5 * unit / size)}


def _base64(numbers: Array) -> str:
    return base64.b64encode(np.round(numbers).astype(np.uint8).tobytes()).decode()


def _rounded(values: Array) -> Any:
    return np.nan_to_num(values.astype(float), posinf=1e30, neginf=-1e30).round(6).tolist()


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


class Experiments:
    """Those that are open: the latest few, of which one that nobody looks at is ended."""

    MOST, PATIENCE = 4, 600.0  # seconds

    def __init__(self) -> None:
        self._open: dict[str, Experiment] = {}
        self._lock = threading.Lock()
        self._number = 0

    def begin(self, settings: Settings) -> str:
        """Begin one, and return its name."""
        experiment = Experiment(settings)
        with self._lock:
            self._number += 1
            name = str(self._number)
            self._open[name] = experiment
            names = list(self._open)
            long_ago = time.monotonic() - self.PATIENCE
            idle = {key for key in names[:-1] if self._open[key].used < long_ago}
            old = [self._open.pop(key) for key in idle | set(names[: -self.MOST])]
        for other in old:
            other.stop()
        return name

    def named(self, name: Any) -> Experiment:
        """Return one; raise ValueError if it is no longer open."""
        with self._lock, contextlib.suppress(KeyError, TypeError):
            return self._open[name]
        raise ValueError("this experiment is no longer open: press Reset")

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            old = list(self._open.values())
            self._open.clear()
        for experiment in old:
            experiment.stop()
