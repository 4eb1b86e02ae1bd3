"""Callbacks: watch a model train, keep its best state, stop it in time."""

from tinyframe.training.callbacks.averaging import WeightAverage
from tinyframe.training.callbacks.callback import Callback, check_callbacks
from tinyframe.training.callbacks.calls import Calls
from tinyframe.training.callbacks.loggers import CSVLogger, LearningRateLogger
from tinyframe.training.callbacks.monitors import EarlyStopping, ModelCheckpoint
from tinyframe.training.callbacks.run import Run

__all__ = [
    "CSVLogger",
    "Callback",
    "Calls",
    "EarlyStopping",
    "LearningRateLogger",
    "ModelCheckpoint",
    "Run",
    "WeightAverage",
    "check_callbacks",
]
