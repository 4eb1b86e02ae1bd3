"""# Exercise 9: gradient descent with momentum

An optimizer changes the weights θ, given the gradient g = ∂L/∂θ. Gradient descent takes a step down
it, θ ← θ − η g. In a narrow valley that zigzags from wall to wall. A ball that rolls has a velocity, in
which the zigzags cancel and the slope along the valley adds up (Polyak, 1964):

    v ← μ v + g              v = 0 at first
    θ ← θ − η v

(Some books have v ← μ v − η g and θ ← θ + v. As long as η stays the same, so does the way.)

Two things are to be minded:

1. θ is changed in place: `value -= …` writes into the model's own weights. `value = value - …` makes a new
   array that nobody reads.

2. v has to be remembered from step to step. `self._slot("velocity", value)` gives an array of zeros of
   θ's shape at the first step, and the same array again at each later one: change it in place, too.

The gradient belongs to the model: do not write to it.
"""

from tinyframe.optimizers import Optimizer


class Momentum(Optimizer):
    def __init__(self, learning_rate=0.1, momentum=0.9):
        super().__init__(learning_rate)
        self.momentum = momentum

    def update(self, value, gradient, rate):
        velocity = self._slot("velocity", value)
        velocity *= ...
        velocity += ...
        value -= ...


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("momentum", Momentum))
