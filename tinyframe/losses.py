"""Losses: one number that says how wrong the predictions are, and its gradient."""

from abc import ABC, abstractmethod

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.layers.softmax import Softmax
from tinyframe.reprs import constructor_call
from tinyframe.scratch import Scratch
from tinyframe.targets import dense_target
from tinyframe.types import Array


class Loss(Scratch, ABC):
    """L(prediction, target), averaged over the batch.

    Targets are arrays of the prediction's shape (batch, …, outputs), or integer class labels of
    shape (batch, …), which stand for one-hot rows. A single output may drop its axis.
    """

    @abstractmethod
    def forward(self, prediction: Array, target: Array) -> float:
        """Return L, a mean over the batch, and save what `backward` needs.

        Raises
        ------
        ValueError
            If the target's shape does not fit the prediction's, or a label is no class.
        """

    @abstractmethod
    def backward(self) -> Array:
        """Return ∂L/∂prediction of the last forward pass, of the prediction's shape."""

    def fuse(self, layer: Layer) -> "Loss | None":  # noqa: ARG002 - for subclasses
        """Return a loss of `layer`'s input that equals this loss of its output, or None.

        Where there is one, training uses it instead of the last layer: it is more exact.
        """
        return None

    def _dense(self, target: Array, prediction: Array) -> Array:
        """Return the target in the shape of the prediction; raise ValueError if it does not fit."""
        if self._buffers is None:
            return dense_target(target, prediction)
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

    def __repr__(self) -> str:
        return constructor_call(self)


class MSELoss(Loss):
    """L = 1/n Σᵣ Σᵢ (aᵣᵢ − yᵣᵢ)²: the document's squared error, summed over the outputs.

    Prediction a and target y are (n, outputs); the mean runs over the n rows of the batch alone.

        ∂L/∂aᵣᵢ = 2 (aᵣᵢ − yᵣᵢ) / n
    """

    def forward(self, prediction: Array, target: Array) -> float:
        # difference = prediction - target
        out = self._buffer_like("difference", prediction)
        difference = np.subtract(prediction, self._dense(target, prediction), out)
        self._saved = difference
        # L = sum(difference**2) / n
        flat = difference.ravel("K")
        return float(flat.dot(flat)) / len(prediction)

    def backward(self) -> Array:
        difference = self._recall()
        out = self._buffer_like("gradient", difference)
        gradient: Array = np.multiply(difference, 2 / len(difference), out)
        return gradient


class CrossEntropyLoss(Loss):
    """L = −1/n Σᵣ Σᵢ yᵣᵢ log pᵣᵢ: how surprising the targets y are under the predictions p.

    p and y are (n, …, classes). The prediction is made of probabilities, or, with
    `from_logits=True`, of the scores z in p = Softmax(z), for which

        L = 1/n Σᵣ Σᵢ yᵣᵢ (log Σⱼ e^zᵣⱼ − zᵣᵢ)        ∂L/∂zᵣᵢ = (pᵣᵢ Σⱼ yᵣⱼ − yᵣᵢ) / n

    that is (p − y) / n where the target's rows sum to 1. From probabilities ∂L/∂p = −y / (n p).
    Training a model that ends in Softmax uses the scores: then L is exact for any finite z, where
    p alone would have rounded to 0.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are scores. Leave it False for a model that ends in Softmax.

    Raises
    ------
    ValueError
        If there is but one output, or a prediction that should be a probability is not in [0, 1].
    """

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = from_logits

    def fuse(self, layer: Layer) -> "Loss | None":
        # Exact types: a subclass of either may compute something else.
        if type(layer) is Softmax and type(self) is CrossEntropyLoss and not self.from_logits:
            return CrossEntropyLoss(from_logits=True)
        return None

    def forward(self, prediction: Array, target: Array) -> float:
        target = self._dense(target, prediction)
        self._check_prediction(prediction)
        if self.from_logits:
            row_out = self._buffer("row", (*prediction.shape[:-1], 1), prediction.dtype)
            highest = np.maximum.reduce(prediction, axis=-1, keepdims=True, out=row_out)
            z = np.subtract(prediction, highest, out=self._buffer_like("z", prediction))
            p = np.exp(z, out=self._buffer_like("p", prediction))
            total = np.add.reduce(p, axis=-1, keepdims=True, out=row_out)
            p /= total
            # surprise = log(sum(exp(z))) - z
            surprise = np.subtract(np.log(total, out=total), z, out=z)
        else:
            # A probability that rounded to 0 counts as the smallest number there is.
            tiny = np.finfo(prediction.dtype).tiny
            p = np.maximum(prediction, tiny, out=self._buffer_like("p", prediction))
            # surprise = -log(p)
            surprise = np.log(p, out=self._buffer_like("z", prediction))
            np.negative(surprise, out=surprise)
        self._saved = p, target
        # L = sum(target * surprise) / n
        surprise *= target
        return float(np.sum(surprise)) / len(prediction)

    def _check_prediction(self, prediction: Array) -> None:
        if prediction.shape[-1] == 1:
            raise ValueError("CrossEntropyLoss expected one output a class, two at least, got one")
        if self.from_logits:
            return
        for value in (prediction.min(), prediction.max()):
            if value < 0 or value > 1 + 1e-4:  # rounding aside
                raise ValueError(
                    f"CrossEntropyLoss expected probabilities in [0, 1], got {value}; let the "
                    "model end in Softmax(), or use from_logits=True"
                )

    def backward(self) -> Array:
        p, target = self._recall()
        gradient = self._buffer_like("gradient", p)
        if self.from_logits:
            # gradient = (p * sum(target) - target) / n
            row_out = self._buffer("row", (*p.shape[:-1], 1), p.dtype)
            gradient = np.multiply(
                p, np.add.reduce(target, axis=-1, keepdims=True, out=row_out), out=gradient
            )
            gradient -= target
            gradient /= len(p)
        else:
            # gradient = -target / p / n
            gradient = np.divide(target, p, out=gradient)
            gradient /= -len(p)
        result: Array = gradient
        return result
