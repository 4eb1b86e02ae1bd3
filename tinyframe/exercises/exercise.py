"""Exercise: what is asked, what is right, and what usually goes wrong."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from tinyframe.layers import Layer
from tinyframe.losses import Loss
from tinyframe.optimizers import Optimizer
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.testing import check_layer, check_loss, numeric_jacobian
from tinyframe.types import Array, Shape

SHEETS = Path(__file__).parent / "sheets"

LEFT_OVER = 7.0
"""What gradients hold before `backward`, which is to overwrite it."""

Case: TypeAlias = SimpleNamespace
"""Numbers that an answer is tried with: x, dy and y of a layer, and its weights by their names;
prediction and target of a loss; the gradients of an optimizer."""

Results: TypeAlias = Mapping[str, Array]
"""Arrays by the name of what they are, such as "y", "dx" or "the gradient of weight"."""


@dataclass(frozen=True)
class Mistake:
    """One that is made often: its name, what to say of it, and the numbers that it gives."""

    name: str
    words: str
    results: Callable[[Case], Results]


@dataclass(frozen=True)
class Exercise(ABC):
    """A class with blanks. Its sheet, a script, has the derivation.

    Attributes
    ----------
    name, title
        "softmax"; "Softmax, and why its derivative has a sum in it".
    asks_for
        Name of the class that is to be completed.
    hints
        From a nudge to nearly the answer.
    mistakes
        Those that are recognised; the first that fits is told.
    builds_up
        Class attribute: whether each result is made from the one before.
    """

    builds_up: ClassVar[bool] = False

    name: str
    title: str
    asks_for: str
    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def sheet(self) -> str:
        """The script that is to be completed."""
        return (SHEETS / f"{self.name}.py").read_text(encoding="utf-8")

    @property
    @abstractmethod
    def kind(self) -> type:
        """What the class has to be derived from."""

    @abstractmethod
    def cases(self) -> list[Case]:
        """Return what the answer is to be tried with, the same each time."""

    @abstractmethod
    def right(self, case: Case) -> Results:
        """Return the right results, in the order in which they are told."""

    @abstractmethod
    def results(self, answer: type[Any], case: Case) -> Iterator[tuple[str, Any]]:
        """Yield the answer's results, each as soon as it is there."""

    @abstractmethod
    def prove(self, answer: type[Any]) -> None:
        """Raise AssertionError if the answer breaks the contract of its kind somewhere else."""


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
    weights: Callable[[Shape], dict[str, Shape]] = lambda _: {}
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
            raise ValueError(
                f"expected parameters named {', '.join(weights) or 'not at all'}, got "
                f"{', '.join(layer.named_parameters()) or 'none'}"
            )
        for name, parameter in layer.named_parameters().items():
            parameter.value = weights[name]
            parameter.grad.fill(LEFT_OVER)
        yield "y", layer.forward(_read_only(case.x), training=True)
        yield "dx", layer.backward(_read_only(case.dy))
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


@dataclass(frozen=True)
class OptimizerExercise(Exercise):
    """An optimizer: where the weights are after some steps.

    Attributes
    ----------
    function
        (weights, gradients) → the weights after each step, in plain NumPy.
    """

    builds_up = True
    function: Callable[[Array, Array], list[Array]]

    @property
    def kind(self) -> type:
        return Optimizer

    def cases(self) -> list[Case]:
        rng = np.random.default_rng(0)
        return [
            Case(value=rng.normal(size=size), gradients=rng.normal(size=(4, size)))
            for size in (5, 1)
        ]

    def right(self, case: Case) -> Results:
        return told_by_step(self.function(case.value, case.gradients))

    def results(self, answer: Callable[[], Optimizer], case: Case) -> Iterator[tuple[str, Any]]:
        optimizer = answer()
        parameters = _parameters(case.value)
        for number, gradient in enumerate(case.gradients, start=1):
            parameters.grad[...] = gradient
            optimizer.step(parameters)
            yield _after(number), parameters.value.copy()

    def prove(self, answer: Any) -> None:
        case = self.cases()[0]
        optimizer, parameters = answer(), _parameters(case.value)
        for gradient in case.gradients:
            parameters.grad[...] = gradient
            optimizer.step(parameters)
            if not np.array_equal(parameters.grad, gradient):
                raise AssertionError(f"{answer.__name__} writes to the gradient")


def told_by_step(values: list[Array]) -> Results:
    """Return weights after each step as results."""
    return {_after(number): value for number, value in enumerate(values, start=1)}


def _after(steps: int) -> str:
    return f"the weights after {steps} step{'s' * (steps > 1)}"


def _parameters(value: Array) -> ParameterVector:
    parameters = ParameterVector([Parameter(value.shape, dtype=np.float64)])
    parameters.value[...] = value
    return parameters


def _extreme(case: Case) -> tuple[Array, Array]:
    return 1e4 * np.sign(case.prediction), case.target


def _read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array
