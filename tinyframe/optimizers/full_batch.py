"""Optimizers that see all rows at once: each iteration asks for losses at points of its choice."""

import math
from abc import abstractmethod
from typing import Any, Protocol

import numpy as np

from tinyframe.losses import Loss
from tinyframe.optimizers.optimizer import GradientError, Optimizer
from tinyframe.parameters import ParameterVector
from tinyframe.types import Array
from tinyframe.utils.checks import real_number


class Problem(Protocol):
    """What is to be made small, as a function of the weights that `parameters.value` holds."""

    def evaluate_all(self) -> float:
        """Return the loss over all rows, and write its gradient to `parameters.grad`.

        It is infinite, or the gradient not finite, where the weights lead beyond the numbers.
        """

    def gauss_newton(self) -> Array:
        """Return 2 Σᵣ wᵣ JᵣᵀJᵣ / Σᵣ wᵣ, (size, size), where J are the outputs' derivatives."""


class FullBatchOptimizer(Optimizer):
    """A rule that goes down the loss over all rows, an iteration an epoch of `fit`.

    It has no learning rate: how far to go is found by asking for the loss there. So every iteration
    needs all rows, and the same loss at the same place: no batches, no dropout, no augmentation.

    A rule of one's own defines `iterate`.

    Parameters
    ----------
    tolerance : float
        It has converged where max |gᵢ| is at most this: scale targets that are in small units.
    least_change : float
        Or where the loss fell by at most this share of itself.
    weight_decay, decay_biases
        λ ≥ 0, which adds λ/2 ‖θ‖² to what is made small, without the biases where they are spared.
        The loss in the history is that of the data alone.

    Attributes
    ----------
    evaluations : int
        How often the last iteration asked for the loss, but for where it began.
    converged : str
        Why there is nothing left to do; empty as long as there is.
    """

    evaluations: int = 0
    converged: str = ""

    def __init__(
        self, tolerance: float, least_change: float, weight_decay: float, decay_biases: bool
    ) -> None:
        super().__init__(1.0, weight_decay=weight_decay, decay_biases=decay_biases)
        self.tolerance = real_number("tolerance", tolerance, at_least=0)
        self.least_change = real_number("least_change", least_change, at_least=0)
        self.begin()

    def check(self, loss: Loss, dtype: "np.dtype[Any]", size: int) -> None:
        """Raise ValueError if the rule is not made for this loss, or for so many such weights."""

    @abstractmethod
    def iterate(self, parameters: ParameterVector, problem: Problem) -> None:
        """Change `parameters.value` in place to where the loss is less, and evaluate there last.

        Where there is nothing left to do, `converged` says why.

        Raises
        ------
        FloatingPointError
            If the loss or the gradient is not finite at the start; nothing is changed.
        """

    def begin(self) -> None:
        """Forget where the loss was evaluated, as the rows may be others now; `fit` calls it."""
        real_number("weight_decay", self.weight_decay, at_least=0)  # it may have been set since
        if self.clip_norm is not None or self.clip_value is not None:
            raise ValueError(f"{type(self).__name__} expected no clip_norm and no clip_value")
        self.converged = ""
        self._at: tuple[Array, Any] | None = None  # θ of the last evaluation, and its decay
        self._loss = math.inf  # with its decay
        self._gradient = np.empty(0)

    def reset(self) -> None:
        """Forget what was remembered from earlier iterations."""
        super().reset()
        self.begin()

    def update(self, value: Array, gradient: Array, rate: float) -> None:  # noqa: ARG002 - the contract
        """Raise TypeError: a gradient alone does not tell how far to go."""
        raise TypeError(
            f"{type(self).__name__} takes no steps by a gradient alone; it is for fit(X, y), or "
            "for iterate(parameters, problem)"
        )

    def _start(self, parameters: ParameterVector, problem: Problem) -> None:
        """Evaluate where the iteration begins, unless the last one ended there.

        Where the gradient is 0 there, `converged` says so.
        """
        if not self._is_at(parameters.value):
            self._evaluate(parameters, problem)
            if not math.isfinite(self._loss):
                raise GradientError("the loss or its gradient is too large, or not finite")
            if largest(self._gradient) <= self.tolerance:
                self.converged = f"the gradient is at most {self.tolerance:g}"
        self.evaluations = 0

    def _is_at(self, value: Array) -> bool:
        """Whether the last evaluation was at these weights, and with the decay that there is."""
        if self._at is None or self._at[1] != (self.weight_decay, self.decay_biases):
            return False
        return self._at[0].tobytes() == value.tobytes()  # faster than to compare numbers

    def _evaluate(self, parameters: ParameterVector, problem: Problem) -> float:
        """Return the loss with its decay at these weights, infinite where it is no number."""
        value, gradient = parameters.value, parameters.grad
        loss = problem.evaluate_all()
        self.evaluations += 1
        if self.weight_decay:
            decay = self._decay(parameters) * value
            loss += 0.5 * float(np.vdot(decay, value))
            gradient += decay
        if not math.isfinite(loss) or not math.isfinite(float(np.vdot(gradient, gradient))):
            loss = math.inf
        self._at = value.copy(), (self.weight_decay, self.decay_biases)
        self._loss, self._gradient = loss, gradient.copy()
        return loss

    def _back(self, parameters: ParameterVector, problem: Problem, before: Array) -> None:
        """Go back to where the iteration began, and evaluate there."""
        np.copyto(parameters.value, before)
        self._evaluate(parameters, problem)

    def _judge(self, before: float) -> None:
        """Say whether there is anything left to do after an iteration that began at this loss."""
        if largest(self._gradient) <= self.tolerance:
            self.converged = f"the gradient is at most {self.tolerance:g}"
        elif before - self._loss <= self.least_change * abs(before):
            self.converged = f"the loss fell by less than {self.least_change:g} of it"


def largest(gradient: Array) -> float:
    """Return max |gᵢ|, which is what convergence is judged by."""
    return max(float(gradient.max()), -float(gradient.min()))
