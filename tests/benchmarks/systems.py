"""The systems that the benchmark compares, each doing the same work on the same digits.

Each is a function (workload, data) → a function that does one unit of it: an epoch over 60,000
digits, ten full-batch steps, or a thousand predictions of one row. All start from weights of the
same distribution, use squared error against one-hot rows, and plain gradient descent at rate 0.1.
"""

import os
from itertools import pairwise
from typing import NamedTuple

import numpy as np

RATE = 0.1


class Workload(NamedTuple):
    """Widths of the layers, rows a step (0: all in each of ten), and what one unit of it is."""

    sizes: tuple[int, ...]
    batch: int
    unit: str


WORKLOADS = {
    "mini32": Workload((784, 10, 10), 32, "epoch"),
    "mini128": Workload((784, 10, 10), 128, "epoch"),
    "full": Workload((784, 10, 10), 0, "10 steps on all rows"),
    "wide128": Workload((784, 512, 512, 10), 128, "epoch"),
    "predict1": Workload((784, 10, 10), 1, "1,000 predictions of one row"),
}


class Data:
    """MNIST's digits, or random ones of the same shape where MNIST is not at hand."""

    def __init__(self):
        from tinyframe.datasets import mnist

        try:
            if not os.environ.get("TINYFRAME_DATA"):
                raise OSError("a benchmark downloads nothing")
            (images, self.labels), _ = mnist()
        except OSError:
            rng = np.random.default_rng(0)
            images = rng.integers(0, 256, (60000, 28, 28), np.uint8)
            self.labels = rng.integers(0, 10, 60000)
        self.X = images.reshape(-1, 784) / np.float32(255)
        self.Y = np.eye(10, dtype=np.float32)[self.labels]


def weights(sizes):
    rng = np.random.default_rng(0)
    return [
        ((rng.standard_normal((i, o)) * np.sqrt(2 / i)).astype(np.float32), np.zeros(o, np.float32))
        for i, o in pairwise(sizes)
    ]


def dense_network(sizes):
    from tinyframe import Dense, ReLU, Sequential, Softmax

    layers = []
    for i, o in pairwise(sizes):
        layers += [Dense(i, o), ReLU()]
    return Sequential([*layers[:-1], Softmax()])


def tinyframe(workload, data):
    from tinyframe import SGD

    model = dense_network(workload.sizes)
    if workload.batch == 1:
        return lambda: [model.predict(data.X[i : i + 1]) for i in range(1000)]
    optimizer = SGD(RATE)
    options = {"batch_size": workload.batch or None, "epochs": 1 if workload.batch else 10}

    def unit():
        model.fit(data.X, data.labels, optimizer=optimizer, metrics=[], verbose=False, **options)

    return unit


def numpy_forward(sizes, P=None):
    """Return the forward pass that one writes by hand: x → each layer's output."""
    P = P or weights(sizes)

    def forward(x):
        activations = [x]
        for k, (W, b) in enumerate(P):
            z = activations[-1] @ W + b
            activations.append(np.maximum(z, 0) if k < len(P) - 1 else z)
        e = np.exp(activations[-1] - activations[-1].max(1, keepdims=True))
        activations[-1] = e / e.sum(1, keepdims=True)
        return activations

    return forward


def numpy_step(sizes):
    """Return a step of training that one writes by hand: clear, and with no thought of speed."""
    P = weights(sizes)
    forward = numpy_forward(sizes, P)

    def step(x, y):
        activations = forward(x)
        p = activations[-1]
        g = 2 * (p - y) / len(x)
        d = p * (g - (g * p).sum(1, keepdims=True))
        for k in reversed(range(len(P))):
            W, b = P[k]
            dW, db = activations[k].T @ d, d.sum(0)
            if k:
                d = (d @ W.T) * (activations[k] > 0)
            W -= np.float32(RATE) * dW
            b -= np.float32(RATE) * db

    return step


def numpy(workload, data):
    forward, step = numpy_forward(workload.sizes), numpy_step(workload.sizes)
    rng = np.random.default_rng(0)

    def unit():
        if workload.batch == 1:
            for i in range(1000):
                forward(data.X[i : i + 1])
        elif not workload.batch:
            for _ in range(10):
                step(data.X, data.Y)
        else:
            order = rng.permutation(len(data.X))
            for i in range(0, len(order), workload.batch):
                rows = order[i : i + workload.batch]
                step(data.X[rows], data.Y[rows])

    return unit


