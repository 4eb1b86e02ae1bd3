"""# Exercise 10: Adam

Gradients of different weights differ by orders of magnitude; one learning rate for all is too large for
some and too small for others. Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015)
divides each weight's step by the size that its gradient usually has:

    m ← β₁ m + (1 − β₁) g            average of the gradient
    v ← β₂ v + (1 − β₂) g²           average of its square
    m̂ = m / (1 − β₁ᵗ)
    v̂ = v / (1 − β₂ᵗ)
    θ ← θ − η m̂ / (√v̂ + ε)          ε > 0: a weight whose gradient is always 0 stays

1. m and v start at 0, so at first they are too small: after one step m is (1 − β₁) g. The divisors of the
   third and fourth line put that right; t is the number of the step, from 1, which is `self.steps`.

2. m and v are remembered as they are: m̂ and v̂ are made anew each time, and not kept.

3. After one step, m̂ = g and v̂ = g²: so the first step is about η, up or down, for each weight that has
   a gradient.

As in Exercise 9, θ, m and v change in place, and the gradient is not written to.
"""

import numpy as np

from tinyframe.optimizers import Optimizer


class Adam(Optimizer):
    def __init__(self, learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def update(self, value, gradient, rate):
        m, v = self._slot("m", value), self._slot("v", value)
        t = self.steps
        m *= ...
        m += ...
        v *= ...
        v += ...
        m_hat = ...
        v_hat = ...
        value -= ...


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("adam", Adam))
