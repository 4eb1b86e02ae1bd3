"""An installed tinyframe, away from its repository: every public name, and the examples.

python smoke.py FOLDER    the folder with the examples
"""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import tinyframe

ELSEWHERE = {"from_pytorch.py", "grid_search.py", "mnist_mpi.py", "onnx_runtime.py", "table.py"}
"""Examples that need more than NumPy."""


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
    examples = [p for p in sorted(Path(sys.argv[1]).glob("*.py")) if p.name not in ELSEWHERE]
    for example in examples:
        command = [sys.executable, "-W", "error", str(example), "--quick"]
        subprocess.run(command, check=True, capture_output=True)
    print(f"tinyframe {tinyframe.__version__}: {modules} modules, {len(examples)} examples")


if __name__ == "__main__":
    main()