def floor(workload, data):
    """The matrix products and the gather alone, laid and cut to suit BLAS, by one thread."""
    if workload.batch == 1:
        return None
    block = workload.batch or 1024
    small = 1_000_000
    weights_T = [np.ascontiguousarray(W.T) for W, _ in weights(workload.sizes)]
    activations = [np.zeros((size, block), np.float32) for size in workload.sizes[1:]]
    gradients = [np.empty_like(W) for W in weights_T]
    x = np.empty((block, workload.sizes[0]), np.float32)
    rng = np.random.default_rng(0)

    def product(a, b, out):
        columns = max(small // a.size // 16 * 16, 16)
        if a.size * b.shape[1] <= small or columns < 64:
            a.dot(b, out)
            return
        for i in range(0, b.shape[1], columns):
            np.matmul(a, b[:, i : i + columns], out=out[:, i : i + columns])

    def products(x):
        n = len(x)
        a = [activation if n == block else activation[:, :n].copy() for activation in activations]
        product(weights_T[0], x.T, a[0])
        for k in range(1, len(a)):
            product(weights_T[k], a[k - 1], a[k])
        for k in reversed(range(1, len(a))):
            product(a[k], a[k - 1].T, gradients[k])
            product(weights_T[k].T, a[k], a[k - 1])
        product(a[0], x, gradients[0])
        a[0][...] = 0

    def unit():
        if not workload.batch:
            for _ in range(10):
                for i in range(0, len(data.X), block):
                    products(data.X[i : i + block])
            return
        order = rng.permutation(len(data.X))
        for i in range(0, len(order) - block + 1, block):
            data.X.take(order[i : i + block], 0, x, "clip")
            products(x)

    return unit


def torch(workload, data):
    import torch
    from torch import nn

    layers = []
    for i, o in pairwise(workload.sizes):
        layers += [nn.Linear(i, o), nn.ReLU()]
    net = nn.Sequential(*layers[:-1], nn.Softmax(1))
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    X, Y = torch.from_numpy(data.X), torch.from_numpy(data.Y)

    def step(x, y):
        optimizer.zero_grad()
        ((net(x) - y) ** 2).sum(1).mean().backward()
        optimizer.step()

    def unit():
        if workload.batch == 1:
            net.eval()
            with torch.inference_mode():
                for i in range(1000):
                    net(X[i : i + 1])
        elif not workload.batch:
            for _ in range(10):
                step(X, Y)
        else:
            order = torch.randperm(len(X))
            for i in range(0, len(X), workload.batch):
                rows = order[i : i + workload.batch]
                step(X[rows], Y[rows])

    return unit


def jax(workload, data, *, scan=False):
    import jax
    import jax.numpy as jnp

    state = [[(jnp.asarray(W), jnp.asarray(b)) for W, b in weights(workload.sizes)]]

    def net(P, x):
        for W, b in P[:-1]:
            x = jax.nn.relu(x @ W + b)
        return jax.nn.softmax(x @ P[-1][0] + P[-1][1])

    def loss(P, x, y):
        return ((net(P, x) - y) ** 2).sum(1).mean()

    def update(P, x, y):
        return jax.tree.map(lambda p, g: p - RATE * g, P, jax.grad(loss)(P, x, y))

    X, Y = jnp.asarray(data.X), jnp.asarray(data.Y)
    rng = np.random.default_rng(0)
    step = jax.jit(update)
    gathered_step = jax.jit(lambda P, rows: update(P, X[rows], Y[rows]))
    predict = jax.jit(net)

    @jax.jit
    def epoch(P, order):
        return jax.lax.scan(lambda P, rows: (update(P, X[rows], Y[rows]), None), P, order)[0]

    def unit():
        if workload.batch == 1:
            for i in range(1000):
                predict(state[0], data.X[i : i + 1]).block_until_ready()
            return
        if not workload.batch:
            for _ in range(10):
                state[0] = step(state[0], X, Y)
        else:
            steps = len(X) // workload.batch
            order = rng.permutation(len(X))[: steps * workload.batch].reshape(steps, -1)
            if scan:
                state[0] = epoch(state[0], order)
            else:
                for rows in order:
                    state[0] = gathered_step(state[0], rows)
        jax.block_until_ready(state[0])

    return unit


def jax_scan(workload, data):
    return jax(workload, data, scan=True) if workload.batch > 1 else None


def sklearn(workload, data):
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")
    options = {
        "solver": "sgd", "batch_size": workload.batch or len(data.X), "learning_rate_init": RATE,
        "momentum": 0, "alpha": 0, "max_iter": 1 if workload.batch else 10,
    }  # fmt: skip
    if workload.batch == 1:
        options["batch_size"] = 32
        model = MLPClassifier(workload.sizes[1:-1], **options).fit(
            data.X[:1000], data.labels[:1000]
        )
        return lambda: [model.predict_proba(data.X[i : i + 1]) for i in range(1000)]
    return lambda: MLPClassifier(workload.sizes[1:-1], **options).fit(data.X, data.labels)


def keras(workload, data):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    layers = [keras.layers.Input((784,))]
    layers += [keras.layers.Dense(n, activation="relu") for n in workload.sizes[1:-1]]
    model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    if workload.batch == 1:
        return lambda: [model(data.X[i : i + 1], training=False) for i in range(1000)]
    model.compile(
        optimizer=keras.optimizers.SGD(RATE), loss=lambda y, p: keras.ops.sum((p - y) ** 2, -1)
    )
    batch, epochs = workload.batch or len(data.X), 1 if workload.batch else 10
    return lambda: model.fit(data.X, data.Y, batch_size=batch, epochs=epochs, verbose=0)


SYSTEMS = {
    "tinyframe": (tinyframe, "numpy"),
    "NumPy by hand": (numpy, "numpy"),
    "floor": (floor, "numpy"),
    "PyTorch": (torch, "torch"),
    "JAX": (jax, "jax"),
    "JAX scan": (jax_scan, "jax"),
    "scikit-learn": (sklearn, "sklearn"),
    "Keras on JAX": (keras, "keras"),
    "ONNX Runtime": (None, "onnxruntime"),
}
"""name: (function, if it does all workloads; module that must be installed)."""
