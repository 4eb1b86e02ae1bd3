"""Batch normalisation: each feature to mean 0 and variance 1 over the batch."""

from typing import Any

import numpy as np

from tinyframe.initializers import ones, zeros
from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.types import Array, Shape
from tinyframe.utils.checks import real_number
from tinyframe.utils.products import sums

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

    Examples
    --------
    >>> layer = BatchNorm()
    >>> layer.forward(np.array([[1.0, 10.0], [3.0, 50.0]]), training=True).round(2)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
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
        x = self._input(x)
        rows = _by_feature(x)  # (features, m)
        if training and self.trainable:
            centred, variance, m = self._statistics(rows)
            deviation = np.sqrt(variance + self.epsilon)
            xhat = (centred / _column(deviation, centred.dtype)).astype(x.dtype, copy=False)
        else:
            m = rows.shape[1]
            deviation = np.sqrt(self.running_variance + self.epsilon)
            xhat = self._by_running_averages(rows, deviation)
        y = xhat * _column(self.gain.value, x.dtype) + _column(self.bias.value, x.dtype)
        if training:
            self._saved = xhat, deviation, m
        return _by_row(y, x.shape)

    def _statistics(self, rows: Array) -> tuple[Array, Array, float]:
        """Return x − μ, σ² and m of the batch, and take μ and σ² into the running averages."""
        centred, mean, variance = _moments(rows)
        tells = True
        if not np.isfinite(variance).all():  # squares overflow in float32, and sums
            centred, mean, variance = _moments(rows.astype(np.float64))
            variance = np.where(np.isinf(variance), np.nan, variance)  # x / ∞ = 0 would not tell
            tells = bool(np.isfinite(variance).all())
        m: float = rows.shape[1]
        if self.batch_sums is not None:
            own = mean
            mean, variance, m = self.batch_sums.moments(mean, variance, rows.shape[1])
            centred = centred - _column(mean - own, centred.dtype)
            tells = bool(np.isfinite(variance).all())
        if tells:
            self.running_mean += self.momentum * (mean - self.running_mean)
            of_sample = variance * (m / max(m - 1, 1))
            self.running_variance += self.momentum * (of_sample - self.running_variance)
        return centred, variance, m

    def _by_running_averages(self, rows: Array, deviation: Array) -> Array:
        """Return x̂ by the running averages, halved where x − μ may have no place in float32."""
        mean, dtype = self.running_mean, rows.dtype
        if np.maximum(np.abs(mean), deviation).max() > LARGE:
            return (rows * 0.5 - _column(mean / 2, dtype)) / _column(deviation / 2, dtype)
        return (rows - _column(mean, dtype)) / _column(deviation, dtype)

    def backward(self, dy: Array) -> Array:
        xhat, deviation, m = self._recall()
        rows = _by_feature(dy.astype(self.dtype, copy=False))
        sums(rows, axis=1, out=self.bias.grad)
        sums(rows * xhat, axis=1, out=self.gain.grad)
        dx = rows
        if self.trainable:  # else μ and σ² do not depend on x
            db, dg = self.bias.grad, self.gain.grad
            if self.batch_sums is not None:
                db, dg = self.batch_sums.sum(np.stack([db, dg]))
            dx = rows - _column(db / m, rows.dtype) - xhat * _column(dg / m, rows.dtype)
        dx = dx * _column(self.gain.value / deviation, rows.dtype)
        if self.batch_sums is not None and not self.batch_sums.counts:
            dx = np.zeros_like(dx)
        return _by_row(dx, dy.shape)


def _moments(rows: Array) -> tuple[Array, Array, Array]:
    """Return x − μ, μ and σ² of (features, m)."""
    m = rows.shape[1]
    mean = sums(rows, axis=1) / m
    centred = rows - mean[:, np.newaxis]
    return centred, mean, sums(centred * centred, axis=1) / m


def _by_feature(x: Array) -> Array:
    """Return (batch, features, …) as (features, m), the batch last: as it lies after a product."""
    return np.moveaxis(x, 0, -1).reshape(x.shape[1], x.size // x.shape[1])


def _by_row(rows: Array, shape: Shape) -> Array:
    """Return (features, m) in the shape (batch, features, …)."""
    return np.moveaxis(rows.reshape(*shape[1:], shape[0]), -1, 0)


def _column(vector: Array, dtype: "np.dtype[Any]") -> Array:
    """Return (features,) as (features, 1), to go with (features, m)."""
    return vector.astype(dtype, copy=False)[:, np.newaxis]
