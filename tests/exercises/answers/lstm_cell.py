"""Answers to Exercise 7, an LSTM cell backward, as students write them."""

import numpy as np
from exercise_sheets import sheet

SHEET = sheet("lstm_cell")
sigmoid = SHEET.sigmoid


class Right1(SHEET.LSTMCell):
    def backward(self, dy):
        xh, c, i, f, g, o, t = self._saved
        dh, dc_new = np.split(dy, 2, axis=1)
        do, dc_new = self.through_output(dh, dc_new, o, t)
        di, df, dg, dc = self.through_memory(dc_new, c, i, f, g)
        dz = self.through_activations(di, df, dg, do, i, f, g, o)
        return np.concatenate([self.through_dense(dz, xh), dc], axis=1)

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dc_new + dh * o * (1 - t**2)

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * g, dc_new * c, dc_new * i, dc_new * f

    def through_activations(self, di, df, dg, do, i, f, g, o):
        di, df, do = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        return np.concatenate([di, df, dg * (1 - g**2), do], axis=1)

    def through_dense(self, dz, xh):
        self.weight.grad = xh.T @ dz
        self.bias.grad = dz.sum(axis=0)
        return dz @ self.weight.value.T


class Right2(Right1):
    """Save x and z alone; the slopes by 1/cosh², for σ(z) = (1 + tanh(z/2)) / 2."""

    def forward(self, x, training=False):
        x = self._input(x)
        n = self.units
        z = x[:, :-n] @ self.weight.value + self.bias.value
        half = np.tanh(z / 2) / 2
        gates, g = 0.5 + half, np.tanh(z[:, 2 * n : 3 * n])
        c_new = gates[:, n : 2 * n] * x[:, -n:] + gates[:, :n] * g
        if training:
            self._saved = x, z, c_new
        return np.hstack([gates[:, 3 * n :] * np.tanh(c_new), c_new])

    def backward(self, dy):
        x, z, c_new = self._saved
        n = self.units
        dh, dc = dy[:, :n], dy[:, n:]
        gates, slope = (1 + np.tanh(z / 2)) / 2, 1 / (4 * np.cosh(z / 2) ** 2)
        g, g_slope = np.tanh(z[:, 2 * n : 3 * n]), np.cosh(z[:, 2 * n : 3 * n]) ** -2
        dc = dc + dh * gates[:, 3 * n :] / np.cosh(c_new) ** 2
        dz = np.empty_like(z)
        dz[:, :n] = dc * g * slope[:, :n]
        dz[:, n : 2 * n] = dc * x[:, -n:] * slope[:, n : 2 * n]
        dz[:, 2 * n : 3 * n] = dc * gates[:, :n] * g_slope
        dz[:, 3 * n :] = dh * np.tanh(c_new) * slope[:, 3 * n :]
        np.einsum("ri,rj->ij", x[:, :-n], dz, out=self.weight.grad)
        np.einsum("rj->j", dz, out=self.bias.grad)
        return np.hstack([np.einsum("rj,ij->ri", dz, self.weight.value), dc * gates[:, n : 2 * n]])


class Right3(Right1):
    """Row by row, with outer products."""

    def backward(self, dy):
        n, W = self.units, self.weight.value
        dW, db, rows = np.zeros_like(W), np.zeros_like(self.bias.value), []
        for row, (xh, c, i, f, g, o, t) in zip(dy, zip(*self._saved, strict=True), strict=True):
            dc_new = row[n:] + row[:n] * o - row[:n] * o * t * t
            di, df, do = (
                dc_new * g * (i - i * i),
                dc_new * c * (f - f * f),
                row[:n] * t * (o - o * o),
            )
            dz = np.r_[di, df, dc_new * i * (1 - g) * (1 + g), do]
            dW += np.outer(xh, dz)
            db += dz
            rows.append(np.r_[W @ dz, dc_new * f])
        self.weight.grad, self.bias.grad = dW, db
        return np.array(rows)


class Right4(Right1):
    """The Jacobians of [h' c'] by z and by c, of each unit, and one product for the rest."""

    def backward(self, dy):
        xh, c, i, f, g, o, t = self._saved
        slope = o * (1 - t**2)
        by_z = [g * i * (1 - i), c * f * (1 - f), i * (1 - g**2), 0 * o]
        J_c = np.stack(by_z)  # (4, rows, units): of c' by the four blocks
        J_h = slope * J_c
        J_h[3] = t * o * (1 - o)
        dh, dc_new = dy[:, : self.units], dy[:, self.units :]
        dz = np.hstack(list(J_h * dh + J_c * dc_new))
        self.weight.grad[...] = np.dot(dz.T, xh).T
        self.bias.grad[...] = np.ones(len(dz), dz.dtype) @ dz
        return np.hstack([dz @ self.weight.value.T, f * (dc_new + slope * dh)])


