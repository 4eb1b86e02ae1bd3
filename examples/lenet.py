"""LeNet on MNIST: two convolutions find strokes and their crossings, three dense layers decide.

    python examples/lenet.py                     train, report the test accuracy: about 99 %
    python examples/lenet.py --plot figure.png   and draw what the first filters see

The network is LeNet-5 (LeCun et al., "Gradient-Based Learning Applied to Document Recognition",
1998) with ReLU and max-pooling, trained by Adam on a falling learning rate.
"""

from pathlib import Path

import numpy as np
from common import load_digits, options_parser, parse, report, saved_figure

from tinyframe import (
    Adam,
    Conv2D,
    CosineDecay,
    CrossEntropyLoss,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    Sequential,
    Softmax,
)
from tinyframe.plots import SIGNED
from tinyframe.types import Array


def lenet() -> Sequential:
    """Return the network, for pixels 0 … 255 of 28×28 images."""
    features = [Conv2D(6, 5, padding=2), ReLU(), MaxPool2D(2), Conv2D(16, 5), ReLU(), MaxPool2D(2)]
    classes = [Flatten(), Dense(120), ReLU(), Dense(84), ReLU(), Dense(10), Softmax()]
    return Sequential([Rescale(1 / 255), Reshape(1, 28, 28), *features, *classes])


def plot(model: Sequential, digit: Array, path: Path) -> None:
    """Save a figure: a digit, the six filters, and what each of them finds in it."""
    convolution = model[2]
    found = model[:4].predict(digit[np.newaxis])[0]  # after Conv2D and ReLU
    limit = float(np.abs(convolution.weight.value).max())
    with saved_figure(path, 9, 2.9) as figure:
        left, right = figure.subfigures(1, 2, width_ratios=[1.2, 7], squeeze=False)[0]
        axes = left.subplots()
        axes.imshow(digit)
        axes.set_title("a digit")
        axes.set_axis_off()
        panels = right.subplots(2, 6)
        for number in range(6):
            weights = convolution.weight.value[number, 0]
            image = panels[0, number].imshow(weights, cmap=SIGNED, vmin=-limit, vmax=limit)
            panels[0, number].set_title(f"filter {number + 1}")
            panels[1, number].imshow(found[number], vmin=0, vmax=found.max())
            panels[1, number].set_title("finds")
        for axes in panels.flat:
            axes.set_axis_off()
        right.colorbar(image, ax=panels[0], label="weight", pad=0.02)


def main() -> None:
    """Train, report, and draw if asked."""
    options = parse(options_parser(__doc__))
    (X, y), (X_test, y_test), is_mnist = load_digits(quick=options.quick)
    epochs = 1 if options.quick else (10 if is_mnist else 40)
    model = lenet()
    model.fit(
        X,
        y,
        loss=CrossEntropyLoss(),
        optimizer=Adam(CosineDecay(0.002, epochs)),
        epochs=epochs,
        batch_size=64,
        validation_data=(X_test, y_test),
        rng=options.seed,
    )
    report(model, X_test, y_test)
    if options.plot:
        plot(model, X_test[0], options.plot)


if __name__ == "__main__":
    main()
