"""The three kinds of exercise: a layer, a loss, an optimizer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyframe.exercises.exercise import Case, Exercise, Results, Slip
from tinyframe.layers import Layer
from tinyframe.losses import Loss
from tinyframe.optimizers import Optimizer
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.testing import check_layer, check_loss, numeric_jacobian
from tinyframe.types import Array, Shape

LEFT_OVER = 7.0
"""What gradients hold before `backward`, which is to overwrite it."""


def _no_weights(shape: Shape) -> dict[str, Shape]:  # noqa: ARG001 - as of any layer
    """Of a layer that has none."""
    return {}


@dataclass(frozen=True)
class LayerExercise(Exercise):
    """A layer: y, and by numeric differentiation of the right y whatever `backward` gives.

    Attributes
    ----------
    function
        (x, **weights) → y in training, in plain NumPy.
    shapes
        Of x, with its batch, to try it with.
    arguments
        Of the class.
    weights
        Shape of x → shapes of the weights, by name.
    extreme
        x whose y is looked at besides; none where its numbers are no different.
    """

    function: Callable[..., Array]
    shapes: tuple[Shape, ...]
    arguments: tuple[Any, ...] = ()
    weights: Callable[[Shape], dict[str, Shape]] = _no_weights
    extreme: Array | None = None

    @property
    def kind(self) -> type:
        return Layer

    def cases(self) -> list[Case]:
        rng = np.random.default_rng(0)
        cases = []
        for shape in self.shapes:
            # Away from 0, where ReLU has its kink.
            x = rng.uniform(0.1, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
            weights = {k: rng.normal(size=s) for k, s in self.weights(shape).items()}
            y = self.function(x, **weights)
            cases.append(Case(x=x, y=y, dy=rng.normal(size=y.shape), **weights))
        return cases

    def right(self, case: Case) -> Results:
        weights = self._weights(case)

        def differentiated(name: str) -> Array:
            def total(at: Array) -> Array:
                return np.sum(case.dy * self.function(**{"x": case.x} | weights | {name: at}))

            at = getattr(case, name)
            return numeric_jacobian(total, at).reshape(at.shape)

        results = {"y": case.y, "dx": differentiated("x")}
        results |= {f"the gradient of {name}": differentiated(name) for name in weights}
        if self.extreme is not None:
            results["y of numbers of ±10⁴"] = self.function(self.extreme)
        return results

    def results(self, answer: type[Layer], case: Case) -> Iterator[tuple[str, Any]]:
        layer = answer(*self.arguments)
        layer.build(case.x.shape[1:], dtype=np.float64)
        weights = self._weights(case)
        if layer.named_parameters().keys() != weights.keys():
            raise Slip(
                "other weights",
                f"Expected parameters {', '.join(weights) or 'none'}, got "
                f"{', '.join(layer.named_parameters()) or 'none'}.",
            )
        for name, parameter in layer.named_parameters().items():
            parameter.value = weights[name]
            parameter.grad.fill(LEFT_OVER)
        yield "y", layer.forward(_read_only(case.x), training=True)
        dx = layer.backward(_read_only(case.dy))
        for name, parameter in layer.named_parameters().items():
            if not np.array_equal(parameter.value, weights[name]):
                raise Slip(
                    "the weights are changed",
                    f"`backward` changes {name}. It writes {name}.grad alone; the step is the "
                    f"optimizer's. (`self.{name} = …` sets the weights, too.)",
                )
        yield "dx", dx
        for name, parameter in layer.named_parameters().items():
            yield f"the gradient of {name}", parameter.grad.copy()
        if self.extreme is not None:
            other = answer(*self.arguments)
            yield "y of numbers of ±10⁴", other.forward(_read_only(self.extreme))

    def prove(self, answer: type[Layer]) -> None:
        for shape in self.shapes[:1]:
            check_layer(answer(*self.arguments), shape[1:], batch_size=max(2, shape[0]))

    def _weights(self, case: Case) -> dict[str, Array]:
        return {name: getattr(case, name) for name in self.weights(case.x.shape)}


@dataclass(frozen=True)
class LossExercise(Exercise):
    """A loss: L, and its gradient by numeric differentiation of the right L.

    Attributes
    ----------
    function
        (prediction, target) → L, in plain NumPy.
    """

    function: Callable[[Array, Array], Any]

    @property
    def kind(self) -> type:
        return Loss

    def cases(self) -> list[Case]:
        rng = np.random.default_rng(0)
        return [
            Case(prediction=rng.normal(size=shape), target=np.eye(shape[1])[labels])
            for shape, labels in (((5, 3), [0, 2, 1, 1, 0]), ((1, 4), [3]), ((2, 2), [1, 0]))
        ]

    def right(self, case: Case) -> Results:
        gradient = numeric_jacobian(lambda at: self.function(at, case.target), case.prediction)
        return {
            "L": np.array(self.function(case.prediction, case.target)),
            "∂L/∂prediction": gradient.reshape(case.prediction.shape),
            "L of numbers of ±10⁴": np.array(self.function(*_extreme(case))),
        }

    def results(self, answer: type[Loss], case: Case) -> Iterator[tuple[str, Any]]:
        loss = answer()
        yield "L", loss.forward(_read_only(case.prediction), _read_only(case.target))
        yield "∂L/∂prediction", loss.backward()
        yield "L of numbers of ±10⁴", answer().forward(*map(_read_only, _extreme(case)))

    def prove(self, answer: type[Loss]) -> None:
        for case in self.cases():
            check_loss(answer(), case.prediction, case.target)


RATES = np.array([0.2, 0.2, 0.05, 0.1])
"""Learning rates of the steps that an optimizer is tried with."""

STEPS = f"the weights after each of {len(RATES)} steps"


@dataclass(frozen=True)
class OptimizerExercise(Exercise):
    """An optimizer: where the weights are after each of some steps.

    Attributes
    ----------
    function
        (weights, gradients, the learning rate of each step, *settings) → the weights after each.
    settings
        Other than the defaults, for what the class is made with after its learning rate.
    """

    function: Callable[..., Array]
    settings: tuple[float, ...]

    @property
    def kind(self) -> type:
        return Optimizer

    def cases(self) -> list[Case]:
        rng = np.random.default_rng(0)
        cases = []
        for size in (5, 1):
            gradients = rng.normal(size=(len(RATES), size))
            gradients[:, 0] *= size == 1  # where there is a choice, one that is always 0
            value = rng.normal(size=size)
            cases.append(Case(value=value, gradients=gradients, rates=RATES))
        return cases

    def right(self, case: Case) -> Results:
        return {STEPS: self.function(case.value, case.gradients, case.rates, *self.settings)}

    def results(self, answer: type[Any], case: Case) -> Iterator[tuple[str, Any]]:
        yield STEPS, _steps(answer(float(RATES[0]), *self.settings), case)

    def prove(self, answer: type[Any]) -> None:
        case = self.cases()[0]
        optimizer = answer(float(RATES[0]), *self.settings)
        first = _steps(optimizer, case)
        optimizer.reset()
        if not np.array_equal(_steps(optimizer, case), first):
            raise Slip(
                "it remembers the last model",
                "After reset() it still has what it remembered: keep that in self._slot(…).",
            )


def _steps(optimizer: Optimizer, case: Case) -> Array:
    """Return the weights after each step."""
    parameters = ParameterVector([Parameter(case.value.shape, dtype=np.float64)])
    parameters.value[...] = case.value
    values = []
    for gradient, rate in zip(case.gradients, case.rates, strict=True):
        optimizer.learning_rate = float(rate)
        parameters.grad[...] = gradient
        optimizer.step(parameters)
        values.append(parameters.value.copy())
        if not np.array_equal(parameters.grad, gradient):
            raise Slip(
                "it writes to what is not its own",
                "The gradient belongs to the model: make a new array.",
            )
    return np.array(values)


def _extreme(case: Case) -> tuple[Array, Array]:
    return 1e4 * np.sign(case.prediction), case.target


def _read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array
