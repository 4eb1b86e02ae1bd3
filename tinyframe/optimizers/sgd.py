"""SGD: gradient descent, plain or with momentum."""

from typing import Unpack

import numpy as np

from tinyframe.optimizers.optimizer import Optimizer, StepOptions
from tinyframe.optimizers.schedules import Schedule
from tinyframe.types import Array
from tinyframe.utils.checks import boolean, real_number


class SGD(Optimizer):
    """Gradient descent: θ ← θ − η g, the step that the document's last heading announces.

    With momentum μ (Polyak 1964; Nesterov's form as in Sutskever et al. 2013, as PyTorch has it):

        v ← μ v + g        θ ← θ − η v,  or  θ − η (g + μ v) with nesterov

    It is called stochastic where g comes from a batch rather than from all the data.

    Parameters
    ----------
    learning_rate : float or Schedule
        η > 0.
    momentum : float
        0 ≤ μ < 1.
    nesterov : bool
        Whether to look ahead by the momentum.
    **options
        weight_decay, decay_biases, clip_norm, clip_value: as in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, or nesterov is asked for without momentum.

    Examples
    --------
    >>> weights = ParameterVector(Dense(1, 1).parameters)
    >>> weights.value[:], weights.grad[:] = 1.0, [0.5, -2.0]
    >>> SGD(0.1).step(weights)
    >>> weights.value.round(3)
    array([0.95, 1.2 ], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float | Schedule,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        **options: Unpack[StepOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = real_number("momentum", momentum, at_least=0, below=1)
        self.nesterov = boolean("nesterov", nesterov)
        if nesterov and not momentum:
            raise ValueError("nesterov=True expected a momentum above 0, got 0")

    def update(self, value: Array, gradient: Array, rate: float) -> None:
        change = self._scratch("change", value)
        if self.momentum:
            # velocity = momentum * velocity + gradient
            velocity = self._slot("velocity", value)
            velocity *= self.momentum
            velocity += gradient
            if self.nesterov:
                # value = value - rate * (gradient + momentum * velocity), in two parts
                value -= np.multiply(gradient, rate, out=change)
                value -= np.multiply(velocity, rate * self.momentum, out=change)
                return
            gradient = velocity
        # value = value - rate * gradient
        np.multiply(gradient, rate, change)
        np.subtract(value, change, value)
