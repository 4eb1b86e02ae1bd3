"""LBFGS: Newton's steps, with the curvature read off the last few gradients."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tinyframe.optimizers.full_batch import FullBatchOptimizer, Problem
from tinyframe.optimizers.line_search import Point, strong_wolfe
from tinyframe.parameters import ParameterVector
from tinyframe.types import Array
from tinyframe.utils.checks import positive_integer


class Pair(NamedTuple):
    """A step s = θ⁺ − θ, the change y = g⁺ − g along it, and s·y > 0, the curvature."""

    step: Array
    change: Array
    curvature: float


class LBFGS(FullBatchOptimizer):
    """Newton's steps θ ← θ − α H g, with H, about the inverse Hessian, made of the last few steps.

    With s = θ⁺ − θ, y = g⁺ − g and ρ = 1 / s·y of the last `memory` steps, H g is

        q = g;   aᵢ = ρᵢ sᵢ·q,  q ← q − aᵢ yᵢ        from the newest pair to the oldest
        r = q s·y / y·y;   r ← r + sᵢ (aᵢ − ρᵢ yᵢ·r)    from the oldest to the newest

    and α meets the strong Wolfe conditions; mostly it is 1, so that an iteration takes one
    evaluation of the loss and its gradient over all rows. For networks of up to some ten thousand
    weights on data that fits in memory: it finds lower losses, and sooner, than steps along
    gradients of batches do. Source: Liu and Nocedal, "On the limited memory BFGS method for large
    scale optimization", 1989.

        model.fit(X, y, optimizer=LBFGS(), epochs=200)

    An epoch is an iteration; the history counts its "evaluations". Training stops where it has
    converged.

    Parameters
    ----------
    memory : int
        How many pairs are kept.
    tolerance, least_change, weight_decay, decay_biases
        As in `FullBatchOptimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range; in `fit`, if the loss is not the same each time it is
        asked for: batches, dropout, batch statistics, `augment`.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 8), Tanh(), Dense(1)])
    >>> fitted = model.fit(X, X**2, optimizer=LBFGS(), epochs=100, rng=0, verbose=0)
    >>> fitted.history["loss"][-1] < 1e-5
    True
    """

    def __init__(
        self,
        memory: int = 10,
        *,
        tolerance: float = 1e-5,
        least_change: float = 1e-9,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
    ) -> None:
        self.memory = memory
        super().__init__(tolerance, least_change, weight_decay, decay_biases)
        self._pairs: list[Pair] = []

    def begin(self) -> None:
        super().begin()
        self.memory = positive_integer("memory", self.memory)  # it may have been set since
        if self.learning_rate != 1.0:
            raise ValueError("LBFGS expected no learning rate: a line search finds how far to go")

    def iterate(self, parameters: ParameterVector, problem: Problem) -> None:
        self._start(parameters, problem)
        loss, gradient, value = self._loss, self._gradient, parameters.value
        if self.converged:
            return
        before = value.copy()
        found = self._descend(parameters, problem, before, -self._times_inverse_hessian(gradient))
        if found is None and self._pairs:  # what is remembered misleads
            self._pairs.clear()
            self._back(parameters, problem, before)
            found = self._descend(parameters, problem, before, -gradient)
        if found is None:
            self._back(parameters, problem, before)
            self.converged = "no step makes the loss less"
            return
        self.steps += 1
        step, change = value - before, self._gradient - gradient
        curvature = float(np.vdot(step, change))
        if curvature > np.finfo(value.dtype).eps * float(np.vdot(change, change)):
            self._pairs = [*self._pairs, Pair(step, change, curvature)][-self.memory :]
        self._judge(loss)

    def _descend(
        self, parameters: ParameterVector, problem: Problem, before: Array, direction: Array
    ) -> Point | None:
        """Go from `before` along a direction to where the loss is less; None if nowhere it is."""
        value = parameters.value

        def phi(step: float) -> tuple[float, float]:
            np.add(before, direction * step, out=value)
            loss = self._evaluate(parameters, problem)
            return loss, float(np.vdot(self._gradient, direction))

        slope = float(np.vdot(self._gradient, direction))
        if not slope < 0:
            return None
        start = Point(0.0, self._loss, slope)
        first = 1.0 if self._pairs else min(1.0, 1.0 / float(np.abs(self._gradient).sum()))
        return strong_wolfe(phi, start, first, float(np.finfo(value.dtype).eps))

    def _times_inverse_hessian(self, gradient: Array) -> Array:
        """Return H g by the two loops."""
        q = gradient.copy()
        shares: list[float] = []
        for step, change, curvature in reversed(self._pairs):
            shares.append(float(np.vdot(step, q)) / curvature)
            q -= shares[-1] * change
        if self._pairs:
            _, change, curvature = self._pairs[-1]
            q *= curvature / float(np.vdot(change, change))
        for step, change, curvature in self._pairs:
            q += (shares.pop() - float(np.vdot(change, q)) / curvature) * step
        return q

    def reset(self) -> None:
        super().reset()
        self._pairs = []

    def state(self) -> dict[str, Array]:
        kept: dict[str, Array] = {}
        for number, pair in enumerate(self._pairs):
            kept |= {f"step {number}": pair.step, f"change {number}": pair.change}
        return kept

    def restore(self, steps: int, epoch: float, state: Mapping[str, Array]) -> None:
        super().restore(steps, epoch, {})
        self._pairs = []
        while {f"step {len(self._pairs)}", f"change {len(self._pairs)}"} <= state.keys():
            number = len(self._pairs)
            step, change = state[f"step {number}"], state[f"change {number}"]
            self._pairs.append(Pair(step, change, float(np.vdot(step, change))))
        self._pairs = [pair for pair in self._pairs if pair.curvature > 0]
