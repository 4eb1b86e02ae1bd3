"""Correlation: a kernel's product with all windows of an image, and the derivatives of that."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinyframe.layers.windows import Windows
from tinyframe.products import matmul_in_pieces, quiet_matmul
from tinyframe.types import Array

BLOCK_BYTES = 256_000
"""Size of the patches that are built at a time: they stay in a core's cache until they are used."""


class Correlation:
    """y_f(u, v) = Σ_cij W_fcij x_c(u + i, v + j), and what it makes of dy.

    Written with the patch p that the kernel W sees at a place, as a column, it is a product:

        y = W p        dW = Σ dy pᵀ        dp = Wᵀ dy, added to dx where p came from

    Images lie batch last in memory: x is (channels, height, width, batch) and padded, y (filters,
    height', width', batch), W (filters, channels / groups, *size). Patches are built for some rows
    of places at a time.

    Parameters
    ----------
    windows
        The places of the kernel.
    groups
        Parts of channels and filters; filters look at their own part alone.
    """

    def __init__(self, windows: Windows, groups: int) -> None:
        self.windows = windows
        self.groups = groups

    def forward(self, x: Array, W: Array, y: Array, reused: Callable[..., Any]) -> None:
        """Write W ⋆ x to y."""
        for rows, patches in self._patches(x, W, reused):
            # y = W @ patches
            self._product(W.reshape(len(W), -1), patches, _matrix(y[:, rows]))

    def weights(self, x: Array, dy: Array, dW: Array, reused: Callable[..., Any]) -> None:
        """Write ∂L/∂W to dW, of the shape of W."""
        groups, filters = self.groups, len(dW)
        sums = np.zeros((groups, dW[0].size, filters // groups), dW.dtype)
        for rows, patches in self._patches(x, dW, reused):
            # dW += dy @ patches.T, transposed
            dy_ = _matrix(dy[:, rows]).reshape(groups, filters // groups, -1)
            sums += quiet_matmul(patches.reshape(groups, dW[0].size, -1), dy_.swapaxes(1, 2))
        dW[...] = sums.swapaxes(1, 2).reshape(dW.shape)

    def image(self, dy: Array, W: Array, dx: Array, reused: Callable[..., Any]) -> None:
        """Write ∂L/∂x to dx, of the shape of the padded image."""
        kernels = W.reshape(self.groups, len(W) // self.groups, -1).swapaxes(1, 2)
        WT = kernels.reshape(-1, kernels.shape[2])  # (channels * size, filters / groups)
        if self.windows.trivial:
            self._product(WT, _matrix(dy), _matrix(dx))
            return
        dx.fill(0)
        for rows, dpatches, additions in reused("scatter", self._scatter, dx, len(WT), reused):
            # dpatches = W.T @ dy, each pixel of which goes to where it came from
            self._product(WT, _matrix(dy[:, rows]), dpatches)
            for place, part in additions:
                np.add(place, part, out=place)

    def _scatter(
        self, dx: Array, length: int, reused: Callable[..., Any]
    ) -> list[tuple[slice, Array, list[tuple[Array, Array]]]]:
        """Return for each block its rows, room for its patches, and what is to be added to what."""
        windows, n = self.windows, dx.shape[-1]
        room = self._room(length, n, dx.dtype, reused)
        blocks = []
        for rows in self._blocks(length, n, dx.dtype.itemsize):
            shape = (len(dx), *windows.size, rows.stop - rows.start, windows.output[1], n)
            patches = room[: math.prod(shape)].reshape(shape)
            additions = [
                (windows.at(dx, i, j, rows), patches[:, i, j]) for i, j in windows.places()
            ]
            blocks.append((rows, patches.reshape(length, -1), additions))
        return blocks

    def _product(self, a: Array, b: Array, out: Array) -> None:
        """Write a @ b, group by group, where the rows of all three are divided into groups."""
        groups = self.groups
        if groups == 1:
            matmul_in_pieces(a, b, out)
            return
        quiet_matmul(
            a.reshape(groups, len(a) // groups, -1),
            b.reshape(groups, len(b) // groups, -1),
            out=out.reshape(groups, len(out) // groups, -1),
        )

    def _patches(
        self, x: Array, W: Array, reused: Callable[..., Any]
    ) -> Iterator[tuple[slice, Array]]:
        """Yield (rows, patches): some rows of places, and what is seen there, a patch a column."""
        windows = self.windows
        length = W[0].size * self.groups
        if windows.trivial:
            yield slice(0, windows.output[0]), _matrix(x)
            return
        # The views are kept for as long as the image lies where it did.
        for rows, seen, patches in reused(
            f"seen at {x.ctypes.data}", self._seen, x, length, reused
        ):
            np.copyto(patches, seen)
            yield rows, patches.reshape(length, -1)

    def _seen(
        self, x: Array, length: int, reused: Callable[..., Any]
    ) -> list[tuple[slice, Array, Array]]:
        """Return for each block its rows, its windows, and room for a copy of them."""
        room = self._room(length, x.shape[-1], x.dtype, reused)
        blocks = []
        for rows in self._blocks(length, x.shape[-1], x.dtype.itemsize):
            seen = self.windows.view(x, rows)
            blocks.append((rows, seen, room[: seen.size].reshape(seen.shape)))
        return blocks

    def _room(
        self, length: int, n: int, dtype: "np.dtype[np.floating]", reused: Callable[..., Any]
    ) -> Array:
        """Return memory for the patches of a block."""
        block = next(self._blocks(length, n, dtype.itemsize))
        size = length * (block.stop - block.start) * self.windows.output[1] * n
        room: Array = reused("patches", np.empty, (size,), dtype)
        return room

    def _blocks(self, length: int, n: int, itemsize: int) -> Iterator[slice]:
        """Yield the rows of places in blocks, for patches of so many numbers."""
        height, width = self.windows.output
        step = max(1, min(height, BLOCK_BYTES // (length * width * n * itemsize)))
        return (slice(i, min(i + step, height)) for i in range(0, height, step))


def _matrix(x: Array) -> Array:
    """Return (channels, height, width, batch) as a matrix with a row a channel."""
    return x.reshape(len(x), -1)
