"""The document's network on real digits: 784 → 10 (ReLU) → 10 (Softmax), squared error, SGD.

    python examples/mnist.py                     train, report the test accuracy
    python examples/mnist.py --plot figure.png   and draw what it learned
    python examples/mnist.py --full-batch        with plain gradient descent, as the document has it

MNIST is used where it is on disk or can be downloaded within seconds, else the digits that come
with the package, enlarged to 28×28.
"""

from pathlib import Path

import numpy as np
from common import load_digits, options_parser, parse, report, saved_figure

from tinyframe import SGD, Dense, Flatten, MSELoss, ReLU, Rescale, Sequential, Softmax
from tinyframe.metrics import confusion_matrix
from tinyframe.plots import plot_weights
from tinyframe.types import Array


def confusion(labels: Array, prediction: Array) -> str:
    """Return a table: how often each digit (row) was taken for each (column)."""
    counts = confusion_matrix(prediction, labels)
    head = "true \\ predicted" + "".join(f"{digit:6}" for digit in range(10))
    rows = [f"{digit:16}" + "".join(f"{n or '·':>6}" for n in counts[digit]) for digit in range(10)]
    return "\n".join([head, *rows])


def plot(model: Sequential, X_test: Array, y_test: Array, path: Path) -> None:
    """Save a figure: how it learned, the hidden layer's weights, and some wrong predictions."""
    with saved_figure(path, 11, 7) as figure:
        rows = figure.subfigures(3, 1, height_ratios=[3.4, 1.5, 1.7], squeeze=False)
        top, middle, bottom = rows[:, 0]

        top.suptitle("It learns from the training digits alone; the test digits are held out")
        for axes, name in zip(top.subplots(1, 2), ("loss", "accuracy"), strict=True):
            model.history.plot(name, ax=axes)
            axes.legend(["training digits, while it learns", "test digits, as validation data"])
            axes.set_ylabel("squared error" if name == "loss" else name)

        middle.suptitle("What each of the ten hidden units looks for")
        plot_weights(next(layer for layer in model if isinstance(layer, Dense)), figure=middle)

        bottom.suptitle("Some of the test digits that it gets wrong")
        probabilities = model.predict(X_test)
        predicted = probabilities.argmax(axis=1)
        wrong = np.flatnonzero(predicted != y_test)[:10]
        panels = bottom.subplots(1, 10)
        for axes in panels:
            axes.set_axis_off()
        for axes, row in zip(panels, wrong, strict=False):
            axes.imshow(X_test[row])
            share = probabilities[row, predicted[row]]
            title = f"{y_test[row]} taken for {predicted[row]}\n({share:.0%} sure)"
            axes.set_title(title, fontsize="small")


def main() -> None:
    """Train, report, and draw if asked."""
    parser = options_parser(__doc__)
    parser.add_argument("--full-batch", action="store_true", help="every step on all the digits")
    options = parse(parser)

    (X, y), (X_test, y_test), is_mnist = load_digits(quick=options.quick)
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
    print()
    print(confusion(y_test, model.predict(X_test)))
    report(model, X_test, y_test)
    if options.plot:
        plot(model, X_test, y_test, options.plot)


if __name__ == "__main__":
    main()
