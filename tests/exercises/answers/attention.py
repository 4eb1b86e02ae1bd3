"""Answers to Exercise 8, attention, as students write them."""

import numpy as np
from exercise_sheets import sheet

SHEET = sheet("attention")
transposed = SHEET.transposed


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


class Right1(SHEET.Attention):
    def forward(self, x, training=False):
        x = self._input(x)
        q, k, v = np.split(x, 3, axis=2)
        root = self.root(q.shape[2])
        P = self.mixture(q, k, root)
        if training:
            self._saved = q, k, v, P, root
        return P @ v

    def root(self, d):
        return float(np.sqrt(d))

    def mixture(self, q, k, root):
        return softmax(q @ transposed(k) / root)

    def backward(self, dy):
        q, k, v, P, root = self._saved
        dP, dv = self.through_values(dy, P, v)
        dS = self.through_softmax(dP, P)
        dq, dk = self.through_scores(dS, q, k, root)
        return np.concatenate([dq, dk, dv], axis=2)

    def through_values(self, dy, P, v):
        return dy @ transposed(v), transposed(P) @ dy

    def through_softmax(self, dP, P):
        return P * (dP - (dP * P).sum(axis=-1, keepdims=True))

    def through_scores(self, dS, q, k, root):
        return dS @ k / root, transposed(dS) @ q / root


class Right2(Right1):
    """As sums over letters, the softmax with its whole Jacobian; the root goes into q first."""

    def forward(self, x, training=False):
        x = self._input(x)
        d = x.shape[2] // 3
        q, k, v = x[:, :, :d] / float(d) ** 0.5, x[:, :, d : 2 * d], x[:, :, 2 * d :]
        P = softmax(np.einsum("rid,rjd->rij", q, k))
        if training:
            self._saved = q, k, v, P
        return np.einsum("rij,rjd->rid", P, v)

    def backward(self, dy):
        q, k, v, P = self._saved
        dP = np.einsum("rid,rjd->rij", dy, v)
        J = np.einsum("rij,jk->rijk", P, np.eye(P.shape[2], dtype=P.dtype))
        J -= np.einsum("rij,rik->rijk", P, P)
        dS = np.einsum("rijk,rij->rik", J, dP)
        dx = np.empty((*q.shape[:2], 3 * q.shape[2]), q.dtype)
        dq, dk, dv = np.split(dx, 3, axis=2)
        dq[:] = np.einsum("rij,rjd->rid", dS, k) * float(q.shape[2]) ** -0.5
        dk[:] = np.einsum("rij,rid->rjd", dS, q)
        dv[:] = np.einsum("rij,rid->rjd", P, dy)
        return dx


class Right3(Right1):
    """Query by query; saves x alone, and computes P anew."""

    def queries(self, x):
        for r, row in enumerate(x):
            q, k, v = np.split(row, 3, axis=1)
            for i in range(len(q)):
                s = k @ q[i] / float(np.sqrt(len(q[i])))
                e = np.exp(s - s.max())
                yield r, i, q, k, v, e / e.sum()

    def forward(self, x, training=False):
        x = self._input(x)
        y = np.zeros((len(x), *self.output_shape), x.dtype)
        for r, i, _, _, v, p in self.queries(x):
            y[r, i] = p @ v
        if training:
            self._saved = x
        return y

    def backward(self, dy):
        dx, d = np.zeros_like(self._saved), dy.shape[2]
        for r, i, q, k, v, p in self.queries(self._saved):
            dp = v @ dy[r, i]
            ds = p * (dp - p @ dp) / float(np.sqrt(d))
            dx[r, i, :d] += ds @ k
            dx[r, :, d : 2 * d] += np.outer(ds, q[i])
            dx[r, :, 2 * d :] += np.outer(p, dy[r, i])
        return dx


