"""The layers: one short file a layer or a family, each reading as its derivation."""

from tinyframe.layers.activations import ReLU, Sigmoid, Tanh
from tinyframe.layers.dense import Dense
from tinyframe.layers.layer import Layer
from tinyframe.layers.rescale import Rescale
from tinyframe.layers.shape import Flatten
from tinyframe.layers.softmax import Softmax

__all__ = ["Dense", "Flatten", "Layer", "ReLU", "Rescale", "Sigmoid", "Softmax", "Tanh"]
