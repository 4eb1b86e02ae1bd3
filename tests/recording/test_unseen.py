"""What a recording cannot see by itself: such layers run as they are, and train right."""

import types

import numpy as np
import pytest

from tinyframe import (
    SGD,
    Callback,
    Dense,
    Layer,
    LeakyReLU,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Tanh,
    recording,
)
from tinyframe.initializers import ones
from tinyframe.inspection import recording_report
from tinyframe.recording import learning, watching

settings = types.ModuleType("settings")


class Config:
    scale = 1.0


class Own(Layer):
    def forward(self, x, training=False):
        return self.of(x)

    def backward(self, dy):
        return dy * 1


class Counts(Own):
    n = 0

    def of(self, x):
        self.n += 1
        return x * self.n


class CallsByKeyword(Own):
    def __init__(self):
        self.inner = Counts()

    def forward(self, x, training=False):
        return self.inner.forward(x, training=training)

    def backward(self, dy):
        return self.inner.backward(dy=dy)


class PicksAColumn(Own):
    def of(self, x):
        k = (x[0, 0] > 3) * 1 + (x[0, 0] < -3) * 1
        y = x * 1
        y[:, k] += 1
        return y


class FillsInPlace(Own):
    def of(self, x):
        y = x / np.where(np.abs(x) > 20, 0, 1).astype(x.dtype)
        np.nan_to_num(y, copy=False, posinf=0.0, neginf=0.0)
        return np.tanh(y) * x


class AsksForTheKind(Own):
    def of(self, x):
        n = np.abs(x).max()
        return x / n if isinstance(n, np.floating) and n > 20 else x * 1


class LooksUp(Own):
    def of(self, x):
        k = np.argmax(np.abs(x).max() > 20) + (np.abs(x).max() > 20)
        return x * (2.0 if k in {1, 2} else 1.0)


class RepeatsAList(Own):
    def of(self, x):
        factors = [0.5] * ((np.abs(x).max() > 20) + 1)
        return x * len(factors)


class MovesStates(Own):
    state_names = ("new", "old")

    def __init__(self):
        self.new, self.old = np.zeros(5, "f"), np.zeros(5, "f")

    def forward(self, x, training=False):
        y = x - self.old
        if training:
            self.old = self.new
            self.new = x.mean(0)
        return y


class WidensAState(Own):
    state_names = ("average",)

    def __init__(self):
        self.average = np.zeros(5, int)

    def forward(self, x, training=False):
        y = x - self.average.astype(x.dtype)
        if training:
            self.average = 0.9 * self.average + 0.1 * x.mean(0)
        return y


class HoldsAClass(Own):
    def __init__(self):
        self.config = Config

    def of(self, x):
        return x * self.config.scale


class HandsAModuleOn(Own):
    def of(self, x):
        found = settings
        return x * found.scale


def of_a_closure():
    held = Config

    class Closes(Own):
        def of(self, x):
            return x * held.scale

    return Closes()


def by_settings(x):
    return x * settings.scale


class HoldsFunctions(Own):
    def __init__(self):
        self.functions = (by_settings,)

    def of(self, x):
        return self.functions[0](x)


class Helper:
    def __init__(self, x):
        self.y = x * settings.scale


class MakesAHelper(Own):
    def of(self, x):
        return Helper(x).y


def gain(x):
    return x * gain.by


class UsesAFunctionsAttribute(Own):
    def of(self, x):
        return gain(x)


class GetsByName(Own):
    def of(self, x):
        return x * getattr(settings, "scale")  # noqa: B009 - as it is done


class Masked(Parameter):
    mask = None


class Prunes(Layer):
    def setup(self, input_shape):
        self.w = Masked(input_shape, lambda rng, shape: np.ones(shape, "f"))
        self.w.mask = np.ones(input_shape, "f")
        return input_shape

    def forward(self, x, training=False):
        keep = self.w.mask > 0.5
        self._saved = x, keep
        return x * (self.w.value * keep)

    def backward(self, dy):
        x, keep = self._saved
        self.w.grad[:] = (dy * x).sum(0) * keep
        return dy * self.w.value * keep


class StartsShared(Own):
    state_names = ("mean", "last")

    def setup(self, input_shape):
        self.mean = self.last = np.zeros(input_shape, "f")
        return input_shape

    def forward(self, x, training=False):
        y = x - self.mean
        if training:
            self.mean, self.last = 0.9 * self.mean + 0.1 * x.mean(0), x.mean(0)
        return y


