"""Mutants of a folder, as cosmic-ray makes them, and how many the tests notice.

    pip install cosmic-ray
    python tests/mutants.py losses              all of tinyframe/losses: hours
    python tests/mutants.py losses 150          so many, drawn by chance

In each mutant one operator, comparison, number, branch or decorator of a copy is another one. It is
killed if the tests named below fail on it, or take too long. Survivors are shown: each asks for a
test, or changes nothing that could be noticed. `mutations.py` has those that have to be killed.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = {
    "layers": "tests/layers tests/test_document.py",
    "losses": "tests/losses tests/training/test_fit.py",
    "optimizers": "tests/optimizers tests/training/test_full_batch.py",
    "recording": "tests/recording tests/testing",
}
PATIENCE = 240
"""Seconds after which a mutant counts as killed: its loop does not end."""

CONFIG = """
[cosmic-ray]
module-path = "tinyframe/{folder}"
timeout = {patience}.0
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider --hypothesis-profile=unshrunk {tests}"
distributor.name = "local"
"""


def run(copy: Path, *command: str) -> str:
    """Run cosmic-ray in the copy, and return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(copy), "CI": "true", "OPENBLAS_NUM_THREADS": "1"}
    command = (sys.executable, "-m", "cosmic_ray.cli", *command)
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def main(folder: str, count: int | None = None) -> None:
    """Make the mutants, run the tests on each, and tell the score."""
    with tempfile.TemporaryDirectory() as room:
        copy = Path(room) / "tinyframe"
        left_out = shutil.ignore_patterns(".*", "_build", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=left_out)
        text = CONFIG.format(
            folder=folder, patience=PATIENCE, python=sys.executable, tests=TESTS[folder]
        )
        (copy / "config.toml").write_text(text)
        run(copy, "init", "config.toml", "session.sqlite")
        made = thinned(copy / "session.sqlite", count)
        run(copy, "baseline", "config.toml")
        run(copy, "exec", "config.toml", "session.sqlite")
        found = [json.loads(line) for line in run(copy, "dump", "session.sqlite").splitlines()]
    results = [(work["mutations"][0], result) for work, result in found if result]
    alive = [(one, result) for one, result in results if result["test_outcome"] == "survived"]
    for one, result in alive:
        print(one["module_path"], one["start_pos"][0], one["operator_name"])
        changed = [line for line in result["diff"].splitlines() if line[:1] in "+-"][2:]
        print("\n".join(f"    {line}" for line in changed))
    killed = len(results) - len(alive)
    print(f"{folder}: {killed} of {len(results)} killed, of {made} mutants in all")


def thinned(session: Path, count: int | None) -> int:
    """Keep so many of a session's mutants, drawn by chance; return how many there were."""
    with sqlite3.connect(session) as connection:
        jobs = [job for (job,) in connection.execute("SELECT job_id FROM work_items")]
        kept = set(jobs if count is None else random.sample(jobs, min(count, len(jobs))))
        dropped = [(job,) for job in jobs if job not in kept]
        connection.executemany("DELETE FROM mutation_specs WHERE job_id = ?", dropped)
        connection.executemany("DELETE FROM work_items WHERE job_id = ?", dropped)
    return len(jobs)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
