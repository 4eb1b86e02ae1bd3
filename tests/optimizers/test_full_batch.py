"""L-BFGS and Levenberg–Marquardt on functions whose minima are known."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import LBFGS, LevenbergMarquardt, MSELoss, Parameter, ParameterVector
from tinyframe.initializers import constant
from tinyframe.optimizers.lbfgs import Pair


class Problem:
    """A function of θ with its gradient, in place of a network's loss."""

    def __init__(self, start, function, gradient, dtype=np.float64, curvature=None):
        start = np.asarray(start, dtype)
        parameter = Parameter(start.shape, constant(0.0), dtype=dtype)
        self.parameters = ParameterVector([parameter])
        self.parameters.value[...] = start
        self.function, self.gradient, self.curvature = function, gradient, curvature
        self.asked = 0

    def evaluate_all(self):
        self.asked += 1
        theta = self.parameters.value.astype(np.float64)
        self.parameters.grad[...] = self.gradient(theta)
        return float(self.function(theta))

    def gauss_newton(self):
        return self.curvature(self.parameters.value)

    def run(self, optimizer, most=1000):
        losses = []
        for _ in range(most):
            optimizer.iterate(self.parameters, self)
            losses.append(self.function(self.parameters.value.astype(np.float64)))
            if optimizer.converged:
                break
        return losses


def rosenbrock(dtype=np.float64):
    def function(t):
        return (1 - t[0]) ** 2 + 100 * (t[1] - t[0] ** 2) ** 2

    def gradient(t):
        return np.array([
            -2 * (1 - t[0]) - 400 * t[0] * (t[1] - t[0] ** 2), 200 * (t[1] - t[0] ** 2),
        ])  # fmt: skip

    def curvature(t):
        jacobian = np.array([[-1.0, 0.0], [-20 * t[0], 10.0]])
        return 2 * jacobian.T @ jacobian

    return Problem([-1.2, 1.0], function, gradient, dtype, curvature)


def quadratic(eigenvalues, rng):
    size = len(eigenvalues)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    matrix = basis * eigenvalues @ basis.T
    return Problem(
        rng.standard_normal(size), lambda t: 0.5 * t @ matrix @ t, lambda t: matrix @ t,
        curvature=lambda t: matrix.copy(),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rosenbrocks_valley(dtype):
    problem, optimizer = rosenbrock(dtype), LBFGS()
    losses = problem.run(optimizer)
    assert optimizer.converged
    assert len(losses) < 60
    np.testing.assert_allclose(problem.parameters.value, 1, atol=1e-4 if dtype == "f8" else 2e-2)
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(losses))


def test_rosenbrocks_valley_by_squares():
    problem, optimizer = rosenbrock(), LevenbergMarquardt()
    losses = problem.run(optimizer)
    assert len(losses) < 40
    np.testing.assert_allclose(problem.parameters.value, 1, atol=1e-7)
    assert all(after <= before for before, after in pairwise(losses))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 8), power=st.floats(0, 6))
def test_an_ill_conditioned_quadratic_takes_about_its_size(seed, size, power):
    """With all pairs kept, and exact steps, it would be `size`; the first steps are not exact."""
    rng = np.random.default_rng(seed)
    problem = quadratic(np.logspace(-power, 0, size), rng)
    problem.run(LBFGS(memory=40, tolerance=1e-9, least_change=0), most=20 + 12 * size)
    assert np.abs(problem.parameters.grad).max() <= 1e-6


def test_exact_steps_end_a_quadratic_in_its_size(rng, monkeypatch):
    """Conjugate directions: after n exact line searches the minimum of n dimensions is there."""
    size, matrix = 6, None
    problem = quadratic(np.logspace(-4, 0, size), rng)
    matrix = np.array([problem.gradient(unit) for unit in np.eye(size)])

    def exact(phi, start, step, unit):
        del start, step, unit
        value = problem.parameters.value
        at = value.copy()
        phi(1.0)
        direction = value - at
        step = -(direction @ matrix @ at) / (direction @ matrix @ direction)
        return phi(step) and True

    monkeypatch.setattr("tinyframe.optimizers.lbfgs.strong_wolfe", exact)
    problem.run(LBFGS(memory=size, tolerance=1e-10, least_change=0), most=size)
    assert np.abs(problem.gradient(problem.parameters.value)).max() < 1e-9


def test_a_linear_problem_is_solved_by_one_undamped_step(rng):
    problem = quadratic(np.logspace(-3, 0, 5), rng)
    LevenbergMarquardt(damping=1e-12).iterate(problem.parameters, problem)
    np.testing.assert_allclose(problem.parameters.value, 0, atol=1e-7)


