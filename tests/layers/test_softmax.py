"""Softmax: its rows are probabilities."""

import numpy as np
from hypothesis import given

from tinyframe import Softmax
from tinyframe.testing.strategies import arrays


@given(arrays((4, 3), 1e4))
def test_softmax_rows_are_probabilities(x):
    y = Softmax().forward(x)
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-12)
