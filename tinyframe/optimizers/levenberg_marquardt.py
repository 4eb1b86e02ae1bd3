"""LevenbergMarquardt: Gauss and Newton's steps for squared errors, damped where they go wrong."""

from typing import Any

import numpy as np

from tinyframe.losses import Loss, MSELoss
from tinyframe.optimizers.full_batch import FullBatchOptimizer, Problem
from tinyframe.parameters import ParameterVector
from tinyframe.utils.checks import real_number

MOST_WEIGHTS = 5_000
"""Weights up to which A, of their number squared, is worth its memory: 200 MB."""

MOST_TRIALS = 40
"""Steps that are tried in one iteration; the damping has grown beyond any number by then."""


class LevenbergMarquardt(FullBatchOptimizer):
    """Steps θ ← θ + h with (A + μ I) h = −g, for squared errors of up to some thousand weights.

    A = 2 Σᵣ wᵣ JᵣᵀJᵣ / Σᵣ wᵣ, J the derivatives of the outputs by the weights, is the second
    derivative of a squared error but for the outputs' own second derivatives, which are small where
    the errors are. A step is taken where it makes the loss less, and the damping μ follows the
    gain, what the loss fell by over what was promised, r = ΔL / (½ h·(μ h − g)) (Nielsen):

        r > 0:   θ ← θ + h,  μ ← μ max(1/3, 1 − (2r − 1)³),  ν ← 2
        else:    μ ← μ ν,  ν ← 2 ν,  and another h is tried

    A few dozen iterations find what takes L-BFGS hundreds, and with noisy data that is too much:
    watch validation data (`EarlyStopping`), or let weights decay. Float64 alone. Sources: Levenberg
    1944; Marquardt 1963; Nielsen, "Damping Parameter in Marquardt's Method", 1999; Madsen, Nielsen
    and Tingleff, "Methods for Non-Linear Least Squares Problems", 2004.

        model = Sequential([Dense(16), Tanh(), Dense(1)], dtype="float64")
        model.fit(X, y, optimizer=LevenbergMarquardt(), epochs=50)

    Parameters
    ----------
    damping : float
        μ at first is this times the largest Aᵢᵢ.
    tolerance, least_change, weight_decay, decay_biases
        As in `FullBatchOptimizer`.

    Attributes
    ----------
    learning_rate : float
        1/μ: what a step along the gradient is multiplied by where μ is large.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range; in `fit`, if the loss is not `MSELoss`, the model is not
        of float64, has more than 5,000 weights to train, or draws at random.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 8), Tanh(), Dense(1)], dtype="float64")
    >>> fitted = model.fit(X, X**2, optimizer=LevenbergMarquardt(), epochs=50, rng=0, verbose=0)
    >>> fitted.history["loss"][-1] < 1e-5
    True
    """

    def __init__(
        self,
        damping: float = 1e-3,
        *,
        tolerance: float = 1e-8,
        least_change: float = 1e-12,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(tolerance, least_change, weight_decay, decay_biases)
        self.damping = real_number("damping", damping, above=0)

    def check(self, loss: Loss, dtype: "np.dtype[Any]", size: int) -> None:
        if type(loss) is not MSELoss:
            raise ValueError(f"LevenbergMarquardt expected squared errors, MSELoss(), got {loss!r}")
        if dtype != np.float64:
            raise ValueError(
                f'LevenbergMarquardt expected Sequential([…], dtype="float64"), got {dtype}'
            )
        if size > MOST_WEIGHTS:
            raise ValueError(
                f"LevenbergMarquardt expected at most {MOST_WEIGHTS:,} weights, as it solves for "
                f"all of them at once, got {size:,}; LBFGS takes any number"
            )

    def iterate(self, parameters: ParameterVector, problem: Problem) -> None:
        self._start(parameters, problem)
        loss, gradient, value = self._loss, self._gradient, parameters.value
        if self.converged:
            return
        curvature = problem.gauss_newton()
        diagonal = np.einsum("ii->i", curvature)  # a view
        if self.weight_decay:
            diagonal += self._decay(parameters)
        if not self.steps:
            self.learning_rate = 1 / (self.damping * max(float(diagonal.max()), 1e-300))
        before, usual = value.copy(), diagonal.copy()
        damping, growth = 1 / self.rate, 2.0
        for _ in range(MOST_TRIALS):
            np.add(usual, damping, out=diagonal)
            step = _solved(curvature, -gradient)
            if step is not None:
                np.add(before, step, out=value)
                promised = 0.5 * float(step @ (damping * step - gradient))
                fallen = loss - self._evaluate(parameters, problem)
                if fallen > 0 < promised:
                    gain = min(fallen / promised, 2.0)  # more makes no difference
                    damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                    break
            damping, growth = damping * growth, 2 * growth
        else:
            self._back(parameters, problem, before)
            self.converged = "no step makes the loss less"
            return
        self.steps += 1
        self.learning_rate = 1 / max(damping, 1e-300)
        self._judge(loss)


def _solved(matrix: Any, right: Any) -> Any:
    """Return the solution of matrix @ x = right; None where there is none that is finite."""
    try:
        solution = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return None
    return solution if np.isfinite(solution).all() else None
