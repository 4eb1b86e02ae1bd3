"""Answers to Exercise 5, batch normalisation backward, as students write them."""

import numpy as np
from exercise_sheets import sheet


class Right1(sheet("batch_norm").BatchNorm):
    def backward(self, dy):
        xhat, s = self._saved
        self.gain.grad = (dy * xhat).sum(axis=0)
        self.bias.grad = dy.sum(axis=0)
        return self.dx(dy * self.gain.value, xhat, s)

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / s


class Right2(Right1):
    """With the whole Jacobian of each feature, (I − 1/m − x̂ x̂ᵀ/m) / s."""

    def dx(self, dxhat, xhat, s):
        m = len(xhat)
        one = np.eye(m, dtype=xhat.dtype)[:, :, None]
        J = (one - 1 / m - xhat[:, None] * xhat[None] / m) / s
        return np.einsum("krf,kf->rf", J, dxhat)


class Right3(Right1):
    """The three ways one after the other: x̂ itself, μ and s; feature by feature."""

    def dx(self, dxhat, xhat, s):
        m = len(xhat)
        dx = np.zeros_like(dxhat)
        for j in range(len(s)):
            dmu = -np.sum(dxhat[:, j]) / s[j]
            ds = -np.sum(dxhat[:, j] * xhat[:, j]) / s[j]
            dx[:, j] = dxhat[:, j] / s[j] + dmu / m + ds * xhat[:, j] / m
        return dx


class Right4(Right1):
    """With the sums that are the gradients of g and b already."""

    def backward(self, dy):
        xhat, s = self._saved
        m = len(dy)
        np.einsum("rf,rf->f", dy, xhat, out=self.gain.grad)
        np.sum(dy, axis=0, out=self.bias.grad)
        factor = self.gain.value / (m * s)
        return factor * (m * dy - self.bias.grad - xhat * self.gain.grad)


