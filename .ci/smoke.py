"""An installed tinyframe, away from its repository: every public name, and some examples.

python smoke.py FOLDER    the folder with the examples
"""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import tinyframe

ALONE = (
    "mnist.py",
    "by_hand.py",
    "lenet.py",
    "autoencoder.py",
    "adding_problem.py",
    "playground.py",
)
"""Examples that run where there is NumPy and nothing else."""


def main() -> None:
    """Import all, run some, and say how much that was."""
    where = Path(tinyframe.__file__).parent
    if (where.parent / "pyproject.toml").exists():
        sys.exit(f"expected an installed package, got the repository's: {where}")
    for name in tinyframe.__all__:
        getattr(tinyframe, name)
    modules = 0
    for module in pkgutil.walk_packages(tinyframe.__path__, "tinyframe."):
        try:
            importlib.import_module(module.name)
        except ImportError as error:  # of an extra: it has to say which
            if "tinyframe[" not in str(error) and "pip install" not in str(error):
                raise
        modules += 1
    for example in ALONE:
        path = Path(sys.argv[1]) / example
        subprocess.run(
            [sys.executable, "-W", "error", str(path), "--quick"], check=True, capture_output=True
        )
    print(f"tinyframe {tinyframe.__version__}: {modules} modules, {len(ALONE)} examples")


if __name__ == "__main__":
    main()
