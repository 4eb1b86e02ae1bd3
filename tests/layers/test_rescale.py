"""Rescale: pixels on their way in."""

import numpy as np
import pytest

from tinyframe import Rescale


def test_rescale_takes_pixels_to_float32():
    pixels = np.array([[0, 51, 255]], np.uint8)
    y = Rescale(1 / 255).forward(pixels)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [[0, 0.2, 1]], rtol=1e-6)


@pytest.mark.parametrize("scale", [np.nan, np.inf, "1", None, 1j, [1]])
def test_rescale_wants_a_finite_number(scale):
    with pytest.raises((TypeError, ValueError), match="scale expected a finite number"):
        Rescale(scale)
