"""A denoising autoencoder: it sees digits full of noise and learns to draw them clean.

    python examples/autoencoder.py                     train, report the error before and after
    python examples/autoencoder.py --plot figure.png   and draw noisy, cleaned and true digits

An encoder narrows 784 pixels to 32 numbers, a decoder widens them again (Vincent et al.,
"Extracting and Composing Robust Features with Denoising Autoencoders", 2008).
"""

from pathlib import Path

import numpy as np
from common import load_digits, options_parser, parse, saved_figure

from tinyframe import Adam, BinaryCrossEntropyLoss, Dense, ReLU, Sequential, Sigmoid
from tinyframe.types import Array

NOISE = 0.6


def noisy(images: Array, rng: np.random.Generator) -> Array:
    """Return the images with normal noise added, within 0 … 1 again."""
    return np.clip(images + NOISE * rng.standard_normal(images.shape, np.float32), 0, 1)


def plot(rows: list[tuple[str, Array]], path: Path) -> None:
    """Save a figure: rows of digits, each with its title."""
    with saved_figure(path, 10, 3.3) as figure:
        parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for (title, images), part in zip(rows, parts, strict=True):
            part.suptitle(title)
            for image, axes in zip(images, part.subplots(1, 12), strict=False):
                axes.imshow(image.reshape(28, 28), vmin=0, vmax=1)
                axes.set_axis_off()


def main() -> None:
    """Train, report, and draw if asked."""
    options = parse(options_parser(__doc__))
    (X, _), (X_test, _), _ = load_digits(quick=options.quick)
    clean, clean_test = (x.reshape(-1, 784) / np.float32(255) for x in (X[:20_000], X_test))
    rng = np.random.default_rng(options.seed)
    dirty, dirty_test = noisy(clean, rng), noisy(clean_test, rng)

    encoder = Sequential([Dense(784, 256), ReLU(), Dense(32), ReLU()])
    decoder = Sequential([Dense(256), ReLU(), Dense(784), Sigmoid()])
    model = Sequential([encoder, decoder])
    model.fit(
        dirty,
        clean,
        loss=BinaryCrossEntropyLoss(),
        optimizer=Adam(0.002),
        epochs=2 if options.quick else 15,
        batch_size=128,
        validation_data=(dirty_test, clean_test),
        metrics=[],
        rng=options.seed,
    )
    cleaned = model.predict(dirty_test)
    before, after = (np.sqrt(np.mean((x - clean_test) ** 2)) for x in (dirty_test, cleaned))
    print(f"\nThe code of one digit: {np.round(encoder.predict(dirty_test[:1])[0], 1)}")
    print(f"Error of a pixel (root mean square): {before:.3f} with noise, {after:.3f} cleaned")
    if options.plot:
        rows = [("what it sees", dirty_test), ("what it draws", cleaned), ("the truth", clean_test)]
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
