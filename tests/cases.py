"""The layers and losses that the property tests draw: a new one is a new line here."""

from hypothesis import strategies as st

from tinyframe import (
    CrossEntropyLoss,
    Dense,
    Flatten,
    MSELoss,
    ReLU,
    Rescale,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tinyframe.testing.strategies import shapes

units = st.integers(1, 5)

# name: (strategy of layers, strategy of sample shapes)
LAYERS = {
    "Dense": (st.builds(Dense, units), shapes(1)),
    "ReLU": (st.builds(ReLU), shapes()),
    "Sigmoid": (st.builds(Sigmoid), shapes()),
    "Tanh": (st.builds(Tanh), shapes()),
    "Softmax": (st.builds(Softmax), shapes()),
    "Rescale": (st.builds(Rescale, st.sampled_from([-2.0, 1 / 255, 0.5, 1.0])), shapes()),
    "Flatten": (st.builds(Flatten), shapes()),
}

LOSSES = {
    "MSELoss": MSELoss(),
    "CrossEntropyLoss": CrossEntropyLoss(),
    "CrossEntropyLoss from logits": CrossEntropyLoss(from_logits=True),
}

any_layer = st.one_of(*(layers for layers, _ in LAYERS.values()))


@st.composite
def stacks(draw):
    """A Sequential of drawn layers, sometimes with another Sequential inside."""
    layers = draw(
        st.lists(any_layer.filter(lambda layer: not isinstance(layer, Dense)), max_size=3)
    )
    if draw(st.booleans()):
        layers = [Flatten(), Dense(draw(units)), *layers, Flatten(), Dense(draw(units)), Softmax()]
    if not layers or draw(st.booleans()):
        inner = [Tanh(), Flatten(), Dense(draw(units)), ReLU()]
        layers = [*layers, Sequential(inner)]
    return Sequential(layers)


LAYERS["Sequential"] = (stacks(), shapes())