class BecomesShared(Own):
    state_names = ("new", "old")

    def __init__(self):
        self.new, self.old = np.zeros(5, "f"), np.zeros(5, "f")

    def forward(self, x, training=False):
        y = x - self.old
        if training:
            self.new *= 0.9
            self.new += x.mean(0)
            self.old = self.new
        return y


class ChangesItsShapeLate(Own):
    state_names = ("mean",)

    def __init__(self):
        self.mean = np.zeros(5, "f")

    def forward(self, x, training=False):
        mean = self.mean.mean(0) if self.mean.ndim > 1 else self.mean
        if training and np.abs(x).max() > 20:
            self.mean = np.stack([mean, x.mean(0)])
        elif training:
            self.mean = 0.5 * self.mean + x.mean(0)
        return x - mean


class AsksForItsRealPart(Own):
    def of(self, x):
        return x * (2.0 if x.real.max() > 20 else 1.0)


class Base(Own):
    gain = 1.0
    __gain__ = 1.0

    def of(self, x):
        return x * self.gain * self.__gain__


class Inherits(Base):
    pass


class HoldsLayersDeep(Own):
    def __init__(self):
        self.layers = ((Tanh(), LeakyReLU(0.5)),)

    def of(self, x):
        return self.layers[0][1].forward(x)


class GetsAChild(Own):
    inner = None

    def __init__(self):
        self.log = []

    def forward(self, x, training=False):
        if self.inner is None:
            self.inner = ReLU()
            self.inner.build(x.shape[1:])
        return self.inner.forward(x, training)

    def backward(self, dy):
        return self.inner.backward(dy)


def give_an_attribute(layer):
    Inherits.gain = 3.0


def steepen(layer):
    layer.layers[0][1].slope = 3.0


def nothing(layer):
    pass


def rescale(layer):
    settings.scale = Config.scale = gain.by = 2.0


def prune(layer):
    layer.w.mask[:2] = 0


CASES = {
    **dict.fromkeys(
        [
            CallsByKeyword, PicksAColumn, FillsInPlace, AsksForTheKind, LooksUp, RepeatsAList,
            MovesStates, WidensAState, StartsShared, BecomesShared, ChangesItsShapeLate,
            AsksForItsRealPart, GetsAChild,
        ],
        nothing,
    ),
    **dict.fromkeys(
        [
            HoldsAClass, HandsAModuleOn, of_a_closure, HoldsFunctions, MakesAHelper,
            UsesAFunctionsAttribute, GetsByName,
        ],
        rescale,
    ),
    Prunes: prune, Inherits: give_an_attribute, HoldsLayersDeep: steepen,
}  # fmt: skip


@pytest.mark.parametrize("make", CASES)
@np.errstate(all="ignore")
def test_what_a_batch_late_in_training_shows_counts(make, rng):
    X = rng.standard_normal((112, 5)).astype("f")
    Y = X[:, :3].copy()
    found = {}
    for recorded in (False, True):
        recording.enabled = recorded
        settings.scale = Config.scale = gain.by = 1.0
        if "gain" in vars(Inherits):
            del Inherits.gain
        try:
            model, loss, optimizer = Sequential([make(), Dense(3)]), MSELoss(), SGD(1e-3)
            losses = []
            for turn in range(8):
                rows = slice(turn * 8, turn * 8 + 8)
                if turn == 6:
                    CASES[make](model[0])
                size = 50 if turn == 6 and CASES[make] is nothing else 1
                losses.append(
                    model.train_on_batch(
                        X[rows] * size, Y[rows], loss=loss, optimizer=optimizer,
                        rng=0 if turn == 0 else None,
                    )
                )  # fmt: skip
                model.predict(X[rows])
            found[recorded] = losses, model.predict(100 * X[:8]).tobytes()
        finally:
            recording.enabled = True
    assert found[True] == found[False]


def alike(train):
    """What `train` returns with recording and without is the same; return it."""
    found = []
    for recorded in (False, True):
        recording.enabled = recorded
        try:
            found.append(train())
        finally:
            recording.enabled = True
    assert found[0] == found[1]
    return found[1]


class Mean(Own):
    state_names = ("mean",)

    def __init__(self, mean):
        self.mean = mean

    def forward(self, x, training=False):
        if training:
            self.mean = 0.5 * self.mean + x.mean(0)
        return x - self.mean


