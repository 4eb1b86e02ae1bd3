"""One system at one workload, in a process of its own: does a unit whenever a line comes in.

usage: worker.py SYSTEM WORKLOAD
"""

import sys
import time

from architectures import ARCHITECTURES
from systems import SYSTEMS, WORKLOADS, Data


def main():
    """Warm up with one unit, then answer each line with the seconds that a unit took."""
    answer = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    system, workload = sys.argv[1:]
    if workload in ARCHITECTURES:
        function = ARCHITECTURES[workload].get(system)
        unit = function(Data()) if function else None
    else:
        unit = SYSTEMS[system][0](WORKLOADS[workload], Data())
    if unit is None:
        return
    unit()
    print("ready", file=answer, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        unit()
        print(time.perf_counter() - began, file=answer, flush=True)


if __name__ == "__main__":
    main()
