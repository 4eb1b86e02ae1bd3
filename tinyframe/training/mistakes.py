"""Mistakes that train in silence, to a bad model: what `fit` warns of, with the mend."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tinyframe.layers import (
    GRU,
    LSTM,
    RNN,
    AveragePool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    LayerNorm,
    MaxPool2D,
    MultiHeadAttention,
    Permute,
    Reshape,
    Reverse,
    RMSNorm,
    Sigmoid,
    Softmax,
)
from tinyframe.layers.layer import Layer
from tinyframe.layers.windows import pair
from tinyframe.losses import BinaryCrossEntropyLoss, CrossEntropyLoss, KLDivergenceLoss, Loss
from tinyframe.training.named import head_of
from tinyframe.types import Array
from tinyframe.utils.warn import warn

KEEP_SCALE = (
    Flatten, Reshape, Permute, Reverse, Dropout,
    MaxPool2D, AveragePool2D, GlobalAveragePool2D,
)  # fmt: skip
NORMALISE = (BatchNorm, LayerNorm, RMSNorm)
WEIGH = (Dense, Conv1D, Conv2D, ConvTranspose2D, RNN, LSTM, GRU, MultiHeadAttention)
MAKES_PROBABILITIES = {
    CrossEntropyLoss: Softmax,
    KLDivergenceLoss: Softmax,
    BinaryCrossEntropyLoss: Sigmoid,
}

ROWS = 32
"""How many rows are looked at."""

FEW_CHANNELS = (1, 3, 4)
"""Of grey images, of those in colour, and of those in colour with transparency."""

PIXELS, BRIGHT, BRIGHTEST = 64, 128, 255
"""From how many numbers a row may be an image, and what the largest pixel is between."""


def warn_of_mistakes(chain: Sequence[Layer], loss: Loss, x: Array | None) -> None:
    """Warn, as from the caller of `fit`, which calls this, of what nearly always is a mistake.

    Parameters
    ----------
    chain, loss
        The layers of a built model in order, and what it trains with.
    x
        Rows as the user gave them.
    """
    for message in (*_channels_last(chain), *_pixels(chain, x), *_probabilities(chain, loss)):
        warn(message)


def _channels_last(chain: Sequence[Layer]) -> Iterator[str]:
    """Yield a message if the first convolution meets images (height, width, channels)."""
    layers = (layer for part in chain for layer in part.walk())
    first = next((layer for layer in layers if type(layer) is Conv2D), None)
    if first is None or first.input_shape is None:
        return
    channels, height, width = first.input_shape
    like_a_photo = min(channels, height) >= 8 and max(channels, height) <= 2 * min(channels, height)  # noqa: PLR2004
    across = pair("kernel_size", first.kernel_size)[1]  # else a signal with an axis added to it
    if width in FEW_CHANNELS and like_a_photo and across > 1:
        yield (
            f"{first!r} takes images as (channels, height, width) and got {first.input_shape}: "
            f"{channels} channels of {height} × {width} pixels. If the channels come last, put "
            "Permute(3, 1, 2) before it"
        )


def _pixels(chain: Sequence[Layer], x: Array | None) -> Iterator[str]:
    """Yield a message if pixels of 0 … 255 meet weights as they are."""
    rest = [layer for layer in chain if type(layer) not in KEEP_SCALE]
    if x is None or not rest or type(rest[0]) not in WEIGH or not rest[0].trainable:
        return
    if any(isinstance(layer, NORMALISE) for layer in rest[1:2]):
        return
    rows = x[:ROWS]
    whole = rows.dtype.kind in "biu" or bool(np.all(rows == np.floor(rows)))
    bright = rows.min() >= 0 and BRIGHT <= rows.max() <= BRIGHTEST
    if whole and bright and math.prod(rows.shape[1:]) >= PIXELS:
        yield (
            f"X has numbers from {rows.min():g} to {rows.max():g}, and {rest[0]!r} takes them as "
            "they are: training hardly moves with inputs that large. If they are pixels, put "
            "Rescale(1 / 255) before it"
        )


def _probabilities(chain: Sequence[Layer], loss: Loss) -> Iterator[str]:
    """Yield a message if a loss of scores is given probabilities."""
    head = MAKES_PROBABILITIES.get(type(loss))
    if head is not None and type(head_of(chain)) is head and getattr(loss, "from_logits", False):
        yield (
            f"{loss!r} expects scores, and the model ends in {head_of(chain)!r}, which makes "
            "probabilities of them: leave from_logits=True out"
        )
