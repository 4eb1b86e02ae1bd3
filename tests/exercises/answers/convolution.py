"""Answers to Exercise 6, a convolution, as students write them."""

import numpy as np
from exercise_sheets import sheet

SHEET = sheet("convolution")
windows = SHEET.windows


class Right1(SHEET.Conv1D):
    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        W, b = self.weight.value, self.bias.value
        return np.einsum("rcpk,uck->rup", windows(x, self.width), W) + b[:, None]

    def backward(self, dy):
        x = self._saved
        self.weight.grad = np.einsum("rup,rcpk->uck", dy, windows(x, self.width))
        self.bias.grad = dy.sum(axis=(0, 2))
        return self.dx(dy, x, self.weight.value)

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width):
            dx[:, :, k : k + places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])
        return dx


class Right2(Right1):
    """As a Dense layer: the windows in rows; dx is dy, padded, with the kernel turned round."""

    def forward(self, x, training=False):
        x = self._input(x)
        V = np.swapaxes(windows(x, self.width), 1, 2)  # (rows, places, channels, width)
        V = V.reshape(*V.shape[:2], -1)
        if training:
            self._saved = V
        W = self.weight.value.reshape(self.units, -1)
        return np.swapaxes(V @ W.T + self.bias.value, 1, 2)

    def backward(self, dy):
        V, more = self._saved, self.width - 1
        rows_of_dy = np.swapaxes(dy, 1, 2).reshape(-1, self.units)
        gradient = rows_of_dy.T @ V.reshape(-1, V.shape[2])
        self.weight.grad = gradient.reshape(self.weight.shape)
        self.bias.grad = rows_of_dy.sum(axis=0)
        padded = np.pad(dy, ((0, 0), (0, 0), (more, more)))
        turned = self.weight.value[:, :, ::-1]
        return np.einsum("ruik,uck->rci", windows(padded, self.width), turned)


class Right3(Right1):
    """Place by place: each window gets back what its place of y says."""

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        W, b = self.weight.value, self.bias.value
        y = np.empty((len(x), *self.output_shape), x.dtype)
        for p in range(y.shape[2]):
            y[:, :, p] = np.tensordot(x[:, :, p : p + self.width], W, axes=((1, 2), (1, 2))) + b
        return y

    def backward(self, dy):
        x, W, width = self._saved, self.weight.value, self.width
        dW, dx = np.zeros_like(W), np.zeros_like(x)
        for p in range(dy.shape[2]):
            dW += np.tensordot(dy[:, :, p], x[:, :, p : p + width], axes=(0, 0))
            dx[:, :, p : p + width] += np.tensordot(dy[:, :, p], W, axes=(1, 0))
        self.weight.grad = dW
        self.bias.grad = dy.sum(axis=2).sum(axis=0)
        return dx


class Right4(Right1):
    """One product of matrices for each number of the kernel."""

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        places = x.shape[2] - self.width + 1
        y = np.zeros((len(x), self.units, places), x.dtype)
        y += self.bias.value.reshape(1, -1, 1)
        for k in range(self.width):
            y += self.weight.value[:, :, k] @ x[:, :, k : k + places]
        return y

    def backward(self, dy):
        x, places = self._saved, dy.shape[2]
        self.bias.grad = np.einsum("rup->u", dy)
        dx = 0 * x
        for k in range(self.width):
            seen = np.swapaxes(x[:, :, k : k + places], 1, 2)
            self.weight.grad[:, :, k] = (dy @ seen).sum(axis=0)
            dx[:, :, k : k + places] += self.weight.value[:, :, k].T @ dy
        return dx


class NoBias(Right1):
    """Forgot the bias in y."""

    mistake = "no bias"

    def forward(self, x, training=False):
        return super().forward(x, training) - self.bias.value[:, None]


class BiasAlongThePlaces(Right1):
    """Added b as it is, which NumPy lays along the places."""

    mistake = "shapes that do not fit"

    def forward(self, x, training=False):
        return super().forward(x, training) - self.bias.value[:, None] + self.bias.value


class TurnsTheKernel(Right1):
    """Turned the kernel round, as mathematics' convolution does."""

    mistake = "the kernel is flipped"

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        W, b = self.weight.value[:, :, ::-1], self.bias.value
        return np.einsum("rcpk,uck->rup", windows(x, self.width), W) + b[:, None]


class FirstChannelAlone(Right1):
    """Looked at the first channel alone in forward."""

    mistake = "one channel alone"

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        V, W = windows(x, self.width)[:, 0], self.weight.value[:, 0]
        return np.einsum("rpk,uk->rup", V, W) + self.bias.value[:, None]


class AddsTheChannelsFirst(Right1):
    """Added the channels of x up, and the kernel's, and then multiplied."""

    mistake = "channels do not meet"

    def forward(self, x, training=False):
        x = self._input(x)
        if training:
            self._saved = x
        V, W = windows(x, self.width).sum(axis=1), self.weight.value.sum(axis=1)
        return np.einsum("rpk,uk->rup", V, W) + self.bias.value[:, None]


class MeanOfTheWindow(Right1):
    """Divided by the width."""

    mistake = "a mean over the kernel"

    def forward(self, x, training=False):
        b = self.bias.value[:, None]
        return (super().forward(x, training) - b) / self.width + b


