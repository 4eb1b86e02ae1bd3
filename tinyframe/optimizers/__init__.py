"""Optimizers: how a step changes the parameters, given the gradient of the loss."""

from typing import Never

from tinyframe.optimizers.adaptive import Adagrad, Adam, AdamW, Lion, RMSprop
from tinyframe.optimizers.full_batch import FullBatchOptimizer
from tinyframe.optimizers.lbfgs import LBFGS
from tinyframe.optimizers.levenberg_marquardt import LevenbergMarquardt
from tinyframe.optimizers.optimizer import Optimizer, OptimizerLike
from tinyframe.optimizers.sgd import SGD
from tinyframe.utils.hints import missing_export

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "FullBatchOptimizer",
    "LevenbergMarquardt",
    "Lion",
    "Optimizer",
    "OptimizerLike",
    "RMSprop",
]


def __getattr__(name: str) -> Never:
    raise missing_export(__name__, name, __all__)
