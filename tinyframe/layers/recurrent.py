"""Recurrent layers: one step after the other along time, with a state that is carried on."""

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from tinyframe.initializers import glorot_uniform, orthogonal, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import batched, boolean, positive_integer, real_number
from tinyframe.utils.products import matmul, quiet_dot, quiet_matmul, sums


class Recurrent(Layer):
    """The time loop that `RNN`, `LSTM` and `GRU` share; each of them defines one step of it.

    x is (batch, time, features). At each step t the gates' inputs

        z_t = Wᵀ x_t + b        and        Uᵀ h_{t−1}

    become, in `_step`, the state h_t (units,) and what else is carried on. W is (features, gates ·
    units), U (units, gates · units), b (gates · units,). All of time's Wᵀ x are one product, and so
    are dW and dU; only U's product with h waits for the step before. Arrays are (time, units,
    batch), so that a step's lie together in memory. A logistic gate is computed as
    σ(z) = (1 + tanh(z/2)) / 2: its rows of W, U and b are halved on the way.

    Parameters
    ----------
    units : int
        Size of h.
    return_sequences : bool
        Whether y is h_t for all t, (batch, time, units), or the last one alone, (batch, units).
    padding : float, optional
        A step whose features all equal this is padding: the state is carried over it. Sequences of
        different lengths are filled up with it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or x is not (batch, time, features).
    """

    logistic: ClassVar[tuple[bool, ...]]
    """For each gate whether it is σ; the others are tanh."""
    states: ClassVar[int] = 1
    """Arrays that are carried on; the first of them is h."""

    weight: Parameter
    recurrent_weight: Parameter
    bias: Parameter

    def __init__(
        self, units: int, *, return_sequences: bool = False, padding: float | None = None
    ) -> None:
        self.units = positive_integer("units", units)
        self.return_sequences = boolean("return_sequences", return_sequences)
        self.padding = padding if padding is None else real_number("padding", padding)

    def setup(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:  # noqa: PLR2004 - (time, features)
            raise ValueError(
                f"{self!r} expected (batch, time, features), got {batched(input_shape)}"
            )
        time, features = input_shape
        gates = len(self.logistic)
        # Kept transposed in memory, (gates · units, …), gate by gate.
        shape = (features, gates * self.units)
        self.weight = Parameter(shape, glorot_uniform, dtype=self.dtype, order="F")
        shape = (self.units, gates * self.units)
        self.recurrent_weight = Parameter(shape, orthogonal, dtype=self.dtype, order="F")
        self.bias = Parameter((gates * self.units,), zeros, dtype=self.dtype)
        return (time, self.units) if self.return_sequences else (self.units,)

    @property
    def multiply_adds(self) -> int:
        time = (self.input_shape or (0,))[0]
        return time * (self.weight.size + self.recurrent_weight.size)

    @abstractmethod
    def _step(self, z: Array, before: Array, after: Array, kept: Array, U: Array) -> None:
        """Write the states after a step, and turn z into the gates.

        Parameters
        ----------
        z
            Wᵀ x_t + b, shape (gates · units, batch), halved where a gate is logistic.
        before, after
            The states, (states, units, batch).
        kept
            Room for one more array that backward needs, (units, batch).
        U
            Uᵀ, shape (gates · units, units), halved likewise.
        """

    @abstractmethod
    def _slopes(self, gates: Array, states: Array, kept: Array) -> tuple[Array, ...]:
        """Return, for all steps at once, the factors of the derivatives in `_step_back`.

        Parameters
        ----------
        gates, states, kept
            As the steps left them: (time, gates · units, batch), (states, time + 1, units, batch),
            (time, units, batch).
        """

    @abstractmethod
    def _step_back(self, d: Array, dz: Array, *slopes: Array) -> None:
        """Turn ∂L/∂states after a step into those before it, in place, and write ∂L/∂z to dz.

        Parameters
        ----------
        d
            Shape (states, units, batch).
        dz
            Shape (gates · units, batch).
        *slopes
            What `_slopes` returned, of this step.
        """

    def forward(self, x: Array, training: bool = False) -> Array:
        x = self._input(x)
        batch, time, _ = x.shape
        half = self._half(1)
        W, b = self.weight.value.T * half, self.bias.value[:, np.newaxis] * self._half(batch)
        U = self.recurrent_weight.value.T * half
        gates = quiet_matmul(W, x.transpose(1, 2, 0))  # (time, gates · units, batch)
        gates += b
        states = np.zeros((self.states, time + 1, self.units, batch), self.dtype, like=x)
        kept = np.empty((time, self.units, batch), self.dtype, like=x)
        skipped = None if self.padding is None else (x == self.padding).all(axis=2).T
        for t in range(time):
            before, after = states[:, t], states[:, t + 1]
            self._step(gates[t], before, after, kept[t], U)
            if skipped is not None:
                np.copyto(after, before, where=skipped[t])
        if training:
            self._saved = x, gates, states, kept, skipped
        h = states[0, 1:] if self.return_sequences else states[0, -1]
        return np.moveaxis(h, -1, 0) if training else np.moveaxis(h, -1, 0).copy()

    def backward(self, dy: Array) -> Array:
        dz = self._backward_through_time(dy)
        dx = quiet_matmul(self.weight.value, dz)  # W dz, for all steps at once
        return dx.transpose(2, 0, 1)

    def backward_parameters(self, dy: Array) -> None:
        self._backward_through_time(dy)

    def _backward_through_time(self, dy: Array) -> Array:
        """Write the gradients of the parameters and return ∂L/∂z, (time, gates · units, batch)."""
        x, gates, states, kept, skipped = self._recall()
        dy = np.moveaxis(dy, 0, -1)
        slopes = self._slopes(gates, states, kept)
        dz = np.empty_like(gates)
        d = np.zeros_like(states[:, 0])
        if not self.return_sequences:
            d[0] += dy
        for t in reversed(range(len(dz))):
            if self.return_sequences:
                d[0] += dy[t]
            passing = d * skipped[t] if skipped is not None else None
            if passing is not None:
                d -= passing
            self._step_back(d, dz[t], *(slope[t] for slope in slopes))
            if passing is not None:
                d += passing
        flat = by_row(dz)
        steps = x.swapaxes(0, 1).reshape(flat.shape[1], x.shape[2])
        matmul(steps.T, flat.T, out=self.weight.grad)
        sums(flat, axis=1, out=self.bias.grad)
        self._recurrent_gradient(flat, by_row(states[0, :-1]), kept)
        return dz

    def _recurrent_gradient(self, dz: Array, h: Array, kept: Array) -> None:
        """Write ∂L/∂U, from ∂L/∂z and the states before each step, (rows, time · batch)."""
        matmul(h, dz.T, out=self.recurrent_weight.grad)

    def _half(self, batch: int, *, rest: bool = False) -> Array:
        """Return 1/2 in the rows of logistic gates, 1 elsewhere; 1 minus that for the `rest`.

        Shape (gates · units, batch).
        """
        return _halves(self.logistic, self.units, batch, self.dtype)[int(rest)]

    def _squash(self, z: Array) -> None:
        """Turn z, halved where a gate is logistic, into σ or tanh of it, in place."""
        np.tanh(z, out=z)
        z *= self._half(z.shape[1])[: len(z)]
        z += self._half(z.shape[1], rest=True)[: len(z)]


@lru_cache(maxsize=16)
def _halves(
    logistic: tuple[bool, ...], units: int, batch: int, dtype: "np.dtype[Any]"
) -> tuple[Array, Array]:
    of_gates = np.where(logistic, 0.5, 1.0).astype(dtype).repeat(units * batch)
    halves = of_gates.reshape(len(logistic) * units, batch)
    return halves, 1 - halves


def by_row(x: Array) -> Array:
    """Return (time, rows, batch) as (rows, time · batch)."""
    return x.swapaxes(0, 1).reshape(x.shape[1], len(x) * x.shape[2])


class RNN(Recurrent):
    """h_t = tanh(Wᵀ x_t + Uᵀ h_{t−1} + b), starting from h = 0.

    x is (batch, time, features), y (batch, units) or (batch, time, units); W (features, units),
    U (units, units), b (units,).

    With a = Wᵀ x_t + Uᵀ h_{t−1} + b:

        da = (1 − h_t²) dh_t        dh_{t−1} = U da + what comes from y_{t−1}

    Arguments and errors are those of `Recurrent`. Source: Elman, "Finding Structure in Time", 1990.

    Examples
    --------
    >>> RNN(16)(np.zeros((32, 10, 3))).shape
    (32, 16)
    >>> RNN(16, return_sequences=True)(np.zeros((32, 10, 3))).shape
    (32, 10, 16)
    """

    logistic = (False,)

    def _step(self, z: Array, before: Array, after: Array, kept: Array, U: Array) -> None:
        z += quiet_dot(U, before[0])
        np.tanh(z, out=after[0])

    def _slopes(self, gates: Array, states: Array, kept: Array) -> tuple[Array, ...]:
        h = states[0, 1:]
        return (1 - h * h,)

    def _step_back(self, d: Array, dz: Array, *slopes: Array) -> None:
        np.multiply(slopes[0], d[0], out=dz)
        quiet_dot(self.recurrent_weight.value, dz, d[0])
