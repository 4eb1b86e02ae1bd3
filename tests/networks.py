"""A network and losses for tests of what goes into `fit`."""

import numpy as np

from tinyframe import CrossEntropyLoss, Dense, MAELoss, MSELoss, ReLU, Sequential, Softmax

LOSSES = {
    "mse": MSELoss(),
    "mae": MAELoss(),
    "cross-entropy": CrossEntropyLoss(),
    "smoothed": CrossEntropyLoss(label_smoothing=0.1),
}


def network(seed: int = 0, classes: int = 3) -> Sequential:
    model = Sequential([Dense(5, 8), ReLU(), Dense(8, classes), Softmax()], dtype=np.float64)
    model.build(5, rng=seed)
    return model
