"""Digits to learn from: MNIST, and a small real set that comes with the package.

from tinyframe.datasets import digits, mnist

(X, y), (X_test, y_test) = mnist()
"""

from tinyframe.datasets.digits import digits
from tinyframe.datasets.mnist import mnist

__all__ = ["digits", "mnist"]
