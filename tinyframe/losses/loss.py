"""Loss: the contract, and the weighted mean that all losses take."""

import copy
from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers, as_weights
from tinyframe.data.targets import checked_target, dense_target, laid_like
from tinyframe.layers.layer import Layer
from tinyframe.layers.saved import Saved
from tinyframe.types import Array, Shape, stands_in
from tinyframe.utils.attributes import Hinted
from tinyframe.utils.reprs import constructor_call


class LossValue(Hinted, float):
    """A number, that says how to go on from it to those who have a tensor in mind."""


class Loss(Hinted, Saved, ABC):
    """L(prediction, target), a mean over the rows of the batch, weighted if weights are given.

        L = Σᵣ wᵣ ℓᵣ / Σᵣ wᵣ

    Targets are arrays of the prediction's shape (batch, …, outputs), or integer class labels of
    shape (batch, …), which stand for one-hot rows. A single output may drop its axis. A loss that
    makes several outputs of one number says so by `target_shape`.

    A loss of one's own defines `forward` and `backward`. One whose ℓᵣ is a sum of a function of
    each output on its own defines `PointwiseLoss.terms` alone. Where some targets have no meaning,
    `check_target` says so.

    Attributes
    ----------
    weight_sum : float or None
        Σᵣ wᵣ of the last forward pass: what that mean stands for, when means of several batches
        are joined. None stands for the number of rows.
    ignore_index : int or None
        A label that stands for no class, which the loss leaves out.

    Examples
    --------
    >>> class CubicLoss(Loss):
    ...     def forward(self, prediction, target, weight=None):
    ...         d = prediction - target
    ...         self._saved = 3 * d * np.abs(d) / len(d)
    ...         return (np.abs(d) ** 3).sum() / len(d)
    ...
    ...     def backward(self):
    ...         return self._recall()
    ...
    >>> CubicLoss()([[2.0]], [[0.0]])
    8.0
    """

    weight_sum: float | None = None
    _needed = "a forward pass"
    ignore_index: int | None = None

    @abstractmethod
    def forward(self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None) -> Any:
        """Return L, a number, and save what `backward` needs.

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

    def target_shape(self, output_shape: Shape) -> Shape:
        """Return the shape of a row's target, for outputs of this shape: by default the same.

        A loss that makes several outputs of one number has another one, shorter in its last axis.

        Raises
        ------
        ValueError
            If the loss does not take so many outputs.
        """
        return output_shape

    def check_target(self, target: Array) -> None:
        """Raise ValueError for targets of which the loss has no meaning; `fit` asks beforehand.

        Parameters
        ----------
        target
            Finite numbers, of shape (batch, *target_shape); labels are checked by themselves.
        """

    def fuse(self, layer: Layer) -> "Loss | None":  # noqa: ARG002 - for subclasses
        """Return a loss of `layer`'s input that equals this loss of its output, or None.

        Where there is one, training uses it instead of the last layer: it is more exact.
        """
        return None

    def _dense(self, target: Array, prediction: Array) -> Array:
        """Return the target in the shape that the prediction asks for, or raise ValueError."""
        target = checked_target(target, prediction)
        shape = self.target_shape(prediction.shape[1:])
        like = prediction
        if shape != prediction.shape[1:]:
            like = prediction[..., : shape[-1]]
        y = dense_target(target, like)
        if not stands_in(y):
            self.check_target(y)
        return laid_like(y, like)

    def _shares(self, weight: npt.ArrayLike | None, prediction: Array) -> Any:
        """Return each row's share in the mean, to go with the prediction; note Σᵣ wᵣ.

        Raises
        ------
        TypeError, ValueError
            If the weights are not one finite number ≥ 0 a row, or sum to 10¹⁰⁰ or more.
        """
        rows = len(prediction)
        if weight is None:
            self.weight_sum = float(rows)
            return 1 / rows
        weights = as_weights(weight, rows, "weight")
        self.weight_sum = total = weights.sum()
        shares = weights / np.where(total > 0, total, 1)
        return shares.astype(prediction.dtype).reshape(rows, *[1] * (prediction.ndim - 1))

    def __call__(
        self, prediction: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike | None = None
    ) -> float:
        """Return L as a number; arguments, but lists too, and errors are those of `forward`.

        Nothing is saved: in a loop of one's own, `forward` comes before `backward`.
        """
        prediction = as_numbers(prediction, "prediction")
        floats = prediction if prediction.dtype.kind == "f" else prediction.astype(np.float64)
        return LossValue(copy.copy(self).forward(floats, as_numbers(target, "target"), weight))

    def __repr__(self) -> str:
        return constructor_call(self)


LossLike: TypeAlias = Loss | type[Loss] | str
"""What may be given as a loss: an object, its class, or its name, such as "mse"."""


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

    def forward(self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None) -> Any:
        values, slopes = self.terms(prediction, self._dense(target, prediction))
        shares = self._shares(weight, prediction)
        self._saved = slopes * shares
        return (values * shares).sum()

    def backward(self) -> Array:
        return self._recall()
