"""Correlation: a kernel's product with all windows of an image, and the derivatives of that."""

from collections.abc import Callable, Iterator

import numpy as np

from tinyframe.layers.windows import Windows
from tinyframe.products import matmul_in_pieces
from tinyframe.types import Array

BLOCK_BYTES = 400_000
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

    def forward(self, x: Array, W: Array, y: Array, reused: Callable[..., Array]) -> None:
        """Write W ⋆ x to y."""
        for rows, patches in self._patches(x, W, reused):
            # y = W @ patches
            self._product(W.reshape(len(W), -1), patches, _matrix(y[:, rows]))

    def weights(self, x: Array, dy: Array, dW: Array, reused: Callable[..., Array]) -> None:
        """Write ∂L/∂W to dW, of the shape of W."""
        groups, filters = self.groups, len(dW)
        sums = dW.reshape(groups, filters // groups, -1)
        sums.fill(0)
        for rows, patches in self._patches(x, dW, reused):
            # dW += dy @ patches.T
            dy_ = _matrix(dy[:, rows]).reshape(groups, filters // groups, -1)
            sums += dy_ @ patches.reshape(groups, sums.shape[2], -1).swapaxes(1, 2)

    def image(self, dy: Array, W: Array, dx: Array, reused: Callable[..., Array]) -> None:
        """Write ∂L/∂x to dx, of the shape of the padded image."""
        groups, windows = self.groups, self.windows
        kernels = W.reshape(groups, len(W) // groups, -1).swapaxes(1, 2)
        WT = kernels.reshape(-1, kernels.shape[2])  # (channels * size, filters / groups)
        n = dy.shape[-1]
        if windows.trivial:
            self._product(WT, _matrix(dy), _matrix(dx))
            return
        dx.fill(0)
        for rows in self._blocks(len(WT), n, dx.dtype.itemsize):
            count = (rows.stop - rows.start) * windows.output[1] * n
            room = self._room(len(WT), n, dx.dtype, reused)
            dpatches = room[: len(WT) * count].reshape(len(WT), count)
            # dpatches = W.T @ dy
            self._product(WT, _matrix(dy[:, rows]), dpatches)
            shape = (len(dx), *windows.size, rows.stop - rows.start, windows.output[1], n)
            windows.scatter(dpatches.reshape(shape), dx, rows)

    def _product(self, a: Array, b: Array, out: Array) -> None:
        """Write a @ b, group by group, where the rows of all three are divided into groups."""
        groups = self.groups
        if groups == 1:
            matmul_in_pieces(a, b, out)
            return
        np.matmul(
            a.reshape(groups, len(a) // groups, -1),
            b.reshape(groups, len(b) // groups, -1),
            out=out.reshape(groups, len(out) // groups, -1),
        )

    def _patches(
        self, x: Array, W: Array, reused: Callable[..., Array]
    ) -> Iterator[tuple[slice, Array]]:
        """Yield (rows, patches): some rows of places, and what is seen there, one patch a column."""
        windows, n = self.windows, x.shape[-1]
        length = W[0].size * self.groups
        if windows.trivial:
            yield slice(0, windows.output[0]), _matrix(x)
            return
        room = self._room(length, n, x.dtype, reused)
        for rows in self._blocks(length, n, x.dtype.itemsize):
            seen = windows.view(x, rows)
            patches = room[: seen.size].reshape(seen.shape)
            np.copyto(patches, seen)
            yield rows, patches.reshape(length, -1)

    def _room(
        self, length: int, n: int, dtype: "np.dtype[np.floating]", reused: Callable[..., Array]
    ) -> Array:
        """Return memory for the patches of a block."""
        block = next(self._blocks(length, n, dtype.itemsize))
        size = length * (block.stop - block.start) * self.windows.output[1] * n
        return reused("patches", np.empty, (size,), dtype)

    def _blocks(self, length: int, n: int, itemsize: int) -> Iterator[slice]:
        """Yield the rows of places in blocks, for patches of so many numbers."""
        height, width = self.windows.output
        step = max(1, min(height, BLOCK_BYTES // (length * width * n * itemsize)))
        return (slice(i, min(i + step, height)) for i in range(0, height, step))


def _matrix(x: Array) -> Array:
    """Return (channels, height, width, batch) as a matrix with a row a channel."""
    return x.reshape(len(x), -1)
