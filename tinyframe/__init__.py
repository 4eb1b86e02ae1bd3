"""Deep learning you can read in an afternoon: layers with hand-written derivatives, on NumPy.

    from tinyframe import Dense, ReLU, Sequential, Softmax

    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]).fit(X, y)

Also `tinyframe.datasets` (digits to learn from) and `tinyframe.testing` (proofs of derivatives).
"""

from importlib import import_module
from types import ModuleType

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
from tinyframe.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSprop
from tinyframe.parameters import Parameter, ParameterVector
from tinyframe.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
)
from tinyframe.sequential import Sequential
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
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "CosineDecay",
    "CrossEntropyLoss",
    "Dense",
    "Dropout",
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
    "Lion",
    "LogSoftmax",
    "Loss",
    "MAELoss",
    "MSELoss",
    "MaxPool2D",
    "MultiHeadAttention",
    "OneCycle",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "Permute",
    "PositionalEmbedding",
    "RMSNorm",
    "RMSprop",
    "ReLU",
    "ReduceOnPlateau",
    "Rescale",
    "Reshape",
    "Residual",
    "Schedule",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StepDecay",
    "Tanh",
    "one_hot",
]


def __getattr__(name: str) -> ModuleType:
    """Import `tinyframe.datasets` and `tinyframe.testing` when they are first asked for."""
    if name in ("datasets", "testing"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
