"""Answers to Exercise 10, Adam, as students write them."""

import numpy as np
from exercise_sheets import sheet


class Right1(sheet("adam").Adam):
    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        self.remember(m, v, gradient)
        m_hat, v_hat = self.corrected(m, v, self.steps)
        value -= self.step_of(m_hat, v_hat, rate)

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * g**2

    def corrected(self, m, v, t):
        return m / (1 - self.beta1**t), v / (1 - self.beta2**t)

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


class Right2(Right1):
    """Both corrections in the rate, as the paper's Section 2 ends; ε is corrected with it."""

    def update(self, value, gradient, rate):
        m, v, t = self._slot("m", value), self._slot("v", value), self.steps
        m[:] = self.beta1 * m + (1 - self.beta1) * gradient
        v[:] = self.beta2 * v + (1 - self.beta2) * gradient * gradient
        root = (1 - self.beta2**t) ** 0.5
        factor = rate * root / (1 - self.beta1**t)
        np.subtract(value, factor * m / (v**0.5 + self.epsilon * root), out=value)


class Right3(Right1):
    """Move the averages a part of the way: m + (1 − β₁) (g − m)."""

    def update(self, value, gradient, rate):
        average, square = self._slot("average", value), self._slot("square", value)
        average += (1 - self.beta1) * (gradient - average)
        square += (1 - self.beta2) * (np.square(gradient) - square)
        deviation = np.sqrt(square / (1 - self.beta2**self.steps))
        deviation += self.epsilon
        value += -rate / (1 - self.beta1**self.steps) * average / deviation


class Right4(Right1):
    """Number by number."""

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        for i, g in enumerate(gradient):
            m[i] = self.beta1 * m[i] + (1 - self.beta1) * g
            v[i] = self.beta2 * v[i] + (1 - self.beta2) * g * g
            m_hat = m[i] / (1 - self.beta1**self.steps)
            v_hat = v[i] / (1 - self.beta2**self.steps)
            value[i] -= rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


class NoCorrection(Right1):
    """Forgot both corrections."""

    mistake = "no bias correction"

    def corrected(self, m, v, t):
        return m, v


class CorrectsMAlone(Right1):
    """Forgot the correction of v."""

    mistake = "v is not corrected"

    def corrected(self, m, v, t):
        return m / (1 - self.beta1**t), v


class CorrectsVAlone(Right1):
    """Forgot the correction of m."""

    mistake = "m is not corrected"

    def corrected(self, m, v, t):
        return m, v / (1 - self.beta2**t)


class KeepsTheCorrected(Right1):
    """Corrected m and v in place, so that they are remembered so."""

    mistake = "the corrected averages are kept"

    def corrected(self, m, v, t):
        m /= 1 - self.beta1**t
        v /= 1 - self.beta2**t
        return m, v


class CountsFromZero(Right1):
    """Took t one too small: 1 − β⁰ is 0 at the first step."""

    mistake = "t from 0"

    def corrected(self, m, v, t):
        return super().corrected(m, v, t - 1)


class CountsFromTwo(Right1):
    """Took t one too large."""

    mistake = "t from 2"

    def corrected(self, m, v, t):
        return super().corrected(m, v, t + 1)


class CorrectsAsInTheFirstStep(Right1):
    """Forgot the power t."""

    mistake = "the same correction at each step"

    def corrected(self, m, v, t):
        return m / (1 - self.beta1), v / (1 - self.beta2)


class TimesForPower(Right1):
    """Multiplied β by t."""

    mistake = "times in place of to the power of"

    def corrected(self, m, v, t):
        return m / (1 - self.beta1 * t), v / (1 - self.beta2 * t)


class MultipliesTheCorrection(Right1):
    """Multiplied by 1 − βᵗ instead of dividing."""

    mistake = "multiplied by the correction"

    def corrected(self, m, v, t):
        return m * (1 - self.beta1**t), v * (1 - self.beta2**t)


class SwapsTheBetasInTheCorrection(Right1):
    """Corrected m with β₂ and v with β₁."""

    mistake = "the corrections' β exchanged"

    def corrected(self, m, v, t):
        return m / (1 - self.beta2**t), v / (1 - self.beta1**t)


class OneBetaForBothCorrections(Right1):
    """Corrected v with β₁, too."""

    mistake = "β₁ in v's correction"

    def corrected(self, m, v, t):
        return m / (1 - self.beta1**t), v / (1 - self.beta1**t)


