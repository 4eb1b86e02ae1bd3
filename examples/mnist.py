"""The document's network on real digits: 784 → 10 (ReLU) → 10 (Softmax), squared error, SGD.

    python examples/mnist.py                     train, report the test accuracy
    python examples/mnist.py --plot figure.png   and draw what it learned
    python examples/mnist.py --full-batch        with plain gradient descent, as the document has it

MNIST is used where it is on disk or can be downloaded within seconds, else the digits that come
with the package, enlarged to 28×28.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tinyframe import SGD, Dense, Flatten, MSELoss, ReLU, Rescale, Sequential, Softmax
from tinyframe.datasets import digits, mnist
from tinyframe.types import Array

FIGURES = (".png", ".svg", ".pdf")


def load(*, quick: bool) -> tuple[tuple[Array, Array], tuple[Array, Array], bool]:
    """Return the digits, (X, y), (X_test, y_test), and whether they are MNIST's."""
    try:
        (X, y), (X_test, y_test) = mnist(timeout=20)
    except OSError as error:
        print(f"{error}\n")
        print("Data: the 1,797 digits of 8×8 pixels that come with tinyframe, enlarged to 28×28")
        return *digits(size=28), False
    if quick:
        X, y, X_test, y_test = X[:6000], y[:6000], X_test[:1000], y_test[:1000]
    print(f"Data: MNIST, {len(X):,} digits to train with, {len(X_test):,} to test")
    return (X, y), (X_test, y_test), True


def confusion(labels: Array, predicted: Array) -> str:
    """Return a table: how often each digit (row) was taken for each (column)."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, predicted), 1)
    head = "true \\ predicted" + "".join(f"{digit:6}" for digit in range(10))
    rows = [f"{digit:16}" + "".join(f"{n or '·':>6}" for n in counts[digit]) for digit in range(10)]
    return "\n".join([head, *rows])


def plot(model: Sequential, X_test: Array, y_test: Array, path: Path) -> None:
    """Save a figure: the loss, the hidden layer's weights, and some wrong predictions."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only `--plot` needs it
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[2, 1, 1.25])

    axes = top.subplots()
    epochs = np.arange(1, model.history.epochs + 1)
    axes.plot(epochs, model.history["loss"], label="training (while it learned)")
    axes.plot(epochs, model.history["val_loss"], label="test")
    axes.set(title="Squared error by epoch", xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()

    middle.suptitle("What each of the ten hidden units looks for: weights, red + and blue −")
    weights = next(layer for layer in model if isinstance(layer, Dense)).weight.value
    limit = np.abs(weights).max()
    for unit, axes in enumerate(middle.subplots(1, 10)):
        image = weights[:, unit].reshape(28, 28)
        axes.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_axis_off()

    bottom.suptitle("Some wrong predictions")
    probabilities = model.predict(X_test)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y_test)[:10]
    panels = bottom.subplots(1, 10)
    for axes in panels:
        axes.set_axis_off()
    for axes, row in zip(panels, wrong, strict=False):
        axes.imshow(X_test[row], cmap="gray_r")
        share = probabilities[row, predicted[row]]
        axes.set_title(f"{y_test[row]} taken for {predicted[row]}\n({share:.0%} sure)", fontsize=8)
    figure.savefig(path, dpi=120)
    print(f"Figure: {path}")


def main() -> None:
    """Train, report, and draw if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help=f"save a figure ({', '.join(FIGURES)})"
    )
    parser.add_argument("--full-batch", action="store_true", help="every step on all the digits")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work, for a first look"
    )
    parser.add_argument("--seed", type=int, default=0, help="for the weights and the shuffling")
    options = parser.parse_args()
    if options.plot:  # better to know before training
        if not find_spec("matplotlib"):
            parser.error('--plot needs matplotlib: pip install -e ".[examples]"')
        if not options.plot.absolute().parent.is_dir() or options.plot.suffix not in FIGURES:
            parser.error(f"--plot expected a file {'/'.join(FIGURES)} in a folder that exists")

    (X, y), (X_test, y_test), is_mnist = load(quick=options.quick)
    model = Sequential(
        [Rescale(1 / 255), Flatten(), Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]
    )
    if options.full_batch:
        epochs, batch_size, optimizer = 300, None, SGD(0.5)
    else:
        epochs, batch_size, optimizer = 20 if is_mnist else 100, 32, SGD(0.1)
    model.fit(
        X,
        y,
        loss=MSELoss(),
        optimizer=optimizer,
        epochs=max(4, epochs // 10) if options.quick else epochs,
        batch_size=batch_size,
        validation_data=(X_test, y_test),
        rng=options.seed,
    )
    print(f"\n{model.summary()}\n")
    print(confusion(y_test, model.predict(X_test).argmax(axis=1)))
    print(f"\nTest accuracy: {model.evaluate(X_test, y_test)['accuracy']:.2%}")
    print(f"Training time: {sum(model.history['seconds']):.1f} s")
    if options.plot:
        plot(model, X_test, y_test, options.plot)


if __name__ == "__main__":
    main()
