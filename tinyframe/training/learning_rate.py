"""A learning rate for a model and its data: one sweep from small to large."""

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyframe.losses import LossLike
from tinyframe.optimizers import FullBatchOptimizer, OptimizerLike
from tinyframe.training.callbacks import Callback, Run
from tinyframe.training.settings import check_model, chosen_optimizer
from tinyframe.types import Array, RandomSeed
from tinyframe.utils.checks import positive_integer, real_number
from tinyframe.utils.drawing import PALETTE, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tinyframe.model import Model

SMOOTHING = 0.9
"""How much of the average of earlier losses stays at each step."""

FEW = 10
"""Losses, of which the average says little yet."""

DIVERGED = 4.0
"""Times the least smoothed loss from which on the sweep ends."""


class LearningRateSweep:
    """The loss at each rate of a sweep.

    Attributes
    ----------
    rates, losses : arrays of shape (steps,)
        The rates, and the loss of the batch before the step with it.
    smoothed : array of shape (steps,)
        The losses, averaged exponentially.
    suggestion : float
        A tenth of the rate with the least smoothed loss, the first ten not counted, or the lowest
        rate if that is less.
    """

    def __init__(self, rates: Array, losses: Array) -> None:
        self.rates, self.losses = rates, losses
        average = _Average()
        self.smoothed = np.array([average.with_another(loss) for loss in losses])
        # At its least the loss is about to rise: a tenth of that rate leaves room for later epochs.
        few = min(FEW, len(rates) - 1)
        least = few + int(np.argmin(self.smoothed[few:]))
        self.suggestion = max(float(rates[least]) / 10, float(rates[0]))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the loss against the rate, mark the suggestion, and return the axes.

        Parameters
        ----------
        ax
            Matplotlib axes; by default those of a new figure.

        Raises
        ------
        TypeError
            If `ax` is something else.
        ImportError
            Without matplotlib (extra `plot`).
        """
        with axes_for(ax, (5, 3.2)) as axes:
            (line,) = axes.plot(self.rates, self.losses, alpha=0.35, linewidth=1, label="a batch")
            axes.plot(self.rates, self.smoothed, color=line.get_color(), label="smoothed")
            axes.axvline(
                self.suggestion, color=PALETTE[1], linestyle="--",
                label=f"suggestion {self.suggestion:.2g}",
            )  # fmt: skip
            axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
            axes.grid(visible=True)
            axes.legend()
            return axes

    def __repr__(self) -> str:
        first, last = self.rates[0], self.rates[-1]
        return (
            f"LearningRateSweep({len(self.rates)} rates from {first:.2g} to {last:.2g}, "
            f"suggestion={self.suggestion:.2g})"
        )


class _Average:
    """An exponential average of losses, unbiased from the first on."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def with_another(self, loss: float) -> float:
        """Return the average with one more."""
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * loss
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        return self._sum / self._weight


class _Sweep(Callback):
    """Raises the rate after each batch, and ends training where the loss has run away."""

    def __init__(self, rates: Array) -> None:
        self.rates = rates
        self.losses: list[float] = []
        self._average, self._least = _Average(), math.inf

    def on_train_begin(self, run: Run) -> None:
        run.optimizer.learning_rate = float(self.rates[0])

    def on_batch_end(self, run: Run) -> None:
        self.losses.append(run.loss)
        smoothed = self._average.with_another(run.loss)
        if len(self.losses) > FEW:
            self._least = min(self._least, smoothed)
        if len(self.losses) == len(self.rates):
            run.stop("the sweep is done")
        elif smoothed > DIVERGED * self._least:
            run.stop("the loss has run away")
        else:
            run.optimizer.learning_rate = float(self.rates[len(self.losses)])


def find_learning_rate(
    model: "Model",
    X: Any,
    y: npt.ArrayLike | None = None,
    *,
    loss: LossLike | None = None,
    optimizer: OptimizerLike | None = None,
    lowest: float = 1e-5,
    highest: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    rng: RandomSeed = None,
) -> LearningRateSweep:
    """Train a copy of the model with a rate that rises at each step, and see what the loss does.

    The model itself, its optimizer and history are left as they are. Source: Smith, "Cyclical
    Learning Rates for Training Neural Networks", 2017, section 3.3.

    Parameters
    ----------
    model, X, y, loss, optimizer, batch_size, rng
        As in `fit`; the optimizer's own rate does not matter.
    lowest, highest
        The first rate and the last one; each is the same factor above the one before.
    steps
        How many. The sweep ends earlier where the loss has run away.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the loss is not finite from the start.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 8), Tanh(), Dense(1)])
    >>> sweep = find_learning_rate(model, X, X**2, rng=0)
    >>> 0.01 < sweep.suggestion < 1
    True
    """
    check_model(model)
    lowest = real_number("lowest", lowest, above=0)
    highest = real_number("highest", highest, above=lowest)
    steps = positive_integer("steps", steps)
    sweep = _Sweep(np.geomspace(lowest, highest, steps))
    twin = copy.deepcopy(model)
    chosen = copy.deepcopy(chosen_optimizer(optimizer, model.optimizer))
    if isinstance(chosen, FullBatchOptimizer):
        raise TypeError(f"optimizer expected one with a learning rate, got {chosen!r}")
    chosen.reset()
    try:
        twin.fit(
            X, y, loss=loss, optimizer=chosen, epochs=steps, batch_size=batch_size,
            metrics=[], callbacks=[sweep], rng=rng, verbose=0,
        )  # fmt: skip
    except FloatingPointError:
        if not sweep.losses:
            raise ValueError("the loss is not finite before the first step") from None
    losses = np.array(sweep.losses)
    finite = losses[: next((i for i, v in enumerate(losses) if not math.isfinite(v)), len(losses))]
    return LearningRateSweep(sweep.rates[: len(finite)], finite)
