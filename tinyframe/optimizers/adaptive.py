"""Optimizers that give each parameter steps of its own size."""

import math
from typing import Any, Unpack

import numpy as np

from tinyframe.optimizers.optimizer import Optimizer, StepOptions
from tinyframe.optimizers.schedules import Schedule
from tinyframe.types import Array
from tinyframe.utils.checks import real_number


class _MeanSquare(Optimizer):
    """A rule that averages g², which has to be finite: an infinite one would stop it for ever.

    Where it is not, `step` raises FloatingPointError and changes nothing.
    """

    def largest(self, dtype: np.dtype[Any]) -> float:
        return math.sqrt(float(np.finfo(dtype).max))


class Adam(_MeanSquare):
    """Steps of a size of their own for each parameter, from averages of g and g².

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        θ ← θ − η m̂ / (√v̂ + ε)       m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ) at step t

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.

    Parameters
    ----------
    learning_rate : float or Schedule
        η > 0.
    beta_1, beta_2 : float
        0 ≤ β < 1.
    epsilon : float
        ε > 0.
    **options
        weight_decay, decay_biases, clip_norm, clip_value: as in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> weights = ParameterVector(Dense(1, 1).parameters)
    >>> weights.value[:], weights.grad[:] = 1.0, [0.5, -2.0]
    >>> Adam(0.1).step(weights)
    >>> weights.value.round(3)
    array([0.9, 1.1], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Unpack[StepOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = real_number("beta_1", beta_1, at_least=0, below=1)
        self.beta_2 = real_number("beta_2", beta_2, at_least=0, below=1)
        self.epsilon = real_number("epsilon", epsilon, above=0)

    def update(self, value: Array, gradient: Array, rate: float) -> None:
        mean, square = self._slot("mean", value), self._slot("square", value)
        change = self._scratch("change", value)
        # mean = beta_1 * mean + (1 - beta_1) * gradient
        mean *= self.beta_1
        mean += np.multiply(gradient, 1 - self.beta_1, out=change)
        # square = beta_2 * square + (1 - beta_2) * gradient**2
        square *= self.beta_2
        np.multiply(gradient, gradient, out=change)
        change *= 1 - self.beta_2
        square += change
        # value = value - rate * m / (sqrt(v) + epsilon), with m and v corrected for starting at 0:
        # m = mean / (1 - beta_1**steps), sqrt(v) = sqrt(square) / root
        root = math.sqrt(1 - self.beta_2**self.steps)
        np.sqrt(square, out=change)
        change += self.epsilon * root
        np.divide(mean, change, out=change)
        change *= rate * root / (1 - self.beta_1**self.steps)
        value -= change


class AdamW(Adam):
    """Adam whose weights decay apart from the gradient: θ ← θ − η λ θ, then Adam's step.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019. Parameters and
    errors are those of `Adam`, with weight_decay 0.01 unless given.

    Examples
    --------
    >>> weights = ParameterVector(Dense(1, 1).parameters)
    >>> weights.value[:], weights.grad[:] = 1.0, [0.5, -2.0]
    >>> AdamW(0.1).step(weights)
    >>> weights.value.round(3)
    array([0.899, 1.099], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Unpack[StepOptions],
    ) -> None:
        options.setdefault("weight_decay", 0.01)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)


