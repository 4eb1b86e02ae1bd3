"""Draw a digit with mouse, finger or keys, and see what the network makes of it, live.

    python examples/draw_digit.py                      train, then open a page in the browser
    python examples/draw_digit.py --model digits.npz   load the network, or train and keep it there

The page shows the ten probabilities, what each of the ten hidden units looks for and adds to each
answer, and which pixels spoke for it. Behind the page a LeNet is trained as well, whose feature
maps it shows. It is served from this machine to this machine alone. A drawing is
prepared as MNIST's digits were (LeCun et al., 1998): scaled into 20×20, then centred by mass in
28×28.
"""

import argparse
import math
import threading
import webbrowser
from pathlib import Path

import numpy as np
from common import load_digits, options_parser, parse
from lenet import lenet
from local_page import LocalPage

from tinyframe import Adam, CrossEntropyLoss, Dense, Flatten, ReLU, Rescale, Sequential, Softmax
from tinyframe.inspection import saliency
from tinyframe.training.callbacks import Callback, Run
from tinyframe.types import Array

PAGE = Path(__file__).with_suffix(".html")
LARGEST = 1024  # pixels of a drawing's side


def prepared(drawing: Array) -> Array:
    """Return a drawing (height, width), ink 0 … 255, as MNIST would have it: (28, 28).

    The box around the ink is scaled until its longer side is 20, each pixel the mean of what it
    covers, and the result is put where its centre of mass is the middle. Without ink it is blank.
    """
    ys, xs = np.nonzero(drawing > 0)
    image = np.zeros((28, 28))
    if not len(ys):
        return image
    ink = drawing[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(float)
    height, width = (max(1, round(20 * side / max(ink.shape))) for side in ink.shape)
    small = _means(height, ink.shape[0]) @ ink @ _means(width, ink.shape[1]).T
    top = _start(small.sum(axis=1))
    left = _start(small.sum(axis=0))
    image[top : top + height, left : left + width] = small
    return image


def _means(few: int, many: int) -> Array:
    """Return the matrix (few, many) that averages a row of many pixels into few."""
    edges = np.linspace(0, many, few + 1)
    pixels = np.arange(many)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(covered, 0) * few / many


def _start(mass: Array) -> int:
    """Return where a row of masses has to start for pixel 14 of 28 to hold their centre.

    That is where it is in MNIST's own images, on average to a hundredth (measured).
    """
    centre = float(np.average(np.arange(len(mass)), weights=mass))
    return min(max(round(14 - centre), 0), 28 - len(mass))


def answer(model: Sequential, drawing: Array) -> dict[str, object]:
    """Return what the page shows of a drawing, whichever network it is."""
    image = prepared(drawing)[np.newaxis]
    (probabilities,) = model.predict(image)
    (speaks,) = saliency(model, image) * image  # of pixels without ink there is nothing to say
    return {
        "digit": int(probabilities.argmax()) if image.any() else None,
        "probabilities": probabilities.round(4).tolist(),
        "image": image[0].round().astype(int).ravel().tolist(),
        "speaks": (speaks / (abs(speaks).max() or 1)).round(3).ravel().tolist(),
    }


def by_units(model: Sequential, drawing: Array) -> dict[str, object]:
    """Return the document's network's answer, with that of each hidden unit."""
    (hidden,) = model[:4].predict(prepared(drawing)[np.newaxis])
    return answer(model, drawing) | {"hidden": hidden.round(3).tolist()}


def by_maps(model: Sequential, drawing: Array) -> dict[str, object]:
    """Return LeNet's answer, with the maps of its convolutions in bytes."""
    image = prepared(drawing)[np.newaxis]
    maps = []
    for end in (4, 7):  # behind each convolution and its ReLU
        (found,) = model[:end].predict(image)
        scaled = 255 * found / (found.max() or 1)
        maps.append(
            {
                "side": found.shape[1],
                "pixels": scaled.reshape(len(found), -1).round().astype(int).tolist(),
            }
        )
    return answer(model, drawing) | {"maps": maps}


class Behind(Callback):
    """Notes how far the training of LeNet is, and ends it with the page."""

    def __init__(self, server: "Server") -> None:
        self._server = server

    def on_batch_end(self, run: Run) -> None:
        done = run.steps / (run.epochs * (run.batches or 1))
        self._server.progress = f"LeNet is still learning: {done:.0%}"
        if self._server.closed:
            run.stop("the page is closed")


class Server(LocalPage):
    """The page's server, on this machine's own address.

    GET /weights is what the hidden units look for and pass on, /example a digit with its label,
    /ready whether LeNet is; POST /answer and /lenet take a drawing: a square image as bytes, row by
    row, 0 without ink and 255 full of it.

    Parameters
    ----------
    model
        `Sequential([Rescale, Flatten, Dense, ReLU, Dense, Softmax])`, trained.
    images, labels
        Digits to look at, (rows, 28, 28) in uint8, and which they are.
    port
        Where; 0 for any that is free.
    learned
        What it has learned from, in words.
    """

    def __init__(
        self, model: Sequential, images: Array, labels: Array, port: int = 0,
        learned: str | None = None,
    ) -> None:  # fmt: skip
        gets = {"/weights": self.weights, "/example": self.example, "/ready": self.ready}
        posts = {"/answer": self.answer, "/lenet": self.answer_of_lenet}
        super().__init__(PAGE, gets, posts, port, largest=LARGEST**2)
        self.model, self.images, self.labels = model, images, labels
        self.lenet: Sequential | None = None
        self.progress, self.closed = "LeNet is not trained", False
        self.learned = "" if learned is None else f"It has learned from {learned}. "

    def weights(self) -> dict[str, object]:
        """Return what each hidden unit looks for, scaled to ±1, and its weight in each answer."""
        units, output = self.model[2].weight.value.T, self.model[4]
        return {
            "hidden": (units / abs(units).max(axis=1, keepdims=True)).round(3).tolist(),
            "output": output.weight.value.round(4).tolist(),
            "bias": output.bias.value.round(4).tolist(),
            "learned": self.learned,
        }

    def example(self) -> dict[str, object]:
        """Return a digit to look at, and which it is."""
        number = np.random.default_rng().integers(len(self.images))
        return {"pixels": self.images[number].ravel().tolist(), "label": int(self.labels[number])}

    def ready(self) -> dict[str, object]:
        """Return whether LeNet can answer, and if not why."""
        return {"ready": self.lenet is not None, "progress": self.progress}

    def answer(self, body: bytes) -> dict[str, object]:
        """Return what the page shows of a drawing."""
        return by_units(self.model, _drawing(body))

    def answer_of_lenet(self, body: bytes) -> dict[str, object]:
        """Return what it shows of it with LeNet."""
        if self.lenet is None:
            raise ValueError(self.progress)
        return by_maps(self.lenet, _drawing(body))

    def train_lenet(self, X: Array, y: Array, epochs: int, seed: int, file: Path | None) -> None:
        """Train LeNet behind the page, or load it."""
        if file and file.exists():
            self.lenet = Sequential.load(file)
            return
        model = lenet().fit(
            X, y, loss=CrossEntropyLoss(), optimizer=Adam(0.001), epochs=epochs, batch_size=64,
            rng=seed, verbose=0, callbacks=[Behind(self)],
        )  # fmt: skip
        if not self.closed:
            self.lenet = model
            if file:
                model.save(file)

    def server_close(self) -> None:
        """Close it, and end what trains behind it."""
        self.closed = True
        super().server_close()


def _drawing(body: bytes) -> Array:
    side = math.isqrt(len(body))
    if side == 0 or side * side != len(body):
        raise ValueError(f"expected a square image as bytes, got {len(body)} bytes")
    return np.frombuffer(body, np.uint8).reshape(side, side)


def data(*, quick: bool) -> tuple[Array, Array, Array, Array, bool]:
    """Return digits and labels to train with, digits and labels to show, and if it is MNIST."""
    (X, y), (X_test, y_test), is_mnist = load_digits(quick=quick)
    if not is_mnist:  # few, and not prepared as drawings are
        X_test = np.stack([prepared(image) for image in X_test])
        X, y = np.concatenate([_drawn_otherwise(X, k) for k in range(6)]), np.tile(y, 6)
    return X, y, X_test.round().astype(np.uint8), y_test, is_mnist


def _drawn_otherwise(X: Array, k: int) -> Array:
    """Return digits as others may have drawn them: slanted, and with a thicker or thinner pen."""
    slant, pen = (-0.25, 0.0, 0.25)[k % 3], k // 3
    rows, columns = np.indices((28, 28))
    back = np.clip(np.round(columns + slant * (rows - 14)).astype(int), 0, 27)
    X = X[:, rows, back]
    if pen:
        around = [np.roll(X, shift, axis) for axis in (1, 2) for shift in (-1, 1)]
        X = np.maximum.reduce([X, *around])
    return np.stack([prepared(image) for image in X])


def trained(X: Array, y: Array, epochs: int, seed: int) -> Sequential:
    """Return the document's network, trained."""
    model = Sequential([Rescale(1 / 255), Flatten(), Dense(784, 10), ReLU(), Dense(10), Softmax()])
    return model.fit(X, y, epochs=epochs, rng=seed, verbose=2)


def options() -> argparse.Namespace:
    """Return the options."""
    parser = options_parser(__doc__, figure=False)
    parser.add_argument(
        "--model", metavar="FILE", type=Path,
        help="load it, or train and keep it; LeNet beside it, in FILE's name with .lenet",
    )  # fmt: skip
    parser.add_argument("--port", type=int, default=0, help="by default one that is free")
    parser.add_argument("--no-browser", action="store_true", help="only say where the page is")
    return parse(parser)


def main() -> None:
    """Train or load, and serve the page until Ctrl-C."""
    chosen = options()
    X, y, shown, labels, is_mnist = data(quick=chosen.quick)
    if chosen.model and chosen.model.exists():
        model = Sequential.load(chosen.model)
    else:
        model = trained(X, y, 2 if chosen.quick else 20, chosen.seed)
        if chosen.model:
            model.save(chosen.model)
    learned = f"{len(X):,} of MNIST's digits"
    if not is_mnist:
        learned = "1,438 small digits, slanted and thickened; from MNIST it would learn more"
    with Server(model, shown, labels, chosen.port, learned) as server:
        print(f"\nDraw at {server.url} (Ctrl-C ends it)", flush=True)
        if chosen.quick:  # a first look: answer one digit and be done
            print(f"A digit from the test set is taken for a {answer(model, shown[0])['digit']}")
            return
        file = chosen.model and chosen.model.with_suffix(f".lenet{chosen.model.suffix}")
        epochs = 3 if is_mnist else 8
        behind = threading.Thread(
            target=server.train_lenet, args=(X, y, epochs, chosen.seed, file), daemon=True
        )
        behind.start()
        if not chosen.no_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nBye.")
    behind.join(timeout=5)


if __name__ == "__main__":
    main()
