"""Training holds on to nothing: its memory is the same after three thousand steps as after few."""

import gc
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from memory_job import JOBS, train

SLACK = 20_000
"""Bytes that may come and go: an epoch's figures, Python's own caches."""


def traced_at(name, steps, at, rows):
    """Return the bytes in use after some of the steps."""
    found = []

    def look():
        gc.collect()
        found.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        train(name, steps, look, at, rows)
    finally:
        tracemalloc.stop()
    return found


@pytest.mark.parametrize("name", sorted(set(JOBS) - {"lenet, batches of any size"}))
def test_no_step_holds_on_to_anything(name):
    before, after = traced_at(name, 40, (15, 40), rows=1 if "single" in name else 3)
    assert after - before < SLACK


def test_no_new_number_of_rows_holds_on_to_anything():
    before, after = traced_at("lenet, batches of any size", 24, (8, 24), rows=24)
    assert after - before < SLACK


@pytest.mark.parametrize("name", JOBS)
def test_resident_memory_is_flat_from_step_200_to_step_3000(name, pytestconfig):
    if not pytestconfig.getoption("--long"):
        pytest.skip("minutes: pytest --long")
    if not Path("/proc/self/statm").exists():
        pytest.skip("resident memory is read from /proc")
    script = Path(__file__).with_name("memory_job.py")
    command = [sys.executable, str(script), name, "3000"]
    output = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=3600
    ).stdout
    resident = [int(line) for line in output.split()]
    assert len(resident) == 30
    if "any size" in name:  # up and down with the last few sizes; all 64 of them take 420 MB
        assert max(resident) < 160e6, resident
        return
    for at in resident[2:]:
        assert at == pytest.approx(resident[1], rel=0.05), resident
