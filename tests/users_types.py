"""What an editor says of code as users write it: checked by mypy --strict, and by pyright."""

from typing import Any, assert_type

import numpy as np

from tinyframe import (
    SGD,
    Dense,
    EarlyStopping,
    History,
    Layer,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Softmax,
)
from tinyframe.initializers import ones
from tinyframe.types import Array, Shape

X, y = np.zeros((8, 4), np.float32), np.arange(8) % 3

model = Sequential([Dense(4, 10), ReLU(), Dense(3), Softmax()])
assert_type(model, Sequential)
assert_type(model.fit(X, y, loss=MSELoss(), optimizer=SGD(0.1), epochs=1), Sequential)
assert_type(model.fit(X, y, loss="mse", optimizer="adam", callbacks=[EarlyStopping()]), Sequential)
assert_type(model.predict(X), Array)
assert_type(model(X), Array)
assert_type(model.history, History)
assert_type(model[0], Any)
model[0].weight.value[0] = 1
assert_type(model[:2], Sequential)
figures = model.evaluate(X, y)
assert_type(figures["accuracy"], float)


class Scale(Layer):
    """A layer of one's own, as CONTRIBUTING.md has it."""

    gain: Parameter

    def setup(self, input_shape: Shape) -> Shape:
        self.gain = Parameter(input_shape, ones, dtype=self.dtype)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        self._check_input(x)
        if training:
            self._saved = x
        return np.asarray(self.gain.value * x)

    def backward(self, dy: Array) -> Array:
        x = self._recall()
        np.sum(x * dy, axis=0, out=self.gain.grad)
        return np.asarray(self.gain.value * dy)


assert_type(Sequential([Scale(), Dense(3)]).fit(X, y), Sequential)
