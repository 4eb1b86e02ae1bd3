"""The layers and losses that the property tests draw: a new one is a new line here."""

from typing import Any

from hypothesis import strategies as st

from tinyframe import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    Add,
    AveragePool2D,
    BatchNorm,
    BinaryCrossEntropyLoss,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    CrossEntropyLoss,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    HingeLoss,
    HuberLoss,
    KLDivergenceLoss,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MAELoss,
    MaxPool2D,
    MSELoss,
    MultiHeadAttention,
    Permute,
    PoissonLoss,
    PositionalEmbedding,
    QuantileLoss,
    ReLU,
    Rescale,
    Reshape,
    Residual,
    Reverse,
    RMSNorm,
    Select,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinyframe.testing.strategies import shapes

units = st.integers(1, 5)
small = st.integers(1, 3)
sizes = st.one_of(small, st.tuples(small, small))
steps = st.integers(1, 2)
paddings = st.sampled_from(["valid", "same", 1, (0, 2)])
sides = st.sampled_from(["valid", "same", 0, 1, (1, 0)])
windows = st.one_of(st.integers(2, 3), st.tuples(st.integers(2, 3), st.integers(2, 3)))
images = st.tuples(st.sampled_from([2, 4]), st.integers(5, 7), st.integers(5, 6))
sequences = st.tuples(st.integers(1, 4), st.sampled_from([2, 4]))
flags = st.booleans()
axes = st.sampled_from([-1, 1])
groups = st.sampled_from([1, 2])
fillers = st.sampled_from([None, 0.0])


def branches(container: Any) -> st.SearchStrategy[Layer]:
    """A container of two branches of 3 units each."""
    return st.builds(lambda: container([Dense(3), Sequential([Dense(3), LeakyReLU()])]))


def both_ways(kind: Any, sequence: bool, padding: float | None) -> Concatenate:
    """A recurrence in both directions."""
    options = {"return_sequences": sequence, "padding": padding}
    back = [Reverse(), kind(2, **options), *([Reverse()] if sequence else [])]
    return Concatenate(kind(3, **options), Sequential(back), axis=-1)


# name: (strategy of layers, strategy of sample shapes)
LAYERS = {
    "Dense": (st.builds(Dense, units, use_bias=flags), shapes()),
    "ReLU": (st.builds(ReLU), shapes()),
    "LeakyReLU": (st.builds(LeakyReLU, st.sampled_from([0.0, 0.2, 1.5])), shapes()),
    "ELU": (st.builds(ELU, st.sampled_from([0.5, 1.0, 2.0])), shapes()),
    "GELU": (st.builds(GELU), shapes()),
    "SiLU": (st.builds(SiLU), shapes()),
    "Softplus": (st.builds(Softplus), shapes()),
    "Sigmoid": (st.builds(Sigmoid), shapes()),
    "Tanh": (st.builds(Tanh), shapes()),
    "Softmax": (st.builds(Softmax, axes), shapes()),
    "LogSoftmax": (st.builds(LogSoftmax, axes), shapes()),
    "Rescale": (st.builds(Rescale, st.sampled_from([-2.0, 1 / 255, 0.5, 1.0])), shapes()),
    "Flatten": (st.builds(Flatten), shapes()),
    "Reshape": (st.sampled_from([Reshape(6, -1), Reshape(3, 1, -1)]), st.just((2, 3, 2))),
    "Permute": (st.permutations([1, 2, 3]).map(lambda axes: Permute(*axes)), shapes(3)),
    "Reverse": (st.builds(Reverse, axes), shapes()),
    "Select": (
        st.builds(
            Select,
            st.lists(st.integers(-3, 2) | st.sampled_from([slice(2), slice(None, None, -2)]),
                     min_size=1, max_size=5),
        ),
        st.sampled_from([(3,), (2, 3), (1, 2, 3)]),
    ),
    "Dropout": (st.builds(Dropout, st.sampled_from([0.0, 0.3, 0.9])), shapes()),
    "Conv2D": (
        st.builds(
            Conv2D, st.sampled_from([2, 4]), sizes, stride=steps, padding=paddings,
            dilation=steps, groups=groups, use_bias=flags,
        ),
        images,
    ),
    "Conv2D, depthwise": (
        st.builds(Conv2D, st.just(4), small, groups=st.just(4)), st.just((4, 4, 3)),
    ),
    "Conv1D": (
        st.builds(
            Conv1D, st.sampled_from([2, 4]), small, stride=steps,
            padding=st.sampled_from(["valid", "same", 0, 1, 2]), dilation=steps, groups=groups,
            use_bias=flags,
        ),
        st.tuples(st.integers(5, 7), st.sampled_from([2, 4])),
    ),
    "ConvTranspose2D": (
        st.builds(
            ConvTranspose2D, st.sampled_from([2, 4]), windows, stride=steps, padding=sides,
            groups=groups, use_bias=flags,
        ),
        st.tuples(st.sampled_from([2, 4]), st.integers(2, 3), st.integers(2, 3)),
    ),
    "MaxPool2D": (
        st.builds(MaxPool2D, windows, stride=st.none() | steps, padding=sides),
        images,
    ),
    "AveragePool2D": (
        st.builds(AveragePool2D, windows, stride=st.none() | steps, padding=sides),
        images,
    ),
    "GlobalAveragePool2D": (st.builds(GlobalAveragePool2D), images),
    "BatchNorm": (st.builds(BatchNorm), shapes()),
    "LayerNorm": (st.builds(LayerNorm), shapes()),
    "RMSNorm": (st.builds(RMSNorm), shapes()),
    "PositionalEmbedding": (st.builds(PositionalEmbedding), sequences),
    "RNN": (st.builds(RNN, units, return_sequences=flags, padding=fillers), sequences),
    "LSTM": (st.builds(LSTM, units, return_sequences=flags, padding=fillers), sequences),
    "GRU": (st.builds(GRU, units, return_sequences=flags, padding=fillers), sequences),
    "MultiHeadAttention": (
        st.builds(MultiHeadAttention, groups, causal=flags, padding=fillers), sequences,
    ),
    "Residual": (st.builds(lambda: Residual(Dense(4), LeakyReLU(), Dense(2))), st.just((2,))),
    "Residual with a shortcut": (
        st.builds(lambda: Residual(Dense(3), LeakyReLU(), shortcut=Dense(3))), shapes(),
    ),
    "Add": (branches(Add), shapes()),
    "bidirectional": (
        st.builds(both_ways, st.sampled_from([RNN, LSTM, GRU]), flags, fillers),
        sequences,
    ),
    "Concatenate": (
        axes.flatmap(lambda axis: branches(lambda layers: Concatenate(layers, axis))), shapes(),
    ),
}  # fmt: skip

