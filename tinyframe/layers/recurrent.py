"""Recurrent layers: one step after the other along time, with a state that is carried on."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from tinyframe.checks import batched, boolean, positive_integer, real_number
from tinyframe.initializers import glorot_uniform, orthogonal, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.products import quiet_matmul
from tinyframe.scratch import anew
from tinyframe.types import Array, Shape


class Recurrent(Layer):
    """The time loop that `RNN`, `LSTM` and `GRU` share; each of them defines one step of it.

    x is (batch, time, features). At each step t the gates' inputs

        z_t = Wᵀ x_t + b        and        Uᵀ h_{t−1}

    become, in `_step`, the state h_t (units,) and what else is carried on. W is (features, gates ·
    units), U (units, gates · units), b (gates · units,). All of time's Wᵀ x are one product, and so
    are dW and dU; only U's product with h waits for the step before. Arrays lie (time, units,
    batch) in memory, so that a step's are contiguous. A logistic gate is computed as
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

    halved: ClassVar[tuple[bool, ...]]
    """For each gate whether it is logistic."""
    states: ClassVar[int] = 1
    """Arrays that are carried on; the first of them is h."""
    kept: ClassVar[int] = 0
    """Further arrays (units, batch) that `_step` keeps for `_step_back`, below the gates in z."""

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
        gates = len(self.halved)
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
    def _step(self, z: Array, before: list[Array], after: list[Array], U: Array) -> None:
        """Compute the states after a step from those before it; turn z into what backward needs.

        Parameters
        ----------
        z
            Wᵀ x_t + b, shape (gates · units, batch), halved where a gate is logistic; and below it
            room for what is kept.
        before, after
            The states, each (units, batch).
        U
            Uᵀ, shape (gates · units, units), halved likewise.
        """

    @abstractmethod
    def _step_back(
        self, z: Array, before: list[Array], after: list[Array], d: list[Array], dz: Array
    ) -> None:
        """Turn ∂L/∂states after a step into those before it, and write ∂L/∂z to dz.

        Parameters
        ----------
        z, before, after
            As `_step` left them.
        d
            ∂L/∂ each state after the step; becomes that before it, in place.
        dz
            Of the shape of z, for z not halved.
        """

    def forward(self, x: Array, training: bool = False) -> Array:
        x = np.asarray(x, self.dtype)
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        batch, time, features = x.shape
        reused = self._reused if training else anew
        xT: Array = reused(
            "x", np.ones, (time, features + 1, batch), self.dtype
        )  # a row of ones for b
        xT[:, :-1] = x.transpose(1, 2, 0)
        scale = np.repeat(np.where(self.halved, 0.5, 1.0), self.units).astype(self.dtype)
        W = np.column_stack([self.weight.value.T, self.bias.value]) * scale[:, np.newaxis]
        U = self.recurrent_weight.value.T * scale[:, np.newaxis]
        z: Array = reused("z", np.empty, (time, len(W) + self.kept * self.units, batch), self.dtype)
        for x_t, z_t in zip(xT, z, strict=True):
            W.dot(x_t, z_t[: len(W)])
        shape = (self.states, time + 1, self.units, batch)
        states = reused("states", np.zeros, shape, self.dtype)
        skipped: Array | None = None  # (time, batch)
        if self.padding is not None:
            skipped = (x == self.padding).all(axis=2).T
        for t in range(time):
            before, after = list(states[:, t]), list(states[:, t + 1])
            self._step(z[t], before, after, U)
            if skipped is not None:
                for old, new in zip(before, after, strict=True):
                    np.copyto(new, old, where=skipped[t])
        if training:
            self._saved = xT, z, states, skipped
        h = states[0, 1:]
        if self.return_sequences:
            sequence: Array = h.transpose(2, 0, 1)
            return sequence
        last: Array = h[-1].T
        return last if training else last.copy()

    def backward(self, dy: Array) -> Array:
        self.backward_parameters(dy)
        features, rows = self.weight.shape
        dz = self._dz[:, :rows]
        # dx = W dz, for all steps at once
        dx = self._empty("dx", (len(dz), features, dz.shape[2]), self.dtype)
        for dz_t, dx_t in zip(dz, dx, strict=True):
            self.weight.value.dot(dz_t, dx_t)
        return dx.transpose(2, 0, 1)

    def backward_parameters(self, dy: Array) -> None:
        xT, z, states, skipped = self._recall()
        dz = self._empty("dz", z.shape, self.dtype)
        both: Array = self._reused("d", np.empty, states[:, 0].shape, self.dtype)
        d: list[Array] = list(both)
        for gradient in d:
            gradient.fill(0)
        dyT = dy.transpose(1, 2, 0) if self.return_sequences else None
        if dyT is None:
            d[0] += dy.T
        for t in reversed(range(len(z))):
            if dyT is not None:
                d[0] += dyT[t]
            passing = [gradient * skipped[t] for gradient in d] if skipped is not None else []
            for gradient, past in zip(d, passing, strict=False):
                gradient -= past
            self._step_back(z[t], list(states[:, t]), list(states[:, t + 1]), d, dz[t])
            for gradient, past in zip(d, passing, strict=False):
                gradient += past
        self._dz = dz
        flat = self._by_gate(dz, "flat dz")
        # dW = sum of x dzᵀ over all steps, db likewise; dU = sum of h dzᵀ
        ours = flat[: self.weight.shape[1]].dot(self._by_gate(xT, "flat x").T)
        self.weight.grad[...] = ours[:, :-1].T
        self.bias.grad[...] = ours[:, -1]
        self._recurrent_gradient(flat, self._by_gate(states[0, :-1], "flat h"))

    def _recurrent_gradient(self, dz: Array, h: Array) -> None:
        """Write dU, from ∂L/∂z (rows of z, time · batch) and h before each step."""
        quiet_matmul(dz, h.T, self.recurrent_weight.grad.T)

    def _by_gate(self, x: Array, name: str) -> Array:
        """Return (time, rows, batch) as (rows, time · batch)."""
        time, rows, batch = x.shape
        flat = self._empty(name, (rows, time, batch), x.dtype)
        np.copyto(flat, x.transpose(1, 0, 2))
        return flat.reshape(rows, time * batch)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in super().__getstate__().items() if name != "_dz"}


class RNN(Recurrent):
    """h_t = tanh(Wᵀ x_t + Uᵀ h_{t−1} + b), starting from h = 0.

    x is (batch, time, features), y (batch, units) or (batch, time, units); W (features, units),
    U (units, units), b (units,).

    With a = Wᵀ x_t + Uᵀ h_{t−1} + b:

        da = (1 − h_t²) dh_t        dh_{t−1} = U da + what comes from y_{t−1}

    Arguments and errors are those of `Recurrent`. Source: Elman, "Finding Structure in Time", 1990.
    """

    halved = (False,)

    def _step(self, z: Array, before: list[Array], after: list[Array], U: Array) -> None:
        z += U.dot(before[0], self._buffer("Uh", z.shape, z.dtype))
        np.tanh(z, out=after[0])

    def _step_back(
        self, z: Array, before: list[Array], after: list[Array], d: list[Array], dz: Array
    ) -> None:
        # dz = (1 - h**2) * dh
        np.multiply(after[0], after[0], out=dz)
        np.subtract(1, dz, out=dz)
        dz *= d[0]
        self.recurrent_weight.value.dot(dz, d[0])
