"""Weights of PyTorch's own modules, there and back."""

import numpy as np
import pytest

import tinyframe as tf
from tinyframe.interop.torch import from_torch_state_dict, to_torch_state_dict

torch = pytest.importorskip("torch", reason='PyTorch is not installed: pip install -e ".[torch]"')

from twins import CASES, IMAGE, close, twin  # noqa: E402 - needs torch


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