class ForgetsTheWayThroughH(Right1):
    """Forgot that c' is in h', too."""

    mistake = "the way through h'"

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dc_new


class WayThroughHAlone(Right1):
    """Forgot the dc' that was given."""

    mistake = "the way through c'"

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dh * o * (1 - t**2)


class WayThroughHWithoutO(Right1):
    """Forgot the factor o on the way from h' to c'."""

    mistake = "the output gate"

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dc_new + dh * (1 - t**2)


class WayThroughHWithoutTanh(Right1):
    """Forgot the slope of tanh on the way from h' to c'."""

    mistake = "the slope of tanh"

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dc_new + dh * o


class TanhTwice(Right1):
    """Took tanh of t, which is tanh(c') already."""

    mistake = "the slope of tanh"

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dc_new + dh * o * (1 - np.tanh(t) ** 2)


class ForgetsTheSquare(Right1):
    """Wrote 1 − t for 1 − t²."""

    mistake = "the slope of tanh"

    def through_output(self, dh, dc_new, o, t):
        return dh * t, dc_new + dh * o * (1 - t)


class OutputGateWithoutTanh(Right1):
    """Forgot the factor tanh(c') in do."""

    mistake = "tanh(c') is missing"

    def through_output(self, dh, dc_new, o, t):
        return dh, dc_new + dh * o * (1 - t**2)


class OutputGateTimesTheMemory(Right1):
    """Forgot tanh in do: dh' c'."""

    mistake = "c' in place of tanh(c')"

    def through_output(self, dh, dc_new, o, t):
        return dh * np.arctanh(t), dc_new + dh * o * (1 - t**2)


class OutputGateTimesItself(Right1):
    """Multiplied dh' by o for do."""

    mistake = "o in its own derivative"

    def through_output(self, dh, dc_new, o, t):
        return dh * o, dc_new + dh * o * (1 - t**2)


class WritesIntoDy(Right1):
    """Wrote +=, and dc' is a view of dy."""

    mistake = "it writes to what is not its own"

    def through_output(self, dh, dc_new, o, t):
        dc_new += dh * o * (1 - t**2)
        return dh * t, dc_new


class MemoryFromTheGivenDc(Right1):
    """Took for dc the dc' that was given, before h' added its share."""

    mistake = "the dc' that was given"

    def backward(self, dy):
        dx = super().backward(dy)
        f = self._saved[3]
        dx[:, -self.units :] = dy[:, self.units :] * f
        return dx


class SwapsTheProduct(Right1):
    """Took di = dc' i and dg = dc' g."""

    mistake = "i and g exchanged"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * i, dc_new * c, dc_new * g, dc_new * f


class EachTimesItself(Right1):
    """Took dc' times each factor itself: di = dc' i, df = dc' f, dg = dc' g, dc = dc' c."""

    mistake = "each factor by itself"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * i, dc_new * f, dc_new * g, dc_new * c


class ForgetGateTimesItself(Right1):
    """Took df = dc' f."""

    mistake = "f in place of c"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * g, dc_new * f, dc_new * i, dc_new * f


class ForgetsTheForgetGate(Right1):
    """Took dc = dc'."""

    mistake = "the forget gate"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * g, dc_new * c, dc_new * i, dc_new


class MemoryByTheInputGate(Right1):
    """Took dc = dc' i."""

    mistake = "i in place of f"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * g, dc_new * c, dc_new * i, dc_new * i


class NothingForTheMemory(Right1):
    """Returned zeros for dc."""

    mistake = "no way to c"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * g, dc_new * c, dc_new * i, 0 * dc_new


class ForgetGateWithTheNewMemory(Right1):
    """Took df = dc' c', the new memory for the old."""

    mistake = "c' in place of c"

    def through_memory(self, dc_new, c, i, f, g):
        return dc_new * g, dc_new * (f * c + i * g), dc_new * i, dc_new * f


class SigmoidForTanh(Right1):
    """Took the slope of σ for g, too."""

    mistake = "g is a tanh"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        gates = [(di, i), (df, f), (dg, g), (do, o)]
        return np.concatenate([d * s * (1 - s) for d, s in gates], axis=1)


