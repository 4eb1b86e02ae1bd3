"""Real data, where it is."""

import os
from pathlib import Path

from tinyframe.datasets import mnist
from tinyframe.datasets.digits import Split
from tinyframe.datasets.mnist import FILES


def mnist_on_disk() -> Split | None:
    """MNIST, never downloaded by a test; None where it is not."""
    folder = Path(os.environ.get("TINYFRAME_DATA", "nowhere"))
    names = [f"{name}{suffix}" for name in FILES for suffix in ("", ".gz")]
    found = {
        p.name.removesuffix(".gz")
        for n in names
        for p in (folder / n, folder / "mnist" / n)
        if p.is_file()
    }
    return mnist() if found == set(FILES) else None
