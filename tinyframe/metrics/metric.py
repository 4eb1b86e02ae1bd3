"""Which metrics `fit` knows by name, and how they see all rows of an epoch at once."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_weights
from tinyframe.data.targets import are_classes, are_labels, dense_target
from tinyframe.losses import BinaryCrossEntropyLoss, Loss, PoissonLoss
from tinyframe.metrics.arguments import as_pair
from tinyframe.metrics.classification import accuracy, f1, precision, recall, top_k_accuracy
from tinyframe.metrics.ranking import roc_auc
from tinyframe.metrics.regression import mae, mse, r2
from tinyframe.types import Array
from tinyframe.utils.attributes import Hinted
from tinyframe.utils.checks import iterable
from tinyframe.utils.hints import figure_hint

MetricFunction: TypeAlias = Callable[..., float]
"""(prediction, target) → number, over all rows; or (prediction, target, weight=None)."""

NAMED: dict[str, MetricFunction] = {
    "accuracy": accuracy,
    "f1": f1,
    "mae": mae,
    "mse": mse,
    "precision": precision,
    "r2": r2,
    "recall": recall,
    "roc_auc": roc_auc,
    "top_k_accuracy": top_k_accuracy,
}
"""The metrics that have a name."""

OF_CLASSES = (accuracy, f1, precision, recall, roc_auc, top_k_accuracy)


class Metric(Hinted):
    """A metric with options and a name: `Metric(top_k_accuracy, k=3)`.

    Parameters
    ----------
    function
        Function (prediction, target, …) → number.
    name
        What History calls it; by default the function's name and the options' values: "f1_micro".
    options
        Arguments by name that the function is called with.

    Raises
    ------
    TypeError
        If `function` is none, or does not take one of the options.

    Examples
    --------
    >>> from tinyframe.metrics import top_k_accuracy
    >>> top_two = Metric(top_k_accuracy, k=2)
    >>> top_two.name
    'top_k_accuracy_2'
    >>> top_two([[0.1, 0.5, 0.4], [0.7, 0.2, 0.1]], [2, 2])
    0.5
    """

    def __init__(self, function: MetricFunction, name: str | None = None, **options: Any) -> None:
        if not callable(function):
            raise TypeError(f"Metric expected a function, got {function!r}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"Metric's name expected a string, got {name!r}")
        self.name = name or "_".join([_name(function), *map(str, options.values())])
        self.function = function
        self.options = options
        taken = inspect.signature(function).parameters
        for option in options:
            if option not in taken:
                raise TypeError(f"{_name(function)} has no option {option!r}")

    def __call__(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return the figure over all rows; rows of weight 0 are left out.

        Parameters
        ----------
        prediction, target, weight
            As the function takes them; one that takes no weight sees all other rows alike.

        Raises
        ------
        TypeError, ValueError
            If they are no numbers, masked, or of different numbers of rows, or the function returns
            no number; and as the function does.
        """
        prediction, target = as_pair(prediction, target)
        call = partial(self.function, **self.options)
        if weight is None:
            found = call(prediction, target)
        elif "weight" in inspect.signature(self.function).parameters:
            found = call(prediction, target, weight=weight)
        else:
            counted = as_weights(weight, len(prediction), "weight") > 0
            found = call(prediction[counted], target[counted])
        try:
            return float(found)
        except (TypeError, ValueError):
            expected = f"{self!r} expected a number from its function"
            raise TypeError(f"{expected}, got {found!r}") from None

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Metric({_name(self.function)}{options})"


def named_metrics(
    metrics: Any, target: Array, outputs: int, loss: Loss | None = None
) -> dict[str, Metric]:
    """Return the metrics by name; None means accuracy where the targets are classes.

    Parameters
    ----------
    metrics
        Names, functions, or objects of `Metric`.
    target
        What they will be compared with.
    outputs
        Number of outputs of the model.
    loss
        What it learns by: one that takes a single output for the probability of a yes makes
        classes of 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If one is neither of these, has a name that is taken, or needs classes where there are none.
    """
    if metrics is None:
        yes_or_no = isinstance(loss, BinaryCrossEntropyLoss) and not loss.from_logits
        classes = (
            _alike(loss, outputs) and (outputs > 1 or yes_or_no) and are_classes(target, outputs)
        )
        return {"accuracy": Metric(accuracy)} if classes else {}
    if not iterable(metrics):
        raise TypeError(f'metrics expected a list such as ["accuracy"], got {metrics!r}')
    chosen: dict[str, Metric] = {}
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in NAMED:
                raise ValueError(
                    f"metrics expected names among {sorted(NAMED)}, got {metric!r}"
                    + figure_hint(metric, NAMED)
                )
            found = Metric(NAMED[metric], metric)
        elif isinstance(metric, Metric):
            found = metric
        elif callable(metric):
            found = Metric(metric)
        else:
            raise TypeError(f"metrics expected names or functions, got {metric!r}")
        name = found.name
        if name in chosen or name in ("loss", "seconds", "epoch") or name.startswith("val_"):
            raise ValueError(
                f"metrics expected another name for each, got {name!r}, which is taken"
            )
        if found.function in NAMED.values():
            _check_fit(found, target, outputs, loss)
        chosen[name] = found
    return chosen