def test_the_two_loops_are_the_inverse_hessian_of_bfgs(rng):
    """H from its recursion H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ, as a matrix."""
    size, optimizer = 6, LBFGS(memory=4)
    for _ in range(4):
        step = rng.standard_normal(size)
        change = step + 0.3 * rng.standard_normal(size)
        if step @ change > 0:
            optimizer._pairs.append(Pair(step, change, float(step @ change)))
    last = optimizer._pairs[-1]
    H = np.eye(size) * last.curvature / (last.change @ last.change)
    for s, y, curvature in optimizer._pairs:
        left = np.eye(size) - np.outer(s, y) / curvature
        H = left @ H @ left.T + np.outer(s, s) / curvature
    g = rng.standard_normal(size)
    np.testing.assert_allclose(optimizer._times_inverse_hessian(g), H @ g, rtol=1e-10)


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_a_wrong_gradient_leaves_everything_as_it_was(kind):
    """Up the hill: no step makes it less, and the weights are where they were, to the bit."""
    problem = Problem(
        [1.0, 2.0], lambda t: t @ t, lambda t: -2 * t, curvature=lambda t: 2 * np.eye(2)
    )
    optimizer = kind()
    optimizer.iterate(problem.parameters, problem)
    assert optimizer.converged == "no step makes the loss less"
    np.testing.assert_array_equal(problem.parameters.value, [1.0, 2.0])
    assert optimizer.steps == 0


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_a_loss_that_is_no_number_at_the_start_is_an_error(kind):
    for function, gradient in (
        (lambda t: np.nan, lambda t: t), (lambda t: 1.0, lambda t: t * np.inf),
    ):  # fmt: skip
        problem = Problem([1.0], function, gradient, curvature=lambda t: np.eye(1))
        with pytest.raises(FloatingPointError, match="too large, or not finite"):
            kind().iterate(problem.parameters, problem)
        np.testing.assert_array_equal(problem.parameters.value, [1.0])


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_a_step_into_what_is_no_number_is_shortened(kind):
    """−log(1 − x) − log(1 + x) + 20 (x − 0.9)², whose wall at 1 is near the minimum."""

    def function(theta):
        t = theta[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(-np.log(1 - t) - np.log(1 + t) + 20 * (t - 0.9) ** 2)

    def gradient(t):
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 / (1 - t) - 1 / (1 + t) + 40 * (t - 0.9)

    problem = Problem([-0.9], function, gradient, curvature=lambda t: np.full((1, 1), 40.0))
    problem.run(kind())
    assert abs(gradient(problem.parameters.value)[0]) < 1e-4


@pytest.mark.parametrize("spared", [True, False])
@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_weights_decay_in_loss_and_gradient(kind, spared, rng):
    """Ridge regression, whose minimum is in closed form; the second parameter is a bias."""
    A, b = rng.standard_normal((30, 4)), rng.standard_normal(30)
    weight = Parameter((3, 1), constant(0.0), dtype="f8")
    bias = Parameter((1,), constant(0.0), dtype="f8")
    vector = ParameterVector([weight, bias])

    class Ridge:
        def evaluate_all(self):
            error = A @ vector.value - b
            vector.grad[...] = 2 * A.T @ error / 30
            return float(error @ error) / 30

        def gauss_newton(self):
            return 2 * A.T @ A / 30

    optimizer = kind(weight_decay=0.3, decay_biases=not spared, tolerance=1e-10, least_change=0)
    for _ in range(60):
        optimizer.iterate(vector, Ridge())
        if optimizer.converged:
            break
    decay = np.diag([0.3, 0.3, 0.3, 0.0 if spared else 0.3])
    expected = np.linalg.solve(2 * A.T @ A / 30 + decay, 2 * A.T @ b / 30)
    np.testing.assert_allclose(vector.value, expected, rtol=1e-7)


def test_an_iteration_mostly_takes_one_evaluation():
    problem = rosenbrock()
    optimizer = LBFGS()
    losses = problem.run(optimizer)
    assert problem.asked <= 1.6 * len(losses) + 1


def test_weights_that_others_moved_are_evaluated_anew():
    problem, optimizer = rosenbrock(), LBFGS()
    for there in ([3.0, 3.0], [-3.0, -3.0], [0.25, 0.5]):
        optimizer.iterate(problem.parameters, problem)
        problem.parameters.value[...] = there
        before, asked = problem.function(np.array(there)), problem.asked
        optimizer.iterate(problem.parameters, problem)
        assert problem.function(problem.parameters.value) < before
        assert optimizer.evaluations == problem.asked - asked - 1, "the one at the start is apart"


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_what_is_remembered_goes_on_to_the_bit(kind):
    whole, broken = rosenbrock(), rosenbrock()
    first, second = kind(), kind()
    for _ in range(12):
        first.iterate(whole.parameters, whole)
    for _ in range(5):
        second.iterate(broken.parameters, broken)
    again = kind()
    again.learning_rate = second.learning_rate
    again.restore(second.steps, second.epoch, copy.deepcopy(second.state()))
    for _ in range(7):
        again.iterate(broken.parameters, broken)
    assert whole.parameters.value.tobytes() == broken.parameters.value.tobytes()


def test_a_state_that_is_not_whole_is_taken_as_far_as_it_goes():
    optimizer, ones = LBFGS(), np.ones(2)
    optimizer.restore(3, 3.0, {"step 0": ones, "change 0": ones, "step 1": ones, "change 2": ones})
    assert len(optimizer._pairs) == 1
    optimizer.restore(3, 3.0, {"step 0": ones, "change 0": -ones})
    assert not optimizer._pairs


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_a_reset_forgets(kind):
    problem, optimizer = rosenbrock(), kind()
    optimizer.iterate(problem.parameters, problem)
    optimizer.reset()
    assert optimizer.steps == 0
    assert not optimizer.state()
    fresh = rosenbrock()
    kind().iterate(fresh.parameters, fresh)
    problem = rosenbrock()
    optimizer.iterate(problem.parameters, problem)
    np.testing.assert_array_equal(problem.parameters.value, fresh.parameters.value)


def test_a_gradient_alone_is_no_step():
    for optimizer in (LBFGS(), LevenbergMarquardt()):
        with pytest.raises(TypeError, match=r"no steps by a gradient alone; it is for fit\(X, y\)"):
            optimizer.step(rosenbrock().parameters)


BAD = {
    "memory": (LBFGS, {"memory": 0}), "tolerance": (LBFGS, {"tolerance": -1}),
    "least_change": (LBFGS, {"least_change": np.nan}),
    "weight_decay": (LBFGS, {"weight_decay": -1}),
    "damping": (LevenbergMarquardt, {"damping": 0}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_numbers_out_of_their_range_are_refused(name):
    kind, options = BAD[name]
    with pytest.raises(ValueError, match=f"{name} expected"):
        kind(**options)


def test_they_read_as_the_calls_that_made_them():
    assert repr(LBFGS()) == "LBFGS()"
    assert repr(LBFGS(5, weight_decay=0.1)) == "LBFGS(memory=5, weight_decay=0.1)"
    assert repr(LevenbergMarquardt(damping=0.1)) == "LevenbergMarquardt(damping=0.1)"


def test_what_squares_are_asked_of():
    check = LevenbergMarquardt().check
    check(MSELoss(), np.dtype("f8"), 5000)
    for arguments, message in (
        ((MSELoss(), np.dtype("f4"), 10), "float64"),
        ((MSELoss(), np.dtype("f8"), 5001), "LBFGS"),
    ):
        with pytest.raises(ValueError, match=message):
            check(*arguments)


def test_damping_grows_by_two_four_eight_where_steps_are_too_long():
    """Nielsen's rule: a curvature that is far too small costs few trials."""
    problem = Problem(
        [1.0], lambda t: 0.5 * t[0] ** 2, lambda t: t.copy(), curvature=lambda t: np.eye(1) * 1e-6
    )
    optimizer = LevenbergMarquardt(damping=1e-3)
    optimizer.iterate(problem.parameters, problem)
    # damping 10⁻⁹ 2^(k (k + 1) / 2) is above ½, as a step has to be that makes t² less, at k = 8
    assert optimizer.evaluations == 9
    assert optimizer.learning_rate == pytest.approx(1 / (1e-9 * 2**36 / 3), rel=0.01)


@pytest.mark.parametrize("least", [0.5, 0.1, 0.01])
def test_it_ends_where_the_loss_has_fallen_by_less_than_was_asked(least, rng):
    problem = quadratic(np.geomspace(1, 1e4, 12), rng)
    before = problem.function(problem.parameters.value)
    losses = [before, *problem.run(LBFGS(least_change=least))]
    shares = [(a - b) / a for a, b in pairwise(losses)]
    assert all(share > least for share in shares[:-1])
    assert shares[-1] <= least
