"""Layers as users write them, recordable or not; their derivatives are right."""

import numpy as np

from tinyframe import Layer, Parameter


class Double(Layer):
    """What is recorded without knowing of it."""

    def forward(self, x, training=False):
        y = np.where(x > 0, x, 0.1 * x) + np.mean(x, axis=1, keepdims=True)
        if training:
            self._saved = x
        return y * 2

    def backward(self, dy):
        x = self._recall()
        dx = 2 * dy * np.where(x > 0, 1, 0.1)
        return dx + 2 * np.mean(dy, axis=1, keepdims=True)


class ReadsIntoPython(Double):
    def forward(self, x, training=False):
        return super().forward(x, training) * float(np.tanh(abs(x).max()))


class CountsBatches(Double):
    def __init__(self):
        self.batches = 0

    def forward(self, x, training=False):
        self.batches += training
        return super().forward(x, training) * (1 + self.batches / 100)


class ChangesAnArray(Double):
    def __init__(self):
        self.seen = np.zeros(2)

    def forward(self, x, training=False):
        if training:
            self.seen[0] += 1
        return super().forward(x, training) * np.float32(1 + self.seen[0] / 100)


class AssignsAnArray(Double):
    def __init__(self):
        self.mean = np.zeros(5)

    def forward(self, x, training=False):
        if training:
            self.mean = 0.9 * self.mean + 0.1 * np.mean(x, axis=0)
        return super().forward(x - self.mean.astype(x.dtype), training)


class AssignsAState(AssignsAnArray):
    state_names = ("mean",)


class Branches(Double):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y if np.sum(x) > 0 else y * 0.5


class DrawsFromItsOwn(Double):
    def __init__(self):
        self.noise = np.random.default_rng(3)

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y + self.noise.normal(0, 0.1, x.shape).astype(x.dtype) if training else y


class DrawsNumbers(Double):
    random = True

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y * self.rng.random() if training else y


class Drops(Double):
    random = True

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if not training:
            return y
        self._mask = None
        return y * (self.rng.random(x.shape, dtype=np.float32) > 0.3)


class CallsAsarray(Double):
    def forward(self, x, training=False):
        return super().forward(np.asarray(x, np.float64).astype(x.dtype), training)


class ReturnsItsInput(Layer):
    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy


class WritesInPlace(Double):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        y += 1
        y[:, 0] = 0
        y[:, 1:3] *= 0.5
        return y

    def backward(self, dy):
        dy = dy.copy()
        dy[:, 1:3] *= 0.5
        dy[:, 0] = 0
        return super().backward(dy)


class KeepsItsInputs(Double):
    def __init__(self):
        self.kept = []

    def forward(self, x, training=False):
        if training:
            self.kept.append(x)
        return super().forward(x, training) + sum(k.sum() for k in self.kept[-3:]) / 1e4


class CountsInADict(Double):
    def __init__(self):
        self.counts = {"batches": 0}

    def forward(self, x, training=False):
        self.counts["batches"] += training
        return super().forward(x, training) * (2 if self.counts["batches"] > 5 else 1)


class CountsInASet(Double):
    def __init__(self):
        self.batches = set()

    def forward(self, x, training=False):
        self.batches.add(len(self.batches) if training else 0)
        return super().forward(x, training) * (2 if len(self.batches) > 5 else 1)


class DrawsInAnOldWay(Double):
    def __init__(self):
        self.noise = np.random.RandomState(3)

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return y + self.noise.normal(0, 0.1, x.shape).astype(x.dtype) if training else y


class Masks(Double):
    def forward(self, x, training=False):
        y = super().forward(x, training)
        y[x > 1] = 0
        return y


class SavesElsewhere(Layer):
    def forward(self, x, training=False):
        self.x = x
        return np.tanh(x)

    def backward(self, dy):
        return dy * (1 - np.tanh(self.x) ** 2)


class Scale(Layer):
    def setup(self, input_shape):
        self.gain = Parameter(input_shape, lambda rng, shape: np.ones(shape), dtype=self.dtype)
        return input_shape

    def forward(self, x, training=False):
        if training:
            self._saved = x
        return x * self.gain.value

    def backward(self, dy):
        x = self._recall()
        self.gain.grad = np.sum(x * dy, axis=0)
        return self.gain.value * dy


temperature = [1.0]


class UsesAGlobal(Double):
    def forward(self, x, training=False):
        if training:
            temperature[0] *= 0.99
        return super().forward(x, training) * temperature[0]


OWN = {
    Double: "",
    ReadsIntoPython: "a number of the batch that is used by Python",
    CountsBatches: "changes self.batches",
    ChangesAnArray: "np.asarray",
    AssignsAnArray: "changes self.mean",
    AssignsAState: "",
    Branches: "a branch",
    DrawsFromItsOwn: "",
    DrawsNumbers: "a random number that is used by Python",
    Drops: "",
    CallsAsarray: "np.asarray",
    ReturnsItsInput: "",
    CountsInADict: "keeps a dict in self.counts",
    CountsInASet: "keeps a set in self.batches",
    DrawsInAnOldWay: "keeps a RandomState in self.noise",
    WritesInPlace: "",
    KeepsItsInputs: "keeps a list in self.kept",
    Masks: "",
    SavesElsewhere: "changes self.x",
    Scale: "",
}
"""Layers of one's own, and why they are not recorded."""
