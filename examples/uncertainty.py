"""Regression with uncertainty: a network that says how far off it may be, in three quantiles.

    python examples/uncertainty.py                     train, report how often the band holds
    python examples/uncertainty.py --plot figure.png   and draw it

Three outputs are trained to be the 5 %, 50 % and 95 % quantiles of y given x, by a loss of our own,
twelve lines long, whose gradient `check_loss` proves first (Koenker and Bassett, "Regression
Quantiles", 1978); tinyframe has it too, as `QuantileLoss([0.05, 0.5, 0.95])`. Nine in ten points
should lie in the band, wide where the data are.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from common import options_parser, parse, saved_figure

from tinyframe import Adam, CosineDecay, Dense, Loss, Sequential, Tanh
from tinyframe.plots import QUIET
from tinyframe.testing import check_loss
from tinyframe.types import Array

QUANTILES = np.array([0.05, 0.5, 0.95], np.float32)


class QuantileLoss(Loss):
    """L = 1/n Σᵣ Σ_q max(q d, (q − 1) d) with d = yᵣ − aᵣ_q, least where a_q is the quantile q."""

    def forward(
        self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None
    ) -> float:
        q = QUANTILES.astype(prediction.dtype)
        d = target - prediction
        shares = self._shares(weight, prediction)
        self._saved = np.where(d > 0, -q, 1 - q) * shares
        return float(np.sum(np.maximum(q * d, (q - 1) * d) * shares))

    def backward(self) -> Array:
        return self._recall()


def samples(rows: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return x in [−3, 3] and y = sin 2x with noise that grows with |x|, once for each quantile."""
    x = rng.uniform(-3, 3, (rows, 1))
    noise = (0.05 + 0.15 * np.abs(x)) * rng.standard_normal((rows, 1))
    return x.astype(np.float32), np.repeat(np.sin(2 * x) + noise, 3, axis=1).astype(np.float32)


def plot(model: Sequential, x: Array, y: Array, path: Path) -> None:
    """Save a figure: the points, the median, and the band that should hold nine in ten."""
    grid = np.linspace(-3, 3, 300, dtype=np.float32)[:, np.newaxis]
    low, median, high = model.predict(grid).T
    with saved_figure(path, 9, 4) as figure:
        axes = figure.subplots()
        axes.plot(x, y[:, 0], ".", markersize=2, color=QUIET, label="new points")
        axes.fill_between(grid[:, 0], low, high, alpha=0.3, label="from 5 % to 95 %")
        axes.plot(grid[:, 0], median, label="median")
        axes.plot(grid[:, 0], np.sin(2 * grid[:, 0]), "--", label="sin 2x, the truth")
        axes.set(xlabel="x", ylabel="y", title="A regression that knows its uncertainty")
        axes.legend(ncols=4, loc="lower center")


def main() -> None:
    """Prove the loss, train, report, and draw if asked."""
    options = parse(options_parser(__doc__))
    rng = np.random.default_rng(options.seed)
    check_loss(QuantileLoss(), rng.standard_normal((4, 3)), rng.standard_normal((4, 3)))
    epochs = 10 if options.quick else 200
    x, y = samples(2000, rng)
    x_test, y_test = samples(2000, rng)
    model = Sequential([Dense(1, 64), Tanh(), Dense(64), Tanh(), Dense(3)])
    model.fit(
        x,
        y,
        loss=QuantileLoss(),
        optimizer=Adam(CosineDecay(0.01, epochs)),
        epochs=epochs,
        batch_size=100,
        rng=options.seed,
        verbose=False,
    )
    low, _, high = model.predict(x_test).T
    inside = np.mean((low <= y_test[:, 0]) & (y_test[:, 0] <= high))
    print(f"Loss: {model.history['loss'][0]:.3f} at first, {model.history['loss'][-1]:.3f} at last")
    print(f"New points within the band from 5 % to 95 %: {inside:.1%}")
    if options.plot:
        plot(model, x_test, y_test, options.plot)


if __name__ == "__main__":
    main()
