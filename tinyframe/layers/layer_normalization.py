"""Layer normalisation: each position to mean 0 and variance 1 over its features."""

import numpy as np

from tinyframe.checks import batched, real_number
from tinyframe.initializers import ones, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.scratch import anew
from tinyframe.types import Array, Shape


class _FeatureNorm(Layer):
    """What normalises each position over its features, the last axis: (batch, …, features).

    The features lie first in memory here, so that sums over them run along all positions at once.
    """

    gain: Parameter
    centred: bool  # whether the mean is taken away, and a bias added

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        self.epsilon = real_number(f"{type(self).__name__}'s epsilon", epsilon, above=0)

    def setup(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ValueError(f"{self!r} expected (batch, …, features), got {batched(input_shape)}")
        self.gain = Parameter((input_shape[-1],), ones, dtype=self.dtype)
        if self.centred:
            self.bias = Parameter((input_shape[-1],), zeros, dtype=self.dtype)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        x = np.asarray(x, self.dtype)
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        xT = np.moveaxis(x, -1, 0)  # (features, batch, …)
        reused = self._reused if training else anew
        xhat = reused("xhat", np.empty, xT.shape, x.dtype)
        y = reused("y", np.empty, xT.shape, x.dtype)
        if self.centred:
            np.subtract(xT, np.add.reduce(xT, axis=0) / len(xT), out=xhat)
        else:
            np.copyto(xhat, xT)
        # xhat = (x - mean) / sqrt(mean((x - mean)**2) + epsilon)
        np.multiply(xhat, xhat, out=y)
        scale = np.add.reduce(y, axis=0) / len(xT)
        scale += self.epsilon
        np.sqrt(scale, out=scale)
        if np.isfinite(scale).all():
            xhat /= scale
        else:
            self._normalise_in_double(xT, xhat, scale)
        np.multiply(xhat, _column(self.gain.value, y), out=y)
        if self.centred:
            y += _column(self.bias.value, y)
        if training:
            self._saved = xhat, scale
        return np.moveaxis(y, 0, -1)

    def _normalise_in_double(self, xT: Array, xhat: Array, scale: Array) -> None:
        """Write x̂ and its scale again, where the squares of x overflow in float32."""
        wide = xT.astype(np.float64)
        if self.centred:
            wide -= wide.mean(axis=0)
        exact = np.sqrt(np.mean(wide * wide, axis=0) + self.epsilon)
        exact[np.isinf(exact)] = np.nan  # which tells, where x / ∞ = 0 would not
        np.divide(wide, exact, out=xhat, casting="same_kind")
        scale[...] = exact

    def backward(self, dy: Array) -> Array:
        xhat, scale = self._recall()
        dyT = np.moveaxis(dy, -1, 0)
        part = self._empty_like("part", xhat)
        dx = self._empty_like("dx", xhat)
        np.multiply(dyT, xhat, out=part)
        # dg = sum(dy * xhat), db = sum(dy), over all positions
        self._sum(part, self.gain.grad)
        np.multiply(dyT, _column(self.gain.value, dx), out=dx)
        if self.centred:
            np.copyto(part, dyT)
            self._sum(part, self.bias.grad)
        # dxhat = dy * gain;  dx = (dxhat - mean(dxhat) - xhat * mean(dxhat * xhat)) / scale
        np.multiply(dx, xhat, out=part)
        dot = np.add.reduce(part, axis=0) / len(dx)
        if self.centred:
            dx -= np.add.reduce(dx, axis=0) / len(dx)
        dx -= np.multiply(xhat, dot, out=part)
        dx /= scale
        return np.moveaxis(dx, 0, -1)

    def _sum(self, x: Array, out: Array) -> None:
        """Write the sums over all positions, of shape (features,), as a product with ones."""
        rows = x.reshape(len(x), -1)
        rows.dot(self._reused("1", np.ones, rows.shape[1], x.dtype), out)


def _column(vector: Array, like: Array) -> Array:
    """Return (features,) as (features, 1, …), to go with (features, batch, …)."""
    return vector.reshape(-1, *[1] * (like.ndim - 1))


class LayerNorm(_FeatureNorm):
    """y = g x̂ + b with x̂ = (x − μ) / √(σ² + ε): each position over its features, the last axis.

    x is (batch, …, features), g and b (features,); μ and σ² are the mean and variance of the
    features of one position. With h = g dy, and means over the features,

        dg = Σ dy x̂        db = Σ dy        dx = (h − mean(h) − x̂ mean(h x̂)) / √(σ² + ε)

    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.

    Parameters
    ----------
    epsilon : float
        ε > 0.

    Raises
    ------
    TypeError, ValueError
        If epsilon is not a finite number above 0.
    """

    bias: Parameter
    centred = True


class RMSNorm(_FeatureNorm):
    """y = g x̂ with x̂ = x / √(mean(x²) + ε): each position over its features, the last axis.

    x is (batch, …, features), g (features,). With h = g dy, and means over the features,

        dg = Σ dy x̂        dx = (h − x̂ mean(h x̂)) / √(mean(x²) + ε)

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

    Parameters
    ----------
    epsilon : float
        ε > 0.

    Raises
    ------
    TypeError, ValueError
        If epsilon is not a finite number above 0.
    """

    centred = False
