"""Answers to Exercise 3, Softmax, as students write them."""

import numpy as np

from tinyframe import Layer


class Right1(Layer):
    def forward(self, x, training=False):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
        if training:
            self._saved = y
        return y

    def backward(self, dy):
        y = self._saved
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class Right2(Right1):
    """With the whole Jacobian, diag(y) − y yᵀ, of each row."""

    def backward(self, dy):
        y = self._saved
        J = np.einsum("ri,ij->rij", y, np.eye(y.shape[1], dtype=y.dtype))
        J = J - np.einsum("ri,rj->rij", y, y)
        return np.einsum("rij,ri->rj", J, dy)


class Right3(Layer):
    """Row by row; saves x, and computes y anew."""

    def probabilities(self, row):
        e = np.exp(row - max(row))
        return e / sum(e)

    def forward(self, x, training=False):
        if training:
            self._saved = x.copy()
        return np.array([self.probabilities(row) for row in x])

    def backward(self, dy):
        dx = np.empty_like(dy)
        for r, row in enumerate(self._saved):
            y = self.probabilities(row)
            dx[r] = dy[r] * y * (1 - y)
            for j in range(len(y)):
                for i in range(len(y)):
                    if i != j:
                        dx[r, j] -= dy[r, i] * y[i] * y[j]
        return dx


class Right4(Layer):
    """e to the power of log y, classes first; the mean of dy under y taken away."""

    def forward(self, x, training=False):
        z = x.T - x.max(axis=1)
        y = np.exp(z - np.log(np.exp(z).sum(axis=0)))
        if training:
            self._saved = y
        return y.T

    def backward(self, dy):
        y = self._saved
        product = dy.T * y
        return (product - y * product.sum(axis=0)).T


class DiagonalAlone(Right1):
    """Forgot that yᵢ depends on the other xⱼ."""

    mistake = "the off-diagonal terms"

    def backward(self, dy):
        y = self._saved
        return dy * y * (1 - y)


class ForgetsTheSum(Right1):
    """Forgot the sum: the derivative of e^x."""

    mistake = "the second term"

    def backward(self, dy):
        y = self._saved
        return dy * y


class OthersAlone(Right1):
    """Took the terms with i ≠ j alone."""

    mistake = "the diagonal terms"

    def backward(self, dy):
        y = self._saved
        product = dy * y
        return -y * (product.sum(axis=-1, keepdims=True) - product)


class SumWithoutY(Right1):
    """Summed dy, without the yᵢ."""

    mistake = "the sum of dy alone"

    def backward(self, dy):
        y = self._saved
        return y * (dy - dy.sum(axis=-1, keepdims=True))


class MeanForSum(Right1):
    """Wrote mean for sum in backward."""

    mistake = "a mean in place of the sum"

    def backward(self, dy):
        y = self._saved
        return y * (dy - (dy * y).mean(axis=-1, keepdims=True))


class TakesTheMeanOfDyAway(Right1):
    """Took the plain mean of dy away."""

    mistake = "a mean in place of the sum"

    def backward(self, dy):
        y = self._saved
        return y * (dy - dy.mean(axis=-1, keepdims=True))


class WrongIndexInTheSum(Right1):
    """Drew yⱼ out of the sum where it should be yᵢ: y (dy − y Σ dy)."""

    mistake = "y in the wrong place"

    def backward(self, dy):
        y = self._saved
        return y * (dy - y * dy.sum(axis=-1, keepdims=True))


class ForgetsTheFactorY(Right1):
    """Forgot the yⱼ before the bracket."""

    mistake = "y outside is missing"

    def backward(self, dy):
        y = self._saved
        return dy - (dy * y).sum(axis=-1, keepdims=True)


class Plus(Right1):
    """Wrote + for − before the sum."""

    mistake = "plus in place of minus"

    def backward(self, dy):
        y = self._saved
        return y * (dy + (dy * y).sum(axis=-1, keepdims=True))


class SumsTheRowsInBackward(Right1):
    """Summed down the batch in backward."""

    mistake = "the sum over the rows"

    def backward(self, dy):
        y = self._saved
        return y * (dy - (dy * y).sum(axis=0))


