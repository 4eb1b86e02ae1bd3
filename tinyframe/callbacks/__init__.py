"""Callbacks: watch a model train, keep its best state, stop it in time."""

from tinyframe.callbacks.callback import Callback, check_callbacks
from tinyframe.callbacks.loggers import CSVLogger, LearningRateLogger
from tinyframe.callbacks.monitors import EarlyStopping, ModelCheckpoint
from tinyframe.callbacks.run import Run

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "LearningRateLogger",
    "ModelCheckpoint",
    "Run",
    "check_callbacks",
]
