"""WeightAverage: a moving average of the weights, which predicts better than the last ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.training.callbacks.callback import Callback
from tinyframe.training.callbacks.run import Run
from tinyframe.utils.checks import real_number
from tinyframe.utils.schema import check_schema, integer, number

if TYPE_CHECKING:
    from tinyframe.types import Array


class WeightAverage(Callback):
    """Keeps an exponential moving average of the weights, for validation and for the end.

    After step t:  θ̄ ← d θ̄ + (1 − d) θ,  d = min(decay, t / (t + 9)), so that the first steps, far
    from where training leads, are soon forgotten. The steps themselves go on from θ. Validation,
    the callbacks that see an epoch's end (`EarlyStopping`, `ModelCheckpoint`), and the model when
    training has ended have θ̄. Running averages, as of `BatchNorm`, stay those of the steps.
    Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.

        model.fit(X, y, optimizer="adam", callbacks=[WeightAverage(0.99)])

    Parameters
    ----------
    decay : float
        0 ≤ decay < 1: about 1 / (1 − decay) steps are averaged.

    Raises
    ------
    TypeError, ValueError
        If it is not that.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> options = {"callbacks": [WeightAverage(0.9)], "epochs": 50, "verbose": 0}
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, **options)  # its weights are the average
    """

    turn = 1

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = real_number("decay", decay, at_least=0, below=1)

    def on_train_begin(self, run: Run) -> None:
        if sum(isinstance(callback, WeightAverage) for callback in run.callbacks) > 1:
            raise ValueError("callbacks expected one WeightAverage, got several")
        self._other: Array | None = None  # θ̄; while the model has that: θ
        self._steps = 0
        self._in_use = False

    def on_epoch_begin(self, run: Run) -> None:
        if self._in_use:
            self._exchange(run)

    def on_batch_end(self, run: Run) -> None:
        value = run.trainer.parameters.value
        self._steps += 1
        if self._other is None:
            self._other = value.copy()
            return
        decay = min(self.decay, self._steps / (self._steps + 9))
        self._other += (value - self._other) * (1 - decay)

    def on_steps_end(self, run: Run) -> None:
        if not self._in_use:
            self._exchange(run)

    def on_train_end(self, run: Run) -> None:
        if run.finished != self._in_use:  # after an error the model has the weights of the steps
            self._exchange(run)
        self._other = None

    def _exchange(self, run: Run) -> None:
        """Let the weights and their average change places."""
        if self._other is not None:
            value = run.trainer.parameters.value
            kept = value.copy()
            np.copyto(value, self._other)
            self._other = kept
            self._in_use = not self._in_use

    def state(self) -> dict[str, Any]:
        kept = {"steps": self._steps, "in_use": int(self._in_use), "decay": self.decay}
        return kept if self._other is None else kept | {"other": self._other}

    def check_state(self, state: Mapping[str, Any], run: Run) -> None:
        counts = {name: value for name, value in state.items() if name != "other"}
        schema = {"steps": integer(), "in_use": integer(), "decay": number()}
        check_schema(counts, schema, "WeightAverage")
        if state["decay"] != self.decay:
            raise ValueError(f"another decay: {state['decay']} in the file, {self.decay} now")
        size = sum(parameter.size for parameter in run.model.trainable_parameters)
        other = state.get("other", np.empty(size, run.model.dtype))
        if getattr(other, "shape", ()) != (size,) or other.dtype != run.model.dtype:
            raise ValueError(f"WeightAverage expected {size} {run.model.dtype} weights")

    def restore(self, state: Mapping[str, Any]) -> None:
        self._steps, self._in_use = state["steps"], bool(state["in_use"])
        self._other = None if "other" not in state else np.array(state["other"])
