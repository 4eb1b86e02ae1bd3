"""Optimizers of all rows against their peers: the same network, the same start, the same machine.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/second_order.py              every problem
    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/second_order.py sine --seeds 2

Prints milliseconds to within 5 % of the lowest training loss that any gradient method found (median
of the seeds; "-" where one never came so near), the loss on rows held out at that moment,
iterations, evaluations and microseconds an iteration.
"""

import argparse
import copy
import math
import statistics
import time
import warnings

import numpy as np

from tinyframe import (
    LBFGS,
    Adam,
    Callback,
    Dense,
    LevenbergMarquardt,
    MSELoss,
    ParameterVector,
    Sequential,
    Tanh,
)
from tinyframe.training.objective import Objective

NEAR = 1.05
"""How near to the lowest loss counts as there."""


# ------------------------------------------------------------------ problems


def sine(rng):
    X = rng.uniform(-3, 3, (500, 1))
    return X, np.sin(X) + 0.1 * rng.standard_normal((500, 1)), 400, (10,)


def diabetes(rng):
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    order = rng.permutation(len(X))
    X, y = X[order] / X.std(axis=0), (y[order] - y.mean()) / y.std()
    return X, y[:, np.newaxis], 350, (10,)


def spirals(rng):
    t = rng.uniform(0.5, 3, (1000, 1)) * math.pi
    side = rng.integers(0, 2, (1000, 1)) * 2 - 1
    X = side * t * np.concatenate([np.cos(t), np.sin(t)], axis=1) / 6
    return X + 0.02 * rng.standard_normal(X.shape), side.astype(float), 800, (16, 16)


