"""Bridges to other libraries; each imports its library only when it is used.

- `tinyframe.interop.sklearn`: networks as scikit-learn estimators, and scikit-learn's networks as
  ours (extra `sklearn`).
- `tinyframe.interop.c`: models as C files; needs NumPy alone.
- `tinyframe.interop.onnx`: models as ONNX files (extra `onnx`).
- `tinyframe.interop.torch`: weights to and from PyTorch's state dicts; needs NumPy alone.
- `tinyframe.interop.keras`: models and weights from `.keras` files (extra `keras`).
"""

from importlib import import_module
from types import ModuleType

_LAZY = ("c", "keras", "onnx", "sklearn", "torch")


def __dir__() -> list[str]:
    return list(_LAZY)


def __getattr__(name: str) -> ModuleType:
    """Import a bridge when it is first asked for."""
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
