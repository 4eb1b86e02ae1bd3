"""What a test needs beyond NumPy, and what installs it."""

from typing import Any

import pytest

INSTALLS = {
    "h5py": '-e ".[keras]"',
    "joblib": '-e ".[sklearn]"',
    "jupytext": "--group docs",
    "keras": "--group peers",
    "matplotlib": '-e ".[plot]"',
    "mpi4py": '-e ".[mpi]"',
    "nbformat": "--group docs",
    "onnx": '-e ".[onnx]"',
    "onnxruntime": "--group peers",
    "pandas": "--group peers",
    "playwright": "--group browser",
    "polars": "--group peers",
    "safetensors": '-e ".[safetensors]"',
    "scipy": '-e ".[sklearn]"',
    "sklearn": '-e ".[sklearn]"',
    "threadpoolctl": '-e ".[threads]"',
    "torch": "--group torch",
    "tqdm": '-e ".[progress]"',
}


def needs(module: str) -> Any:
    """Return a module; skip the test, or the file, where it is not installed."""
    package = module.partition(".")[0]
    return pytest.importorskip(module, reason=f"needs pip install {INSTALLS[package]}")