def test_an_array_of_the_users_is_not_written_to(rng):
    X = rng.standard_normal((96, 5)).astype("f")

    def train():
        start = np.zeros(5, "f")
        model = Sequential([Mean(start), Mean(start), Dense(1)])
        model.fit(X, X[:, :1], epochs=3, batch_size=16, rng=0, verbose=0)
        return start.tolist(), model.history["loss"], model[0].mean.tolist()

    assert alike(train)[0] == [0] * 5


def test_a_step_that_is_skipped_has_made_its_forward_pass(rng):
    X = rng.standard_normal((160, 5)).astype("f")
    Y = X[:, :1].copy()
    Y[100] = 1e4

    class InfiniteAtTimes(MSELoss):
        def forward(self, prediction, target, weight=None):
            found = super().forward(prediction, target, weight)
            return found * np.where(np.abs(target).max() > 1e3, np.float32(np.inf), np.float32(1))

    def train():
        model, means = Sequential([Mean(np.zeros(5, "f")), Dense(1)]), []

        class Looks(Callback):
            def on_batch_end(self, run):
                means.append(run.model[0].mean.tolist())

        model.fit(
            X, Y, loss=InfiniteAtTimes(), optimizer=SGD(0.01), epochs=5, batch_size=32, rng=0,
            shuffle=False, on_nonfinite="skip", callbacks=[Looks()], verbose=0,
        )  # fmt: skip
        return means, model.history["skipped"]

    assert alike(train)[1] == [1] * 5


def test_ordinary_helpers_are_recorded(rng):
    class Helped(Own):
        @staticmethod
        def twice(x):
            return 2 * x

        @classmethod
        def thrice(cls, x):
            return 3 * x

        @property
        def factor(self):
            return 0.5

        def of(self, x):
            return self.twice(x) + self.thrice(x) * self.factor

    X = rng.standard_normal((96, 5)).astype("f")
    model = Sequential([Helped(), Dense(1)])  # trained with small steps: it may diverge
    model.fit(X, X[:, :1], optimizer=SGD(1e-3), batch_size=16, rng=0, verbose=0)
    assert recording_report(model).complete, recording_report(model)


OUTSIDE = [1.0]
"""What changes from step to step, and nobody watches."""


class Leaks(Layer):
    state_names = ("seen",)

    def __init__(self, where):
        self.where = where

    def setup(self, input_shape):
        self.gain = Parameter(input_shape, ones, dtype=self.dtype)
        self.seen = np.zeros(1, self.dtype)
        return input_shape

    def by(self, place):
        return OUTSIDE[0] if self.where == place else 1.0

    def forward(self, x, training=False):
        if training:
            self._saved = x
            self.seen += self.by("state")
        return self.gain.value * x * self.by("output")

    def backward(self, dy):
        x = self._recall()
        np.sum(dy * x * self.by("parameter"), axis=0, out=self.gain.grad)
        return self.gain.value * dy * self.by("gradient")


class LeakyLoss(MSELoss):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def forward(self, prediction, target, weight=None):
        value = super().forward(prediction, target, weight)
        return value * (OUTSIDE[0] if self.where == "value" else 1.0)

    def backward(self):
        return super().backward() * (OUTSIDE[0] if self.where == "loss's gradient" else 1.0)


@pytest.mark.parametrize(
    "where", ["output", "gradient", "parameter", "state", "value", "loss's gradient"]
)
def test_what_is_watched_in_vain_the_comparison_finds(where, rng, monkeypatch):
    """The last guard: with the watching turned off, all bits of a second step are compared."""
    monkeypatch.setattr(learning, "unwatched", lambda part: "")
    monkeypatch.setattr(watching, "_outside", lambda part: ())
    X = rng.standard_normal((16, 4)).astype("f")

    def train():
        model = Sequential([Dense(4, 4), Leaks(where), Dense(2)])
        model.build(4, rng=0)
        loss, optimizer = LeakyLoss(where), SGD(0.01)
        for step in range(6):
            OUTSIDE[0] = 1.0 + step
            model.train_on_batch(X, X[:, :2], loss=loss, optimizer=optimizer)
        return [p.value.tobytes() for p in model.parameters], model

    with pytest.warns(UserWarning, match="gave other numbers in a replay than in a plain step"):
        found, model = train()
    culprit = "LeakyLoss" if where in ("value", "loss's gradient") else "Leaks"
    assert culprit in str(recording_report(model))
    monkeypatch.setattr(recording, "enabled", False)
    assert train()[0] == found
