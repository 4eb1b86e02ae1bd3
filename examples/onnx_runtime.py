"""A trained network without tinyframe: exported to ONNX, and answering in ONNX Runtime.

    pip install -e ".[examples,onnx]" onnxruntime
    python examples/onnx_runtime.py                    train, export, compare
    python examples/onnx_runtime.py --to digits.onnx   and keep the file

ONNX Runtime runs the file from C++, C#, Java, JavaScript and on phones as well as here.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from common import load_digits, options_parser, parse

from tinyframe import Dense, Flatten, ReLU, Rescale, Sequential, Softmax
from tinyframe.types import Array


def serve(path: Path) -> Callable[[Array], Array]:
    """Return a function that answers images (rows, 28, 28) by what is in the file alone."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["output"], {"input": images.astype(np.float32)})[0]


def microseconds(answer: Callable[[Array], Array], images: Array) -> float:
    """Return the median time of an answer to one image."""
    times = []
    for image in images:
        began = time.perf_counter()
        answer(image[np.newaxis])
        times.append(time.perf_counter() - began)
    return 1e6 * float(np.median(times))


def compare(model: Sequential, path: Path, X_test: Array, y_test: Array) -> None:
    """Print how large the file is, whether it answers alike, and how fast."""
    answer = serve(path)
    ours, theirs = model.predict(X_test), answer(X_test)
    same = np.mean(ours.argmax(1) == theirs.argmax(1))
    print(f"{path.name}: {path.stat().st_size / 1e3:.1f} kB")
    print(f"Test accuracy in ONNX Runtime: {np.mean(theirs.argmax(1) == y_test):.2%}")
    print(f"Same answers: {same:.2%}, probabilities within {np.abs(ours - theirs).max():.1e}")
    for name, function in (("tinyframe", model.predict), ("ONNX Runtime", answer)):
        print(f"One image takes {name} {microseconds(function, X_test[:500]):.0f} µs")


def options() -> argparse.Namespace:
    """Return the options."""
    parser = options_parser(__doc__, figure=False)
    parser.add_argument("--to", metavar="FILE", type=Path, help="where to keep the file")
    return parse(parser)


def main() -> None:
    """Train, export, and compare."""
    chosen = options()
    (X, y), (X_test, y_test), is_mnist = load_digits(quick=chosen.quick)
    model = Sequential([Rescale(1 / 255), Flatten(), Dense(10), ReLU(), Dense(10), Softmax()])
    epochs = 3 if chosen.quick else (20 if is_mnist else 50)
    model.fit(X, y, epochs=epochs, rng=chosen.seed, verbose=2)
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.to or Path(folder) / "digits.onnx"
        model.to_onnx(path)
        compare(model, path, X_test, y_test)


if __name__ == "__main__":
    main()
