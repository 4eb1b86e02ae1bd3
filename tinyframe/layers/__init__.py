"""The layers: one short file a layer or a family, each reading as its derivation."""

from typing import Never

from tinyframe.layers.activations import ELU, LeakyReLU, ReLU, Sigmoid, Tanh
from tinyframe.layers.attention import MultiHeadAttention
from tinyframe.layers.batch_normalization import BatchNorm
from tinyframe.layers.containers import Add, Concatenate, Residual
from tinyframe.layers.convolution import Conv1D, Conv2D
from tinyframe.layers.dense import Dense
from tinyframe.layers.dropout import Dropout
from tinyframe.layers.embedding import Embedding, PositionalEmbedding
from tinyframe.layers.gated_recurrent import GRU, LSTM
from tinyframe.layers.layer import Layer
from tinyframe.layers.layer_normalization import LayerNorm, RMSNorm
from tinyframe.layers.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from tinyframe.layers.recurrent import RNN
from tinyframe.layers.rescale import Rescale
from tinyframe.layers.select import Select
from tinyframe.layers.shape import Flatten, Permute, Reshape, Reverse
from tinyframe.layers.smooth_activations import GELU, SiLU, Softplus
from tinyframe.layers.softmax import LogSoftmax, Softmax
from tinyframe.layers.transposed_convolution import ConvTranspose2D
from tinyframe.utils.hints import missing_export

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "Add",
    "AveragePool2D",
    "BatchNorm",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool2D",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "MaxPool2D",
    "MultiHeadAttention",
    "Permute",
    "PositionalEmbedding",
    "RMSNorm",
    "ReLU",
    "Rescale",
    "Reshape",
    "Residual",
    "Reverse",
    "Select",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


def __getattr__(name: str) -> Never:
    raise missing_export(__name__, name, __all__)
