"""Recurrent layers with gates, which decide what is kept, written and read."""

import numpy as np

from tinyframe.initializers import zeros
from tinyframe.layers.recurrent import Recurrent, by_row
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.products import matmul, quiet_dot, sums


class LSTM(Recurrent):
    """Long short-term memory: a cell c that is written to, kept and read through gates.

        i, f, o = σ(aᵢ), σ(a_f), σ(a_o)    g = tanh(a_g)    a = Wᵀ x_t + Uᵀ h_{t−1} + b
        c_t = f c_{t−1} + i g              h_t = o tanh(c_t)

    starting from h = c = 0, the gates in the order i, f, g, o. x is (batch, time, features),
    y (batch, units) or (batch, time, units); W (features, 4 · units), U (units, 4 · units). With
    q = tanh(c_t):

        do = dh q        dc += dh o (1 − q²)        di = dc g        df = dc c_{t−1}
        dg = dc i        dc_{t−1} = dc f            da = slope · d(gate),  dh_{t−1} = U da

    with the slopes σ (1 − σ) and 1 − g². The forget gates' part of b starts at 0, as all of b.
    Arguments and errors are those of `Recurrent`. Source: Hochreiter and Schmidhuber, "Long
    Short-Term Memory", 1997; with forget gates Gers, Schmidhuber and Cummins, 2000.

    Examples
    --------
    >>> LSTM(16)(np.zeros((32, 10, 3))).shape
    (32, 16)
    >>> LSTM(16, return_sequences=True)(np.zeros((32, 10, 3))).shape
    (32, 10, 16)
    """

    logistic = (True, True, False, True)
    states = 2

    def _step(self, z: Array, before: Array, after: Array, kept: Array, U: Array) -> None:
        z += quiet_dot(U, before[0])
        self._squash(z)
        i, f, g, o = z.reshape(4, self.units, z.shape[1])
        h, c = after
        np.add(f * before[1], i * g, out=c)
        np.tanh(c, out=kept)
        np.multiply(o, kept, out=h)

    def _slopes(self, gates: Array, states: Array, kept: Array) -> tuple[Array, ...]:
        i, f, g, o = gates.reshape(len(gates), 4, *kept.shape[1:]).swapaxes(0, 1)
        q, c = kept, states[1, :-1]
        # ∂z by dc (three gates) and by dh (the last one), as the derivatives above have them
        of = np.empty_like(gates).reshape(len(q), 4, *q.shape[1:])
        np.multiply(g * i, 1 - i, out=of[:, 0])
        np.multiply(c * f, 1 - f, out=of[:, 1])
        np.multiply(i, 1 - g * g, out=of[:, 2])
        np.multiply(q * o, 1 - o, out=of[:, 3])
        return of, o * (1 - q * q), f

    def _step_back(self, d: Array, dz: Array, *slopes: Array) -> None:
        of, dc_by_dh, f = slopes
        dh, dc = d
        gates = dz.reshape(4, *dh.shape)
        dc += dh * dc_by_dh
        np.multiply(of[:3], dc, out=gates[:3])
        np.multiply(of[3], dh, out=gates[3])
        dc *= f
        quiet_dot(self.recurrent_weight.value, dz, dh)


class GRU(Recurrent):
    """Gated recurrent unit: a state that is partly kept, partly renewed.

        r, k = σ(a_r), σ(a_k)        n = tanh(Wₙᵀ x_t + bₙ + r v)        v = Uₙᵀ h_{t−1} + b'
        h_t = (1 − k) n + k h_{t−1}

    starting from h = 0. x is (batch, time, features), y (batch, units) or (batch, time, units);
    W is (features, 3 · units), U (units, 3 · units). Here a = Wᵀ x_t + Uᵀ h_{t−1} + b, the gates in
    the order r, k, n; b' is `recurrent_bias` (units,). It is the form in which the reset gate r
    acts after the product.

        dn = dh (1 − k)      dk = dh (h_{t−1} − n)      da_n = (1 − n²) dn      dr = da_n v
        dv = da_n r          dh_{t−1} = dh k + U (da_r, da_k, dv)

    Arguments and errors are those of `Recurrent`. Source: Cho et al., "Learning Phrase
    Representations using RNN Encoder–Decoder", 2014.

    Examples
    --------
    >>> GRU(16)(np.zeros((32, 10, 3))).shape
    (32, 16)
    >>> GRU(16, return_sequences=True)(np.zeros((32, 10, 3))).shape
    (32, 10, 16)
    """

    logistic = (True, True, False)

    recurrent_bias: Parameter

    def setup(self, input_shape: Shape) -> Shape:
        shape = super().setup(input_shape)
        self.recurrent_bias = Parameter((self.units,), zeros, dtype=self.dtype)
        return shape

    def _step(self, z: Array, before: Array, after: Array, kept: Array, U: Array) -> None:
        u, h = self.units, before[0]
        Uh = quiet_dot(U, h)
        z[: 2 * u] += Uh[: 2 * u]
        self._squash(z[: 2 * u])
        np.add(Uh[2 * u :], self.recurrent_bias.value[:, np.newaxis], out=kept)  # v
        r, k, n = z.reshape(3, *h.shape)
        n += r * kept
        np.tanh(n, out=n)
        np.add(n, k * (h - n), out=after[0])

    def _slopes(self, gates: Array, states: Array, kept: Array) -> tuple[Array, ...]:
        r, k, n = gates.reshape(len(gates), 3, *kept.shape[1:]).swapaxes(0, 1)
        h, v = states[0, :-1], kept
        of_n = (1 - k) * (1 - n * n)
        by_dh = np.stack([of_n * v * r * (1 - r), (h - n) * k * (1 - k), of_n], axis=1)
        return by_dh, r, k

    def _step_back(self, d: Array, dz: Array, *slopes: Array) -> None:
        by_dh, r, k = slopes
        u, dh, U = self.units, d[0], self.recurrent_weight.value
        np.multiply(by_dh, dh, out=dz.reshape(3, *dh.shape))
        dh *= k
        dh += quiet_dot(U[:, : 2 * u], dz[: 2 * u])
        dh += quiet_dot(U[:, 2 * u :], dz[2 * u :] * r)

    def _recurrent_gradient(self, dz: Array, h: Array, kept: Array) -> None:
        u = self.units
        r = self._recall()[1][:, :u]
        dv = dz[2 * u :] * by_row(r)
        matmul(h, np.concatenate([dz[: 2 * u], dv]).T, out=self.recurrent_weight.grad)
        sums(dv, axis=1, out=self.recurrent_bias.grad)