class TurnsTheKernelInDx(Right1):
    """Turned the kernel round in dx, where the shift does that already."""

    mistake = "the kernel is flipped"

    def dx(self, dy, x, W):
        return super().dx(dy, x, W[:, :, ::-1])


class OverwritesWhatOverlaps(Right1):
    """Wrote = for += where the windows overlap."""

    mistake = "written over"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width):
            dx[:, :, k : k + places] = np.einsum("rup,uc->rcp", dy, W[:, :, k])
        return dx


class DoesNotShift(Right1):
    """Added all to the first places."""

    mistake = "not shifted"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width):
            dx[:, :, :places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])
        return dx


class ShiftsTheOtherWay(Right1):
    """Counted the shift from the end."""

    mistake = "the kernel is flipped"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width):
            start = self.width - 1 - k
            dx[:, :, start : start + places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])
        return dx


class ForgetsTheLastOfTheKernel(Right1):
    """Ended the loop one too early."""

    mistake = "one number less"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width - 1):
            dx[:, :, k : k + places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])
        return dx


class WholeKernelEachTime(Right1):
    """Added the sum of the kernel at every shift."""

    mistake = "the sum of the kernel"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width):
            dx[:, :, k : k + places] += np.einsum("rup,uck->rcp", dy, W)
        return dx


class FirstNumberOfTheKernel(Right1):
    """Wrote W[:, :, 0] for W[:, :, k]."""

    mistake = "one number of the kernel for all"

    def dx(self, dy, x, W):
        return super().dx(dy, x, W[:, :, :1].repeat(self.width, axis=2))


class FirstUnitAlone(Right1):
    """Forgot the sum over the units in dx."""

    mistake = "one unit alone"

    def dx(self, dy, x, W):
        return super().dx(dy[:, :1], x, W[:1])


class DividesByTheWindows(Right1):
    """Divided dx by the number of windows that each number lies in."""

    mistake = None

    def dx(self, dy, x, W):
        counts = np.convolve(np.ones(dy.shape[2]), np.ones(self.width)).astype(x.dtype)
        return super().dx(dy, x, W) / counts


class DividesDxByTheWidth(Right1):
    """Took the mean of the windows in dx."""

    mistake = "a mean over the kernel"

    def dx(self, dy, x, W):
        return super().dx(dy, x, W) / self.width


class MeanOfTheRows(Right1):
    """Divided the gradients by the number of rows."""

    mistake = "a mean over the rows"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad /= len(dy)
        self.bias.grad /= len(dy)
        return dx


class MeanOfThePlaces(Right1):
    """Divided the gradients by the number of places."""

    mistake = "a mean over the places"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad /= dy.shape[2]
        self.bias.grad /= dy.shape[2]
        return dx


class MeanOfThePlacesForTheBias(Right1):
    """Took the mean over the places for the bias alone."""

    mistake = "a mean over the places"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.mean(axis=2).sum(axis=0)
        return dx


class BiasMeanOfAll(Right1):
    """Wrote mean for sum in the gradient of the bias."""

    mistake = "a mean over rows and places"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.mean(axis=(0, 2))
        return dx


class BiasOfTheFirstPlace(Right1):
    """Forgot that the bias is in every place."""

    mistake = "one place alone"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy[:, :, 0].sum(axis=0)
        return dx


class BiasSumsTheRowsAlone(Right1):
    """Summed the rows for the bias, and not the places."""

    mistake = None

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.sum(axis=0)
        return dx


class TurnsTheWeightGradient(Right1):
    """Turned the gradient of the kernel round."""

    mistake = "the kernel is flipped"

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad = self.weight.grad[:, :, ::-1].copy()
        return dx


class WeightGradientOfTheLastRow(Right1):
    """Wrote = for += in the loop over the rows."""

    mistake = "the last row alone"

    def backward(self, dy):
        dx = super().backward(dy)
        V = windows(self._saved, self.width)
        for r in range(len(dy)):
            self.weight.grad = np.einsum("up,cpk->uck", dy[r], V[r])
        return dx


class WeightGradientOfTheFirstPlace(Right1):
    """Forgot the sum over the places."""

    mistake = "one place alone"

    def backward(self, dy):
        dx = super().backward(dy)
        first = self._saved[:, :, : self.width]
        self.weight.grad = np.einsum("ru,rck->uck", dy[:, :, 0], first)
        return dx


class AddsToTheGradients(Right1):
    """Wrote += for =."""

    mistake = "it is added to what was there"

    def backward(self, dy):
        x = self._saved
        self.weight.grad += np.einsum("rup,rcpk->uck", dy, windows(x, self.width))
        self.bias.grad += dy.sum(axis=(0, 2))
        return self.dx(dy, x, self.weight.value)


class AddsIntoX(Right1):
    """Added what comes back to x itself."""

    mistake = "it writes to what is not its own"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        for k in range(self.width):
            x[:, :, k : k + places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])
        return x


class ReturnsWithinTheLoop(Right1):
    """Returned in the loop's first round."""

    mistake = "the first number alone"

    def dx(self, dy, x, W):
        places = dy.shape[2]
        dx = np.zeros_like(x)
        for k in range(self.width):
            dx[:, :, k : k + places] += np.einsum("rup,uc->rcp", dy, W[:, :, k])
            return dx
        return None


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        super().backward(dy)
