"""How fast this machine's BLAS runs products whole and in pieces: see `utils/products.py`.

    python tests/benchmarks/products.py                 as many threads as BLAS takes
    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/products.py

For a of (rows, length) and b of (length, columns) it prints GFLOP/s of a @ b, whole, in pieces of
so many columns, and with its sum in pieces of so many terms; pieces of one length are one stack.
"dots": b is the transpose of rows in memory, as a batch is for `Dense`; "rows": b lies row by row,
as patches do for `Conv2D`, and a batch for the gradient of weights.
"""

import argparse
import time

import numpy as np

SHAPES = [
    (10, 784, 32), (10, 784, 128), (10, 784, 1024), (10, 300, 256), (16, 150, 640), (16, 640, 150),
    (32, 784, 64), (32, 784, 128), (64, 64, 32), (64, 64, 128), (120, 64, 400), (150, 16, 640),
    (10, 128, 784), (10, 1024, 784), (16, 256, 784), (32, 1024, 784), (512, 784, 128),
]  # fmt: skip
PIECES = (32, 48, 64, 75, 96, 112, 128, 192, 256, 320, 416)
TERMS = (32, 64, 128)


def best(function, flops):
    """Return GFLOP/s of the fastest of some runs."""
    count = max(3, int(2e7 / flops))
    times = []
    for _ in range(15):
        began = time.perf_counter()
        for _ in range(count):
            function()
        times.append((time.perf_counter() - began) / count)
    return flops / min(times) / 1e9


def speeds(rows, length, columns, layout):
    """Yield what was measured of a product: a name, and GFLOP/s."""
    rng = np.random.default_rng(0)
    a = rng.random((rows, length), np.float32)
    b = rng.random((length, columns), np.float32)
    if layout == "dots":
        b = np.ascontiguousarray(b.T).T
    out = np.empty((rows, columns), np.float32)
    flops = 2 * rows * length * columns
    yield "whole", best(lambda: np.matmul(a, b, out), flops)
    for piece in PIECES:
        if piece < columns:
            yield str(piece), best(in_columns(a, b, out, piece), flops)
    for terms in TERMS if layout == "rows" else ():
        if 2 * terms <= length:
            yield f"sum {terms}", best(in_terms(a, b, out, terms), flops)


def in_columns(a, b, out, piece):
    """Return a function that computes a @ b by so many columns of b at a time."""
    whole = b.shape[1] - b.shape[1] % piece

    def run():
        stack, room = (x[:, :whole].reshape(len(x), -1, piece).swapaxes(0, 1) for x in (b, out))
        np.matmul(a, stack, room)
        if whole < b.shape[1]:
            np.matmul(a, b[:, whole:], out[:, whole:])

    return run


def in_terms(a, b, out, terms):
    """Return a function that computes a @ b as the sum of products of so many terms."""
    whole = len(b) - len(b) % terms
    some = a[:, :whole].reshape(len(a), -1, terms).swapaxes(0, 1)
    products = np.empty((whole // terms, *out.shape), out.dtype)

    def run():
        np.matmul(some, b[:whole].reshape(-1, terms, b.shape[1]), products)
        np.add.reduce(products, 0, None, out)
        if whole < len(b):
            np.add(out, a[:, whole:] @ b[whole:], out)

    return run


def main():
    """Print a line for each shape and layout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    try:
        from threadpoolctl import threadpool_info

        for library in threadpool_info():
            print(*(library.get(k) for k in ("internal_api", "version", "architecture")), end=", ")
            print(library["num_threads"], "threads")
    except ImportError:
        print("which kernel runs is not known: threadpoolctl is not installed")
    print("GFLOP/s of a @ b, whole, by columns and by terms of the sum; how b lies: see --help")
    for rows, length, columns in SHAPES:
        for layout in ("dots", "rows"):
            found = dict(speeds(rows, length, columns, layout))
            fastest = max(found, key=found.__getitem__)
            print(f"({rows:3}, {length:3}) @ ({length:3}, {columns:4}) {layout}:", end=" ")
            print(*(f"{name} {speed:.0f}" for name, speed in found.items()), sep=", ", end="")
            print(f"; best {fastest}")


if __name__ == "__main__":
    main()
