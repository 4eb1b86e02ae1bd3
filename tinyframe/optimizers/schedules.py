"""Schedules: the learning rate as a function of the epoch."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

from tinyframe.utils.attributes import Hinted
from tinyframe.utils.checks import positive_integer, real_number
from tinyframe.utils.direction import Mode, direction
from tinyframe.utils.reprs import constructor_call


class Schedule(Hinted, ABC):
    """η(t), where t is the number of epochs done, with fractions: after half of the first, 0.5.

    So a schedule is the same for any batch size and any amount of data. Pass one to an optimizer:
    `SGD(CosineDecay(0.1, epochs=20))`. A schedule of one's own defines `__call__`.

    Examples
    --------
    >>> class Halving(Schedule):
    ...     def __call__(self, epoch):
    ...         return 0.1 / 2**epoch
    ...
    >>> SGD(Halving())
    SGD(Halving())
    """

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """Return η after so many epochs."""

    def observe(self, figures: Mapping[str, float]) -> None:
        """Take notice of an epoch's figures; `fit` calls it after each."""

    def reset(self) -> None:
        """Forget what was observed."""

    def __repr__(self) -> str:
        return constructor_call(self)


class StepDecay(Schedule):
    """η = η₀ fᵏ, where k is how often `every` epochs are over: it drops by a factor now and then.

    Parameters
    ----------
    learning_rate : float
        η₀ > 0.
    every : int
        Epochs from one drop to the next.
    factor : float
        0 < f ≤ 1.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = StepDecay(0.5, every=10, factor=0.5)
    >>> [schedule(epoch) for epoch in (0, 9.9, 10, 25)]
    [0.5, 0.5, 0.25, 0.125]
    """

    def __init__(self, learning_rate: float, every: int, factor: float = 0.1) -> None:
        self.learning_rate = real_number("learning_rate", learning_rate, above=0)
        self.every = positive_integer("every", every)
        self.factor = _factor(factor)

    def __call__(self, epoch: float) -> float:
        return float(self.learning_rate * self.factor ** (epoch // self.every))


class ExponentialDecay(Schedule):
    """η = η₀ fᵗ: it falls by the factor f each epoch, a little each step.

    Parameters
    ----------
    learning_rate : float
        η₀ > 0.
    factor : float
        0 < f ≤ 1.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = ExponentialDecay(0.1, factor=0.5)
    >>> [schedule(epoch) for epoch in (0, 1, 2)]
    [0.1, 0.05, 0.025]
    """

    def __init__(self, learning_rate: float, factor: float) -> None:
        self.learning_rate = real_number("learning_rate", learning_rate, above=0)
        self.factor = _factor(factor)

    def __call__(self, epoch: float) -> float:
        return float(self.learning_rate * self.factor**epoch)


class CosineDecay(Schedule):
    """η falls from η₀ to η₁ along half a cosine, after a linear rise in the first epochs.

        η = η₁ + (η₀ − η₁) (1 + cos πu) / 2,  where u goes from 0 to 1 between warm-up and the end

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    Parameters
    ----------
    learning_rate : float
        η₀ > 0.
    epochs : float
        When η₁ is reached; it stays there.
    warmup : float
        Epochs of rise from 0 (nearly) to η₀, fewer than `epochs`.
    final : float
        η₁ ≥ 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = CosineDecay(0.1, epochs=20, warmup=2)
    >>> [round(schedule(epoch), 4) for epoch in (0, 1, 2, 11, 20)]
    [0.0001, 0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self, learning_rate: float, epochs: float, *, warmup: float = 0.0, final: float = 0.0
    ) -> None:
        self.learning_rate = real_number("learning_rate", learning_rate, above=0)
        self.epochs = real_number("epochs", epochs, above=0)
        self.warmup = real_number("warmup", warmup, at_least=0, below=self.epochs)
        self.final = real_number("final", final, at_least=0)

    def __call__(self, epoch: float) -> float:
        if epoch < self.warmup:
            return self.learning_rate * max(epoch / self.warmup, 1e-3)
        part = min((epoch - self.warmup) / (self.epochs - self.warmup), 1.0)
        return _cosine(self.learning_rate, self.final, part)


class OneCycle(Schedule):
    """η rises from η₀ / 25 to η₀ along half a cosine, and falls to nearly 0 along another.

    Source: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates", 2018.

    Parameters
    ----------
    learning_rate : float
        η₀ > 0, the highest.
    epochs : float
        When the cycle ends.
    rise : float
        Part of the cycle that η rises, 0 < rise < 1.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> schedule = OneCycle(0.1, epochs=10)
    >>> [round(schedule(epoch), 4) for epoch in (0, 3, 10)]
    [0.004, 0.1, 0.0]
    """

    def __init__(self, learning_rate: float, epochs: float, rise: float = 0.3) -> None:
        self.learning_rate = real_number("learning_rate", learning_rate, above=0)
        self.epochs = real_number("epochs", epochs, above=0)
        self.rise = real_number("rise", rise, above=0, below=1)

    def __call__(self, epoch: float) -> float:
        start = self.learning_rate / 25
        part = min(epoch / self.epochs, 1.0)
        if part < self.rise:
            return _cosine(start, self.learning_rate, part / self.rise)
        return _cosine(self.learning_rate, start / 1e4, (part - self.rise) / (1 - self.rise))


class ReduceOnPlateau(Schedule):
    """η ← f η whenever a figure has not improved for some epochs.

    Parameters
    ----------
    learning_rate : float
        η at the start, > 0.
    monitor : str
        The figure, as in the history: by default "val_loss", or "loss" where there is none.
    factor : float
        0 < f < 1.
    patience : int
        Epochs without improvement that are put up with.
    min_delta : float
        Less than this is no improvement.
    minimum : float
        η stays at or above it.
    mode : {"min", "max"}, optional
        What is better; by default as the name says: losses and errors fall, accuracy rises.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, or the figure's name does not tell the mode.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(0.5, factor=0.5, patience=2)
    >>> for loss in (1.0, 0.9, 0.9, 0.9):
    ...     schedule.observe({"loss": loss})
    ...
    >>> schedule(4)
    0.25
    """

    def __init__(
        self,
        learning_rate: float,
        monitor: str | None = None,
        factor: float = 0.1,
        patience: int = 5,
        min_delta: float = 0.0,
        minimum: float = 0.0,
        mode: Mode | None = None,
    ) -> None:
        self.learning_rate = real_number("learning_rate", learning_rate, above=0)
        direction("loss" if monitor is None else monitor, mode)
        self.monitor = monitor
        self.mode = mode
        self.factor = real_number("factor", factor, above=0, below=1)
        self.patience = positive_integer("patience", patience)
        self.min_delta = real_number("min_delta", min_delta, at_least=0)
        self.minimum = real_number("minimum", minimum, at_least=0)
        self.reset()

    def reset(self) -> None:
        self.rate = self.learning_rate
        self.best = math.inf
        self.waited = 0

    def __call__(self, epoch: float) -> float:  # noqa: ARG002 - only figures count
        return self.rate

    def observe(self, figures: Mapping[str, float]) -> None:
        """Take notice of an epoch's figures.

        Raises
        ------
        ValueError
            If what is monitored is not among them.
        """
        name = self.monitor or ("val_loss" if "val_loss" in figures else "loss")
        if name not in figures:
            raise ValueError(f"monitor expected one of {', '.join(figures)}, got {name!r}")
        figure = figures[name] if direction(name, self.mode) == "min" else -figures[name]
        if figure < self.best - self.min_delta:
            self.best, self.waited = figure, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.rate = max(self.rate * self.factor, self.minimum)
            self.waited = 0


def _factor(value: float) -> float:
    factor = real_number("factor", value, above=0)
    if factor > 1:
        raise ValueError(f"factor expected a number up to 1, got {value!r}")
    return factor


def _cosine(start: float, end: float, part: float) -> float:
    """Return the way from start to end after a part of it, along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
