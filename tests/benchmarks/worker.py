"""One system at one workload, in a process of its own: does a unit whenever a line comes in.

usage: worker.py SYSTEM WORKLOAD
"""

import sys
import time

from architectures import ARCHITECTURES
from predictions import PREDICTIONS
from small import SMALL
from systems import SYSTEMS, WORKLOADS, Data

OTHERS = ARCHITECTURES | PREDICTIONS | SMALL


def main():
    """Do a first unit, say how long it took, then answer each line with the seconds of another."""
    answer = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    system, workload = sys.argv[1:]
    unit = None
    if workload in OTHERS:
        function = OTHERS[workload].get(system)
        unit = function(Data()) if function else None
    elif function := SYSTEMS[system][0]:
        unit = function(WORKLOADS[workload], Data())
    if unit is None:
        return
    began = time.perf_counter()
    unit()
    print("ready", time.perf_counter() - began, file=answer, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        unit()
        print(time.perf_counter() - began, file=answer, flush=True)


if __name__ == "__main__":
    main()
