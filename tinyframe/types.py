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
