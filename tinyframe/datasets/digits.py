"""The 1,797 handwritten digits that come with the package; see ATTRIBUTION.md."""

from pathlib import Path
from typing import TypeAlias

import numpy as np

from tinyframe.types import Array
from tinyframe.utils.checks import among

Split: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]
"""(X, y), (X_test, y_test)."""

BOX = 20
"""Side of the square that MNIST fits a digit into, centred in its 28×28 image."""


def digits(size: int = 8) -> Split:
    """Return real handwritten digits, without a download: (X, y), (X_test, y_test).

    Every fifth digit is held out for the test: 1,438 to train with, 359 to test.

    Parameters
    ----------
    size
        8 for the images as they are, 8×8 with values 0 … 16; 28 for MNIST's form, 28×28 with
        values 0 … 255: enlarged to 20×20 by linear interpolation and framed by zeros.

    Returns
    -------
    (X, y), (X_test, y_test)
        Images (rows, size, size) in uint8, and labels 0 … 9 (rows,) in int64.

    Raises
    ------
    ValueError
        If the size is neither 8 nor 28.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0).

    Examples
    --------
    >>> from tinyframe.datasets import digits
    >>> (X, y), (X_test, y_test) = digits()
    >>> X.shape, X_test.shape, X.dtype
    ((1438, 8, 8), (359, 8, 8), dtype('uint8'))
    """
    if not among(size, 8, 28):
        raise ValueError(f"size expected 8 or 28, got {size!r}")
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"].astype(np.int64)
    if size != images.shape[1]:
        images = _enlarge(images, size)
    test = np.arange(len(images)) % 5 == 4  # noqa: PLR2004 - every fifth
    return (images[~test], labels[~test]), (images[test], labels[test])


def _enlarge(images: Array, size: int) -> Array:
    """Return images (n, 8, 8) of 0 … 16 as (n, size, size) of 0 … 255, framed as MNIST's are."""
    small = images.shape[1]
    # Row i of the result lies at this height among the rows of the small image, pixel centres
    # being at ½, 1½, …; beyond the outermost centres the edge continues.
    height = np.clip((np.arange(BOX) + 0.5) * small / BOX - 0.5, 0, small - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(height[:, np.newaxis] - np.arange(small)))  # (20, 8)
    large = weights @ images @ weights.T * (255 / 16)
    margin = (size - BOX) // 2
    framed = np.pad(large, ((0, 0), (margin, margin), (margin, margin)))
    result: Array = np.rint(framed).astype(np.uint8)
    return result
