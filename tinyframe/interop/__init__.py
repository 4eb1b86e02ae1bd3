"""Bridges to other libraries; each imports its library only when it is used.

- `tinyframe.interop.sklearn`: networks as scikit-learn estimators (extra `sklearn`).
- `tinyframe.interop.onnx`: models as ONNX files (extra `onnx`).
- `tinyframe.interop.torch`: weights to and from PyTorch's state dicts; needs NumPy alone.
- `tinyframe.interop.keras`: models and weights from `.keras` files (extra `keras`).
"""
