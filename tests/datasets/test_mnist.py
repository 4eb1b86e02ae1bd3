"""What the defaults reach on real digits."""

import numpy as np
import pytest

from tinyframe import Dense, ReLU, Sequential, Softmax

full = pytest.mark.full


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=full) for n in range(2, 10))])
def test_every_default_reaches_92_percent(real_mnist, seed):
    (X, y), (X_test, y_test) = real_mnist
    X, X_test = (images.reshape(-1, 784) / np.float32(255) for images in (X, X_test))
    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()])
    model.fit(X, y, rng=seed)
    assert model.evaluate(X_test, y_test)["accuracy"] >= 0.92
