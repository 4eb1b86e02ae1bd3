"""A small residual network: nine convolutions with batch normalisation, and paths around them.

    python examples/resnet.py                     train, report the test accuracy
    python examples/resnet.py --plot figure.png   and draw how it learned

He et al., "Deep Residual Learning for Image Recognition", 2016, in small: each block learns what to
add to its input. It trains on 12,000 digits; `--all` takes all of MNIST, which takes a while.
"""

from pathlib import Path

from common import load_digits, options_parser, parse, report, saved_figure

from tinyframe import (
    SGD,
    BatchNorm,
    Conv2D,
    CrossEntropyLoss,
    Dense,
    GlobalAveragePool2D,
    Layer,
    OneCycle,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Sequential,
    Softmax,
)


def block(filters: int, stride: int = 1) -> list[Layer]:
    """Return a block: two convolutions, and what goes around them where the shape changes."""
    shortcut = None
    if stride > 1:
        shortcut = Sequential([Conv2D(filters, 1, stride=stride, use_bias=False), BatchNorm()])
    inside = [
        Conv2D(filters, 3, stride=stride, padding="same", use_bias=False),
        BatchNorm(),
        ReLU(),
        Conv2D(filters, 3, padding="same", use_bias=False),
        BatchNorm(),
    ]
    return [Residual(*inside, shortcut=shortcut), ReLU()]


def resnet() -> Sequential:
    """Return the network, for pixels 0 … 255 of 28×28 images."""
    stem = [Conv2D(8, 3, stride=2, padding="same", use_bias=False), BatchNorm(), ReLU()]
    blocks = [*block(8), *block(16, stride=2), *block(32, stride=2)]
    head = [GlobalAveragePool2D(), Dense(10), Softmax()]
    return Sequential([Rescale(1 / 255), Reshape(1, 28, 28), *stem, *blocks, *head])


def plot(model: Sequential, path: Path) -> None:
    """Save a figure: loss and accuracy by epoch."""
    with saved_figure(path, 9, 3.5) as figure:
        for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            model.history.plot(name, ax=axes)
            axes.legend(["training digits, while it learns", "test digits, as validation data"])


def main() -> None:
    """Train, report, and draw if asked."""
    parser = options_parser(__doc__)
    parser.add_argument("--all", action="store_true", help="train on all of MNIST")
    options = parse(parser)
    (X, y), (X_test, y_test), _ = load_digits(quick=options.quick)
    if options.quick:
        X, y = X[:1000], y[:1000]
    elif not options.all:
        X, y = X[:12_000], y[:12_000]
    epochs = 2 if options.quick else 6
    model = resnet()
    model.fit(
        X,
        y,
        loss=CrossEntropyLoss(label_smoothing=0.05),
        optimizer=SGD(OneCycle(0.2, epochs), momentum=0.9, weight_decay=5e-4, decay_biases=False),
        epochs=epochs,
        batch_size=64,
        validation_data=(X_test, y_test),
        rng=options.seed,
    )
    report(model, X_test, y_test)
    if options.plot:
        plot(model, options.plot)


if __name__ == "__main__":
    main()
