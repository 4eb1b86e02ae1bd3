"""Callbacks: watch a model train, keep its best state, stop it in time."""

from tinyframe.callbacks.callback import Callback, check_callbacks
from tinyframe.callbacks.calls import Calls
from tinyframe.callbacks.loggers import CSVLogger, LearningRateLogger
from tinyframe.callbacks.monitors import EarlyStopping, ModelCheckpoint
from tinyframe.callbacks.run import Run

__all__ = [
    "CSVLogger",
    "Callback",
    "Calls",
    "EarlyStopping",
    "LearningRateLogger",
    "ModelCheckpoint",
    "Run",
    "check_callbacks",
]
