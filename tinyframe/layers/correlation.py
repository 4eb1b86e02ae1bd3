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

    def image(self, dy: Array, W: Array, reused: Callable[..., Any]) -> Array:
        """Return ∂L/∂x, of the shape of the padded image."""
        kernels = W.reshape(self.groups, len(W) // self.groups, -1).swapaxes(1, 2)
        WT = kernels.reshape(-1, kernels.shape[2])  # (channels * size, filters / groups)
        dx: Array
        if self.windows.trivial:
            dx = reused("scatter", np.empty, (len(WT), *dy.shape[1:]), dy.dtype)
            self._product(WT, _matrix(dy), _matrix(dx))
            return dx
        dx, blocks = reused("scatter", self._scatter, len(WT), dy.shape[-1], dy.dtype, reused)
        dx.fill(0)
        for rows, dpatches, additions in blocks:
            # dpatches = W.T @ dy, each pixel of which goes to where it came from
            self._product(WT, _matrix(dy[:, rows]), dpatches)
            for place, part in additions:
                np.add(place, part, out=place)
        return dx

    def _scatter(
        self, length: int, n: int, dtype: "np.dtype[np.floating]", reused: Callable[..., Any]
    ) -> tuple[Array, list[tuple[slice, Array, list[tuple[Array, Array]]]]]:
        """Return room for dx; and for each block its rows, dp, and what is to be added to what."""
        windows = self.windows
        dx = np.empty((length // math.prod(windows.size), *windows.padded, n), dtype)
        blocks = []
        for rows, patches, columns in reused("patches", self._room, length, n, dtype):
            additions = [
                (windows.at(dx, i, j, rows), patches[:, i, j]) for i, j in windows.places()
            ]
            blocks.append((rows, columns, additions))
        return dx, blocks

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
        seen = windows.view(x)
        for rows, patches, columns in reused("patches", self._room, length, x.shape[-1], x.dtype):
            np.copyto(patches, seen[:, :, :, rows])
            yield rows, columns

    def _room(
        self, length: int, n: int, dtype: "np.dtype[np.floating]"
    ) -> list[tuple[slice, Array, Array]]:
        """Return for each block its rows, and room for its patches, as windows and as columns.

        A block is so many rows of places that their patches stay in cache, and one at least. They
        all have the same room.
        """
        size, (height, width) = self.windows.size, self.windows.output
        channels = length // math.prod(size)
        row = width * n  # a row of places, in columns
        step = min(height, max(1, BLOCK_BYTES // max(1, length * row * dtype.itemsize)))
        room = np.empty(length * step * row, dtype)
        blocks = []
        for start in range(0, height, step):
            rows = slice(start, min(start + step, height))
            count = rows.stop - start
            columns = room[: length * count * row].reshape(length, count * row)
            blocks.append((rows, columns.reshape(channels, *size, count, width, n), columns))
        return blocks


def _matrix(x: Array) -> Array:
    """Return (channels, height, width, batch) as a matrix with a row a channel."""
    return x.reshape(len(x), -1)
