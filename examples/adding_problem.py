"""An LSTM learns to remember: the sum of the two marked numbers in a sequence.

    python examples/adding_problem.py                     train, report the error
    python examples/adding_problem.py --plot figure.png   and draw it against the truth

Each step of a sequence is a random number and a mark that is 1 at two of the steps. The answer is
the sum of the numbers there, however far apart they are. The sequences have different lengths, and
are filled up with −1. Source of the task: Hochreiter and Schmidhuber, "Long Short-Term Memory",
1997. Always answering 1, the mean, errs by 0.41.
"""

from pathlib import Path

import numpy as np
from common import options_parser, parse, saved_figure

from tinyframe import LSTM, Adam, CosineDecay, Dense, History, MSELoss, Sequential
from tinyframe.plots import QUIET
from tinyframe.types import Array

PADDING = -1.0


def sequences(rows: int, longest: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return X (rows, longest, 2) of numbers and marks, and the sums y (rows, 1)."""
    X = np.full((rows, longest, 2), PADDING, np.float32)
    y = np.empty((rows, 1), np.float32)
    for row in range(rows):
        length = rng.integers(longest // 2, longest + 1)
        X[row, :length, 0] = rng.random(length)
        X[row, :length, 1] = 0
        marked = rng.choice(length, 2, replace=False)
        X[row, marked, 1] = 1
        y[row] = X[row, marked, 0].sum()
    return X, y


def plot(truth: Array, predicted: Array, history: History, path: Path) -> None:
    """Save a figure: the error by epoch, and predictions against the truth."""
    with saved_figure(path, 9, 4) as figure:
        left, right = figure.subplots(1, 2)
        history.plot("loss", ax=left)
        left.legend(["training sequences, while it learns", "new sequences"])
        left.set(ylabel="squared error", yscale="log")
        right.plot([0, 2], [0, 2], color=QUIET, linewidth=1, label="as it should be")
        right.plot(truth, predicted, ".", markersize=3, label="new sequences")
        right.set(xlabel="true sum", ylabel="predicted sum", aspect="equal")
        right.legend()


def main() -> None:
    """Train, report, and draw if asked."""
    options = parse(options_parser(__doc__))
    rng = np.random.default_rng(options.seed)
    longest, rows, epochs = (10, 1000, 3) if options.quick else (30, 10_000, 25)
    X, y = sequences(rows, longest, rng)
    X_test, y_test = sequences(1000, longest, rng)
    model = Sequential([LSTM(32, padding=PADDING), Dense(1)])
    model.fit(
        X,
        y,
        loss=MSELoss(),
        optimizer=Adam(CosineDecay(0.01, epochs), clip_norm=1.0),
        epochs=epochs,
        batch_size=64,
        validation_data=(X_test, y_test),
        rng=options.seed,
    )
    predicted = model.predict(X_test)
    error = float(np.sqrt(np.mean((predicted - y_test) ** 2)))
    print(f"\nError on new sequences (root mean square): {error:.3f}")
    if options.plot:
        plot(y_test, predicted, model.history, options.plot)


if __name__ == "__main__":
    main()
