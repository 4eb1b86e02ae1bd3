"""One system at one workload, in a process of its own: does some units whenever a line comes in.

usage: worker.py SYSTEM WORKLOAD
"""

import statistics
import sys
import time

from architectures import ARCHITECTURES
from predictions import PREDICTIONS
from small import SMALL
from systems import SYSTEMS, WORKLOADS, Data

OTHERS = ARCHITECTURES | PREDICTIONS | SMALL

TURN = 0.1
"""Seconds that the units which count in a turn take at the least."""


def main():
    """Do a first unit, say how long it took, then answer each line with the seconds of others."""
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
        unit()  # wakes the processor, which has slept meanwhile: some 10 ms at half its speed
        print(seconds(unit), file=answer, flush=True)


def seconds(unit):
    """Return the median seconds of one unit, of as many as `TURN` has room for."""
    times = []
    while sum(times) < TURN:
        began = time.perf_counter()
        unit()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
