"""A LeNet that PyTorch trained, predicting without PyTorch.

    pip install -e ".[examples]" torch
    python examples/from_pytorch.py

PyTorch trains the network and hands over its state dict; tinyframe takes the weights by one call,
and both answer alike: a program that only predicts needs NumPy alone.
"""

import numpy as np
import torch
from common import load_digits, options_parser, parse

from tinyframe import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Rescale, Reshape, Sequential
from tinyframe.interop.torch import from_torch_state_dict
from tinyframe.types import Array


class LeNet(torch.nn.Module):
    """LeNet-5 with ReLU and maximum pooling, as PyTorch's users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = torch.nn.Conv2d(6, 16, 5)
        self.fc1 = torch.nn.Linear(400, 120)
        self.fc2 = torch.nn.Linear(120, 84)
        self.fc3 = torch.nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores (batch, 10) of images (batch, 1, 28, 28) in [0, 1]."""
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def train(module: LeNet, X: Array, y: Array, epochs: int) -> None:
    """Train with PyTorch."""
    optimizer = torch.optim.Adam(module.parameters(), 0.002)
    images, labels = torch.tensor(X[:, np.newaxis] / np.float32(255)), torch.tensor(y).long()
    for epoch in range(1, epochs + 1):
        for rows in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
        print(f"PyTorch: epoch {epoch}/{epochs}, loss of its last batch {loss.item():.4f}")


def lenet() -> Sequential:
    """Return the same network in tinyframe, with the scaling of pixels in it."""
    model = Sequential([
        Rescale(1 / 255), Reshape(1, 28, 28),
        Conv2D(6, 5, padding=2), ReLU(), MaxPool2D(2),
        Conv2D(16, 5), ReLU(), MaxPool2D(2),
        Flatten(), Dense(120), ReLU(), Dense(84), ReLU(), Dense(10),
    ])  # fmt: skip
    model.build((28, 28))
    return model


def main() -> None:
    """Train with PyTorch, take the weights, and compare."""
    options = parse(options_parser(__doc__, figure=False))
    torch.manual_seed(options.seed)
    (X, y), (X_test, y_test), _ = load_digits(quick=options.quick)
    module = LeNet()
    train(module, X, y, epochs=1 if options.quick else 3)
    model = from_torch_state_dict(lenet(), module.state_dict())
    ours = model.predict(X_test)
    with torch.no_grad():
        theirs = module(torch.tensor(X_test[:, np.newaxis] / np.float32(255))).numpy()
    print(f"\nTest accuracy: PyTorch {np.mean(theirs.argmax(1) == y_test):.2%}, ", end="")
    print(f"tinyframe {np.mean(ours.argmax(1) == y_test):.2%}")
    print(f"Same answers: {np.mean(ours.argmax(1) == theirs.argmax(1)):.2%}, ", end="")
    print(f"scores within {np.abs(ours - theirs).max():.1e}")


if __name__ == "__main__":
    main()
