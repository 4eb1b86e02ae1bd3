"""Central differences, and how a derivative is compared with them."""

from collections.abc import Callable

import numpy as np

from tinyframe.types import Array

STEP = 1e-3
"""Step of the differences: their error is about STEP⁴ and 10⁻¹⁶ / STEP, relative."""


def numeric_jacobian(function: Callable[[Array], Array], x: Array, step: float = STEP) -> Array:
    """Return ∂f/∂x by central differences of fourth order.

        f'(x) ≈ [8 (f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))] / 12h

    Parameters
    ----------
    function
        From an array shaped as x to an array of any shape; both are flattened in the Jacobian.
    x
        Where to differentiate, float64; it is left as it is.
    step
        h > 0. The error is about h⁴ f⁽⁵⁾ / 30 + 10⁻¹⁶ |f| / h.

    Returns
    -------
    Array
        Shape (outputs, inputs): entry (i, j) is ∂fᵢ/∂xⱼ.

    Examples
    --------
    >>> from tinyframe.testing import numeric_jacobian
    >>> numeric_jacobian(np.square, np.array([1.0, 3.0])).round(6)
    array([[2., 0.],
           [0., 6.]])
    """
    x = np.array(x, dtype=np.float64)  # our own, in row-major order

    def shifted(j: int, distance: float) -> Array:
        at = x.copy()
        at.flat[j] += distance
        return np.array(function(at), dtype=np.float64).ravel()

    columns = [
        (
            8 * (shifted(j, step) - shifted(j, -step))
            - (shifted(j, 2 * step) - shifted(j, -2 * step))
        )
        / (12 * step)
        for j in range(x.size)
    ]
    return np.stack(columns, axis=1)


def _one_sided_jacobian(function: Callable[[Array], Array], x: Array, step: float) -> Array:
    """Return ∂f/∂x by differences to one side: above x, or below it where step < 0.

        f'(x) ≈ [48 f(x + h) − 36 f(x + 2h) + 16 f(x + 3h) − 3 f(x + 4h) − 25 f(x)] / 12h

    Of fourth order: the error is about h⁴ f⁽⁵⁾ / 5.
    """

    def weighted(at: Array) -> Array:
        values = [np.ravel(function(x + distance * step * at)) for distance in range(5)]
        total: Array = np.dot([-25.0, 48.0, -36.0, 16.0, -3.0], values)
        return total

    return np.stack([weighted(at.reshape(x.shape)) / (12 * step) for at in np.eye(x.size)], axis=1)


def compare(
    what: str, exact: Array, function: Callable[[Array], Array], x: Array, tolerance: float
) -> None:
    """Compare a Jacobian with central differences of `function` at x.

    Where they differ, a difference may have crossed a kink such as ReLU's: then differences to
    either side decide, and those of smaller steps. None makes a wrong derivative right.
    """
    numeric = numeric_jacobian(function, x)
    # A difference of two values is rounded to about 10⁻¹⁶ of them, which the step then divides.
    rounding = 64 * np.finfo(np.float64).eps * float(np.max(np.abs(function(x)), initial=0.0))
    for step in (s for size in (STEP, STEP / 64, STEP / 4096) for s in (size, -size)):
        if _close(exact, numeric, tolerance, rounding / STEP).all():
            return
        aside = _one_sided_jacobian(function, x, step)
        numeric = np.where(_close(exact, aside, tolerance, rounding / abs(step)), exact, numeric)
    assert_close(what, exact, numeric, tolerance, rounding / STEP)


def _close(actual: Array, expected: Array, tolerance: float, noise: float = 0.0) -> Array:
    size = np.maximum(np.abs(actual), np.abs(expected))
    floor = 1e-3 * np.max(np.abs(expected), initial=0.0)
    close: Array = np.abs(actual - expected) <= tolerance * np.maximum(size, floor) + noise
    return close


def assert_close(
    what: str, actual: Array, expected: Array, tolerance: float, noise: float = 0.0
) -> None:
    """Raise AssertionError, saying where and by how much, if `actual` is not `expected`."""
    close = _close(actual, expected, tolerance, noise)
    if not close.all():
        where = tuple(map(int, np.argwhere(~close)[0]))
        raise AssertionError(
            f"{what} {where}: got {actual[where]:.10g}, expected {expected[where]:.10g} "
            f"({int(np.sum(~close))} of {close.size} entries differ)"
        )
