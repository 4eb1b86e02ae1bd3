"""Optimizers: how a step changes the parameters, given the gradient of the loss."""

import inspect
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias, TypedDict, Unpack

import numpy as np

from tinyframe.optimizers.schedules import Schedule
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.types import Array
from tinyframe.utils.aligned import aligned_zeros
from tinyframe.utils.attributes import Hinted
from tinyframe.utils.checks import boolean, real_number
from tinyframe.utils.hints import unknown_argument
from tinyframe.utils.reprs import constructor_call

LARGE_SQUARE = 1e30
"""Squared norm below which nothing that a rule does with a gradient can overflow."""

SMALL_SQUARE = 1e-30
"""Squared norm above which nothing of it was lost to underflow."""


class GradientError(FloatingPointError):
    """A gradient with which no step can be taken; nothing was changed."""


class StepOptions(TypedDict, total=False):
    """What every optimizer takes besides its own numbers; see `Optimizer`."""

    weight_decay: float
    decay_biases: bool
    clip_norm: float | None
    clip_value: float | None


class Optimizer(Hinted, ABC):
    """A rule that takes the parameters θ a step down the gradient g = ∂L/∂θ.

    All rules are a few vector operations on the flat arrays of a `ParameterVector`. What a rule
    remembers from step to step is as long as θ: an optimizer serves one model at a time. `fit`
    resets one that it has not used with its model before.

    A rule of one's own defines `update`.

    Parameters
    ----------
    learning_rate : float or Schedule
        η > 0, or a function of the epoch such as `CosineDecay(0.1, epochs=20)`.
    weight_decay : float
        λ ≥ 0: g ← g + λ θ, or where the rule says so θ ← θ − η λ θ.
    decay_biases : bool
        False spares biases and the gains of normalisation: parameters with a single axis.
    clip_norm : float, optional
        Bound of ‖g‖: a longer gradient is scaled down to it (Pascanu, Mikolov and Bengio, "On the
        difficulty of training recurrent neural networks", 2013).
    clip_value : float, optional
        Bound of each |gᵢ|.
    **options
        The last four, by name.

    Attributes
    ----------
    steps : int
        Steps taken since the last reset.
    epoch : float
        Epochs done, with fractions: what a schedule is a function of. Set it in your own loop.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> class SignDescent(Optimizer):
    ...     def update(self, value, gradient, rate):
    ...         value -= rate * np.sign(gradient)
    >>> SignDescent(0.1, clip_norm=1.0)
    SignDescent(0.1, clip_norm=1.0)
    """

    decoupled: ClassVar[bool] = False
    """Whether weights decay by θ ← θ − η λ θ, apart from the gradient."""

    weight_decay: float
    decay_biases: bool
    clip_norm: float | None
    clip_value: float | None
    steps: int
    epoch: float

    def __init__(self, learning_rate: float | Schedule, **options: Unpack[StepOptions]) -> None:
        unknown = options.keys() - StepOptions.__annotations__.keys()
        if unknown:
            raise _unknown_option(type(self), min(unknown))
        self._given = frozenset(options)
        self.learning_rate = learning_rate
        self.weight_decay = real_number("weight_decay", options.get("weight_decay", 0), at_least=0)
        self.decay_biases = boolean("decay_biases", options.get("decay_biases", True))
        self.clip_norm = _bound("clip_norm", options.get("clip_norm"))
        self.clip_value = _bound("clip_value", options.get("clip_value"))
        self.steps = 0
        self.epoch = 0.0
        self._slots: dict[str, Array] = {}
        self._memory: dict[str, Array] = {}
        self._served: tuple[Parameter, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The options as they are now: those that were given, or set to something else since."""
        usual = {"weight_decay": 0, "decay_biases": True, "clip_norm": None, "clip_value": None}
        options = {name: getattr(self, name) for name in usual}
        return {k: v for k, v in options.items() if k in self._given or v != usual[k]}

    @property
    def learning_rate(self) -> float | Schedule:
        """The learning rate η, or the schedule that gives it; it may be set anew."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float | Schedule) -> None:
        if isinstance(rate, (tuple, list, dict, Iterator)):
            raise TypeError(
                "learning_rate expected a number or a Schedule, got several things; the optimizer "
                "gets the parameters from fit: model.fit(X, y, optimizer=Adam(0.001))"
            )
        if not isinstance(rate, Schedule):
            rate = real_number("learning_rate", rate, above=0)
        self._learning_rate = rate

    @property
    def rate(self) -> float:
        """The learning rate as it is now."""
        rate = self._learning_rate
        return rate if isinstance(rate, float) else rate(self.epoch)

    def serve(self, parameters: ParameterVector) -> None:
        """Note whose steps are to be remembered; `fit` calls it."""
        self._served = parameters.parameters

    def serves(self, parameters: ParameterVector) -> bool:
        """Whether what is remembered is of these parameters, or nothing is."""
        served = self._served or parameters.parameters
        same = len(served) == len(parameters.parameters)
        return same and all(map(operator.is_, served, parameters.parameters))

    def step(self, parameters: ParameterVector) -> None:
        """Change `parameters.value` in place, given `parameters.grad`, both of shape (size,).

        Raises
        ------
        TypeError
            If it is no ParameterVector.
        FloatingPointError
            If the gradient is not finite, or too large for the rule: nothing is changed then.
        """
        if not isinstance(parameters, ParameterVector):
            raise TypeError(f"step expected a ParameterVector, got a {type(parameters).__name__}")
        value, gradient = parameters.value, parameters.grad
        # The norm's square is NaN or infinite if a number is; vdot computes it without a warning.
        square = float(np.vdot(gradient, gradient))
        if not square < LARGE_SQUARE and not np.isfinite(gradient).all():
            raise GradientError("the gradient is not finite")
        if self.clip_norm is not None or self.clip_value is not None:
            gradient = self._clipped(gradient, square)
        rate = self.rate
        if self.weight_decay:
            decayed = self._scratch("decay", value)
            # decay = weight_decay * value, where a parameter decays
            np.multiply(value, self._decay(parameters), out=decayed)
            if not self.decoupled:
                gradient = np.add(gradient, decayed, out=decayed)
                square = float(np.vdot(gradient, gradient))
        if not square < LARGE_SQUARE:
            self._check_size(gradient)
        if self.weight_decay and self.decoupled:
            decayed *= rate
            value -= decayed
        self.steps += 1
        self.update(value, gradient, rate)

    @abstractmethod
    def update(self, value: Array, gradient: Array, rate: float) -> None:
        """Change `value` in place; the rule itself.

        Parameters
        ----------
        value, gradient
            θ and g, shape (size,). The gradient is not to be written to.
        rate
            η of this step, which is number `self.steps`, counted from 1.
        """

    def largest(self, dtype: np.dtype[Any]) -> float:  # noqa: ARG002 - for subclasses
        """Return the largest |gᵢ| that the rule can take a step with; here any."""
        return math.inf

    def reset(self) -> None:
        """Forget what was remembered from earlier steps."""
        self.steps = 0
        self.epoch = 0.0
        self._slots, self._memory, self._served = {}, {}, ()
        if isinstance(self._learning_rate, Schedule):
            self._learning_rate.reset()

    def observe(self, figures: Mapping[str, float]) -> None:
        """Take notice of an epoch's figures, as some schedules do; `fit` calls it."""
        if isinstance(self._learning_rate, Schedule):
            self._learning_rate.observe(figures)

    def state(self) -> dict[str, Array]:
        """Return what is remembered from step to step, by name; not copies."""
        return dict(self._slots)

    def restore(self, steps: int, epoch: float, state: Mapping[str, Array]) -> None:
        """Go on from what `state` returned after so many steps and epochs."""
        self.steps, self.epoch = steps, epoch
        self._slots = dict(state)

    def _slot(self, name: str, value: Array) -> Array:
        """Return what is remembered under a name, shaped as θ; zeros at first."""
        return _like(value, self._slots, name)

    def _scratch(self, name: str, value: Array) -> Array:
        """Return memory for intermediate results; what is in it is not remembered."""
        return _like(value, self._memory, name)

    def _clipped(self, gradient: Array, square: float) -> Array:
        """Return the gradient, whose squared norm is given, within its bounds; in own memory."""
        clipped = self._scratch("clipped", gradient)
        if self.clip_value is not None:
            gradient = np.clip(gradient, -self.clip_value, self.clip_value, out=clipped)
            square = float(np.vdot(gradient, gradient))
        if self.clip_norm is None:
            return gradient
        if SMALL_SQUARE < square < LARGE_SQUARE:
            return np.multiply(gradient, min(1.0, self.clip_norm / math.sqrt(square)), out=clipped)
        # The squares overflow, or vanish: measure the gradient by its largest number.
        largest = float(np.abs(gradient).max())
        if not largest:
            return gradient
        unit = np.divide(gradient, largest, out=clipped)
        norm = math.sqrt(float(unit.dot(unit)))
        return np.multiply(unit, min(largest, self.clip_norm / norm), out=clipped)

    def _check_size(self, gradient: Array) -> None:
        """Raise GradientError if the gradient is too large for the rule, or not finite."""
        found, largest = float(np.abs(gradient).max()), self.largest(gradient.dtype)
        if not math.isfinite(found):
            raise GradientError("the gradient with its weight decay is not finite")
        if found > largest:
            raise GradientError(
                f"{type(self).__name__} squares the gradient, of which the largest number is "
                f"{found:.2g}: more than {largest:.2g} has no square in {gradient.dtype} that it "
                "can go on with; clip_norm=1.0 would bound it"
            )

    def _decay(self, parameters: ParameterVector) -> Any:
        """Return λ, or λ and 0 for each number, where biases are spared."""
        if self.decay_biases:
            return self.weight_decay
        factors = self._memory.get("factors")
        if factors is None or factors.shape != parameters.value.shape:
            dtype = parameters.value.dtype
            parts = [
                np.full(p.size, self.weight_decay if len(p.shape) > 1 else 0, dtype)
                for p in parameters.parameters
            ]
            factors = self._memory["factors"] = np.concatenate(parts)
        return factors

    def __repr__(self) -> str:
        return constructor_call(self)


OptimizerLike: TypeAlias = Optimizer | type[Optimizer] | str
"""What may be given as an optimizer: an object, its class, or its name, such as "adam"."""


def _unknown_option(kind: type[Optimizer], option: str) -> TypeError:
    taken = [name for name in inspect.signature(kind).parameters if name != "options"]
    owners = [base.__name__ for base in kind.__mro__]
    return unknown_argument(kind.__name__, owners, option, [*taken, *StepOptions.__annotations__])


def _bound(name: str, value: float | None) -> float | None:
    return None if value is None else real_number(name, value, above=0)


def _like(value: Array, arrays: dict[str, Array], name: str) -> Array:
    """Return the array of that name, made of zeros where there is none of θ's size and dtype."""
    array = arrays.get(name)
    if array is None or len(array) != len(value) or array.dtype != value.dtype:
        array = arrays[name] = aligned_zeros(len(value), value.dtype)
    return array
