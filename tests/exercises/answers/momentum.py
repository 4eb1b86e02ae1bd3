"""Answers to Exercise 9, gradient descent with momentum, as students write them."""

import numpy as np
from exercise_sheets import sheet


class Right1(sheet("momentum").Momentum):
    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value -= rate * velocity


class Right2(Right1):
    """By assignment to all numbers of the arrays."""

    def update(self, value, gradient, rate):
        v = self._slot("v", value)
        v[:] = self.momentum * v + gradient
        value[:] = value - rate * v


class Right3(Right1):
    """Remember −v: what is added."""

    def update(self, value, gradient, rate):
        step = self._slot("step", value)
        np.multiply(step, self.momentum, out=step)
        np.subtract(step, gradient, out=step)
        np.add(value, step * rate, out=value)


class Right4(Right1):
    """Number by number."""

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        for i in range(len(value)):
            velocity[i] = gradient[i] + self.momentum * velocity[i]
            value[i] -= rate * velocity[i]


class Right5(Right1):
    """Two steps: down what was remembered, and down the gradient; then remember."""

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        value -= rate * self.momentum * velocity
        value -= rate * gradient
        np.copyto(velocity, self.momentum * velocity + gradient)


class PlainDescent(Right1):
    """Used no momentum."""

    mistake = "no velocity"

    def update(self, value, gradient, rate):
        value -= rate * gradient


class MakesANewValue(Right1):
    """Wrote value = value − …, which nobody reads."""

    mistake = "the weights are as they were"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value = value - rate * velocity


class ReturnsTheNewValue(Right1):
    """Returned what θ should be, and left θ as it was."""

    mistake = "the weights are as they were"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        return value - rate * velocity


class MakesANewVelocity(Right1):
    """Wrote velocity = …, which is forgotten."""

    mistake = "no velocity"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity = self.momentum * velocity + gradient
        value -= rate * velocity


class Ascends(Right1):
    """Went up the gradient."""

    mistake = "the wrong sign"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value += rate * velocity


class SubtractsTheGradient(Right1):
    """Took the gradient away from v, and v from θ: minus twice."""

    mistake = "the wrong sign"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity -= gradient
        value -= rate * velocity


class AverageOfTheGradient(Right1):
    """Multiplied g by 1 − μ, as in Adam."""

    mistake = "an average"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += (1 - self.momentum) * gradient
        value -= rate * velocity


class Nesterov(Right1):
    """Looked ahead: Nesterov's momentum."""

    mistake = "Nesterov's step"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value -= rate * (gradient + self.momentum * velocity)


class RateInTheVelocity(Right1):
    """Put η into v: μ v + η g, which is another rule once η changes."""

    mistake = "the learning rate in the velocity"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += rate * gradient
        value -= velocity


class RateTwice(Right1):
    """Multiplied by η in v and in θ."""

    mistake = "the learning rate twice"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += rate * gradient
        value -= rate * velocity


class ForgetsTheRate(Right1):
    """Forgot η."""

    mistake = "no learning rate"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value -= velocity


class StepBeforeTheVelocity(Right1):
    """Took the step with the old v."""

    mistake = "the velocity of the last step"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        value -= rate * velocity
        velocity *= self.momentum
        velocity += gradient


class ForgetsTheFriction(Right1):
    """Forgot μ: v is the sum of all gradients."""

    mistake = "μ is missing"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity += gradient
        value -= rate * velocity


class FrictionAfterTheGradient(Right1):
    """Added g first, and multiplied both by μ."""

    mistake = "μ multiplies the gradient, too"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity += gradient
        velocity *= self.momentum
        value -= rate * velocity


class OneMinusMomentum(Right1):
    """Multiplied v by 1 − μ."""

    mistake = "1 − μ in place of μ"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= 1 - self.momentum
        velocity += gradient
        value -= rate * velocity


class MomentumInTheStep(Right1):
    """Kept the sum of gradients, and multiplied the step by μ."""

    mistake = "μ in the step"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity += gradient
        value -= rate * self.momentum * velocity


class VelocityIsTheLastGradient(Right1):
    """Remembered the last gradient alone."""

    mistake = "the last gradient alone"

    def update(self, value, gradient, rate):
        last = self._slot("velocity", value)
        value -= rate * (gradient + self.momentum * last)
        last[:] = gradient


class GradientAddedTwice(Right1):
    """Added g to v, and took both away."""

    mistake = "the gradient twice"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value -= rate * (velocity + gradient)


class VelocityAlone(Right1):
    """Forgot to add the gradient."""

    mistake = "the weights are as they were"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        value -= rate * velocity


class MomentumAlwaysNineTenths(Right1):
    """Wrote 0.9 for self.momentum."""

    mistake = "a number in place of self.momentum"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= 0.9
        velocity += gradient
        value -= rate * velocity


class RateAlwaysATenth(Right1):
    """Wrote 0.1 for rate."""

    mistake = "a number in place of the rate"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        value -= 0.1 * velocity


class WritesIntoTheGradient(Right1):
    """Multiplied the gradient by η in place."""

    mistake = "it writes to what is not its own"

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= self.momentum
        velocity += gradient
        gradient[:] = rate * velocity
        value -= gradient


class RemembersInAnAttribute(Right1):
    """Kept v in an attribute, which reset does not empty."""

    mistake = "it remembers the last model"

    def __init__(self, learning_rate=0.1, momentum=0.9):
        super().__init__(learning_rate, momentum)
        self.velocity = 0

    def update(self, value, gradient, rate):
        self.velocity = self.momentum * self.velocity + gradient
        value -= rate * self.velocity
