"""Models as ONNX files, to run wherever there is a runtime for these."""

import os
from pathlib import Path
from typing import Any

from tinyframe.interop.onnx import layers  # noqa: F401 - says how they are written
from tinyframe.interop.onnx.graph import Graph, exports
from tinyframe.interop.tokens import integers_enter
from tinyframe.layers.layer import Layer
from tinyframe.storage.files import write_atomically
from tinyframe.utils.optional import require
from tinyframe.version import __version__

__all__ = ["Graph", "exports", "save_onnx", "to_onnx"]

OPSET, IR_VERSION = 18, 8
"""Versions of ONNX's operators and of its files: of early 2023, which all current runtimes read."""

LARGEST = 2**31 - 1
"""Bytes of a file, as its format has it."""


def to_onnx(model: Layer) -> Any:
    """Return a built model as an `onnx.ModelProto`, for inference.

    Its input "input" has shape (batch, *input_shape), its output "output" (batch, *output_shape),
    for any batch, in the model's dtype; tokens are int64 where an `Embedding` comes first. Padding
    of sequences is skipped as the layers do.

    Parameters
    ----------
    model
        A `Sequential`, or any layer.

    Raises
    ------
    ImportError
        If the library onnx is not installed.
    TypeError
        If it is no model.
    ValueError
        If the model is not built, too large, or has a layer that ONNX has no operators for: the
        message says which and where.

    Examples
    --------
    >>> from tinyframe.interop.onnx import to_onnx
    >>> to_onnx(Sequential([Dense(4, 2), Softmax()])).graph.node[0].op_type
    'Gemm'
    """
    onnx = require("onnx", "onnx", "an ONNX file")

    if not isinstance(model, Layer):
        raise TypeError(f"to_onnx expected a model, got {model!r}")
    if model.input_shape is None or model.output_shape is None:
        raise ValueError("to_onnx expected a built model; its shapes are known after fit or build")
    graph = Graph(model.dtype)
    graph.add("Identity", graph.layer(model, "input"), output="output")
    helper = onnx.helper
    number = helper.np_dtype_to_tensor_dtype(model.dtype)
    entering = onnx.TensorProto.INT64 if integers_enter(model) else number
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            type(model).__name__,
            [helper.make_tensor_value_info("input", entering, ["batch", *model.input_shape])],
            [helper.make_tensor_value_info("output", number, ["batch", *model.output_shape])],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tinyframe",
        producer_version=__version__,
    )
    if proto.ByteSize() > LARGEST:
        raise ValueError(f"an ONNX file holds {LARGEST} bytes at most, got {proto.ByteSize()}")
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save_onnx(model: Layer, path: str | os.PathLike[str]) -> None:
    """Write `to_onnx(model)` to a file, whole or not at all; see `Model.to_onnx`."""
    write_atomically(Path(path), to_onnx(model).SerializeToString())
