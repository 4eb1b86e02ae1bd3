"""Models as C files, to run wherever there is a compiler."""

import math
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.interop.c import layers  # noqa: F401 - says how they are written
from tinyframe.interop.c.names import identifier
from tinyframe.interop.c.program import ENTRY, MOST_WEIGHTS, Program, exports
from tinyframe.interop.c.source import Source, Tests, source
from tinyframe.interop.c.weights import quantized
from tinyframe.interop.tokens import integers_enter
from tinyframe.layers import Embedding, Layer
from tinyframe.storage.files import write_atomically
from tinyframe.utils.checks import boolean, number_dtype

__all__ = ["Program", "Source", "exports", "quantized", "save_c", "to_c"]

INTEGERS = ("uint8", "int8", "uint16", "int16", "int32")
"""What inputs may be besides floats."""

TESTED = 50_000
"""Numbers in the vectors of the self-test, of which there are one to four."""

NEAR = {"float32": 1e-5, "float64": 1e-12}
"""How far the self-test lets outputs be from those of `predict`, relative to the largest one."""


def to_c(
    model: Layer,
    name: str,
    *,
    small: bool = False,
    int8: bool = False,
    workspace: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Source:
    """Return a built model as the text of a C99 file and of its header, for inference.

    The file defines `void NAME_predict(const float *x, float *y)`, for one input, and needs nothing
    but math.h. Padding of sequences is skipped as the layers do.

    Parameters
    ----------
    model
        A `Sequential`, or any layer.
    name
        Of the function, and in capitals of macros: a C identifier.
    small
        Whether the code is to be short rather than fast.
    int8
        Whether weights are to have eight bits, a fourth: the file then computes what
        `quantized(model)` predicts.
    workspace
        Whether the caller passes the memory for what is computed on the way, NAME_WORKSPACE
        numbers, so that threads may call at once; by default it is static.
    dtype
        What x is: by default the model's dtype, int32 where tokens come first; or other integers,
        as "uint8" for pixels.

    Raises
    ------
    TypeError
        If an argument is not as above.
    ValueError
        If the name is no identifier or a reserved word, the dtype another one, the model not built
        or too large, or if nothing says how to write a layer: the message says which and where.

    Examples
    --------
    >>> from tinyframe.interop.c import to_c
    >>> source = to_c(Sequential([Dense(4, 2), Softmax()]), "net")
    >>> source.weight_bytes
    40
    """
    if not isinstance(model, Layer):
        raise TypeError(f"to_c expected a model, got {model!r}")
    name = identifier(name)
    small, int8 = boolean("small", small), boolean("int8", int8)
    workspace = boolean("workspace", workspace)
    if model.input_shape is None:
        raise ValueError("to_c expected a built model; its shapes are known after fit or build")
    weights = sum(parameter.size for parameter in model.parameters)
    if weights > MOST_WEIGHTS:
        raise ValueError(
            f"a C file holds {MOST_WEIGHTS:,} weights at most, got {weights:,}: some "
            f"{16e-6 * weights:,.0f} MB of text"
        )
    entering = _entering(model, dtype)
    size = math.prod(model.input_shape)
    if int8:
        model = quantized(model)
    program = Program(model.dtype, size, entering, small=small, int8=int8)
    y = program.floats(program.layer(model, ENTRY))
    tests = partial(_tests, model, entering)
    return source(program, model, y, name, tests, workspace=workspace)


def save_c(
    model: Layer,
    path: str | os.PathLike[str],
    name: str | None = None,
    *,
    header: bool = True,
    **options: Any,
) -> None:
    """Write `to_c(model, name)` to a file, whole or not at all; see `Model.to_c`.

    Parameters
    ----------
    model, name
        As in `to_c`; the name is by default that of the file.
    path
        A name in .c.
    header
        Whether the header is written beside it, in .h.
    **options
        Those of `to_c`.
    """
    file = Path(path)
    if file.suffix != ".c":
        raise ValueError(f"path expected a name in .c, got {os.fspath(path)!r}")
    header = boolean("header", header)
    text = to_c(model, file.stem if name is None else name, **options)
    beside = file.with_suffix(".h")
    before = beside.read_bytes() if header and beside.is_file() else None
    if header:
        write_atomically(beside, text.header.encode())
    try:
        write_atomically(file, text.code.encode())
    except BaseException:
        if header:  # both or none
            with suppress(OSError):
                beside.unlink() if before is None else beside.write_bytes(before)
        raise


def _entering(model: Layer, dtype: npt.DTypeLike | None) -> np.dtype[Any]:
    """Return what x is."""
    if dtype is None:
        return np.dtype(np.int32) if integers_enter(model) else model.dtype
    kind = number_dtype(dtype)
    if kind != model.dtype and kind.name not in INTEGERS:
        raise ValueError(f"dtype expected {model.dtype} or {', '.join(INTEGERS)}, got {kind}")
    return kind


def _tests(model: Layer, entering: np.dtype[Any]) -> Tests:
    """Return inputs, each time the same, and what the model answers.

    Outputs may differ by what rounding x would change, too: behind a `LayerNorm` of nearly equal
    numbers that is a lot.
    """
    rng, shape = np.random.default_rng(0), model.input_shape or ()
    numbers = int(np.prod(shape)) + int(np.prod(model.output_shape or ()))
    rows = max(1, min(4, TESTED // numbers))
    tokens = [layer.vocabulary for layer in model.walk() if isinstance(layer, Embedding)]
    if tokens:
        x = rng.integers(0, min(*tokens, 127), (rows, *shape)).astype(entering)
    elif entering.kind == "f":
        x = rng.standard_normal((rows, *shape)).astype(entering)
    else:
        x = rng.integers(0, min(np.iinfo(entering).max, 255), (rows, *shape)).astype(entering)
    y, within = model(x), 0.0
    if entering.kind == "f" and not tokens:
        nudged = x * (1 + np.finfo(entering).eps * rng.choice([-1, 1], x.shape))
        within = 8 * float(np.abs(model(nudged.astype(entering)) - y).max())
    return Tests(x, y, within + NEAR[model.dtype.name] * float(np.abs(y).max()))