# Whose numbers are compared with each other: for differences they have to be apart.
COMPARED = {"MaxPool2D"}

# At large inputs these saturate: what is left of their derivatives is below any difference.
SATURATING = {"GELU", "RNN", "LSTM", "GRU", "bidirectional", "MultiHeadAttention"}

# Layers that no input from the strategies fits, or without a derivative by it.
TOKENS = {
    "Embedding": st.builds(Embedding, st.just(5), units),
    "Embedding of some columns": st.builds(
        lambda width: Sequential(Select(0, -1), Embedding(5, width)), units
    ),
}

# name: (loss, bounds of predictions, bounds of dense targets or None where only labels will do)
LOSSES = {
    "MSELoss": (MSELoss(), (-10, 10), (-10, 10)),
    "MAELoss": (MAELoss(), (-10, 10), (-10, 10)),
    "HuberLoss": (HuberLoss(0.7), (-2, 2), (-2, 2)),
    "CrossEntropyLoss": (CrossEntropyLoss(), (0.05, 0.9), (0, 1)),
    "CrossEntropyLoss from logits": (CrossEntropyLoss(from_logits=True), (-5, 5), (0, 1)),
    "CrossEntropyLoss, smoothed and weighted": (
        CrossEntropyLoss(True, label_smoothing=0.1, class_weights=[1, 0.5, 2, 3]), (-5, 5), (0, 1),
    ),
    "CrossEntropyLoss, some ignored": (
        CrossEntropyLoss(True, class_weights=[1, 0.5, 2, 3], ignore_index=2), (-5, 5), None,
    ),
    "BinaryCrossEntropyLoss": (BinaryCrossEntropyLoss(), (0.05, 0.95), (0, 1)),
    "BinaryCrossEntropyLoss from logits": (BinaryCrossEntropyLoss(True), (-5, 5), (0, 1)),
    "KLDivergenceLoss": (KLDivergenceLoss(), (0.05, 0.95), (0, 1)),
    "KLDivergenceLoss from logits": (KLDivergenceLoss(from_logits=True), (-5, 0), (0, 1)),
    "HingeLoss": (HingeLoss(), (-2, 2), None),
    "PoissonLoss": (PoissonLoss(), (-3, 3), (0, 9)),
    "PoissonLoss of rates": (PoissonLoss(log_rates=False), (0.05, 9), (0, 9)),
    "QuantileLoss": (QuantileLoss(0.3), (-10, 10), (-10, 10)),
}  # fmt: skip

any_layer = st.one_of(
    *(
        LAYERS[name][0]
        for name in (
            "ReLU",
            "GELU",
            "Sigmoid",
            "Tanh",
            "Softmax",
            "Rescale",
            "Flatten",
            "LayerNorm",
        )
    )
)


@st.composite
def stacks(draw: st.DrawFn) -> Sequential:
    """A Sequential of drawn layers, sometimes with another Sequential inside."""
    layers = draw(st.lists(any_layer, max_size=3))
    if draw(st.booleans()):
        layers = [Flatten(), Dense(draw(units)), *layers, Flatten(), Dense(draw(units)), Softmax()]
    if not layers or draw(st.booleans()):
        inner = [Tanh(), Flatten(), Dense(draw(units)), ReLU()]
        layers = [*layers, Sequential(inner)]
    return Sequential(layers)


LAYERS["Sequential"] = (stacks(), shapes())
