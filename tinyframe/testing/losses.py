"""Proof that a loss has the gradient of its own value."""

import copy

import numpy as np
import numpy.typing as npt

from tinyframe.data.arrays import as_numbers
from tinyframe.losses import Loss
from tinyframe.testing.differences import compare
from tinyframe.testing.gradients import read_only
from tinyframe.utils.checks import real_number


def check_loss(
    loss: Loss,
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    tolerance: float = 1e-6,
) -> None:
    """Prove a loss: its gradient is that of its own value, and it writes to no argument.

    Parameters
    ----------
    loss
        The loss; a copy of it is checked.
    prediction, target, weight
        Where to check, as `loss.forward` takes them.
    tolerance
        As in `check_layer`.

    Raises
    ------
    AssertionError
        If the gradient is wrong.
    TypeError, ValueError
        If it is no loss, an argument does not fit it, or is written to.

    Examples
    --------
    >>> from tinyframe.testing import check_loss
    >>> check_loss(MSELoss(), [[0.1, 0.9]], [1])
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"check_loss expected a loss, got {loss!r}")
    tolerance = real_number("tolerance", tolerance, at_least=0)
    loss = copy.deepcopy(loss)
    prediction = read_only(np.array(as_numbers(prediction, "prediction"), dtype=np.float64))
    target = read_only(np.array(as_numbers(target, "target")))
    weights = () if weight is None else (read_only(np.array(as_numbers(weight, "weight"))),)
    loss.forward(prediction, target, *weights)
    gradient = loss.backward()
    if gradient.shape != prediction.shape:
        raise AssertionError(
            f"{loss!r}: the gradient has shape {gradient.shape}, the prediction {prediction.shape}"
        )
    compare(
        f"{loss!r}: ∂L/∂prediction",
        gradient.reshape(1, -1),
        lambda at: np.array(loss.forward(at, target, *weights)),
        prediction,
        tolerance,
    )