class RMSprop(_MeanSquare):
    """g divided by the root of its mean square: v ← ρ v + (1 − ρ) g²,  θ ← θ − η g / (√v + ε).

    Source: Tieleman and Hinton, "Lecture 6.5", Neural Networks for Machine Learning, 2012.

    Parameters
    ----------
    learning_rate : float or Schedule
        η > 0.
    rho : float
        0 ≤ ρ < 1.
    momentum : float
        0 ≤ μ < 1: with it u ← μ u + g / (√v + ε) and θ ← θ − η u.
    epsilon : float
        ε > 0.
    **options
        weight_decay, decay_biases, clip_norm, clip_value: as in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> weights = ParameterVector(Dense(1, 1).parameters)
    >>> weights.value[:], weights.grad[:] = 1.0, [0.5, -2.0]
    >>> RMSprop(0.01).step(weights)
    >>> weights.value.round(3)
    array([0.9, 1.1], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        rho: float = 0.99,
        *,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        **options: Unpack[StepOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = real_number("rho", rho, at_least=0, below=1)
        self.momentum = real_number("momentum", momentum, at_least=0, below=1)
        self.epsilon = real_number("epsilon", epsilon, above=0)

    def update(self, value: Array, gradient: Array, rate: float) -> None:
        square, change = self._slot("square", value), self._scratch("change", value)
        # square = rho * square + (1 - rho) * gradient**2
        square *= self.rho
        np.multiply(gradient, gradient, out=change)
        change *= 1 - self.rho
        square += change
        # value = value - rate * gradient / (sqrt(square) + epsilon)
        np.sqrt(square, out=change)
        change += self.epsilon
        np.divide(gradient, change, out=change)
        if self.momentum:
            velocity = self._slot("velocity", value)
            velocity *= self.momentum
            velocity += change
            np.copyto(change, velocity)
        change *= rate
        value -= change


class Adagrad(Optimizer):
    """g divided by the root of the sum of its squares so far: s ← s + g²,  θ ← θ − η g / (√s + ε).

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", 2011.

    Parameters
    ----------
    learning_rate : float or Schedule
        η > 0.
    epsilon : float
        ε > 0.
    **options
        weight_decay, decay_biases, clip_norm, clip_value: as in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> weights = ParameterVector(Dense(1, 1).parameters)
    >>> weights.value[:], weights.grad[:] = 1.0, [0.5, -2.0]
    >>> Adagrad(0.1).step(weights)
    >>> weights.value.round(3)
    array([0.9, 1.1], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        *,
        epsilon: float = 1e-10,
        **options: Unpack[StepOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.epsilon = real_number("epsilon", epsilon, above=0)

    def largest(self, dtype: np.dtype[Any]) -> float:
        # From here on a sum of any number of squares is finite: it grows no more by rounding.
        info = np.finfo(dtype)
        return math.sqrt(float(info.max) * float(info.eps) / 4)

    def update(self, value: Array, gradient: Array, rate: float) -> None:
        total, change = self._slot("sum", value), self._scratch("change", value)
        # sum = sum + gradient**2;  value = value - rate * gradient / (sqrt(sum) + epsilon)
        total += np.multiply(gradient, gradient, out=change)
        np.sqrt(total, out=change)
        change += self.epsilon
        np.divide(gradient, change, out=change)
        change *= rate
        value -= change


class Lion(Optimizer):
    """Steps of one size, in the direction of a sign: θ ← θ − η sign(β₁ m + (1 − β₁) g).

    Then m ← β₂ m + (1 − β₂) g. Weights decay apart from the gradient, θ ← θ − η λ θ. Source: Chen
    et al., "Symbolic Discovery of Optimization Algorithms", 2023.

    Parameters
    ----------
    learning_rate : float or Schedule
        η > 0; three to ten times smaller than Adam's.
    beta_1, beta_2 : float
        0 ≤ β < 1.
    **options
        weight_decay, decay_biases, clip_norm, clip_value: as in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> weights = ParameterVector(Dense(1, 1).parameters)
    >>> weights.value[:], weights.grad[:] = 1.0, [0.5, -2.0]
    >>> Lion(0.1).step(weights)
    >>> weights.value.round(3)
    array([0.9, 1.1], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        learning_rate: float | Schedule = 0.0001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[StepOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = real_number("beta_1", beta_1, at_least=0, below=1)
        self.beta_2 = real_number("beta_2", beta_2, at_least=0, below=1)

    def update(self, value: Array, gradient: Array, rate: float) -> None:
        mean, change = self._slot("mean", value), self._scratch("change", value)
        # value = value - rate * sign(beta_1 * mean + (1 - beta_1) * gradient)
        np.multiply(mean, self.beta_1 / (1 - self.beta_1), out=change)
        change += gradient
        np.sign(change, out=change)
        change *= rate
        value -= change
        # mean = beta_2 * mean + (1 - beta_2) * gradient
        mean *= self.beta_2
        mean += np.multiply(gradient, 1 - self.beta_2, out=change)
