"""Deep learning you can read in an afternoon: layers with hand-written derivatives, on NumPy.

    from tinyframe import Dense, ReLU, Sequential, Softmax

    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]).fit(X, y)

Also `tinyframe.datasets` (digits to learn from), `tinyframe.testing` (proofs of derivatives),
`tinyframe.metrics`, `tinyframe.inspection` (what happens inside) and `tinyframe.plots`.
"""

from importlib import import_module
from types import ModuleType

from tinyframe.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateLogger,
    ModelCheckpoint,
)
from tinyframe.checkpoint import Checkpoint
from tinyframe.display import ProgressBar
from tinyframe.history import History
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
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.learning_rate import find_learning_rate
from tinyframe.losses import (
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KLDivergenceLoss,
    Loss,
    MAELoss,
    MSELoss,
)
from tinyframe.metrics import Metric
from tinyframe.model import Model
from tinyframe.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSprop
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.registry import register
from tinyframe.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
)
from tinyframe.sequential import Sequential
from tinyframe.shards import Shards
from tinyframe.storage.errors import StorageError
from tinyframe.targets import one_hot

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "GELU",
    "GRU",
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
    "GlobalAveragePool2D",
    "HingeLoss",
    "History",
    "HuberLoss",
    "KLDivergenceLoss",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LearningRateLogger",
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
    "PositionalEmbedding",
    "ProgressBar",
    "RMSNorm",
    "RMSprop",
    "ReLU",
    "ReduceOnPlateau",
    "Rescale",
    "Reshape",
    "Residual",
    "Schedule",
    "Sequential",
    "Shards",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StepDecay",
    "StorageError",
    "Tanh",
    "find_learning_rate",
    "one_hot",
    "register",
]


def __getattr__(name: str) -> ModuleType:
    """Import the modules that not everybody needs when they are first asked for."""
    if name in ("datasets", "inspection", "plots", "testing"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
