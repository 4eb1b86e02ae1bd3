"""Answers to Exercise 4, cross-entropy, as students write them."""

import numpy as np

from tinyframe.losses import Loss


class Right1(Loss):
    def forward(self, prediction, target, weight=None):
        z, t = prediction, target
        shifted = z - z.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self._saved = log_p, t
        return -(t * log_p).sum() / len(z)

    def backward(self):
        log_p, t = self._saved
        return (np.exp(log_p) - t) / len(t)


class Right2(Loss):
    """Pick the class that is right: L = log Σ e^z − zⱼ; save p and j."""

    def forward(self, prediction, target, weight=None):
        z, rows = prediction, np.arange(len(prediction))
        right = target.argmax(axis=1)
        m = z.max(axis=1)
        e = np.exp(z - m[:, None])
        total = e.sum(axis=1)
        self._saved = e / total[:, None], right
        return float(np.mean(np.log(total) + m - z[rows, right]))

    def backward(self):
        p, right = self._saved
        dz = p.copy()
        dz[np.arange(len(p)), right] -= 1
        return dz / len(p)


class Right3(Loss):
    """Row by row."""

    def forward(self, prediction, target, weight=None):
        L, slopes = 0.0, []
        for z, t in zip(prediction, target, strict=True):
            e = np.exp(z - z.max())
            L -= np.dot(t, z - z.max() - np.log(e.sum()))
            slopes.append(e / e.sum() - t)
        self._saved = np.array(slopes) / len(slopes)
        return L / len(slopes)

    def backward(self):
        return self._saved.copy()


class Right4(Loss):
    """NumPy's own sum of exponentials; a mean of sums; back through log p by the chain rule."""

    def forward(self, prediction, target, weight=None):
        log_p = prediction - np.logaddexp.reduce(prediction, axis=1, keepdims=True)
        self._saved = log_p, target
        return np.mean(np.einsum("ri,ri->r", -target, log_p))

    def backward(self):
        log_p, t = self._saved
        d_log_p = -t / len(t)
        return d_log_p - np.exp(log_p) * d_log_p.sum(axis=1, keepdims=True)


class SumOfTheRows(Right1):
    """Forgot to divide L by the rows."""

    mistake = "a sum in place of the mean"

    def forward(self, prediction, target, weight=None):
        return super().forward(prediction, target) * len(prediction)


class SumInBoth(Right1):
    """Summed over the rows in L and in dz."""

    mistake = "a sum in place of the mean"

    def forward(self, prediction, target, weight=None):
        return super().forward(prediction, target) * len(prediction)

    def backward(self):
        log_p, t = self._saved
        return np.exp(log_p) - t


class NotDividedByTheRows(Right1):
    """Forgot in dz that L is a mean."""

    mistake = "not divided by the rows"

    def backward(self):
        log_p, t = self._saved
        return np.exp(log_p) - t


class DividesTheTargetAlone(Right1):
    """Forgot the brackets: p − t / rows."""

    mistake = "brackets"

    def backward(self):
        log_p, t = self._saved
        return np.exp(log_p) - t / len(t)


class MeanOfAllNumbers(Right1):
    """Divided L by rows and classes."""

    mistake = "a mean over all numbers"

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        log_p, t = self._saved
        return -np.mean(t * log_p)


class MeanOfAllNumbersInBoth(MeanOfAllNumbers):
    """Divided L and dz by rows and classes."""

    mistake = "a mean over all numbers"

    def backward(self):
        log_p, t = self._saved
        return (np.exp(log_p) - t) / t.size


class DividedByTheClasses(Right1):
    """Divided dz by the number of classes."""

    mistake = "divided by the classes"

    def backward(self):
        log_p, t = self._saved
        return (np.exp(log_p) - t) / t.shape[1]


class NoMinus(Right1):
    """Forgot the minus of L."""

    mistake = "the minus"

    def forward(self, prediction, target, weight=None):
        return -super().forward(prediction, target)


class TurnsTheSign(Right1):
    """Wrote t − p for p − t."""

    mistake = "t − p in place of p − t"

    def backward(self):
        log_p, t = self._saved
        return (t - np.exp(log_p)) / len(t)


class ForgetsTheTarget(Right1):
    """Forgot the term with t."""

    mistake = "t is missing"

    def backward(self):
        log_p, t = self._saved
        return np.exp(log_p) / len(t)


class TargetAlone(Right1):
    """Forgot the term with p."""

    mistake = "p is missing"

    def backward(self):
        _, t = self._saved
        return -t / len(t)


class DerivativeByP(Right1):
    """Differentiated by p, not by z: − t / p."""

    mistake = "the gradient by p"

    def backward(self):
        log_p, t = self._saved
        return -t / np.exp(log_p) / len(t)


class SlopeOfTheDiagonal(Right1):
    """From − t / p back through softmax by its diagonal alone."""

    mistake = "the class that is right alone"

    def backward(self):
        log_p, t = self._saved
        return -t * (1 - np.exp(log_p)) / len(t)


class LogarithmForProbability(Right1):
    """Took log p for p."""

    mistake = "the logarithm of p in place of p"

    def backward(self):
        log_p, t = self._saved
        return (log_p - t) / len(t)


class LogitsForProbabilities(Right1):
    """Took z − t, and kept z for that."""

    mistake = "the logits in place of p"

    def forward(self, prediction, target, weight=None):
        L = super().forward(prediction, target)
        self._saved = prediction, target
        return L

    def backward(self):
        z, t = self._saved
        return (z - t) / len(t)