def friedman(rng, rows=1600):
    X = rng.random((rows + 1000, 10))
    y = 10 * np.sin(math.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2
    y += 10 * X[:, 3] + 5 * X[:, 4] + rng.standard_normal(len(X))
    return X, ((y - y.mean()) / y.std())[:, np.newaxis], rows, (20,)


def friedman_10k(rng):
    return friedman(rng, 10_000)


def mnist(rng):
    from tinyframe.datasets import mnist as digits

    (X, y), _ = digits()
    rows = rng.permutation(len(X))[:6000]
    return X[rows].reshape(6000, 784) / 255, np.eye(10)[y[rows]], 5000, (10,)


PROBLEMS = {
    "sine": (sine, 400), "diabetes": (diabetes, 300), "spirals": (spirals, 600),
    "friedman": (friedman, 400), "friedman_10k": (friedman_10k, 400), "mnist": (mnist, 150),
}  # fmt: skip
"""Each with the most iterations."""


def network(inputs, hidden, outputs, seed):
    layers, width = [], inputs
    for units in hidden:
        layers += [Dense(width, units, initializer="glorot_uniform"), Tanh()]
        width = units
    layers.append(Dense(width, outputs, initializer="glorot_uniform"))
    model = Sequential(layers, dtype="float64")
    model.build(inputs, rng=seed)
    return model


# ------------------------------------------------------------------ solvers
# Each returns (seconds, loss, θ) of its iterations, and how many evaluations they took.


class Clock(Callback):
    """Notes each iteration, its own time left out."""

    def __init__(self):
        self.notes, self.began = [], time.perf_counter()

    def on_batch_end(self, run):
        now = time.perf_counter()
        self.notes.append((now - self.began, run.loss, run.trainer.parameters.value.copy()))
        self.began += time.perf_counter() - now


def ours(optimizer):
    def solve(model, X, y, most):
        clock = Clock()
        model.fit(X, y, optimizer=optimizer(), epochs=most, callbacks=[clock], verbose=0)
        return clock.notes, sum(model.history["evaluations"])

    return solve


def adam(model, X, y, most):
    """A step counts by what it makes of all rows, whose evaluation is not timed."""
    notes, spent, optimizer = [], 0.0, Adam(0.01)
    for _ in range(most):
        began = time.perf_counter()
        model.fit(X, y, optimizer=optimizer, epochs=1, rng=0, verbose=0)
        spent += time.perf_counter() - began
        vector = ParameterVector(model.parameters)
        notes.append((spent, model.evaluate(X, y, verbose=0)["loss"], vector.value.copy()))
    return notes, most


def gradient_of(model, X, y):
    """The loss and its gradient as functions of θ: the layers, and nothing around them."""
    objective, vector = Objective(model._chain(), MSELoss()), ParameterVector(model.parameters)

    def function(theta):
        vector.value[...] = theta
        loss = objective.forward(X, y, None, True)
        objective.backward()
        return loss, vector.grad.copy()

    return function, vector.value.copy()


def scipy_lbfgs(model, X, y, most):
    from scipy.optimize import minimize

    function, start = gradient_of(model, X, y)
    notes, began, spent = [], time.perf_counter(), [0.0]

    def note(intermediate_result):
        now = time.perf_counter()
        notes.append(
            (now - began - spent[0], intermediate_result.fun, intermediate_result.x.copy())
        )
        spent[0] += time.perf_counter() - now

    options = {"maxiter": most, "maxfun": 10 * most, "maxcor": 10, "gtol": 1e-6, "ftol": 1e-12}
    found = minimize(function, start, jac=True, method="L-BFGS-B", callback=note, options=options)
    return notes, found.nfev


def scipy_squares(model, X, y, most):
    from scipy.optimize import least_squares

    from tinyframe.training.jacobian import weight_jacobian

    chain, vector = model._chain(), ParameterVector(model.parameters)
    notes, began, spent = [], time.perf_counter(), [0.0]

    def errors(theta):
        vector.value[...] = theta
        out = X
        for layer in chain:
            out = layer.forward(out)
        found = (out - y).ravel()
        now = time.perf_counter()
        notes.append((now - began - spent[0], float(found @ found) / len(X), theta.copy()))
        spent[0] += time.perf_counter() - now
        return found

    def jacobian(theta):
        vector.value[...] = theta
        return weight_jacobian(chain, X)[1].reshape(-1, len(theta))

    found = least_squares(errors, vector.value.copy(), jacobian, method="lm", max_nfev=most)
    return notes, found.nfev


def sklearn_lbfgs(model, X, y, most):
    from sklearn.neural_network import MLPRegressor

    dense = [layer for layer in model if isinstance(layer, Dense)]
    notes, calls = [], [0, 0.0, 0.0]

    class Started(MLPRegressor):
        def _initialize(self, *arguments):
            super()._initialize(*arguments)
            self.coefs_ = [layer.weight.value.copy(order="C") for layer in dense]
            self.intercepts_ = [layer.bias.value.copy() for layer in dense]

        def _loss_grad_lbfgs(self, packed, *arguments):
            found = super()._loss_grad_lbfgs(packed, *arguments)
            now = time.perf_counter()
            calls[0] += 1
            parts = zip(self.coefs_, self.intercepts_, strict=True)
            theta = np.concatenate([a.ravel(o) for w, b in parts for a, o in ((w, "F"), (b, "C"))])
            # Its loss is half the mean over outputs, too.
            notes.append((now - calls[1] - calls[2], 2 * y.shape[1] * found[0], theta))
            calls[2] += time.perf_counter() - now
            return found

    estimator = Started(
        hidden_layer_sizes=[layer.sizes[1] for layer in dense[:-1]], activation="tanh",
        solver="lbfgs", alpha=0, max_iter=most,
        max_fun=10 * most, tol=1e-6,
    )  # fmt: skip
    calls[1] = time.perf_counter()
    estimator.fit(X, y if y.shape[1] > 1 else y.ravel())
    return notes, calls[0]


def torch_lbfgs(model, X, y, most):
    import torch

    torch.set_num_threads(1)
    layers = []
    for layer in model:
        if isinstance(layer, Tanh):
            layers.append(torch.nn.Tanh())
            continue
        linear = torch.nn.Linear(*layer.weight.shape, dtype=torch.float64)
        linear.load_state_dict({
            "weight": torch.from_numpy(layer.weight.value.T.copy()),
            "bias": torch.from_numpy(layer.bias.value.copy()),
        })  # fmt: skip
        layers.append(linear)
    net, inputs, target = torch.nn.Sequential(*layers), torch.from_numpy(X), torch.from_numpy(y)
    # One step of many iterations: between steps it would ask for the loss twice at the same point.
    optimizer = torch.optim.LBFGS(
        net.parameters(), max_iter=most, max_eval=10 * most, tolerance_grad=1e-6,
        tolerance_change=1e-12, history_size=10, line_search_fn="strong_wolfe",
    )  # fmt: skip
    notes, began, spent = [], time.perf_counter(), [0.0]

    def closure():
        optimizer.zero_grad()
        loss = ((net(inputs) - target) ** 2).sum(dim=1).mean()
        loss.backward()
        now = time.perf_counter()
        # As scikit-learn's: what is noted are evaluations.
        theta = [p.detach().numpy().ravel() for p in net.parameters()]
        notes.append((now - began - spent[0], float(loss.detach()), np.concatenate(theta)))
        spent[0] += time.perf_counter() - now
        return loss

    optimizer.step(closure)
    return notes, len(notes)


SOLVERS = {
    "LBFGS": ours(lambda: LBFGS(tolerance=1e-6, least_change=1e-12)),
    "LevenbergMarquardt": ours(LevenbergMarquardt),
    "Adam, batches of 32": adam,
    "SciPy L-BFGS-B": scipy_lbfgs,
    'SciPy least_squares "lm"': scipy_squares,
    "scikit-learn lbfgs": sklearn_lbfgs,
    "PyTorch LBFGS": torch_lbfgs,
}
BY_SQUARES = ("LevenbergMarquardt", 'SciPy least_squares "lm"')
"""Solvers that find losses which the others never see; the best is that of the others."""

SLOW = {("mnist", "LevenbergMarquardt"), ("mnist", 'SciPy least_squares "lm"')}
"""What is not tried: 7,960 weights at once."""


def held_out(model, theta, X, y):
    twin = copy.deepcopy(model)
    ParameterVector(twin.parameters).value[...] = theta
    return twin.evaluate(X, y, verbose=0)["loss"]


def compare(name, seeds, chosen):
    """Return {solver: [(ms to near the best, held-out loss, iterations, evaluations, µs)]}."""
    make, most = PROBLEMS[name]
    found = {solver: [] for solver in chosen if (name, solver) not in SLOW}
    for seed in range(seeds):
        X, y, rows, hidden = make(np.random.default_rng(seed))
        X, y = np.ascontiguousarray(X, np.float64), np.ascontiguousarray(y, np.float64)
        traces = {}
        for solver in found:
            model = network(X.shape[1], hidden, y.shape[1], seed)
            traces[solver] = model, *SOLVERS[solver](copy.deepcopy(model), X[:rows], y[:rows], most)
        of_gradients = [
            t for solver, t in traces.items() if solver not in BY_SQUARES
        ] or traces.values()
        best = min(loss for _, notes, _ in of_gradients for _, loss, _ in notes)
        for solver, (model, notes, evaluations) in traces.items():
            near = next((note for note in notes if note[1] <= NEAR * best), None)
            seconds, test = math.nan, math.nan
            if near is not None:
                seconds, test = near[0], held_out(model, near[2], X[rows:], y[rows:])
            each = notes[-1][0] / len(notes)
            found[solver].append((1e3 * seconds, test, len(notes), evaluations, 1e6 * each))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "problems", nargs="*", default=list(PROBLEMS), help=f"of {', '.join(PROBLEMS)}"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--solvers", nargs="*", default=list(SOLVERS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of peers that have not converged
    for name in options.problems:
        print(f"\n{name:26}{'ms to 5 %':>11}{'held out':>10}{'iterations':>12}"
              f"{'evaluations':>13}{'µs each':>9}{'there':>7}")  # fmt: skip
        for solver, rows in compare(name, options.seeds, options.solvers).items():
            times = [row[0] for row in rows if not math.isnan(row[0])]
            there = len(times)
            ms = f"{statistics.median(times):.1f}" if there > len(rows) / 2 else "-"
            medians = [statistics.median([row[i] for row in rows]) for i in (2, 3, 4)]
            tests = [row[1] for row in rows if not math.isnan(row[1])]
            test = f"{statistics.median(tests):.4f}" if tests else "-"
            print(f"  {solver:24}{ms:>11}{test:>10}{medians[0]:12.0f}{medians[1]:13.0f}"
                  f"{medians[2]:9.0f}{there:>5}/{len(rows)}")  # fmt: skip


if __name__ == "__main__":
    main()