class SwapsTheBetas(Right1):
    """Took β₂ for m and β₁ for v throughout."""

    mistake = "β₁ and β₂ exchanged"

    def __init__(self, learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(learning_rate, beta2, beta1, epsilon)


class DoesNotSquare(Right1):
    """Forgot the square of g in v."""

    mistake = "g is not squared"

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * g


class SquareOfTheAverage(Right1):
    """Squared m for v, not g."""

    mistake = "m in place of g"

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * m**2


class SquaresTheFactorToo(Right1):
    """Squared (1 − β₂) g as a whole."""

    mistake = "the factor is squared, too"

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += ((1 - self.beta2) * g) ** 2


class ForgetsOneMinusBeta(Right1):
    """Forgot 1 − β₁ and 1 − β₂ before g and g²."""

    mistake = "1 − β is missing"

    def remember(self, m, v, g):
        m *= self.beta1
        m += g
        v *= self.beta2
        v += g**2


class ForgetsOneMinusBeta1(Right1):
    """Forgot 1 − β₁ before g."""

    mistake = "1 − β₁ is missing"

    def remember(self, m, v, g):
        m *= self.beta1
        m += g
        v *= self.beta2
        v += (1 - self.beta2) * g**2


class ForgetsOneMinusBeta2(Right1):
    """Forgot 1 − β₂ before g²."""

    mistake = "1 − β₂ is missing"

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += g**2


class SumOfSquares(Right1):
    """Let v never decay, as in AdaGrad."""

    mistake = "v does not forget"

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v += (1 - self.beta2) * g**2


class TurnsTheWeights(Right1):
    """Multiplied the old by 1 − β and the new by β."""

    mistake = "β and 1 − β exchanged"

    def remember(self, m, v, g):
        m *= 1 - self.beta1
        m += self.beta1 * g
        v *= 1 - self.beta2
        v += self.beta2 * g**2


class OneBetaForBoth(Right1):
    """Took β₁ for v, too."""

    mistake = None

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta1
        v += (1 - self.beta1) * g**2


class MakesNewAverages(Right1):
    """Wrote m = … and v = …, which are forgotten."""

    mistake = "nothing is remembered"

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        m = self.beta1 * m + (1 - self.beta1) * gradient
        v = self.beta2 * v + (1 - self.beta2) * gradient**2
        m_hat, v_hat = self.corrected(m, v, self.steps)
        value -= self.step_of(m_hat, v_hat, rate)


class MakesANewValue(Right1):
    """Wrote value = value − …, which nobody reads."""

    mistake = "the weights are as they were"

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        self.remember(m, v, gradient)
        m_hat, v_hat = self.corrected(m, v, self.steps)
        value = value - self.step_of(m_hat, v_hat, rate)


class OneSlotForBoth(Right1):
    """Gave m and v the same name, and so the same array."""

    mistake = None

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("m", value)
        self.remember(m, v, gradient)
        m_hat, v_hat = self.corrected(m, v, self.steps)
        value -= self.step_of(m_hat, v_hat, rate)


class GradientForTheAverage(Right1):
    """Took the step along g, not m̂: RMSProp."""

    mistake = "g in place of m̂"

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        self.remember(m, v, gradient)
        _, v_hat = self.corrected(m, v, self.steps)
        value -= self.step_of(gradient, v_hat, rate)


class UsesMAndVAsTheyAre(Right1):
    """Computed m̂ and v̂, and used m and v."""

    mistake = "no bias correction"

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        self.remember(m, v, gradient)
        self.corrected(m, v, self.steps)
        value -= self.step_of(m, v, rate)


class NoRoot(Right1):
    """Divided by v̂, not by its root."""

    mistake = "no square root"

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat / (v_hat + self.epsilon)


class EpsilonUnderTheRoot(Right1):
    """Wrote √(v̂ + ε) for √v̂ + ε."""

    mistake = "ε inside the root"

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat / np.sqrt(v_hat + self.epsilon)


class MultipliesByTheRoot(Right1):
    """Forgot to divide: m̂ (√v̂ + ε)."""

    mistake = "multiplied in place of divided"

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat * (np.sqrt(v_hat) + self.epsilon)


class NoEpsilon(Right1):
    """Forgot ε: 0 / 0 where a gradient is 0."""

    mistake = "no ε"

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat / np.sqrt(v_hat)


class EpsilonOutsideTheQuotient(Right1):
    """Forgot the brackets: m̂ / √v̂ + ε."""

    mistake = "ε outside the fraction"

    def step_of(self, m_hat, v_hat, rate):
        return rate * (m_hat / np.sqrt(v_hat) + self.epsilon)


class NoDenominator(Right1):
    """Did not divide by √v̂."""

    mistake = "no denominator"

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat


class ForgetsTheRate(Right1):
    """Forgot η."""

    mistake = "no learning rate"

    def step_of(self, m_hat, v_hat, rate):
        return m_hat / (np.sqrt(v_hat) + self.epsilon)


class Ascends(Right1):
    """Went up the gradient."""

    mistake = "up in place of down"

    def step_of(self, m_hat, v_hat, rate):
        return -super().step_of(m_hat, v_hat, rate)


class SignOfTheAverage(Right1):
    """Divided by |m̂|: the same step for all."""

    mistake = "the size of m̂ in place of √v̂"

    def step_of(self, m_hat, v_hat, rate):
        return rate * m_hat / (np.abs(m_hat) + self.epsilon)


class RateAlwaysATenth(Right1):
    """Wrote 0.1 for rate."""

    mistake = "a number in place of the rate"

    def step_of(self, m_hat, v_hat, rate):
        return super().step_of(m_hat, v_hat, 0.1)


class WritesIntoTheGradient(Right1):
    """Squared the gradient in place."""

    mistake = "it writes to what is not its own"

    def remember(self, m, v, g):
        m *= self.beta1
        m += (1 - self.beta1) * g
        g **= 2
        v *= self.beta2
        v += (1 - self.beta2) * g
