"""Deep learning you can read in an afternoon: layers with hand-written derivatives, on NumPy.

    from tinyframe import Dense, ReLU, Sequential, Softmax

    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]).fit(X, y)

Also `tinyframe.datasets` (digits to learn from), `tinyframe.testing` (proofs of derivatives),
`tinyframe.metrics`, `tinyframe.inspection` (what happens inside) and `tinyframe.plots`. Examples in
docstrings assume `import numpy as np` and `from tinyframe import *`.
"""

import sys
from importlib import import_module
from typing import Any

from tinyframe.data.shards import Shards
from tinyframe.data.targets import one_hot
from tinyframe.layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    Add,
    AveragePool2D,
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    MultiHeadAttention,
    Permute,
    PositionalEmbedding,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Reverse,
    RMSNorm,
    Select,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.losses import (
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeLoss,
    HuberLoss,
    KLDivergenceLoss,
    Loss,
    MAELoss,
    MSELoss,
    PoissonLoss,
    QuantileLoss,
)
from tinyframe.metrics import Metric
from tinyframe.model import Model
from tinyframe.optimizers import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    LevenbergMarquardt,
    Lion,
    Optimizer,
    RMSprop,
)
from tinyframe.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
)
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.sequential import Sequential
from tinyframe.storage.errors import StorageError
from tinyframe.storage.registry import register
from tinyframe.training.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateLogger,
    ModelCheckpoint,
    WeightAverage,
)
from tinyframe.training.callbacks.progress_bar import ProgressBar
from tinyframe.training.checkpoint import Checkpoint
from tinyframe.training.history import History
from tinyframe.training.learning_rate import find_learning_rate
from tinyframe.utils.hints import missing_export
from tinyframe.version import __version__

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LBFGS",
    "LSTM",
    "RNN",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Add",
    "AveragePool2D",
    "BatchNorm",
    "BinaryCrossEntropyLoss",
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "CosineDecay",
    "CrossEntropyLoss",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "ExponentialDecay",
    "Flatten",
    "GaussianNLLLoss",
    "GlobalAveragePool2D",
    "HingeLoss",
    "History",
    "HuberLoss",
    "KLDivergenceLoss",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LearningRateLogger",
    "LevenbergMarquardt",
    "Lion",
    "LogSoftmax",
    "Loss",
    "MAELoss",
    "MSELoss",
    "MaxPool2D",
    "Metric",
    "Model",
    "ModelCheckpoint",
    "MultiHeadAttention",
    "OneCycle",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "Permute",
    "PoissonLoss",
    "PositionalEmbedding",
    "ProgressBar",
    "QuantileLoss",
    "RMSNorm",
    "RMSprop",
    "ReLU",
    "ReduceOnPlateau",
    "Rescale",
    "Reshape",
    "Residual",
    "Reverse",
    "Schedule",
    "Select",
    "Sequential",
    "Shards",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StepDecay",
    "StorageError",
    "Tanh",
    "WeightAverage",
    "__version__",
    "find_learning_rate",
    "one_hot",
    "register",
]


# Where modules stood before the subpackages: paths that scripts and pickled models still name.
for _old, _new in {
    "callbacks": "training.callbacks",
    "checkpoint": "training.checkpoint",
    "display": "training.callbacks.progress_bar",
    "history": "training.history",
    "learning_rate": "training.learning_rate",
    "registry": "storage.registry",
    "schedules": "optimizers.schedules",
    "shards": "data.shards",
    "targets": "data.targets",
}.items():
    _module = import_module(f"{__name__}.{_new}")
    sys.modules[f"{__name__}.{_old}"] = globals()[_old] = _module


_LAZY = ("datasets", "distributed", "exercises", "inspection", "interop", "plots", "testing")

_ELSEWHERE = {
    "NetworkClassifier": "interop.sklearn",
    "NetworkRegressor": "interop.sklearn",
    "check_layer": "testing",
    "check_loss": "testing",
    "digits": "datasets",
    "from_keras": "interop.keras",
    "from_sklearn": "interop.sklearn",
    "from_torch_state_dict": "interop.torch",
    "gradient_report": "inspection",
    "mnist": "datasets",
    "to_torch_state_dict": "interop.torch",
}
"""Names that people look for here, and the modules that have them."""


def __dir__() -> list[str]:
    return [*__all__, *_LAZY]


def __getattr__(name: str) -> Any:
    """Import what not everybody needs when it is first asked for; know what others call things."""
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    if name in _ELSEWHERE:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    raise missing_export(__name__, name, [*__all__, *_LAZY, *_ELSEWHERE])
