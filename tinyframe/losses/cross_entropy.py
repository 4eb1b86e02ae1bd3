"""Cross-entropy: how surprising the right classes are under the predictions."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import LARGEST_WEIGHT, as_numbers, as_weights
from tinyframe.data.targets import are_labels, check_distributions, checked_target
from tinyframe.layers.layer import Layer
from tinyframe.layers.softmax import Softmax
from tinyframe.losses.loss import Loss
from tinyframe.types import Array
from tinyframe.utils.checks import boolean, real_number


class CrossEntropyLoss(Loss):
    """L = −1/m Σᵣ Σᵢ yᵣᵢ log pᵣᵢ: how surprising the targets y are under the predictions p.

    p and y are (n, …, classes), labels (n, …); the rows of y are shares ≥ 0 that sum to 1. The mean
    runs over all m positions, those of a sequence too. The prediction is made of probabilities, or,
    with `from_logits=True`, of the scores z in p = Softmax(z), for which

        L = 1/m Σᵣ Σᵢ yᵣᵢ (log Σⱼ e^zᵣⱼ − zᵣᵢ)        ∂L/∂zᵣᵢ = (pᵣᵢ Σⱼ yᵣⱼ − yᵣᵢ) / m

    that is (p − y) / m where the target's rows sum to 1. From probabilities ∂L/∂p = −y / (m p).
    Training a model that ends in Softmax uses the scores: then L is exact for any finite z, where
    p alone would have rounded to 0.

    With weights v of classes and of rows, each y is multiplied by both, and m is their sum. With
    smoothing ε, y becomes (1 − ε) y + ε / classes (Szegedy et al., "Rethinking the Inception
    Architecture for Computer Vision", 2016).

    Parameters
    ----------
    from_logits : bool
        Whether predictions are scores. Leave it False for a model that ends in Softmax.
    label_smoothing : float
        ε, 0 ≤ ε < 1.
    class_weights : array of shape (classes,), optional
        v ≥ 0.
    ignore_index : int, optional
        Positions with this label count for nothing, as where sequences are filled up.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, there is but one output, a row of targets is no distribution
        over the classes, or a prediction that should be a probability is not in [0, 1].

    Examples
    --------
    >>> round(CrossEntropyLoss()([[0.25, 0.75]], [1]), 4)
    0.2877
    >>> CrossEntropyLoss(from_logits=True)([[0.0, 1e4]], [0])
    10000.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        class_weights: npt.ArrayLike | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.from_logits = boolean("from_logits", from_logits)
        self.label_smoothing = real_number("label_smoothing", label_smoothing, at_least=0, below=1)
        self.class_weights = None
        if class_weights is not None:
            weights = as_numbers(class_weights, "class_weights").astype(np.float64)
            if weights.ndim != 1 or not ((weights >= 0) & (weights < LARGEST_WEIGHT)).all():
                raise ValueError(
                    f"class_weights expected one number ≥ 0 a class, below {LARGEST_WEIGHT:g}, "
                    f"got {class_weights}"
                )
            self.class_weights = tuple(weights.tolist())
        if ignore_index is not None and not isinstance(ignore_index, (int, np.integer)):
            raise TypeError(f"ignore_index expected an integer, got {ignore_index!r}")
        self.ignore_index = ignore_index

    def fuse(self, layer: Layer) -> "Loss | None":
        # Exact types: a subclass of either may compute something else.
        if type(layer) is not Softmax or type(self) is not CrossEntropyLoss or self.from_logits:
            return None
        if layer.axis != -1 and layer.axis != len(layer.input_shape or ()):
            return None  # along another axis than that of the classes
        return CrossEntropyLoss(True, self.label_smoothing, self.class_weights, self.ignore_index)

    def forward(self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None) -> Any:
        target = checked_target(target, prediction)
        self._check_prediction(prediction)
        y, m = self._weighted_target(prediction, target, weight)
        if self.from_logits:
            z = prediction - prediction.max(axis=-1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=-1, keepdims=True)
            surprise = np.log(total) - z
            slope = e / total * y.sum(axis=-1, keepdims=True) - y
        else:
            # A probability that rounded to 0 counts as the smallest number there is.
            p = np.maximum(prediction, np.finfo(prediction.dtype).tiny)
            surprise, slope = -np.log(p), -y / p
        self._saved = slope / m
        return (y * surprise).sum() / m

    def check_target(self, target: Array) -> None:
        check_distributions(self, target)

    def _weighted_target(
        self, prediction: Array, target: Array, weight: npt.ArrayLike | None
    ) -> tuple[Array, Any]:
        """Return y, smoothed and weighted, of the prediction's shape, and its m; note Σᵣ wᵣ.

        Weights are brought to about 1, so that float32 can hold them; `weight_sum` is that of the
        weights as given.
        """
        classes = prediction.shape[-1]
        known: Array | None = None
        if self.ignore_index is not None and are_labels(target, prediction.shape):
            known = target != self.ignore_index
            target = np.where(known, target, 0)
        y = self._dense(target, prediction)
        factors: Any = 1.0 if known is None else known.astype(prediction.dtype)[..., np.newaxis]
        unit: Any = 1.0
        if weight is not None:
            weights, unit = _about_one(as_weights(weight, len(prediction), "weight"))
            column = weights.reshape(-1, *[1] * (prediction.ndim - 1))
            factors = factors * column.astype(prediction.dtype)
        if self.class_weights is not None:
            of_class, of_classes = _about_one(np.array(self.class_weights))
            if len(of_class) != classes:
                raise ValueError(f"class_weights expected {classes} numbers, got {len(of_class)}")
            factors, unit = factors * of_class.astype(prediction.dtype), unit * of_classes
        elif known is None and weight is None and not self.label_smoothing:
            self.weight_sum = m = float(prediction.size // classes)
            return y, m
        weighted = y * factors
        total = weighted.sum(dtype=np.float64)
        self.weight_sum = total * unit
        if self.label_smoothing:
            even = self.label_smoothing / classes
            weighted = (1 - self.label_smoothing) * weighted + even * factors
        return weighted, np.where(total > 0, total, 1).astype(prediction.dtype)

    def _check_prediction(self, prediction: Array) -> None:
        if prediction.shape[-1] == 1:
            raise ValueError("CrossEntropyLoss expected one output a class, two at least, got one")
        if not self.from_logits:
            check_probabilities(self, prediction, "Softmax()")

    def backward(self) -> Array:
        return self._recall()


def _about_one(weights: Array) -> tuple[Array, Any]:
    """Return weights divided by a power of two, which is exact, so that the largest is in [1, 2).

    The power comes second.
    """
    _, exponent = np.frexp(weights.max(initial=0))
    unit = np.ldexp(1.0, exponent - 1)
    return weights / unit, unit


def check_probabilities(loss: Loss, prediction: Array, layer: str) -> None:
    """Raise ValueError if predictions are not in [0, 1], as those of `layer` would be."""
    for value in (prediction.min(), prediction.max()):
        if value < 0 or value > 1 + 1e-4:  # rounding aside
            raise ValueError(
                f"{type(loss).__name__} expected probabilities in [0, 1], got {value}; let the "
                f"model end in {layer}, or use from_logits=True"
            )
