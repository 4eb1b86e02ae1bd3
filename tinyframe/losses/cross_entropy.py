"""Cross-entropy: how surprising the right classes are under the predictions."""

import math

import numpy as np
import numpy.typing as npt

from tinyframe.checks import boolean, plain_array, real_number
from tinyframe.data import LARGEST_WEIGHT, as_numbers, as_weights
from tinyframe.layers.layer import Layer
from tinyframe.layers.softmax import Softmax
from tinyframe.losses.loss import Loss
from tinyframe.targets import are_labels, check_distributions, check_labels, check_prediction
from tinyframe.types import Array, Shape


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

    def forward(
        self, prediction: Array, target: Array, weight: npt.ArrayLike | None = None
    ) -> float:
        if self._buffers is None:  # inside `fit` both are checked already
            check_prediction(prediction)
            target = plain_array(target, "the target")
        self._check_prediction(prediction)
        if (
            self.from_logits
            and self._plain
            and weight is None
            and are_labels(target, prediction.shape)
        ):
            return self._forward_labels(prediction, target)
        y, m = self._weighted_target(prediction, target, weight)
        if self.from_logits:
            highest = np.maximum.reduce(prediction, axis=-1, keepdims=True)
            z = np.subtract(prediction, highest, out=self._buffer_like("z", prediction))
            p = np.exp(z, out=self._buffer_like("p", prediction))
            total = np.add.reduce(p, axis=-1, keepdims=True)
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
        self._saved = p, y, m
        # L = sum(y * surprise) / m
        surprise *= y
        return float(np.sum(surprise)) / (m or 1.0)

    def check_target(self, target: Array) -> None:
        check_distributions(self, target)

    @property
    def _plain(self) -> bool:
        """Whether each position counts once, and its class alone."""
        return not (self.label_smoothing or self.class_weights) and self.ignore_index is None

    def _forward_labels(self, prediction: Array, labels: Array) -> float:
        """Return L for scores and labels, without one-hot rows; the classes come first here."""
        zT = np.moveaxis(prediction, -1, 0)
        if self._buffers is None:  # inside `fit` they are checked already
            check_labels(labels, len(zT))
        z = np.subtract(zT, np.maximum.reduce(zT, axis=0), out=self._buffer_like("zT", zT))
        p = np.exp(z, out=self._buffer_like("pT", zT))
        total = np.add.reduce(p, axis=0)
        p /= total
        places = self._reused("places", _places, labels.shape)
        self.mass = m = float(labels.size)
        self._saved = p, (labels, *places), m
        # L = sum(log(sum(exp(z))) - z[label]) / m
        surprise = float(np.sum(np.log(total, out=total))) - float(np.sum(z[labels, *places]))
        return surprise / m

    def _weighted_target(
        self, prediction: Array, target: Array, weight: npt.ArrayLike | None
    ) -> tuple[Array, float]:
        """Return y, smoothed and weighted, of the prediction's shape, and its m; note the mass.

        Weights are brought to about 1, so that float32 can hold them; the mass is that of the
        weights as given.
        """
        classes = prediction.shape[-1]
        known: Array | None = None
        if self.ignore_index is not None and are_labels(target, prediction.shape):
            known = target != self.ignore_index
            target = np.where(known, target, 0)
        y = self._dense(target, prediction)
        if known is None and weight is None and not self.label_smoothing and not self.class_weights:
            self.mass = m = float(prediction.size // classes)
            return y, m
        factors: Array = np.ones(prediction.shape[:-1], prediction.dtype)
        unit = 1.0
        if weight is not None:
            weights, unit = _about_one(as_weights(weight, len(prediction), "weight"))
            factors *= weights.reshape(-1, *[1] * (factors.ndim - 1)).astype(factors.dtype)
        if known is not None:
            factors *= known
        scaled: Array = y * factors[..., np.newaxis]
        if self.class_weights is not None:
            about_one, of_classes = _about_one(np.array(self.class_weights))
            of_class, unit = about_one.astype(prediction.dtype), unit * of_classes
            if len(of_class) != classes:
                raise ValueError(f"class_weights expected {classes} numbers, got {len(of_class)}")
            scaled *= of_class
        m = float(np.sum(scaled))
        self.mass = m * unit
        if self.label_smoothing:
            even: Array = factors[..., np.newaxis] * np.asarray(1 / classes, prediction.dtype)
            if self.class_weights is not None:
                even = even * of_class
            scaled *= 1 - self.label_smoothing
            scaled += self.label_smoothing * even
        return scaled, m

    def _check_prediction(self, prediction: Array) -> None:
        if prediction.shape[-1] == 1:
            raise ValueError("CrossEntropyLoss expected one output a class, two at least, got one")
        if not self.from_logits:
            check_probabilities(self, prediction, "Softmax()")

    def backward(self) -> Array:
        p, y, m = self._recall()
        m = m or 1.0
        if isinstance(y, tuple):  # labels: gradient = (p - one_hot) / m
            out = self._buffer_like("gradientT", p)
            gradient: Array = np.divide(p, p.dtype.type(m), out=out)
            gradient[y] -= 1 / m
            return np.moveaxis(gradient, 0, -1)
        out = self._buffer_like("gradient", p)
        if self.from_logits:
            # gradient = (p * sum(y) - y) / m
            gradient = np.multiply(p, np.add.reduce(y, axis=-1, keepdims=True), out=out)
            gradient -= y
        else:
            # gradient = -y / p / m
            gradient = np.divide(y, p, out=out)
            np.negative(gradient, out=gradient)
        gradient /= m
        return gradient


def _about_one(weights: Array) -> tuple[Array, float]:
    """Return weights divided by a power of two, which is exact, so that the largest is in [1, 2).

    The power comes second.
    """
    unit = 2.0 ** (math.frexp(float(weights.max(initial=0)))[1] - 1)
    return weights / unit, unit


def _places(shape: Shape) -> tuple[Array, ...]:
    """Return the indices of all places of labels of this shape."""
    return tuple(np.indices(shape, sparse=True))


def check_probabilities(loss: Loss, prediction: Array, layer: str) -> None:
    """Raise ValueError if predictions are not in [0, 1], as those of `layer` would be."""
    for value in (prediction.min(), prediction.max()):
        if value < 0 or value > 1 + 1e-4:  # rounding aside
            raise ValueError(
                f"{type(loss).__name__} expected probabilities in [0, 1], got {value}; let the "
                f"model end in {layer}, or use from_logits=True"
            )
