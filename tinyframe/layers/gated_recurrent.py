"""Recurrent layers with gates, which decide what is kept, written and read."""

import numpy as np

from tinyframe.initializers import zeros
from tinyframe.layers.recurrent import Recurrent
from tinyframe.parameters import Parameter
from tinyframe.products import quiet_matmul
from tinyframe.types import Array, Shape


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
    """

    halved = (True, True, False, True)
    states = 2

    def _step(self, z: Array, before: list[Array], after: list[Array], U: Array) -> None:
        u = self.units
        z += U.dot(before[0], self._buffer("Uh", z.shape, z.dtype))
        np.tanh(z, out=z)
        for logistic in (z[: 2 * u], z[3 * u :]):
            logistic += 1
            logistic *= 0.5
        i, f, g, o = z[:u], z[u : 2 * u], z[2 * u : 3 * u], z[3 * u :]
        h, c = after
        # c = f * c + i * g;  h = o * tanh(c)
        np.multiply(i, g, h)
        np.multiply(f, before[1], c)
        c += h
        np.tanh(c, h)
        h *= o

    def _step_back(
        self, z: Array, before: list[Array], after: list[Array], d: list[Array], dz: Array
    ) -> None:
        u = self.units
        i, f, g, o = z[:u], z[u : 2 * u], z[2 * u : 3 * u], z[3 * u :]
        di, df, dg, do = dz[:u], dz[u : 2 * u], dz[2 * u : 3 * u], dz[3 * u :]
        dh, dc = d
        q = np.tanh(after[1], out=self._buffer_like("q", dh))
        # do = dh * q;  dc = dc + dh * o * (1 - q**2)
        np.multiply(dh, q, do)
        dh *= o
        dc += dh
        dh *= q
        dh *= q
        dc -= dh
        np.multiply(dc, g, di)
        np.multiply(dc, before[1], df)
        np.multiply(dc, i, dg)
        dc *= f
        # dz = slope * d(gate), with slopes gate * (1 - gate), and 1 - g**2
        slope = np.subtract(1, z, out=self._buffer_like("slope", z))
        slope *= z
        np.multiply(g, g, q)
        np.subtract(1, q, slope[2 * u : 3 * u])
        dz *= slope
        self.recurrent_weight.value.dot(dz, dh)


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
    """

    halved = (True, True, False)
    kept = 1  # v
    recurrent_bias: Parameter

    def setup(self, input_shape: Shape) -> Shape:
        shape = super().setup(input_shape)
        self.recurrent_bias = Parameter((self.units,), zeros, dtype=self.dtype)
        return shape

    def _step(self, z: Array, before: list[Array], after: list[Array], U: Array) -> None:
        u = self.units
        (h,) = before
        both = U.dot(h, self._buffer("Uh", (3 * u, h.shape[1]), h.dtype))
        gates, n, v = z[: 2 * u], z[2 * u : 3 * u], z[3 * u :]
        gates += both[: 2 * u]
        np.tanh(gates, out=gates)
        gates += 1
        gates *= 0.5
        np.add(both[2 * u :], self.recurrent_bias.value[:, np.newaxis], out=v)
        (new,) = after
        n += np.multiply(z[:u], v, new)
        np.tanh(n, out=n)
        # h = n + k * (h - n)
        np.subtract(h, n, out=new)
        new *= z[u : 2 * u]
        new += n

    def _step_back(
        self, z: Array, before: list[Array], after: list[Array], d: list[Array], dz: Array
    ) -> None:
        u = self.units
        r, k, n, v = z[:u], z[u : 2 * u], z[2 * u : 3 * u], z[3 * u :]
        dr, dk, dn, dv = dz[:u], dz[u : 2 * u], dz[2 * u : 3 * u], dz[3 * u :]
        (h,), (dh,) = before, d
        # dn = dh * (1 - k) * (1 - n**2);  dk = dh * (h - n) * k * (1 - k)
        np.subtract(h, n, out=dk)
        dk *= dh
        dk *= k
        rest = np.subtract(1, k, out=self._buffer_like("rest", dh))
        dk *= rest
        np.multiply(dh, rest, out=dn)
        np.multiply(n, n, out=rest)
        dn *= np.subtract(1, rest, out=rest)
        # dr = dn * v * r * (1 - r);  dv = dn * r
        np.multiply(dn, r, out=dv)
        np.multiply(dv, v, out=dr)
        dr *= np.subtract(1, r, out=rest)
        dh *= k
        U = self.recurrent_weight.value
        dh += U[:, : 2 * u].dot(dz[: 2 * u], rest)
        dh += U[:, 2 * u :].dot(dv, rest)

    def _recurrent_gradient(self, dz: Array, h: Array) -> None:
        u = self.units
        gradient = self.recurrent_weight.grad.T
        quiet_matmul(dz[: 2 * u], h.T, gradient[: 2 * u])
        quiet_matmul(dz[3 * u :], h.T, gradient[2 * u :])
        np.sum(dz[3 * u :], axis=1, out=self.recurrent_bias.grad)