class Right5(Right1):
    """As in the paper: by way of the variance, with x − μ saved."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if training:
            x = self._input(x)
            self._saved = x - x.mean(axis=0), x.var(axis=0) + self.epsilon
        return y

    def backward(self, dy):
        centred, v = self._saved
        m = len(dy)
        self.gain.grad = (dy * centred / np.sqrt(v)).sum(axis=0)
        self.bias.grad = dy.sum(axis=0)
        dxhat = dy * self.gain.value
        dv = (dxhat * centred).sum(axis=0) * -0.5 * v**-1.5
        dmu = -dxhat.sum(axis=0) / np.sqrt(v) + dv * (-2 * centred).mean(axis=0)
        return dxhat / np.sqrt(v) + dv * 2 * centred / m + dmu / m


class FirstTermAlone(Right1):
    """Took μ and s for constants."""

    mistake = "mean and variance as constants"

    def dx(self, dxhat, xhat, s):
        return dxhat / s


class ForgetsTheWayThroughS(Right1):
    """Took s for a constant."""

    mistake = "the way through the variance"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean(axis=0)) / s


class ForgetsTheWayThroughTheMean(Right1):
    """Took μ for a constant."""

    mistake = "the way through the mean"

    def dx(self, dxhat, xhat, s):
        return (dxhat - xhat * (dxhat * xhat).mean(axis=0)) / s


class ForgetsTheGain(Right1):
    """Took dy for dx̂."""

    mistake = "g is missing"

    def backward(self, dy):
        super().backward(dy)
        return self.dx(dy, *self._saved)


class SumsForMeans(Right1):
    """Forgot both 1/m."""

    mistake = "sums in place of means"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0)) / s


class SumForTheMeanAlone(Right1):
    """Forgot the 1/m of the second term."""

    mistake = "a sum in the second term"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / s


class SumForSAlone(Right1):
    """Forgot the 1/m of the third term."""

    mistake = "a sum in the third term"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).sum(axis=0)) / s


class DoesNotDivideByS(Right1):
    """Forgot 1/s."""

    mistake = "s is missing"

    def dx(self, dxhat, xhat, s):
        return dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)


class MultipliesByS(Right1):
    """Wrote s for 1/s."""

    mistake = "multiplied by s"

    def dx(self, dxhat, xhat, s):
        return s * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))


class DividesByTheVariance(Right1):
    """Divided by s² for s."""

    mistake = "the variance in place of s"

    def dx(self, dxhat, xhat, s):
        return super().dx(dxhat, xhat, s) / s


class DividesTheFirstTermAlone(Right1):
    """Divided by s before the bracket was opened: the first term alone."""

    mistake = "s for the first term alone"

    def dx(self, dxhat, xhat, s):
        return dxhat / s - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)


class ThirdTermWithoutXhat(Right1):
    """Forgot the x̂ᵣ before the mean of the third term."""

    mistake = "x̂ before the mean is missing"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean(axis=0) - (dxhat * xhat).mean(axis=0)) / s


class ThirdTermWithoutXhatInTheMean(Right1):
    """Forgot the x̂ₖ within the mean of the third term."""

    mistake = "x̂ in the mean is missing"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean(axis=0) - xhat * dxhat.mean(axis=0)) / s


class MeanOfProductsApart(Right1):
    """Took the mean of dx̂ times the mean of x̂, which is 0."""

    mistake = "the way through the variance"

    def dx(self, dxhat, xhat, s):
        third = xhat * dxhat.mean(axis=0) * xhat.mean(axis=0)
        return (dxhat - dxhat.mean(axis=0) - third) / s


class PlusInTheThirdTerm(Right1):
    """Wrote + for − before the third term."""

    mistake = "plus in the third term"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean(axis=0) + xhat * (dxhat * xhat).mean(axis=0)) / s


class PlusBoth(Right1):
    """Wrote + for − before both."""

    mistake = "plus in place of minus"

    def dx(self, dxhat, xhat, s):
        return (dxhat + dxhat.mean(axis=0) + xhat * (dxhat * xhat).mean(axis=0)) / s


class MeansOfAllNumbers(Right1):
    """Forgot the axis of the means."""

    mistake = "means of everything"

    def dx(self, dxhat, xhat, s):
        return (dxhat - dxhat.mean() - xhat * (dxhat * xhat).mean()) / s


class MeansAlongTheFeatures(Right1):
    """Took the means along the features of each row."""

    mistake = "means over the features"

    def dx(self, dxhat, xhat, s):
        mean = dxhat.mean(axis=1, keepdims=True)
        return (dxhat - mean - xhat * (dxhat * xhat).mean(axis=1, keepdims=True)) / s


class OneRowLess(Right1):
    """Divided by m − 1."""

    mistake = "m − 1 in place of m"

    def dx(self, dxhat, xhat, s):
        m = len(xhat) - 1
        return (dxhat - dxhat.sum(axis=0) / m - xhat * (dxhat * xhat).sum(axis=0) / m) / s


class GainWithoutXhat(Right1):
    """Forgot the x̂ in the gradient of the gain."""

    mistake = "x̂ is missing"

    def backward(self, dy):
        dx = super().backward(dy)
        self.gain.grad = dy.sum(axis=0)
        return dx


class GainWithG(Right1):
    """Summed dx̂ x̂ for the gain, with a g too many."""

    mistake = "g is in its own gradient"

    def backward(self, dy):
        dx = super().backward(dy)
        self.gain.grad *= self.gain.value
        return dx


class GainWithX(Right1):
    """Summed dy x for the gain."""

    mistake = "x in place of x̂"

    def forward(self, x, training=False):
        self.x = self._input(x)
        return super().forward(x, training)

    def backward(self, dy):
        dx = super().backward(dy)
        self.gain.grad = (dy * self.x).sum(axis=0)
        return dx


class GainWithS(Right1):
    """Summed dy (x − μ) for the gain, not divided by s."""

    mistake = "x − μ in place of x̂"

    def backward(self, dy):
        dx = super().backward(dy)
        self.gain.grad *= self._saved[1]
        return dx


class BiasWithG(Right1):
    """Summed dx̂ for the bias."""

    mistake = "g is in its own gradient"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad *= self.gain.value
        return dx


class MeansForTheWeights(Right1):
    """Wrote mean for sum in the gradients of g and b."""

    mistake = "a mean over the rows"

    def backward(self, dy):
        dx = super().backward(dy)
        self.gain.grad = (dy * self._saved[0]).mean(axis=0)
        self.bias.grad = dy.mean(axis=0)
        return dx


class SwapsGainAndBias(Right1):
    """Wrote each gradient into the other's place."""

    mistake = "x̂ is missing"

    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = (dy * self._saved[0]).sum(axis=0)
        self.gain.grad = dy.sum(axis=0)
        return dx


class ForgetsTheBiasGradient(Right1):
    """Left the gradient of the bias as it was."""

    mistake = "it is not written"

    def backward(self, dy):
        xhat, s = self._saved
        self.gain.grad = (dy * xhat).sum(axis=0)
        return self.dx(dy * self.gain.value, xhat, s)


class AddsToTheGradients(Right1):
    """Wrote += for =."""

    mistake = "it is added to what was there"

    def backward(self, dy):
        xhat, s = self._saved
        self.gain.grad += (dy * xhat).sum(axis=0)
        self.bias.grad += dy.sum(axis=0)
        return self.dx(dy * self.gain.value, xhat, s)


class WritesIntoDy(Right1):
    """Multiplied dy by g in place."""

    mistake = "it writes to what is not its own"

    def backward(self, dy):
        xhat, s = self._saved
        self.gain.grad = (dy * xhat).sum(axis=0)
        self.bias.grad = dy.sum(axis=0)
        dy *= self.gain.value
        return self.dx(dy, xhat, s)


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        super().backward(dy)