class Right4(Right1):
    """Σ P dP of a query is dy · y: the sum that one saves y for."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if training:
            self._saved = *self._saved, y
        return y

    def backward(self, dy):
        q, k, v, P, root, y = self._saved
        dS = P * (dy @ transposed(v) - np.sum(dy * y, axis=2, keepdims=True)) / root
        dv = transposed(transposed(dy) @ P)
        return np.dstack([dS @ k, transposed(transposed(q) @ dS), dv])


class ForgetsTheRoot(Right1):
    """Did not divide by √d anywhere."""

    mistake = "no scale"

    def root(self, d):
        return 1.0


class ForgetsTheRootInForward(Right1):
    """Did not divide S by √d."""

    mistake = "no scale"

    def mixture(self, q, k, root):
        return softmax(q @ transposed(k))


class DividesByD(Right1):
    """Divided by d, not by its root."""

    mistake = "d in place of its root"

    def root(self, d):
        return float(d)


class RootOfTheWholeWidth(Right1):
    """Took the root of x's width, 3 d."""

    mistake = "the width of x in place of that of q"

    def root(self, d):
        return float(np.sqrt(3 * d))


class RootOfTheTime(Right1):
    """Took the root of the number of places, len of a matrix."""

    mistake = "the length in place of the width"

    def mixture(self, q, k, root):
        return softmax(q @ transposed(k) / float(np.sqrt(q.shape[1])))


class MultipliesByTheRoot(Right1):
    """Multiplied S by √d."""

    mistake = "multiplied by the root"

    def mixture(self, q, k, root):
        return softmax(q @ transposed(k) * root)


class SoftmaxAlongTheQueries(Right1):
    """Let each column of P add up to 1."""

    mistake = "the softmax over the queries"

    def mixture(self, q, k, root):
        return softmax(q @ transposed(k) / root, axis=1)


class NoSoftmax(Right1):
    """Mixed the values by S itself."""

    mistake = "no softmax"

    def mixture(self, q, k, root):
        return q @ transposed(k) / root


class SwapsQueriesAndKeys(Right1):
    """Took k qᵀ for q kᵀ."""

    mistake = "queries and keys exchanged"

    def mixture(self, q, k, root):
        return softmax(k @ transposed(q) / root)


class LooksBackAlone(Right1):
    """Let no place see later ones: causal attention."""

    mistake = "no look ahead"

    def mixture(self, q, k, root):
        S = q @ transposed(k) / root
        later = np.triu(np.ones(S.shape[1:], bool), 1)
        return softmax(np.where(later, -np.inf, S))


class TransposesP(Right1):
    """Mixed the values by Pᵀ."""

    mistake = "P transposed"

    def forward(self, x, training=False):
        super().forward(x, training)
        x = self._input(x)
        q, k, v = np.split(x, 3, axis=2)
        return transposed(self.mixture(q, k, self.root(q.shape[2]))) @ v


class DoesNotTransposeP(Right1):
    """Wrote dv = P dy: square matrices, which fit."""

    mistake = "P is not transposed"

    def through_values(self, dy, P, v):
        return dy @ transposed(v), P @ dy


class ValuesPassDyOn(Right1):
    """Took dy for dv."""

    mistake = "P is missing in dv"

    def through_values(self, dy, P, v):
        return dy @ transposed(v), dy


class TransposesDP(Right1):
    """Wrote dP = v dyᵀ."""

    mistake = "v and dy exchanged"

    def through_values(self, dy, P, v):
        return v @ transposed(dy), transposed(P) @ dy


class ForgetsTheSoftmax(Right1):
    """Took dP for dS."""

    mistake = "no way through the softmax"

    def through_softmax(self, dP, P):
        return dP


class DiagonalAlone(Right1):
    """Took P (1 − P) for the Jacobian of softmax."""

    mistake = "the off-diagonal terms"

    def through_softmax(self, dP, P):
        return dP * P * (1 - P)


class ForgetsTheSum(Right1):
    """Forgot what is taken away: dS = P dP."""

    mistake = "the second term"

    def through_softmax(self, dP, P):
        return P * dP


class SumWithoutP(Right1):
    """Summed dP, without P."""

    mistake = "the sum of dP alone"

    def through_softmax(self, dP, P):
        return P * (dP - dP.sum(axis=-1, keepdims=True))


class MeanForSum(Right1):
    """Wrote mean for sum in dS."""

    mistake = "a mean in place of the sum"

    def through_softmax(self, dP, P):
        return P * (dP - (dP * P).mean(axis=-1, keepdims=True))


class ForgetsTheFactorP(Right1):
    """Forgot the P before the bracket."""

    mistake = "P outside is missing"

    def through_softmax(self, dP, P):
        return dP - (dP * P).sum(axis=-1, keepdims=True)


