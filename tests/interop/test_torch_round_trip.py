"""Weights of PyTorch's own modules, there and back."""

import numpy as np
import pytest
from needs import needs

import tinyframe as tf
from tinyframe.interop.torch import from_torch_state_dict, to_torch_state_dict

torch = needs("torch")

from twins import CASES, IMAGE, close, twin


def modules(state):
    """The names of the modules in a state dict, attention's output being a part of it."""
    names = [name.rpartition(".")[0].removesuffix("out_proj").rstrip(".") for name in state]
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("name", CASES)
def test_weights_of_every_layer_there_and_back(name, rng):
    make, shape = CASES[name]
    ours = make()
    ours.build(shape, rng=0)
    module = twin(ours).module.eval()
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 1)
    state = module.state_dict()
    from_torch_state_dict(ours, state, modules(state))
    x = rng.standard_normal((3, *shape)).astype(np.float32)
    close(ours.forward(x), module(torch.tensor(x)))
    another = make()
    another.build(shape, rng=1)
    other = twin(another).module.eval()
    back = to_torch_state_dict(ours, modules(state))
    other.load_state_dict({key: torch.from_numpy(array) for key, array in back.items()})
    close(ours.forward(x), other(torch.tensor(x)))


def test_a_network_of_ones_own(rng):
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(4, 6, 3)
            self.norm = torch.nn.BatchNorm2d(6)
            self.fc = torch.nn.Linear(6 * 3 * 3, 5)

        def forward(self, x):
            x = torch.relu(self.norm(self.conv(x)))
            return self.fc(torch.nn.functional.max_pool2d(x, 2).flatten(1))

    module, x = Network(), rng.standard_normal((6, *IMAGE)).astype(np.float32)
    module(torch.tensor(x))  # its batch normalisation sees something
    model = tf.Sequential([
        tf.Conv2D(6, 3), tf.BatchNorm(), tf.ReLU(), tf.MaxPool2D(2), tf.Flatten(), tf.Dense(5),
    ])  # fmt: skip
    model.build(IMAGE)
    from_torch_state_dict(model, module.state_dict())
    close(model.predict(x), module.eval()(torch.tensor(x)))


def both_ways(kind, units):
    """A recurrence of both directions, with a state for each step."""
    back = tf.Sequential(tf.Reverse(), kind(units, return_sequences=True), tf.Reverse(axis=-2))
    return tf.Concatenate(kind(units, return_sequences=True), back, axis=-1)


STACKS = {
    "one layer": (1, False, lambda kind: [kind(5, return_sequences=True)]),
    "three layers": (3, False, lambda kind: [kind(5, return_sequences=True) for _ in range(3)]),
    "both directions": (1, True, lambda kind: [both_ways(kind, 5)]),
    "two layers of both": (2, True, lambda kind: [both_ways(kind, 5), both_ways(kind, 5)]),
}


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("kind", [tf.RNN, tf.LSTM, tf.GRU])
def test_modules_of_several_recurrent_layers(kind, name, rng):
    depth, both, make = STACKS[name]
    options = {"num_layers": depth, "bidirectional": both, "batch_first": True}
    x = rng.standard_normal((3, 6, 5)).astype(np.float32)  # whose layers have one shape

    def module():
        return getattr(torch.nn, kind.__name__)(5, 5, **options)

    theirs = module()
    model = tf.Sequential(make(kind))
    model.build((6, 5), rng=0)
    state = dict(reversed(theirs.state_dict().items()))  # their numbers say which is which
    from_torch_state_dict(model, state)
    close(model.predict(x), theirs(torch.tensor(x))[0])
    layers = depth * (1 + both)
    from_torch_state_dict(model, {f"rnn.{k}": 2 * v for k, v in state.items()}, ["rnn"] * layers)
    again = module()
    back = to_torch_state_dict(model, [""] * layers)
    assert list(back) == [key for key in theirs.state_dict() if key in back]
    again.load_state_dict({key: torch.from_numpy(array) for key, array in back.items()})
    close(model.predict(x), again(torch.tensor(x))[0])


class Tagger(torch.nn.Module):
    """Two recurrent modules of two layers each, one of them of both directions."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(4, 3)
        self.encoder = torch.nn.LSTM(5, 4, num_layers=2, batch_first=True)
        self.reader = torch.nn.GRU(4, 2, bidirectional=True, batch_first=True)

    def forward(self, x):
        return self.head(self.reader(self.encoder(x)[0])[0])


def tagger():
    model = tf.Sequential(
        tf.LSTM(4, return_sequences=True),
        tf.LSTM(4, return_sequences=True),
        both_ways(tf.GRU, 2),
        tf.Dense(3),
    )
    model.build((6, 5), rng=0)
    return model


def test_recurrent_modules_in_a_larger_model(rng):
    module, x = Tagger(), rng.standard_normal((3, 6, 5)).astype(np.float32)
    expected = module(torch.tensor(x))
    prefixes = ["encoder", "encoder", "reader", "reader", "head"]
    model = from_torch_state_dict(tagger(), module.state_dict(), prefixes)
    close(model.predict(x), expected)
    in_our_order = {
        key: array
        for name in ("encoder", "reader", "head")
        for key, array in module.state_dict().items()
        if key.startswith(name)
    }
    close(from_torch_state_dict(tagger(), in_our_order).predict(x), expected)
    other = Tagger()
    state = to_torch_state_dict(model, prefixes)
    other.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})
    close(other(torch.tensor(x)).detach().numpy(), expected)
    before = [parameter.value.copy() for parameter in model.parameters]
    for wrong in (None, ["encoder", "reader", "head"]):  # the head was made first; named once each
        with pytest.raises(ValueError, match="expected"):
            from_torch_state_dict(model, module.state_dict(), wrong)
    for one, two in zip(before, model.parameters, strict=True):
        np.testing.assert_array_equal(one, two.value)


def test_the_last_states_of_both_directions(rng):
    module, x = torch.nn.LSTM(4, 3, bidirectional=True, batch_first=True), rng.random((2, 5, 4))
    model = tf.Sequential(
        tf.Concatenate(tf.LSTM(3), tf.Sequential(tf.Reverse(), tf.LSTM(3))), dtype="float64"
    )
    model.build((5, 4))
    from_torch_state_dict(model, module.state_dict())
    states = module.double()(torch.tensor(x))[1][0]  # (directions, batch, units)
    close(model.predict(x), torch.cat(list(states), dim=1))
