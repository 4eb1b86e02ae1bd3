"""Proofs of derivatives, for the layers here and for your own.

    from tinyframe.testing import check_layer

    check_layer(MyLayer(), input_shape=(5,))

`tinyframe.testing.strategies` has hypothesis strategies for shapes and arrays (extra `testing`).
"""

from tinyframe.testing.differences import numeric_jacobian
from tinyframe.testing.gradients import check_layer
from tinyframe.testing.losses import check_loss

__all__ = ["check_layer", "check_loss", "numeric_jacobian"]
