"""Error bars: a network that knows where it has seen no data, from the curvature of its loss.

    python examples/error_bars.py                     train, report how often the bars hold
    python examples/error_bars.py --plot figure.png   and draw them

A noisy sine with a gap. Of all weights that fit the points about as well as those found, each draws
another curve through the gap: so the error bars widen there, and beyond the data. Noise and prior
are estimated from the same points, and the evidence that is printed is larger with the weight decay
used here than with none or much: no points are held out (MacKay, "Bayesian Interpolation", 1992).
Where the noise itself depends on x, examples/uncertainty.py learns it.
"""

from pathlib import Path

import numpy as np
from common import options_parser, parse, saved_figure

from tinyframe import AdamW, CosineDecay, Dense, Sequential, Tanh, inspection
from tinyframe.inspection import Laplace
from tinyframe.types import Array

NOISE = 0.2
"""Standard deviation of the points around the sine."""


def samples(rows: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return x in [−3, −0.5] and [0.5, 3], and y = sin 2x with noise."""
    x = rng.uniform(-2.5, 2.5, (rows, 1))
    x += np.copysign(0.5, x)
    y = np.sin(2 * x) + NOISE * rng.standard_normal((rows, 1))
    return x.astype(np.float32), y.astype(np.float32)


def plot(bars: Laplace, x: Array, y: Array, path: Path) -> None:
    """Save a figure: the points, the network, and how unsure it is with and without noise."""
    grid = np.linspace(-4, 4, 400, dtype=np.float32)[:, np.newaxis]
    mean, std, total_std = (part[:, 0] for part in bars.predict(grid))
    at = grid[:, 0]
    with saved_figure(path, 9, 4) as figure:
        axes = figure.subplots()
        for deviation, alpha, label in (
            (total_std, 0.15, "95 % of new points"), (std, 0.35, "95 % for the curve itself"),
        ):  # fmt: skip
            low, high = mean - 1.96 * deviation, mean + 1.96 * deviation
            axes.fill_between(at, low, high, color="C0", alpha=alpha, linewidth=0, label=label)
        axes.plot(at, mean, color="C0", label="network")
        axes.plot(at, np.sin(2 * at), "--", color="black", linewidth=1, label="sin 2x, the truth")
        axes.plot(x, y, ".", markersize=4, color="C1", label="training points")
        axes.set(xlabel="x", ylabel="y", xlim=(-4, 4), ylim=(-3, 3))
        axes.set_title("Error bars that know the gap")
        figure.legend(loc="outside lower center", ncols=5)


def main() -> None:
    """Train, ask for error bars, report, and draw if asked."""
    options = parse(options_parser(__doc__))
    rng = np.random.default_rng(options.seed)
    x, y = samples(200, rng)
    epochs = 300 if options.quick else 2000
    model = Sequential([Dense(1, 16), Tanh(), Dense(16), Tanh(), Dense(1)])
    model.fit(
        x,
        y,
        optimizer=AdamW(CosineDecay(0.03, epochs), weight_decay=0.05),
        epochs=epochs,
        batch_size=40,
        rng=options.seed,
        verbose=False,
    )
    bars = inspection.uncertainty(model, x, y)
    print(bars)
    x_new, y_new = samples(2000, rng)
    mean, _, total_std = bars.predict(x_new)
    inside = np.mean(np.abs(y_new - mean) < 1.96 * total_std)
    assert bars.noise is not None  # noqa: S101 - a regression has it
    print(f"Noise: {bars.noise[0]:.3f} estimated, {NOISE:.3f} true")
    print(f"New points within the 95 % error bars: {inside:.1%}")
    among, gap = (bars.predict([[at]]).std[0, 0] for at in (-2.0, 0.0))
    print(f"Deviation of the curve: {among:.3f} among points, {gap:.3f} in the gap")
    if options.plot:
        plot(bars, x, y, options.plot)


if __name__ == "__main__":
    main()