class SumsEverythingInBackward(Right1):
    """Forgot the axis in backward."""

    mistake = "the sum over everything"

    def backward(self, dy):
        y = self._saved
        return y * (dy - (dy * y).sum())


class ForgetsDy(Right1):
    """Returned the slope yᵢ (1 − yᵢ) without dy."""

    mistake = "dy is missing"

    def backward(self, dy):
        y = self._saved
        return y * (1 - y)


class SquaresY(Right1):
    """Multiplied by y once more in the sum."""

    mistake = "y in the wrong place"

    def backward(self, dy):
        y = self._saved
        return y * (dy - (dy * y * y).sum(axis=-1, keepdims=True))


class KeepsNoAxisInBackward(Right1):
    """Forgot keepdims in backward."""

    mistake = "shapes that do not fit"

    def backward(self, dy):
        y = self._saved
        return y * (dy - (dy * y).sum(axis=-1))


class SavesX(Right1):
    """Kept x where backward wants y."""

    mistake = "x in place of y"

    def forward(self, x, training=False):
        y = super().forward(x)
        if training:
            self._saved = x
        return y


class TakesNoMaximumAway(Right1):
    """Computed e^x as it stands, which overflows."""

    mistake = "overflow"

    def forward(self, x, training=False):
        y = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
        if training:
            self._saved = y
        return y


class OneMaximumForAll(Right1):
    """Took the largest number of the whole batch away: other rows may underflow."""

    mistake = "one largest number for all"

    def forward(self, x, training=False):
        e = np.exp(x - x.max())
        y = e / e.sum(axis=-1, keepdims=True)
        if training:
            self._saved = y
        return y


class MinimumForMaximum(Right1):
    """Took the smallest number of each row away."""

    mistake = "numbers that are not finite"

    def forward(self, x, training=False):
        e = np.exp(x - x.min(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
        if training:
            self._saved = y
        return y


class DownTheBatch(Right1):
    """Normalised along axis 0."""

    mistake = "the sum over the rows"

    def forward(self, x, training=False):
        e = np.exp(x - x.max(axis=0))
        y = e / e.sum(axis=0)
        if training:
            self._saved = y
        return y


class OneSumForAll(Right1):
    """Divided by the sum of the whole batch."""

    mistake = "the sum over everything"

    def forward(self, x, training=False):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum()
        if training:
            self._saved = y
        return y


class DividesByTheMaximum(Right1):
    """Did not divide by the sum at all."""

    mistake = "not divided by the sum"

    def forward(self, x, training=False):
        y = np.exp(x - x.max(axis=-1, keepdims=True))
        if training:
            self._saved = y
        return y


class KeepsNoAxis(Right1):
    """Forgot keepdims in forward."""

    mistake = "shapes that do not fit"

    def forward(self, x, training=False):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1)
        if training:
            self._saved = y
        return y


class SharesWithoutExponential(Right1):
    """Divided x by its sum, without e."""

    mistake = "no exponential"

    def forward(self, x, training=False):
        y = x / x.sum(axis=-1, keepdims=True)
        if training:
            self._saved = y
        return y


class LogSoftmax(Right1):
    """Returned log y."""

    mistake = "the logarithm"

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return np.log(y)


class CrossEntropysGradient(Right1):
    """Remembered p − t from elsewhere."""

    mistake = "the gradient of cross-entropy"

    def backward(self, dy):
        return self._saved - dy


class WritesIntoX(Right1):
    """Took the maximum away in place."""

    mistake = "it writes to what is not its own"

    def forward(self, x, training=False):
        x -= x.max(axis=-1, keepdims=True)
        return super().forward(x, training)


class WritesIntoDy(Right1):
    """Took the sum away from dy in place."""

    mistake = "it writes to what is not its own"

    def backward(self, dy):
        y = self._saved
        dy -= (dy * y).sum(axis=-1, keepdims=True)
        return y * dy


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        y = self._saved
        y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class SavesNothing(Right1):
    """Kept nothing in forward."""

    mistake = "nothing saved"

    def forward(self, x, training=False):
        return super().forward(x)