class SumsTheQueries(Right1):
    """Summed along the queries in dS."""

    mistake = "the softmax over the queries"

    def through_softmax(self, dP, P):
        return P * (dP - (dP * P).sum(axis=1, keepdims=True))


class KeepsNoAxis(Right1):
    """Forgot keepdims in dS, so that the batch's rows mix or nothing fits."""

    mistake = "shapes that do not fit"

    def through_softmax(self, dP, P):
        return P * (dP - (dP * P).sum(axis=-1))


class SumsAllOfARow(Right1):
    """Summed over queries and keys in dS."""

    mistake = "the sum over everything"

    def through_softmax(self, dP, P):
        return P * (dP - (dP * P).sum(axis=(1, 2), keepdims=True))


class ForgetsTheRootInBackward(Right1):
    """Forgot √d in dq and dk."""

    mistake = "no scale"

    def through_scores(self, dS, q, k, root):
        return dS @ k, transposed(dS) @ q


class ForgetsTheRootInDk(Right1):
    """Forgot √d in dk."""

    mistake = "no scale in dk"

    def through_scores(self, dS, q, k, root):
        return dS @ k / root, transposed(dS) @ q


class ForgetsTheRootInDq(Right1):
    """Forgot √d in dq."""

    mistake = "no scale in dq"

    def through_scores(self, dS, q, k, root):
        return dS @ k, transposed(dS) @ q / root


class MultipliesByTheRootInBackward(Right1):
    """Multiplied by √d in dq and dk."""

    mistake = "multiplied by the root"

    def through_scores(self, dS, q, k, root):
        return dS @ k * root, transposed(dS) @ q * root


class DoesNotTransposeDS(Right1):
    """Wrote dk = dS q: square matrices, which fit."""

    mistake = "dS is not transposed"

    def through_scores(self, dS, q, k, root):
        return dS @ k / root, dS @ q / root


class TransposesDSInDq(Right1):
    """Wrote dq = dSᵀ k."""

    mistake = "dq is transposed"

    def through_scores(self, dS, q, k, root):
        return transposed(dS) @ k / root, transposed(dS) @ q / root


class SwapsQAndK(Right1):
    """Wrote dq = dS q and dk = dSᵀ k."""

    mistake = "each side by itself"

    def through_scores(self, dS, q, k, root):
        return dS @ q / root, transposed(dS) @ k / root


class SwapsDqAndDk(Right1):
    """Returned [dk dq dv]."""

    mistake = "dq and dk exchanged"

    def backward(self, dy):
        dq, dk, dv = np.split(super().backward(dy), 3, axis=2)
        return np.concatenate([dk, dq, dv], axis=2)


class ValuesFirst(Right1):
    """Returned [dv dq dk]."""

    mistake = "the order of dx"

    def backward(self, dy):
        dq, dk, dv = np.split(super().backward(dy), 3, axis=2)
        return np.concatenate([dv, dq, dk], axis=2)


class AlongTheTime(Right1):
    """Put dq, dk and dv one after the other in time."""

    mistake = None

    def backward(self, dy):
        dq, dk, dv = np.split(super().backward(dy), 3, axis=2)
        return np.concatenate([dq, dk, dv], axis=1)


class AddsThem(Right1):
    """Added dq, dk and dv, as if x were all three."""

    mistake = None

    def backward(self, dy):
        dq, dk, dv = np.split(super().backward(dy), 3, axis=2)
        return dq + dk + dv


class MakesFloat64(Right1):
    """Divided by a float64 of NumPy's."""

    mistake = "float32 does not stay float32"

    def root(self, d):
        return np.sqrt(d)


class WritesIntoX(Right1):
    """Divided q, which is a view of x, in place."""

    mistake = "it writes to what is not its own"

    def forward(self, x, training=False):
        x = self._input(x)
        q, k, v = np.split(x, 3, axis=2)
        root = self.root(q.shape[2])
        q /= root
        P = softmax(q @ transposed(k))
        if training:
            self._saved = q * root, k, v, P, root
        return P @ v


class ForgetsToReturn(Right1):
    """Forgot the return of backward."""

    mistake = "nothing is returned"

    def backward(self, dy):
        super().backward(dy)
