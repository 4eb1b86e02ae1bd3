"""The document's network, its training written out: what `fit` does in examples/mnist.py.

    python examples/by_hand.py

A step is a forward pass, the loss, a backward pass, and a step down the gradient. Data, seed and
batches are those of examples/mnist.py, and so is every bit of the weights that come out.
"""

import numpy as np
from common import load_digits, options_parser, parse

from tinyframe import SGD, Dense, Layer, MSELoss, ParameterVector, ReLU, Softmax
from tinyframe.types import Array


def scaled(images: Array) -> Array:
    """Return pixels 0 … 255, (rows, 28, 28), as rows of 784 numbers in [0, 1]."""
    return images.reshape(len(images), 784) * np.float32(1 / 255)


def train(X: Array, y: Array, *, epochs: int, seed: int) -> list[Layer]:
    """Return the trained layers.

    Parameters
    ----------
    X, y
        Rows of 784 numbers, and their labels 0 … 9.
    epochs, seed
        As `epochs` and `rng` of `fit`.
    """
    # Two generators of one seed: weights and the order of the rows are drawn independently.
    weights_rng, order_rng = np.random.default_rng(seed).spawn(2)

    # The layers. Each knows its function, forward, and its derivative, backward.
    hidden, relu = Dense(784, 10), ReLU()
    output, softmax = Dense(10, 10), Softmax()
    loss, optimizer = MSELoss(), SGD(learning_rate=0.1)

    # W₁, b₁, W₂, b₂ lie side by side in one array, parameters.value, and their gradients in
    # another, parameters.grad. Weights are drawn here, biases start at zero.
    parameters = ParameterVector([*hidden.parameters, *output.parameters], weights_rng)

    for epoch in range(1, epochs + 1):
        total, right = 0.0, 0
        order = order_rng.permutation(len(X))  # each epoch meets the rows in another order
        for start in range(0, len(X), 32):
            rows = order[start : start + 32]
            a0, target = X[rows], y[rows]  # (batch, 784), (batch,)

            # Forward, equations (1) and (2). In training, layers save what backward needs.
            z1 = hidden.forward(a0, training=True)  # a₀ W₁ + b₁, (batch, 10)
            a1 = relu.forward(z1, training=True)
            z2 = output.forward(a1, training=True)  # a₁ W₂ + b₂, (batch, 10)
            a2 = softmax.forward(z2, training=True)  # the probability of each digit

            # L, the squared error: summed over the outputs, averaged over the batch.
            total += float(loss.forward(a2, target)) * len(rows)
            right += int(np.count_nonzero(a2.argmax(axis=1) == target))

            # Backward, equations (3) to (10): the chain rule, one factor a layer. Dense layers
            # write ∂L/∂W and ∂L/∂b to their place in parameters.grad.
            da2 = loss.backward()  # ∂L/∂a₂
            dz2 = softmax.backward(da2)
            da1 = output.backward(dz2)
            dz1 = relu.backward(da1)
            hidden.backward_parameters(dz1)  # nobody reads ∂L/∂a₀

            # Gradient descent: θ ← θ − 0.1 ∂L/∂θ, all parameters at once.
            optimizer.step(parameters)
        count = f"epoch {epoch:{len(str(epochs))}}/{epochs}"
        print(f"{count}  loss {total / len(X):.4f}  accuracy {right / len(X):.4f}")
    return [hidden, relu, output, softmax]


def accuracy(layers: list[Layer], X: Array, y: Array) -> float:
    """Return the share of the rows whose digit gets the highest probability."""
    for layer in layers:
        X = layer.forward(X)  # for inference: nothing is saved
    return float((X.argmax(axis=1) == y).mean())


def main() -> None:
    """Train, and report the test accuracy."""
    options = parse(options_parser(__doc__, figure=False))
    (X, y), (X_test, y_test), is_mnist = load_digits(quick=options.quick)
    epochs = 20 if is_mnist else 100
    epochs = max(4, epochs // 10) if options.quick else epochs
    layers = train(scaled(X), y, epochs=epochs, seed=options.seed)
    print(f"Test accuracy: {accuracy(layers, scaled(X_test), y_test):.2%}")


if __name__ == "__main__":
    main()
