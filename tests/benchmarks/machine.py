"""What the machine did besides: the kernel that BLAS chose, and the load that others put on it."""

import os
import subprocess
import sys
import time
from pathlib import Path

QUIET = 0.05
"""Share of the processors' time up to which others may have taken it."""

STAT = Path("/proc/stat")


def kernel(environment):
    """Return which kernel NumPy's BLAS runs in such an environment, and on how many threads."""
    code = (
        "import numpy, threadpoolctl\n"
        "for l in threadpoolctl.threadpool_info():\n"
        "    print(l['internal_api'], l['version'], l['architecture'], l['num_threads'], 'threads')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    return run.stdout.strip() or "not known (threadpoolctl is not installed)"


def ticks():
    """Return (all, busy, stolen) ticks of all processors so far."""
    fields = list(map(int, STAT.read_text().splitlines()[0].split()[1:9]))
    idle, stolen = fields[3] + fields[4], fields[7]
    return sum(fields), sum(fields) - idle, stolen


def shares(before, after):
    """Return the shares of the time in between that were busy, and stolen by other machines."""
    spent = max(1, after[0] - before[0])
    return (after[1] - before[1]) / spent, (after[2] - before[2]) / spent


class Watch:
    """Looks at the load before and after a run, and at what was stolen meanwhile."""

    def __init__(self, seconds=2.0):
        self.seconds = seconds
        self.before = self.idle()
        self.began = ticks() if STAT.exists() else None

    def idle(self):
        """Return how busy the machine is while this process sleeps; None where that is not told."""
        if not STAT.exists():
            return None
        before = ticks()
        time.sleep(self.seconds)
        return shares(before, ticks())[0]

    def report(self):
        """Say how quiet it was."""
        if self.began is None:
            return f"load {os.getloadavg()[0]:.2f}; whether the machine was quiet is not known"
        _, stolen = shares(self.began, ticks())
        after = self.idle()
        text = f"busy before {self.before:.0%}, after {after:.0%}, stolen meanwhile {stolen:.1%}"
        quiet = max(self.before, after, stolen) <= QUIET
        return text + (": quiet" if quiet else ": NOT quiet, no figures to quote")