def _alike(loss: Loss | None, outputs: int) -> bool:
    """Whether outputs and targets have one shape."""
    return loss is None or loss.target_shape((outputs,)) == (outputs,)


def _check_fit(metric: Metric, target: Array, outputs: int, loss: Loss | None) -> None:
    """Raise ValueError if a metric of ours has no meaning for these outputs and targets."""
    if not _alike(loss, outputs):
        raise ValueError(
            f"the metric {metric.name} expected outputs of the targets' shape, and {loss!r} has "
            "others: give a function (prediction, target) of your own"
        )
    if isinstance(loss, PoissonLoss) and loss.log_rates:
        raise ValueError(
            f"the metric {metric.name} expected rates, and with {loss!r} the model makes their "
            "logarithms: give a function (prediction, target) of your own, or end in Softplus()"
        )
    if metric.function in OF_CLASSES and not are_classes(target, outputs):
        raise ValueError(
            f"the metric {metric.name} expected classes: integer labels, one-hot rows or a column "
            f"of 0 and 1; got {target.dtype} targets of shape {target.shape}"
        )


class Scores:
    """Gathers predictions block by block, so that metrics are exact over all rows of an epoch.

    Parameters
    ----------
    metrics
        By name.
    ignored
        A label whose positions no metric sees.

    Attributes
    ----------
    batch : int or None
        What to note beside each row, so that rows of several processes can be put in one order.
    """

    def __init__(self, metrics: Mapping[str, Metric], ignored: int | None = None) -> None:
        self.metrics = metrics
        self.ignored = ignored
        self.batch: int | None = None
        self._gathered: dict[str, Array] = {}  # with room for more rows
        self._rows = self._room = 0

    def clear(self) -> None:
        """Begin anew."""
        self._room = max(self._room, self._rows)  # as many may come again
        self._gathered, self._rows = {}, 0

    def add(self, prediction: Array, target: Array, weight: Array | None) -> None:
        """Copy the next rows. One without a weight counts 1, where others have some."""
        stop = self._rows + len(prediction)
        if self._rows:
            weight = self._weight(weight, len(prediction))
            if target.ndim != self._gathered["target"].ndim:
                target = self._rows_for_labels(target, prediction)
        new = {"prediction": prediction, "target": target, "weight": weight}
        if self.batch is not None:
            new["batch"] = np.full(len(prediction), self.batch)
        for name, rows in new.items():
            if rows is None:
                continue
            gathered = self._gathered.get(name)
            if gathered is None or len(gathered) < stop:
                room = max(stop, 2 * self._rows, self._room)
                larger = np.empty((room, *rows.shape[1:]), rows.dtype)
                if gathered is not None:
                    larger[: self._rows] = gathered[: self._rows]
                gathered = self._gathered[name] = larger
            gathered[self._rows : stop] = rows
        self._rows = stop

    def _weight(self, weight: Array | None, rows: int) -> Array | None:
        """Return the weights of the next rows, ones if need be; or give those before them ones."""
        weighted = "weight" in self._gathered
        if weight is None:
            return np.ones(rows) if weighted else None
        if not weighted:
            self._gathered["weight"] = np.ones(self._rows)
        return weight

    def _rows_for_labels(self, target: Array, prediction: Array) -> Array:
        """Return the next targets as rows if they are labels, else make rows of those before."""
        if target.ndim < prediction.ndim:
            return dense_target(target, prediction)
        before = self.gathered
        self._gathered["target"] = dense_target(before["target"], before["prediction"])
        return target

    @property
    def gathered(self) -> dict[str, Array]:
        """What was added since it was cleared: "prediction", "target", and "weight" if given."""
        return {name: rows[: self._rows] for name, rows in self._gathered.items() if self._rows}

    @gathered.setter
    def gathered(self, arrays: Mapping[str, Array]) -> None:
        self._gathered = dict(arrays)
        self._rows = len(self._gathered.get("prediction", ()))

    def figures(self) -> dict[str, float]:
        """Return each metric over all rows added; NaN if none was, or a prediction is NaN."""
        if not self.metrics:
            return {}
        gathered = self.gathered
        if not gathered or np.isnan(gathered["prediction"]).any():
            return dict.fromkeys(self.metrics, math.nan)
        prediction, target = gathered["prediction"], gathered["target"]
        weight = gathered.get("weight")
        if self.ignored is not None and are_labels(target, prediction.shape):
            counted = target != self.ignored
            if weight is not None:
                weight = np.repeat(weight, np.sum(counted.reshape(len(counted), -1), axis=1))
            prediction, target = prediction[counted], target[counted]
        return {name: metric(prediction, target, weight) for name, metric in self.metrics.items()}


def _name(function: MetricFunction) -> str:
    return getattr(function, "__name__", type(function).__name__)
