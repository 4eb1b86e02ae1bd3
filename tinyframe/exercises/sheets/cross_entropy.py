"""# Exercise 4: cross-entropy, and a gradient that is nicer than its parts

A classifier answers with a row of numbers z, its logits, one for each class. Softmax makes
probabilities of them, and cross-entropy is minus the logarithm of the probability of the class that
is right. With targets t that are one-hot, 1 at the right class and 0 elsewhere:

    p = softmax(z)
    L = − 1/rows Σᵣ Σᵢ tᵣᵢ log pᵣᵢ

## Forward

Where p underflows to 0, its logarithm is −∞, and 0 · ∞ is not a number. So do not compute p and then
its logarithm, but the logarithm itself:

    log pᵢ = zᵢ − log Σₖ e^zₖ

1. e^zₖ overflows. A number m taken away from all zₖ of a row does not change p, so

       log pᵢ = (zᵢ − m) − log Σₖ e^(zₖ − m)          with m = max z, of each row

## Backward

A loss is where backward begins: it is given nothing, and returns ∂L/∂z.

2. For one row, with j the class that is right: L = −zⱼ + log Σₖ e^zₖ. Differentiate by zᵢ:

       ∂L/∂zᵢ = − (1 if i = j else 0) + e^zᵢ / Σₖ e^zₖ = …

3. What is the first term, written with t? And the second, with p?

4. L is a mean over the rows. What does each row's gradient have to be divided by?
"""

import numpy as np

from tinyframe.losses import Loss


class CrossEntropy(Loss):
    def forward(self, prediction, target, weight=None):  # no weights here
        z, t = prediction, target  # (rows, classes)
        log_p = ...
        L = ...
        self._saved = log_p, t
        return L

    def backward(self):
        log_p, t = self._saved
        dz = ...
        return dz


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("cross_entropy", CrossEntropy))
