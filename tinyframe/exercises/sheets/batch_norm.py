"""# Exercise 5: batch normalisation, backward

Each feature is brought to mean 0 and variance 1 over the batch of m rows; a gain g and a bias b then
let it have any other (Ioffe and Szegedy, "Batch Normalization", 2015). For one feature:

    μ = 1/m Σᵣ xᵣ            σ² = 1/m Σᵣ (xᵣ − μ)²
    x̂ᵣ = (xᵣ − μ) / s        with s = √(σ² + ε)
    yᵣ = g x̂ᵣ + b

`forward` is there. The difficulty is that each yᵣ depends on all rows, by way of μ and of s.

## Backward

1. g and b are weights as in Dense: what is ∂L/∂g, with x̂ in it, and ∂L/∂b?

2. Going back through y = g x̂ + b gives dx̂ᵣ = g dyᵣ.

3. xᵣ is in x̂ᵣ itself, in μ, and in s. Three ways, three terms:

       dxᵣ = dx̂ᵣ / s  +  ∂L/∂μ · ∂μ/∂xᵣ  +  ∂L/∂s · ∂s/∂xᵣ

   - ∂x̂ₖ/∂μ = −1/s for every row k, and ∂μ/∂xᵣ = 1/m. So the second term is −1/(m s) Σₖ dx̂ₖ.
     (σ² has a μ in it, too; but Σ (xₖ − μ) = 0, so that way adds nothing.)
   - ∂x̂ₖ/∂s = −x̂ₖ / s, and ∂s/∂xᵣ = (xᵣ − μ) / (m s) = x̂ᵣ / m. So the third term is …

4. Put together:

       dxᵣ = 1/s · (dx̂ᵣ − 1/m Σₖ dx̂ₖ − …)

   Look at what is taken away: it is the mean of dx̂, and how much of dx̂ points along x̂. Whatever x
   does, x̂ keeps mean 0 and length 1 (ε aside): no step of x moves it that way.
"""

import numpy as np

from tinyframe import Layer, Parameter
from tinyframe.initializers import ones, zeros


class BatchNorm(Layer):
    mixes_rows = True  # a row of y depends on the other rows
    state_names = ("running_mean", "running_variance")
    epsilon = 1e-5

    def setup(self, input_shape):
        (features,) = input_shape
        self.gain = Parameter((features,), ones, dtype=self.dtype)
        self.bias = Parameter((features,), zeros, dtype=self.dtype)
        self.running_mean, self.running_variance = np.zeros(features), np.ones(features)
        return input_shape

    def forward(self, x, training=False):
        x = self._input(x)  # (rows, features)
        if training:
            mean, variance = x.mean(axis=0), x.var(axis=0)
            self.running_mean += 0.1 * (mean - self.running_mean)
            self.running_variance += 0.1 * (variance - self.running_variance)
        else:  # of what training saw
            mean = self.running_mean.astype(x.dtype)
            variance = self.running_variance.astype(x.dtype)
        s = np.sqrt(variance + self.epsilon)
        xhat = (x - mean) / s
        if training:
            self._saved = xhat, s
        return self.gain.value * xhat + self.bias.value

    def backward(self, dy):
        xhat, s = self._saved
        g, m = self.gain.value, len(dy)
        self.gain.grad = ...
        self.bias.grad = ...
        dx = ...
        return dx


if __name__ == "__main__":
    from tinyframe.exercises import grade

    print(grade("batch_norm", BatchNorm))
