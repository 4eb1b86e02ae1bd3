"""The two types every signature here is made of."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array; its shape and meaning stand in the docstring that uses it."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of one sample, without the batch."""

RandomSeed: TypeAlias = "int | np.random.Generator | None"  # text: numpy.random loads when used
"""What `rng=` takes: a seed, a generator, or None for fresh entropy."""


def stands_in(x: Any) -> bool:
    """Whether `x` stands in for an array whose numbers were checked: see `tinyframe.recording`."""
    return hasattr(type(x), "__array_function__") and not isinstance(x, np.ndarray | np.generic)
