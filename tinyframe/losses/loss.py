"""Loss: the contract, and the weighted mean that all losses take."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from tinyframe.checks import plain_array
from tinyframe.data import as_weights
from tinyframe.layers.layer import Layer
from tinyframe.reprs import constructor_call
from tinyframe.scratch import Scratch
from tinyframe.targets import check_prediction, dense_target
from tinyframe.types import Array


class Loss(Scratch, ABC):
    """L(prediction, target), a mean over the rows of the batch, weighted if weights are given.

        L = Σᵣ wᵣ ℓᵣ / Σᵣ wᵣ

    Targets are arrays of the prediction's shape (batch, …, outputs), or integer class labels of
    shape (batch, …), which stand for one-hot rows. A single output may drop its axis.

    A loss of one's own defines `forward` and `backward`. One whose ℓᵣ is a sum of a function of
    each output on its own defines `PointwiseLoss.terms` alone. Where some targets have no meaning,
    `check_target` says so.

    Attributes
    ----------
    mass : float or None
        Σᵣ wᵣ of the last forward pass: what that mean stands for, when means of several batches
        are joined. None stands for the number of rows.
    ignore_index : int or None
        A label that stands for no class, which the loss leaves out.
    """

    mass: float | None = None
    ignore_index: int | None = None

    @abstractmethod
    def forward(
        self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None
    ) -> float:
        """Return L and save what `backward` needs.

        Parameters
        ----------
        prediction
            Shape (batch, …, outputs).
        target
            See the class.
        weight
            Numbers ≥ 0, of shape (batch,).

        Raises
        ------
        TypeError, ValueError
            If the prediction is no array of floats, the target or the weights hold no real numbers,
            the target's shape does not fit the prediction's, a label is no class, or the weights
            are not as above.
        """

    @abstractmethod
    def backward(self) -> Array:
        """Return ∂L/∂prediction of the last forward pass, of the prediction's shape."""

    def check_target(self, target: Array) -> None:
        """Raise ValueError for targets of which the loss has no meaning; `fit` asks beforehand.

        Parameters
        ----------
        target
            Finite numbers, of shape (batch, …, outputs); labels are checked by themselves.
        """

    def fuse(self, layer: Layer) -> "Loss | None":  # noqa: ARG002 - for subclasses
        """Return a loss of `layer`'s input that equals this loss of its output, or None.

        Where there is one, training uses it instead of the last layer: it is more exact.
        """
        return None

    def _dense(self, target: Array, prediction: Array) -> Array:
        """Return the target in the shape of the prediction; raise ValueError if it does not fit."""
        if self._buffers is None:
            check_prediction(prediction)
            y = dense_target(plain_array(target, "the target"), prediction)
            self.check_target(y)
            return y
        if target.ndim == prediction.ndim:
            return target
        # Inside `fit` labels are checked already. This is one_hot, into a buffer.
        classes, dtype = prediction.shape[-1], prediction.dtype
        identity = self._reused("identity", np.identity, classes, dtype)
        if target.ndim == 1:  # batch last in memory, as the predictions are
            out = self._buffer("one-hot", (classes, len(target)), dtype)
            return identity.take(target, axis=1, out=out, mode="clip").T
        out = self._buffer("one-hot", prediction.shape, dtype)
        return identity.take(target, axis=0, out=out, mode="clip")

    def _shares(self, weight: npt.ArrayLike | None, prediction: Array) -> Array:
        """Return each row's share in the mean, to go with the prediction; note the mass.

        Raises
        ------
        TypeError, ValueError
            If the weights are not one finite number ≥ 0 a row, or sum to 10¹⁰⁰ or more.
        """
        rows = len(prediction)
        if weight is None:
            self.mass = float(rows)
            return np.array(1 / rows, prediction.dtype)
        weights = as_weights(weight, rows, "weight")
        self.mass = float(weights.sum())
        shares = weights / self.mass if self.mass else weights
        column = (rows, *[1] * (prediction.ndim - 1))
        return shares.astype(prediction.dtype).reshape(column)

    def __repr__(self) -> str:
        return constructor_call(self)


class PointwiseLoss(Loss):
    """A loss whose ℓᵣ = Σᵢ ℓ(aᵣᵢ, yᵣᵢ) sums a function of each output: all it has to define."""

    @abstractmethod
    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return ℓ(a, y) and ∂ℓ/∂a for each output, two fresh arrays of the prediction's shape.

        Parameters
        ----------
        prediction, target
            a and y, of one shape (batch, …, outputs).
        """

    def forward(
        self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None
    ) -> float:
        values, slopes = self.terms(prediction, self._dense(target, prediction))
        shares = self._shares(weight, prediction)
        self._saved = np.multiply(slopes, shares, out=slopes)
        return float(np.sum(values * shares))

    def backward(self) -> Array:
        gradient: Array = self._recall()
        return gradient
