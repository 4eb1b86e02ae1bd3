"""Optimizers: how a step changes the parameters, given the gradient of the loss."""

from abc import ABC, abstractmethod

import numpy as np

from tinyframe.checks import real_number
from tinyframe.parameters import ParameterVector
from tinyframe.reprs import constructor_call
from tinyframe.types import Array


class Optimizer(ABC):
    """A rule that takes the parameters θ a step down the gradient g = ∂L/∂θ.

    What a rule remembers from step to step is as long as θ: an optimizer serves one model at a
    time. `fit` resets one that it has not used with its model before.
    """

    @abstractmethod
    def step(self, parameters: ParameterVector) -> None:
        """Change `parameters.value` in place, given `parameters.grad`, both of shape (size,)."""

    def reset(self) -> None:  # noqa: B027 - most rules that remember nothing need not define it
        """Forget what was remembered from earlier steps."""

    def __repr__(self) -> str:
        return constructor_call(self)


class SGD(Optimizer):
    """Gradient descent: θ ← θ − η g, the step that the document's last heading announces.

    With momentum μ (Polyak 1964; Nesterov's form as in Sutskever et al. 2013, as PyTorch has it)
    and weight decay λ:

        g ← g + λ θ        v ← μ v + g        θ ← θ − η v,  or  θ − η (g + μ v) with nesterov

    It is called stochastic where g comes from a batch rather than from all the data.

    Parameters
    ----------
    learning_rate : float
        η > 0.
    momentum : float
        0 ≤ μ < 1.
    nesterov : bool
        Whether to look ahead by the momentum.
    weight_decay : float
        λ ≥ 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, or nesterov is asked for without momentum.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.learning_rate = real_number("learning_rate", learning_rate, above=0)
        self.momentum = real_number("momentum", momentum, at_least=0, below=1)
        self.nesterov = nesterov
        self.weight_decay = real_number("weight_decay", weight_decay, at_least=0)
        if nesterov and not momentum:
            raise ValueError("nesterov=True expected a momentum above 0, got 0")
        self._velocity: Array | None = None
        self._change: Array | None = None

    def reset(self) -> None:
        self._velocity = self._change = None

    def step(self, parameters: ParameterVector) -> None:
        if not isinstance(parameters, ParameterVector):
            raise TypeError(f"step expected a ParameterVector, got a {type(parameters).__name__}")
        value, gradient = parameters.value, parameters.grad
        change = self._like(value, self._change)
        # gradient = gradient + weight_decay * value
        if self.weight_decay:
            np.multiply(value, self.weight_decay, out=change)
            gradient = np.add(change, gradient, out=change)
        if self.momentum:
            # velocity = momentum * velocity + gradient
            velocity = self._like(value, self._velocity)
            velocity *= self.momentum
            velocity += gradient
            self._velocity = velocity
            if self.nesterov:
                # value = value - learning_rate * (gradient + momentum * velocity), in two parts
                value -= np.multiply(gradient, self.learning_rate, out=change)
                value -= np.multiply(velocity, self.learning_rate * self.momentum, out=change)
                self._change = change
                return
            gradient = velocity
        # value = value - learning_rate * gradient
        value -= np.multiply(gradient, self.learning_rate, out=change)
        self._change = change

    @staticmethod
    def _like(value: Array, memory: Array | None) -> Array:
        """Return `memory` if it is for parameters such as `value`, else zeros."""
        if memory is None or memory.shape != value.shape or memory.dtype != value.dtype:
            return np.zeros_like(value)
        return memory
