"""Losses: one number that says how wrong the predictions are, and its gradient."""

from typing import Never

from tinyframe.losses.classification import (
    BinaryCrossEntropyLoss,
    HingeLoss,
    KLDivergenceLoss,
)
from tinyframe.losses.cross_entropy import CrossEntropyLoss
from tinyframe.losses.likelihoods import GaussianNLLLoss, PoissonLoss
from tinyframe.losses.loss import Loss, LossLike
from tinyframe.losses.regression import HuberLoss, MAELoss, MSELoss, QuantileLoss
from tinyframe.utils.hints import missing_export

__all__ = [
    "BinaryCrossEntropyLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivergenceLoss",
    "Loss",
    "LossLike",
    "MAELoss",
    "MSELoss",
    "PoissonLoss",
    "QuantileLoss",
]


def __getattr__(name: str) -> Never:
    raise missing_export(__name__, name, __all__)