class LogitsInL(Right1):
    """Took z for log p in L."""

    mistake = "the logits in place of their probabilities"

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        return -(target * prediction).sum() / len(target)


class SquaredError(Right1):
    """Took the derivative of (p − t)² by p."""

    mistake = "twice the gradient"

    def backward(self):
        log_p, t = self._saved
        return 2 * (np.exp(log_p) - t) / len(t)


class TimesTheLoss(Right1):
    """Multiplied dz by L."""

    mistake = "L is in it"

    def forward(self, prediction, target, weight=None):
        self.L = super().forward(prediction, target)
        return self.L

    def backward(self):
        return self.L * super().backward()


class BothBinary(Right1):
    """Added (1 − t) log (1 − p), which is the loss of two classes."""

    mistake = "the other classes, too"

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        log_p, t = self._saved
        return -(t * log_p + (1 - t) * np.log1p(-np.exp(log_p))).sum() / len(t)


class BinaryLogarithm(Right1):
    """Took the logarithm to base 2."""

    mistake = "another logarithm"

    def forward(self, prediction, target, weight=None):
        return super().forward(prediction, target) / np.log(2)


class ForgetsTheTargetInL(Right1):
    """Summed all log p, not those of the right classes."""

    mistake = "all classes count"

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        log_p, t = self._saved
        return -log_p.sum() / len(t)


class ProbabilityWithoutLogarithm(Right1):
    """Forgot the logarithm: L = − mean of p of the right class."""

    mistake = "the probability in place of its logarithm"

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        log_p, t = self._saved
        return -(t * np.exp(log_p)).sum() / len(t)


class ForgetsTheNormalisation(Right1):
    """Took z − max z for log p."""

    mistake = "the sum is missing"

    def forward(self, prediction, target, weight=None):
        log_p = prediction - prediction.max(axis=1, keepdims=True)
        self._saved = log_p, target
        return -(target * log_p).sum() / len(target)


class ForgetsTheMaximumInTheSum(Right1):
    """Took the maximum away in the sum, and not before it."""

    mistake = "the largest number is lost"

    def forward(self, prediction, target, weight=None):
        z, m = prediction, prediction.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z - m).sum(axis=1, keepdims=True))
        self._saved = log_p, target
        return -(target * log_p).sum() / len(z)


class DownTheBatch(Right1):
    """Normalised along axis 0."""

    mistake = "the sum over the rows"

    def forward(self, prediction, target, weight=None):
        shifted = prediction - prediction.max(axis=0)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
        self._saved = log_p, target
        return -(target * log_p).sum() / len(target)


class LogarithmOfSoftmax(Right1):
    """Computed p, and then its logarithm: 0 · ∞."""

    mistake = "p or e^z as a number"

    def forward(self, prediction, target, weight=None):
        e = np.exp(prediction - prediction.max(axis=1, keepdims=True))
        log_p = np.log(e / e.sum(axis=1, keepdims=True))
        self._saved = log_p, target
        return -(target * log_p).sum() / len(target)


class LogarithmOfThePickedProbability(Right1):
    """Picked the p that is right, and took its logarithm, which may be −∞."""

    mistake = "p or e^z as a number"

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        log_p, t = self._saved
        return -np.log((t * np.exp(log_p)).sum(axis=1)).mean()


class TakesNoMaximumAway(Right1):
    """Computed e^z as it stands, which overflows."""

    mistake = "p or e^z as a number"

    def forward(self, prediction, target, weight=None):
        log_p = prediction - np.log(np.exp(prediction).sum(axis=1, keepdims=True))
        self._saved = log_p, target
        return -(target * log_p).sum() / len(target)


class ClipsP(Right1):
    """Kept p from 0 by a bound, so that L cannot be more than 16."""

    mistake = None

    def forward(self, prediction, target, weight=None):
        e = np.exp(prediction - prediction.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        log_p = np.log(np.clip(p, 1e-7, 1))
        self._saved = log_p, target
        return -(target * log_p).sum() / len(target)


class AddsALittleToP(Right1):
    """Kept p from 0 by a small number added to it."""

    mistake = None

    def forward(self, prediction, target, weight=None):
        e = np.exp(prediction - prediction.max(axis=1, keepdims=True))
        log_p = np.log(e / e.sum(axis=1, keepdims=True) + 1e-7)
        self._saved = log_p, target
        return -(target * log_p).sum() / len(target)


class WritesIntoZ(Right1):
    """Took the maximum away in place."""

    mistake = "it writes to what is not its own"

    def forward(self, prediction, target, weight=None):
        prediction -= prediction.max(axis=1, keepdims=True)
        return super().forward(prediction, target)


class WritesIntoT(Right1):
    """Multiplied t by log p in place."""

    mistake = "it writes to what is not its own"

    def forward(self, prediction, target, weight=None):
        L = super().forward(prediction, target)
        target *= self._saved[0]
        return L


class OneLossARow(Right1):
    """Returned a loss for each row."""

    mistake = None

    def forward(self, prediction, target, weight=None):
        super().forward(prediction, target)
        log_p, t = self._saved
        return -(t * log_p).sum(axis=1)


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self):
        log_p, t = self._saved
        (np.exp(log_p) - t) / len(t)
