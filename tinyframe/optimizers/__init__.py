"""Optimizers: how a step changes the parameters, given the gradient of the loss."""

from tinyframe.optimizers.adaptive import Adagrad, Adam, AdamW, Lion, RMSprop
from tinyframe.optimizers.optimizer import Optimizer, OptimizerLike
from tinyframe.optimizers.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "Optimizer", "OptimizerLike", "RMSprop"]
