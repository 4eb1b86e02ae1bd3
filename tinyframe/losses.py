"""Losses: one number that says how wrong the predictions are, and its gradient."""

from abc import ABC, abstractmethod

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.layers.softmax import Softmax
from tinyframe.reprs import constructor_call
from tinyframe.scratch import Scratch
from tinyframe.targets import are_labels, dense_target
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
        classes = prediction.shape[-1]
        labels = target.ndim == 1 and are_labels(target, prediction.shape)
        if self._buffers is None or not labels:
            return dense_target(target, prediction)
        # Inside `fit` the labels are checked already: one_hot, batch last in memory.
        identity = self._buffers.get(("identity", (classes, classes)))
        if identity is None:
            identity = np.eye(classes, dtype=prediction.dtype)
            self._buffers["identity", identity.shape] = identity
        out = self._buffer("one-hot", (classes, len(target)), prediction.dtype)
        return identity.take(target, axis=1, out=out, mode="clip").T

    def __repr__(self) -> str:
        return constructor_call(self)


class MSELoss(Loss):
    """L = 1/n Σᵣ Σᵢ (aᵣᵢ − yᵣᵢ)²: the document's squared error, summed over the outputs.

    Prediction a and target y are (n, outputs); the mean runs over the n rows of the batch alone.

        ∂L/∂aᵣᵢ = 2 (aᵣᵢ − yᵣᵢ) / n
    """

    def forward(self, prediction: Array, target: Array) -> float:
        # difference = prediction - target
        difference = self._buffer_like("difference", prediction)
        difference = np.subtract(prediction, self._dense(target, prediction), out=difference)
        self._saved = difference
        # L = sum(difference**2) / n
        flat = difference.ravel("K")
        return float(np.vdot(flat, flat)) / len(prediction)

    def backward(self) -> Array:
        difference = self._recall()
        gradient: Array = np.multiply(
            difference, 2 / len(difference), out=self._buffer_like("gradient", difference)
        )
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
    """

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = from_logits

    def fuse(self, layer: Layer) -> "Loss | None":
        if isinstance(layer, Softmax) and not self.from_logits:
            return CrossEntropyLoss(from_logits=True)
        return None

    def forward(self, prediction: Array, target: Array) -> float:
        n = len(prediction)
        target = self._dense(target, prediction)
        if self.from_logits:
            z = prediction - np.max(prediction, axis=-1, keepdims=True)
            p = np.exp(z)
            total = np.sum(p, axis=-1, keepdims=True)
            p /= total
            weight = np.sum(target, axis=-1, keepdims=True)
            self._saved = (p * weight - target, n)
            return float(np.sum(target * (np.log(total) - z))) / n
        # A probability that rounded to 0 counts as the smallest number there is.
        p = np.maximum(prediction, np.finfo(prediction.dtype).tiny)
        self._saved = (-target / p, n)
        return -float(np.sum(target * np.log(p))) / n

    def backward(self) -> Array:
        gradient, n = self._recall()
        result: Array = gradient / n
        return result
