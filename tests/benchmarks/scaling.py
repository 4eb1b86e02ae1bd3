"""How training scales over MPI ranks: measured on this machine, and a model of it fitted.

    python tests/benchmarks/scaling.py                    one rank and two, one BLAS thread each
    python tests/benchmarks/scaling.py --json out.json

The model, for p ranks with b rows each and a gradient of n bytes:

    T(p) = a + c b + 2 ⌈log₂ p⌉ λ + 2 (p − 1) / p · n / B

a and c are fitted to the step times of one rank at several b; the latency λ and the bandwidth B,
to those of the all-reduce alone between two ranks. It is the cost of a reduce-scatter and an
all-gather (Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication Operations in
MPICH", 2005). Beside it stand the measured steps of two ranks, which the fit has not seen.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

BATCHES = {"document": (32, 64, 128, 256), "wide": (32, 64, 128, 256), "lenet": (16, 32, 64, 128)}
ROUNDS = 7
BESIDE = Path(sys.executable).parent / "mpiexec"
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")


def network(name):
    from architectures import tinyframe_lenet
    from systems import dense_network

    sizes = {"document": (784, 10, 10), "wide": (784, 512, 512, 10)}
    return tinyframe_lenet() if name == "lenet" else dense_network(sizes[name])


def steps(name, batch, data):
    """Return the seconds of a step of `batch` rows a rank, and the number of parameters."""
    from mpi4py import MPI

    from tinyframe import SGD

    world, model, optimizer = MPI.COMM_WORLD, network(name), SGD(0.1)
    count = 400 if name == "document" else 60
    rows = min(len(data.X), batch * world.size * count)
    seconds = []
    for _ in range(ROUNDS + 1):
        world.Barrier()
        began = time.perf_counter()
        model.fit(
            data.X[:rows], data.labels[:rows], optimizer=optimizer, metrics=[], verbose=0, epochs=1,
            batch_size=batch * world.size, communicator=world,
        )  # fmt: skip
        seconds.append((time.perf_counter() - began) / -(-rows // (batch * world.size)))
    return statistics.median(seconds[1:]), sum(p.size for p in model.parameters)


def all_reduces():
    """Return the seconds of an all-reduce by its bytes."""
    from mpi4py import MPI

    world, found = MPI.COMM_WORLD, {}
    for numbers in (8, 1000, 8000, 30_000, 61_000, 200_000, 670_000, 2_000_000):
        array = np.ones(numbers, np.float32)
        seconds = []
        for _ in range(300 if numbers < 100_000 else 60):
            world.Barrier()
            began = time.perf_counter()
            world.Allreduce(MPI.IN_PLACE, array)
            seconds.append(time.perf_counter() - began)
            array.fill(1)
        found[array.nbytes] = statistics.median(seconds)
    return found


def measure():
    """Measure in this rank; rank 0 prints what it found as JSON."""
    from mpi4py import MPI
    from systems import Data

    if hasattr(os, "sched_setaffinity"):  # a core a rank: one rank alone has no second one either
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[MPI.COMM_WORLD.rank]})
    data, found = Data(), {}
    for name, batches in BATCHES.items():
        timed = [steps(name, batch, data) for batch in batches]
        found[name] = {
            "parameters": timed[0][1],
            "batches": batches,
            "steps": [t for t, _ in timed],
        }
    if MPI.COMM_WORLD.size > 1:
        found["all-reduce"] = all_reduces()
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(found))


def run(ranks):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [MPIEXEC, "-n", str(ranks), sys.executable, "-m", "mpi4py", __file__, "--rank"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


def line(x, y):
    """Return the intercept and the slope of a line, fitted to relative errors."""
    x, y = np.array(x, float), np.array(y, float)
    design = np.stack([1 / y, x / y], axis=1)
    return np.linalg.lstsq(design, np.ones(len(y)), rcond=None)[0]


def main():
    one, two = run(1), run(2)
    sizes = [int(size) for size in two["all-reduce"]]
    start, slope = line(sizes, list(two["all-reduce"].values()))
    latency, bandwidth = start / 2, 1 / slope  # p = 2: 2 λ + n / B
    print(f"λ = {latency * 1e6:.2f} µs, B = {bandwidth / 1e9:.2f} GB/s")
    fits = {"latency": latency, "bandwidth": bandwidth}
    for name in BATCHES:
        fixed, per_row = line(one[name]["batches"], one[name]["steps"])
        fits[name] = {"fixed": fixed, "per_row": per_row, "parameters": one[name]["parameters"]}
        print(
            f"\n{name}: a = {fixed * 1e6:.1f} µs, c = {per_row * 1e6:.3f} µs a row, "
            f"{one[name]['parameters']:,} parameters"
        )
        print("rows a rank   1 rank, µs   2 ranks, µs   model   throughput of 2 ranks")
        shared = 2 * latency + 4 * one[name]["parameters"] / bandwidth
        for batch, alone, both in zip(
            one[name]["batches"], one[name]["steps"], two[name]["steps"], strict=True
        ):
            predicted = fixed + per_row * batch + shared
            print(
                f"{batch:11} {alone * 1e6:12.1f} {both * 1e6:13.1f} {predicted * 1e6:7.1f} "
                f"{2 * alone / both:12.2f} ×"
            )
    return {"one": one, "two": two, "fits": fits}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rank", action="store_true", help="what each rank is called with")
    options = parser.parse_args()
    if options.rank:
        measure()
    else:
        results = main()
        if options.json:
            options.json.write_text(json.dumps(results, indent=1))
