"""Batch normalisation: each feature to mean 0 and variance 1 over the batch."""

import numpy as np

from tinyframe.checks import real_number
from tinyframe.initializers import ones, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.scratch import anew
from tinyframe.types import Array, Shape

LARGE = 1e30
"""Means and deviations up to this are nothing beside the largest numbers of float32."""


class BatchNorm(Layer):
    """y = g x̂ + b with x̂ = (x − μ) / √(σ² + ε): each feature, or channel, over the whole batch.

    x is (batch, features) or (batch, channels, …), g and b (features,). In training μ and σ² are
    the mean and variance of a feature over its m numbers in the batch, over the image too; they
    depend on x, which gives

        dg = Σ dy x̂        db = Σ dy        dx = g / √(σ² + ε) · (dy − db/m − x̂ dg/m)

    In inference they are running averages over the training batches, which change by
    running ← (1 − momentum) running + momentum new, with m / (m − 1) σ², the variance of a sample.
    A frozen layer uses them in training too. Where several processes train together, the batch is
    that of all of them. Source: Ioffe and Szegedy, "Batch Normalization",
    2015.

    Parameters
    ----------
    momentum : float
        Weight of the newest batch in the running averages, 0 < momentum ≤ 1.
    epsilon : float
        ε > 0.

    Attributes
    ----------
    gain, bias : Parameter
        g and b.
    running_mean, running_variance : array
        Shape (features,).

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.
    """

    gain: Parameter
    bias: Parameter
    running_mean: Array
    running_variance: Array
    mixes_rows = True
    state_names = ("running_mean", "running_variance")

    def __init__(self, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.momentum = real_number("BatchNorm's momentum", momentum, above=0)
        if momentum > 1:
            raise ValueError(f"BatchNorm's momentum expected a number up to 1, got {momentum!r}")
        self.epsilon = real_number("BatchNorm's epsilon", epsilon, above=0)

    def setup(self, input_shape: Shape) -> Shape:
        features = input_shape[0]
        self.gain = Parameter((features,), ones, dtype=self.dtype)
        self.bias = Parameter((features,), zeros, dtype=self.dtype)
        self.running_mean, self.running_variance = np.zeros(features), np.ones(features)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        x = np.asarray(x, self.dtype)
        if x.shape[1:] != self.input_shape:
            self._check_input(x)
        xT, reused = np.moveaxis(x, 0, -1), self._reused if training else anew
        y = reused("y", np.empty, xT.shape, x.dtype)
        flat = y.reshape(len(y), -1)  # (features, m)
        if training and self.trainable:
            xhat = self._empty("xhat", xT.shape, x.dtype)
            np.copyto(xhat, xT)
            rows = xhat.reshape(flat.shape)
            mean = _mean(rows, self._ones(rows))
            rows -= mean[:, np.newaxis]
            np.multiply(rows, rows, out=flat)
            variance = _mean(flat, self._ones(rows))
            centred = rows
            if not np.isfinite(variance).all():  # squares overflow in float32, and sums
                centred = xT.reshape(flat.shape).astype(np.float64)
                mean = centred.mean(axis=1)
                centred -= mean[:, np.newaxis]
                variance = np.mean(centred * centred, axis=1)
                variance[np.isinf(variance)] = np.nan  # which tells, where x / ∞ = 0 would not
            m: float = rows.shape[1]
            if self.across is not None:
                own = mean
                mean, variance, m = self.across.moments(mean, variance, rows.shape[1])
                centred -= (mean - own).astype(centred.dtype)[:, np.newaxis]
            self._remember(mean, variance, m)
            deviation = np.sqrt(variance + self.epsilon).astype(x.dtype, copy=False)
            # xhat = (x - mean) / sqrt(variance + epsilon)
            np.divide(centred, deviation[:, np.newaxis], out=rows, casting="same_kind")
            np.multiply(rows, self.gain.value[:, np.newaxis], out=flat)
        else:
            mean, deviation = self.running_mean, np.sqrt(self.running_variance + self.epsilon)
            np.copyto(y, xT)
            if max(np.abs(mean).max(), deviation.max()) > LARGE:  # halves have a place in float32
                flat *= 0.5
                flat -= (mean / 2).astype(x.dtype)[:, np.newaxis]
                flat /= (deviation / 2).astype(x.dtype)[:, np.newaxis]
            else:
                deviation = deviation.astype(x.dtype)
                flat -= mean.astype(x.dtype)[:, np.newaxis]
                flat /= deviation[:, np.newaxis]
            rows, m = flat.copy() if training else flat, flat.shape[1]
            flat *= self.gain.value[:, np.newaxis]
        flat += self.bias.value[:, np.newaxis]
        if training:
            self._saved = rows, deviation, m
        return np.moveaxis(y, -1, 0)

    def _remember(self, mean: Array, variance: Array, m: float) -> None:
        """Take the statistics of a batch into the running averages, if they are finite."""
        if not np.isfinite(variance).all():
            return
        self.running_mean += self.momentum * (mean - self.running_mean)
        sample = variance * (m / max(m - 1, 1))
        self.running_variance += self.momentum * (sample - self.running_variance)

    def _ones(self, rows: Array) -> Array:
        return self._reused("1", np.ones, rows.shape[1], rows.dtype)

    def backward(self, dy: Array) -> Array:
        xhat, deviation, m = self._recall()
        dyT = np.moveaxis(dy, 0, -1)
        dx = self._empty("dx", dyT.shape, xhat.dtype)
        flat = dx.reshape(xhat.shape)
        np.copyto(dx, dyT)
        # dg = sum(dy * xhat), db = sum(dy)
        flat.dot(self._ones(xhat), self.bias.grad)
        np.einsum("fm,fm->f", flat, xhat, out=self.gain.grad)
        if self.trainable:
            # dx = (dy - db / m - xhat * dg / m) * gain / deviation
            db, dg = self.bias.grad, self.gain.grad
            if self.across is not None:
                db, dg = self.across.sum(np.stack([db, dg]))
            flat -= (db / m)[:, np.newaxis]
            part = self._empty("part", xhat.shape, xhat.dtype)
            flat -= np.multiply(xhat, (dg / m)[:, np.newaxis], out=part)
        flat *= (self.gain.value / deviation)[:, np.newaxis]
        if self.across is not None and not self.across.counts:
            flat.fill(0)
        return np.moveaxis(dx, -1, 0)


def _mean(rows: Array, ones_: Array) -> Array:
    """Return the means of rows, as a product with ones."""
    mean: Array = rows.dot(ones_) / rows.shape[1]
    return mean