class TanhForSigmoid(Right1):
    """Took the slope of tanh for the gates, too."""

    mistake = "the gates are sigmoids"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        gates = [(di, i), (df, f), (dg, g), (do, o)]
        return np.concatenate([d * (1 - s**2) for d, s in gates], axis=1)


class ForgetsTheActivations(Right1):
    """Forgot all four slopes."""

    mistake = "the slopes of the gates"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        return np.concatenate([di, df, dg, do], axis=1)


class ForgetsTheSlopeOfG(Right1):
    """Forgot the slope of tanh for g."""

    mistake = "the slope of g"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        di, df, do = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        return np.concatenate([di, df, dg, do], axis=1)


class GWithoutSquare(Right1):
    """Wrote 1 − g for 1 − g²."""

    mistake = "the slope of g"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        di, df, do = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        return np.concatenate([di, df, dg * (1 - g), do], axis=1)


class SAlone(Right1):
    """Took s for the slope of σ."""

    mistake = "half of the slope of σ"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        return np.concatenate([di * i, df * f, dg * (1 - g**2), do * o], axis=1)


class OneMinusSAlone(Right1):
    """Took 1 − s for the slope of σ."""

    mistake = "half of the slope of σ"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        di, df, do = di * (1 - i), df * (1 - f), do * (1 - o)
        return np.concatenate([di, df, dg * (1 - g**2), do], axis=1)


class SigmoidTwice(Right1):
    """Took σ of the gates once more, in their slopes."""

    mistake = None

    def through_activations(self, di, df, dg, do, i, f, g, o):
        d = [e * sigmoid(s) * (1 - sigmoid(s)) for e, s in [(di, i), (df, f), (do, o)]]
        return np.concatenate([d[0], d[1], dg * (1 - g**2), d[2]], axis=1)


class OtherOrder(Right1):
    """Put the blocks in the order i f o g."""

    mistake = "the order of the blocks"

    def through_activations(self, di, df, dg, do, i, f, g, o):
        dz = super().through_activations(di, df, dg, do, i, f, g, o)
        i, f, g, o = np.split(dz, 4, axis=1)
        return np.concatenate([i, f, o, g], axis=1)


class MeansOfTheRows(Right1):
    """Divided the gradients by the number of rows."""

    mistake = "a mean over the rows"

    def through_dense(self, dz, xh):
        dxh = super().through_dense(dz, xh)
        self.weight.grad /= len(dz)
        self.bias.grad /= len(dz)
        return dxh


class BiasMean(Right1):
    """Wrote mean for sum in the gradient of the bias."""

    mistake = "a mean over the rows"

    def through_dense(self, dz, xh):
        dxh = super().through_dense(dz, xh)
        self.bias.grad = dz.mean(axis=0)
        return dxh


class ForgetsTheBiasGradient(Right1):
    """Left the gradient of the bias as it was."""

    mistake = "it is not written"

    def through_dense(self, dz, xh):
        self.weight.grad = xh.T @ dz
        return dz @ self.weight.value.T


class AddsToTheGradients(Right1):
    """Wrote += for =."""

    mistake = "it is added to what was there"

    def through_dense(self, dz, xh):
        self.weight.grad += xh.T @ dz
        self.bias.grad += dz.sum(axis=0)
        return dz @ self.weight.value.T


class TransposesTheWeightGradient(Right1):
    """Wrote dzᵀ [x h]."""

    mistake = "transposed"

    def through_dense(self, dz, xh):
        dxh = super().through_dense(dz, xh)
        self.weight.grad = dz.T @ xh
        return dxh


class MemoryFirst(Right1):
    """Returned [dc d[x h]]."""

    mistake = "the sides of dx"

    def backward(self, dy):
        dx = super().backward(dy)
        return np.concatenate([dx[:, -self.units :], dx[:, : -self.units]], axis=1)


class ForgetsDc(Right1):
    """Returned d[x h] alone."""

    mistake = None

    def backward(self, dy):
        return super().backward(dy)[:, : -self.units]


class SwapsTheHalvesOfDy(Right1):
    """Took dy for [dc' dh']."""

    mistake = "the halves of dy"

    def backward(self, dy):
        n = self.units
        return super().backward(np.concatenate([dy[:, n:], dy[:, :n]], axis=1))


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        super().backward(dy)
