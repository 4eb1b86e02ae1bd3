"""tinyframe against its peers, on one machine in one run.

    python tests/benchmarks                               every workload and installed system
    python tests/benchmarks mini32 full --rounds 9        some of them
    python tests/benchmarks --threads 1 --json out.json   with one BLAS thread

Set TINYFRAME_DATA to the folder with MNIST; random digits of the same shape serve otherwise. Each
system lives in a process of its own, and they take turns, so that a slow moment of the machine
meets them alike: a round is a turn of each, one unit that does not count and then some that do. The
figures to quote are the ratios of medians.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from machine import Watch, kernel
from systems import SYSTEMS, WORKLOADS
from worker import OTHERS

HERE = Path(__file__).parent
PACKAGES = (
    "tinyframe", "numpy", "threadpoolctl", "torch", "jax", "scikit-learn", "keras", "onnxruntime",
)  # fmt: skip
EVERY = (*WORKLOADS, *OTHERS)
HELD_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that keep OpenBLAS from the kernels that it would choose: users do not set them."""
PAUSE = 0.2
"""Seconds before each turn: the threads of the system before it go on spinning for a while."""

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Worker:
    """A system at a workload, in its own process."""

    def __init__(self, system, workload, environment):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", system, workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ready(self):
        """Return the seconds of a first unit; None if it does not do this work."""
        word, _, seconds = self.process.stdout.readline().partition(" ")
        return float(seconds) if word == "ready" else None

    def unit(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def measure(workload, systems, rounds, environment):
    """Return the seconds of each round by system, which take turns, and those of a first unit."""
    workers, first = {}, {}
    for system in systems:
        worker = Worker(system, workload, environment)
        first[system] = worker.ready()
        if first[system] is None:
            worker.stop()
        else:
            workers[system] = worker
    seconds = {system: [] for system in workers}
    for _ in range(rounds):
        for system, worker in workers.items():
            time.sleep(PAUSE)
            seconds[system].append(worker.unit())
    for worker in workers.values():
        worker.stop()
    return seconds, {system: first[system] for system in workers}


def table(results):
    """Return the medians, and behind each how many times as long as tinyframe it took."""
    names = [name for name in SYSTEMS if any(name in seconds for seconds in results.values())]
    lines = [f"{'seconds (× tinyframe)':22}" + "".join(f"{name:>17}" for name in names)]
    for workload, seconds in results.items():
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        cells = [
            f"{medians[name]:.4f} ({medians[name] / medians['tinyframe']:.2f})"
            if name in medians else "·"
            for name in names
        ]  # fmt: skip
        lines.append(f"{workload:22}" + "".join(f"{cell:>17}" for cell in cells))
    return "\n".join(lines)


def import_time(module, environment):
    """Return the median microseconds that importing a module takes in a fresh process."""
    times = []
    for _ in range(11):
        run = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", f"import {module}"],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        rows = [line.split("|") for line in run.stderr.splitlines()]
        times += [int(row[1]) for row in rows if len(row) == 3 and row[2].strip() == module]
    return statistics.median(times)


def peak_memory(environment):
    """Return the peak resident megabytes of a process that trains an epoch on uint8 digits."""
    code = (
        "import resource, numpy as np\n"
        "from tinyframe import *\n"
        "X = np.random.default_rng(0).integers(0, 256, (60000, 784), np.uint8)\n"
        "y = np.arange(60000) % 10\n"
        "layers = [Rescale(1 / 255), Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]\n"
        "Sequential(layers).fit(X, y, epochs=1, verbose=False)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(run.stdout)


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main():
    """Measure what was asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(EVERY)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="units of work of each system")
    parser.add_argument("--threads", type=int, help="BLAS threads; default: as they come")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--systems", nargs="*", help=f"of {', '.join(SYSTEMS)}; default: all")
    options = parser.parse_args()
    for name in options.workloads:
        if name not in EVERY:
            parser.error(f"expected workloads among {', '.join(EVERY)}, got {name}")
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # importing is to be timed as it is used
    for name in HELD_BACK:
        environment.pop(name, None)
    if options.threads:
        environment |= dict.fromkeys(THREADS, str(options.threads))
    systems = [
        name
        for name, (_, module) in SYSTEMS.items()
        if find_spec(module) and (not options.systems or name in (*options.systems, "tinyframe"))
    ]
    about = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": options.threads or "default",
        "BLAS": kernel(environment),
        "versions": {name: installed(name) for name in PACKAGES},
    }
    print(" ".join(f"{name}: {value}" for name, value in about.items()))
    watch = Watch()
    results, first = {}, {}
    for workload in options.workloads or EVERY:
        results[workload], first[workload] = measure(workload, systems, options.rounds, environment)
    print(table(results))
    for workload, seconds in first.items():
        compiled = {name: f"{s:.2f}" for name, s in seconds.items() if "JAX" in name}
        if compiled:
            print(f"{workload}, first unit with compilation, seconds: {compiled}")
    about["load"] = watch.report()
    print(about["load"])
    figures = {
        "import tinyframe / import numpy": import_time("tinyframe", environment)
        / import_time("numpy", environment),
        "peak memory, an epoch on uint8 digits (MB)": peak_memory(environment),
    }
    for name, figure in figures.items():
        print(f"{name}: {figure:.2f}")
    if options.json:
        record = {"about": about, "seconds": results, "first": first, "figures": figures}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
