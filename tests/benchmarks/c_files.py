"""Networks in C against `predict` and ONNX Runtime, an input at a time, in one run.

    python tests/benchmarks/c_files.py                      the table of docs/c.md
    python tests/benchmarks/c_files.py "-O2" "-Os"          other options of the compiler

Each figure is the least of several medians. $CC names the compiler, cc by default. With
arm-none-eabi-gcc installed, the sizes on a Cortex-M4F follow.
"""

import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinyframe import (
    LSTM,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Rescale,
    Reshape,
    Sequential,
    Softmax,
)
from tinyframe.interop.c import Source, to_c
from tinyframe.types import Array

OPTIONS = ["-O3", "-O3 -march=native"]
CORTEX = "-Os -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"
KINDS = {"": {}, " small": {"small": True}, " int8": {"int8": True}}

TIMER = """
#include <time.h>
double seconds(int times) {
    static float x[SIZE_INPUTS], y[SIZE_OUTPUTS];
    clock_t began;
    int i;
    for (i = 0; i < SIZE_INPUTS; ++i) x[i] = (float)(i % 7) * 0.1f;
    began = clock();
    for (i = 0; i < times; ++i) {
        net_predict(x, y);
        x[0] = y[0] * 1e-9f; /* so that no call can be left out */
    }
    return (double)(clock() - began) / CLOCKS_PER_SEC / times;
}
"""


def networks() -> dict[str, Sequential]:
    """Return the document's network, LeNet and a small LSTM."""
    document = Sequential(Dense(784, 10), ReLU(), Dense(10), Softmax()).with_input(784, 0)
    images = [Conv2D(6, 5, padding=2), ReLU(), MaxPool2D(2), Conv2D(16, 5), ReLU(), MaxPool2D(2)]
    classes = [Flatten(), Dense(120), ReLU(), Dense(84), ReLU(), Dense(10), Softmax()]
    lenet = Sequential([Rescale(1 / 255), Reshape(1, 28, 28), *images, *classes])
    recurrent = Sequential(LSTM(16), Dense(1)).with_input((32, 4), 0)
    return {"document": document, "LeNet": lenet.with_input((28, 28), 0), "LSTM": recurrent}


def least(measure: Callable[[], float], rounds: int = 7) -> float:
    """Return the least of the medians of five measurements, in µs."""
    return 1e6 * min(statistics.median(measure() for _ in range(5)) for _ in range(rounds))


def of_python(call: Callable[[Array], object], x: Array, times: int = 100) -> float:
    """Return how long a call takes."""

    def measure() -> float:
        began = time.perf_counter()
        for _ in range(times):
            call(x)
        return (time.perf_counter() - began) / times

    return least(measure)


def of_c(source: Source, options: str, folder: Path, times: int) -> float:
    """Return how long a compiled network takes."""
    file = folder / "net.c"
    file.write_text(source.code + TIMER.replace("SIZE", "NET"))
    library = Path(tempfile.mkdtemp(dir=folder)) / "net.so"
    command = [os.environ.get("CC", "cc"), *options.split(), "-shared", "-fPIC", str(file), "-lm"]
    subprocess.run([*command, "-o", str(library)], check=True)
    seconds = ctypes.CDLL(str(library)).seconds
    seconds.restype = ctypes.c_double
    return least(lambda: float(seconds(times)))


def runtime(model: Sequential, folder: Path) -> Callable[[Array], object] | None:
    """Return the network in ONNX Runtime on one thread, where that is installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    model.to_onnx(folder / "net.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        folder / "net.onnx", options, providers=["CPUExecutionProvider"]
    )
    return lambda x: session.run(None, {"input": x})


def cortex(source: Source, folder: Path) -> str:
    """Return bytes of code, constants and memory on a Cortex-M4F."""
    file, made = folder / "net.c", folder / "net.o"
    file.write_text(source.code)
    gcc, size = (str(shutil.which(f"arm-none-eabi-{tool}")) for tool in ("gcc", "size"))
    subprocess.run([gcc, *CORTEX.split(), "-c", file, "-o", made], check=True)
    table = subprocess.run([size, "-A", made], check=True, capture_output=True, text=True).stdout
    sizes = dict.fromkeys((".text", ".rodata", ".bss"), 0)
    for line in table.splitlines():
        for kind in sizes:
            if line.startswith(kind):
                sizes[kind] += int(line.split()[1])
    return ", ".join(f"{kind[1:]} {size:,}" for kind, size in sizes.items())


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, model in networks().items():
            x = np.random.default_rng(0).random((1, *(model.input_shape or ())), np.float32)
            predict = of_python(lambda x, model=model: model.predict(x, verbose=0), x)
            print(f"{title}: predict {predict:.1f} µs")
            print(f"    predictor(): {of_python(model.predictor(), x):.1f}")
            if session := runtime(model, folder):
                print(f"    ONNX Runtime: {of_python(session, x):.1f}")
            for kind, options in KINDS.items():
                source = to_c(model, "net", **options)
                for flags in sys.argv[1:] or OPTIONS:
                    took = of_c(source, flags, folder, 2_000 if title == "document" else 200)
                    print(f"    C{kind}, {flags}: {took:.2f}, {took / predict:.3f} of predict")
                if shutil.which("arm-none-eabi-gcc"):
                    print(f"    C{kind}, Cortex-M4F: {cortex(source, folder)}")


if __name__ == "__main__":
    main()
