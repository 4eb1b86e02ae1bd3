"""Losses for classes besides cross-entropy: yes and no, distributions, margins."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.targets import check_distributions
from tinyframe.layers.activations import Sigmoid, sigmoid
from tinyframe.layers.layer import Layer
from tinyframe.losses.cross_entropy import check_probabilities
from tinyframe.losses.loss import Loss, PointwiseLoss
from tinyframe.types import Array
from tinyframe.utils.checks import boolean


class BinaryCrossEntropyLoss(PointwiseLoss):
    """L = −1/n Σᵣ Σᵢ [yᵣᵢ log pᵣᵢ + (1 − yᵣᵢ) log(1 − pᵣᵢ)]: each output is a yes or a no.

    p and y are (n, outputs), y in [0, 1]. The prediction is made of probabilities, or, with
    `from_logits=True`, of the scores z in p = σ(z), for which

        ℓ = max(z, 0) − z y + log(1 + e^−|z|)        ∂ℓ/∂z = p − y

    From probabilities ∂ℓ/∂p = (p − y) / (p (1 − p)). Training a model that ends in Sigmoid uses the
    scores.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are scores. Leave it False for a model that ends in Sigmoid.

    Raises
    ------
    ValueError
        If a target, or a prediction that should be a probability, is not in [0, 1].

    Examples
    --------
    >>> round(BinaryCrossEntropyLoss()([[0.9], [0.2]], [[1], [0]]), 4)
    0.1643
    """

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = boolean("from_logits", from_logits)

    def fuse(self, layer: Layer) -> "Loss | None":
        exact = type(layer) is Sigmoid and type(self) is BinaryCrossEntropyLoss
        return BinaryCrossEntropyLoss(from_logits=True) if exact and not self.from_logits else None

    def check_target(self, target: Array) -> None:
        if target.size and (target.min() < 0 or target.max() > 1):
            raise ValueError("BinaryCrossEntropyLoss expected targets in [0, 1], got others")

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        if self.from_logits:
            z, p = prediction, sigmoid(prediction)
            values = np.maximum(z, 0) - z * target + np.log1p(np.exp(-np.abs(z)))
            return values, p - target
        check_probabilities(self, prediction, "Sigmoid()")
        info = np.finfo(prediction.dtype)
        p = np.clip(prediction, info.tiny, 1)
        q = np.clip(1 - prediction, info.tiny, 1)  # of a no
        return -target * np.log(p) - (1 - target) * np.log(q), (1 - target) / q - target / p


class KLDivergenceLoss(PointwiseLoss):
    """L = 1/n Σᵣ Σᵢ yᵣᵢ log(yᵣᵢ / pᵣᵢ): how far the predicted distribution p is from y.

    p and y are (n, …, classes), both made of probabilities; terms with y = 0 are 0. It is the
    cross-entropy less that of y itself, with the same gradient ∂ℓ/∂p = −y / p: never negative, and
    0 where p = y. With `from_logits=True` the prediction is log p, as `LogSoftmax` gives it, and
    ∂ℓ/∂log p = −y. Source: Kullback and Leibler, "On Information and Sufficiency", 1951.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logarithms of probabilities.

    Raises
    ------
    ValueError
        If a row of targets is negative or does not sum to 1, or a prediction that should be a
        probability is not in [0, 1].

    Examples
    --------
    >>> round(KLDivergenceLoss()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1308
    """

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = boolean("from_logits", from_logits)

    def check_target(self, target: Array) -> None:
        check_distributions(self, target)

    def terms(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        tiny = np.finfo(prediction.dtype).tiny
        own = target * np.log(np.maximum(target, tiny))
        if self.from_logits:
            return own - target * prediction, -target
        check_probabilities(self, prediction, "Softmax()")
        p = np.maximum(prediction, tiny)
        return own - target * np.log(p), -target / p


class HingeLoss(Loss):
    """L = 1/n Σᵣ Σᵢ≠ₖ max(0, 1 − zᵣₖ + zᵣᵢ): the right class k is to win by a margin of 1.

    z are scores (n, …, classes), the targets labels k or one-hot rows. With a single output z,
    whose targets are 0 or 1, it is max(0, 1 − t z) with t = −1 or 1. Each term that is not 0 has
    slope 1 in zᵢ and −1 in zₖ. Source: Weston and Watkins, "Support Vector Machines for Multi-Class
    Pattern Recognition", 1999.

    Raises
    ------
    ValueError
        If the targets are not labels, one-hot rows, or 0 and 1.

    Examples
    --------
    >>> HingeLoss()([[2.0, 1.5, -1.0]], [0])
    0.5
    """

    def check_target(self, target: Array) -> None:
        ones_a_row = target.shape[-1] == 1 or bool(np.all(np.sum(target, axis=-1) == 1))
        if not (bool(np.all((target == 0) | (target == 1))) and ones_a_row):
            raise ValueError("HingeLoss expected labels, one-hot rows, or 0 and 1, got others")

    def forward(self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None) -> Any:
        y = self._dense(target, prediction)
        single = prediction.shape[-1] == 1
        shares = self._shares(weight, prediction)
        if single:
            sign = 2 * y - 1
            margins = np.maximum(1 - sign * prediction, 0)
            slopes = np.where(margins > 0, -sign, 0)
        else:
            right = np.sum(prediction * y, axis=-1, keepdims=True)
            margins = np.maximum(1 - right + prediction, 0) * (1 - y)
            wrong = (margins > 0).astype(prediction.dtype)
            slopes = wrong - y * np.sum(wrong, axis=-1, keepdims=True)
        self._saved = slopes.astype(prediction.dtype, copy=False) * shares
        return (margins * shares).sum()

    def backward(self) -> Array:
        return self._recall()
