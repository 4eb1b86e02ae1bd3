"""Exportable: a layer that can be written for programs that know nothing of tinyframe."""

import os
from abc import ABC

import numpy.typing as npt

from tinyframe.layers import Layer


class Exportable(Layer, ABC):
    """A layer that writes what it computes in inference to files of other kinds."""

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write this model to an ONNX file (opset 18), for inference (extra `onnx`).

        The file takes batches of any size; see `tinyframe.interop.onnx.to_onnx`.

        Parameters
        ----------
        path
            Its name, by custom ending in .onnx.

        Raises
        ------
        ImportError
            If the library onnx is not installed.
        ValueError
            If the model is not built, or has a layer that cannot be exported: names it. No file is
            written.
        StorageError
            If the file cannot be written; what was there stays.
        """
        from tinyframe.interop.onnx import save_onnx  # noqa: PLC0415 - of an extra

        save_onnx(self, path)

    def to_c(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        header: bool = True,
        small: bool = False,
        int8: bool = False,
        workspace: bool = False,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        """Write this model to a C99 file, for inference where there is no Python.

        It defines `void NAME_predict(const float *x, float *y)`, for one input, and needs nothing
        but math.h: no library, no allocation. See `tinyframe.interop.c.to_c`.

        Parameters
        ----------
        path
            Its name, in .c.
        name
            Of the function, by default that of the file: a C identifier.
        header
            Whether a header is written beside it, in .h.
        small
            Whether the code is to be short rather than fast.
        int8
            Whether weights are to have eight bits, a fourth of the room: what that costs tells
            `tinyframe.interop.c.quantized(model).evaluate(X, y)`.
        workspace
            Whether the caller passes the memory for what is computed on the way, as a third
            argument; by default it is static, so that one call must end before the next begins.
        dtype
            What x is: by default the model's dtype, int32 where tokens come first; or other
            integers, as "uint8" for pixels.

        Raises
        ------
        TypeError
            If an argument is not as above.
        ValueError
            If the name or the dtype will not do, the model is not built, too large, or has a layer
            that cannot be written: names it. No file is written.
        StorageError
            If a file cannot be written; what was there stays.
        """
        from tinyframe.interop.c import save_c  # noqa: PLC0415 - spares `import tinyframe`

        save_c(
            self, path, name, header=header, small=small, int8=int8, workspace=workspace,
            dtype=dtype,
        )  # fmt: skip
