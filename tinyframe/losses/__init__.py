"""Losses: one number that says how wrong the predictions are, and its gradient."""

from tinyframe.losses.classification import (
    BinaryCrossEntropyLoss,
    HingeLoss,
    KLDivergenceLoss,
)
from tinyframe.losses.cross_entropy import CrossEntropyLoss
from tinyframe.losses.loss import Loss, LossLike
from tinyframe.losses.regression import HuberLoss, MAELoss, MSELoss

__all__ = [
    "BinaryCrossEntropyLoss",
    "CrossEntropyLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivergenceLoss",
    "Loss",
    "LossLike",
    "MAELoss",
    "MSELoss",
]
