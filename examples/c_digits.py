"""A trained network as one C file, compiled, and answering without Python.

    python examples/c_digits.py                  train, write, compile, compare
    python examples/c_digits.py --to digits.c    and keep the file, with its header

The compiler is the system's: $CC, or else cc, gcc or clang. The file takes pixels as bytes.
"""

import argparse
import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import load_digits, options_parser, parse

from tinyframe import Dense, Flatten, ReLU, Rescale, Sequential, Softmax
from tinyframe.interop.c import quantized, to_c
from tinyframe.types import Array


def compiler() -> str | None:
    """Return the path of a C compiler, if there is one."""
    names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next(filter(None, map(shutil.which, filter(None, names))), None)


def compiled(cc: str, path: Path, program: Path, *options: str) -> Path:
    """Compile a C file, and return the path of the program or library."""
    command = [cc, "-std=c99", "-O2", "-Wall", "-Wextra", "-pedantic", *options, str(path)]
    subprocess.run([*command, "-o", str(program), "-lm"], check=True)  # noqa: S603 - one's own file
    return program


def network(library: Path) -> Callable[[Array], Array]:
    """Return a function that answers images (rows, 28, 28) by what was compiled alone."""
    predict = ctypes.CDLL(str(library)).digits_predict
    predict.argtypes = [np.ctypeslib.ndpointer(dtype, flags="C") for dtype in ("u1", "f4")]

    def answer(images: Array) -> Array:
        y = np.empty((len(images), 10), np.float32)
        for pixels, row in zip(images, y, strict=True):
            predict(pixels, row)
        return y

    return answer


def microseconds(answer: Callable[[Array], Array], images: Array) -> float:
    """Return the median time of an answer to one image."""
    times = []
    for image in images:
        began = time.perf_counter()
        answer(image[np.newaxis])
        times.append(time.perf_counter() - began)
    return 1e6 * float(np.median(times))


def compare(
    model: Sequential, cc: str, path: Path, folder: Path, X_test: Array, y_test: Array
) -> None:
    """Compile the file and print whether it answers alike, how fast, and how large it is."""
    images = np.ascontiguousarray(X_test, np.uint8)
    test = subprocess.run(  # noqa: S603 - as above
        [compiled(cc, path, folder / "test", "-DDIGITS_SELF_TEST")],
        check=True,
        capture_output=True,
        text=True,
    )
    print(f"Its self-test says: {test.stdout.strip()}")
    library = compiled(cc, path, folder / "digits.so", "-shared", "-fPIC")
    answer = network(library)
    ours, theirs = model.predict(images), answer(images)
    same = np.mean(ours.argmax(1) == theirs.argmax(1))
    print(f"Test accuracy in C: {np.mean(theirs.argmax(1) == y_test):.2%}")
    print(f"Same answers: {same:.2%}, probabilities within {np.abs(ours - theirs).max():.1e}")
    print(f"Compiled: {library.stat().st_size / 1e3:.1f} kB")
    for name, answers in (("tinyframe", model), ("C, called from Python", answer)):
        print(f"{name}: {microseconds(answers, images[:500]):.1f} µs an image")


def options() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = options_parser(__doc__, figure=False)
    parser.add_argument("--to", metavar="FILE", type=Path, help="where to keep the file, in .c")
    return parse(parser)


def main() -> None:
    """Train, write, compile, and compare."""
    chosen = options()
    (X, y), (X_test, y_test), is_mnist = load_digits(quick=chosen.quick)
    model = Sequential([Rescale(1 / 255), Flatten(), Dense(10), ReLU(), Dense(10), Softmax()])
    epochs = 3 if chosen.quick else (20 if is_mnist else 50)
    model.fit(X, y, epochs=epochs, rng=chosen.seed, verbose=2)
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.to or Path(folder) / "digits.c"
        model.to_c(path, "digits", dtype="uint8")
        print(f"{path.name}: {path.stat().st_size / 1e3:.1f} kB")
        sizes = [line.split()[1:] for line in path.read_text().splitlines() if "_BYTES" in line]
        print(", ".join(f"{name}: {value}" for name, value in sizes))
        smaller, eight = to_c(model, "digits", int8=True), quantized(model)
        correct = np.mean(eight(X_test).argmax(1) == y_test)
        print(f"With eight bits a weight: {smaller.weight_bytes:,} bytes, accuracy {correct:.2%}")
        cc = compiler()
        if cc is None:
            print("There is no C compiler here (cc, gcc, clang, or $CC) to compile it with.")
            return
        compare(model, cc, path, Path(folder), X_test, y_test)


if __name__ == "__main__":
    main()
