"""The workloads of larger architectures: a convolutional network, a Transformer, an LSTM.

Each function is (data) → a function that does one unit of the work, as in systems.py: 200 steps of
the network at batches of 64, 10 steps of the others at batches of 32.
"""

import numpy as np

ROWS = 12_800
STEPS = 10
VOCABULARY, TIME, WIDTH = 65, 64, 64


def tokens():
    rng = np.random.default_rng(0)
    shape = (STEPS * 32, TIME)
    return rng.integers(0, VOCABULARY, shape), rng.integers(0, VOCABULARY, shape)


def sequences():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((STEPS * 32, TIME, 64)).astype(np.float32)
    return X, rng.integers(0, 10, len(X))


def tinyframe_lenet():
    from tinyframe import (
        Conv2D,
        Dense,
        Flatten,
        MaxPool2D,
        ReLU,
        Reshape,
        Sequential,
        Softmax,
    )  # fmt: skip

    return Sequential([
        Reshape(1, 28, 28), Conv2D(6, 5, padding=2), ReLU(), MaxPool2D(2),
        Conv2D(16, 5), ReLU(), MaxPool2D(2), Flatten(),
        Dense(120), ReLU(), Dense(84), ReLU(), Dense(10), Softmax(),
    ])  # fmt: skip


def tinyframe_cnn(data):
    from tinyframe import SGD

    model = tinyframe_lenet()
    X, y, optimizer = data.X[:ROWS], data.labels[:ROWS], SGD(0.1)
    options = {"batch_size": 64, "epochs": 1, "metrics": [], "verbose": False}
    return lambda: model.fit(X, y, optimizer=optimizer, **options)


def torch_lenet():
    from torch import nn

    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        nn.Softmax(1),
    )  # fmt: skip


def torch_cnn(data):
    import torch

    net = torch_lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    X, Y = torch.from_numpy(data.X[:ROWS]), torch.from_numpy(data.Y[:ROWS])

    def unit():
        order = torch.randperm(ROWS)
        for i in range(0, ROWS, 64):
            rows = order[i : i + 64]
            optimizer.zero_grad()
            ((net(X[rows]) - Y[rows]) ** 2).sum(1).mean().backward()
            optimizer.step()

    return unit


def jax_cnn(data):
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)

    def weight(*shape, inputs):
        return jnp.asarray((rng.standard_normal(shape) * np.sqrt(2 / inputs)).astype(np.float32))

    kernels = [weight(5, 5, 1, 6, inputs=25), weight(5, 5, 6, 16, inputs=150)]
    dense = [weight(i, o, inputs=i) for i, o in ((400, 120), (120, 84), (84, 10))]
    state = [[(W, jnp.zeros(W.shape[-1])) for W in (*kernels, *dense)]]

    def net(P, x):
        h = x.reshape(-1, 28, 28, 1)
        for (W, b), padding in zip(P[:2], ("SAME", "VALID"), strict=True):
            layout = ("NHWC", "HWIO", "NHWC")
            h = jax.lax.conv_general_dilated(h, W, (1, 1), padding, dimension_numbers=layout)
            h = jax.nn.relu(h + b)
            window = (1, 2, 2, 1)
            h = jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, window, window, "VALID")
        h = h.reshape(len(h), -1)
        for W, b in P[2:-1]:
            h = jax.nn.relu(h @ W + b)
        return jax.nn.softmax(h @ P[-1][0] + P[-1][1])

    def loss(P, x, y):
        return ((net(P, x) - y) ** 2).sum(1).mean()

    X, Y = jnp.asarray(data.X[:ROWS]), jnp.asarray(data.Y[:ROWS])

    @jax.jit
    def step(P, rows):
        gradients = jax.grad(loss)(P, X[rows], Y[rows])
        return jax.tree.map(lambda p, g: p - 0.1 * g, P, gradients)

    def unit():
        for rows in rng.permutation(ROWS).reshape(-1, 64):
            state[0] = step(state[0], rows)
        jax.block_until_ready(state[0])

    return unit


def tinyframe_transformer(data):
    from tinyframe import (
        GELU,
        AdamW,
        CrossEntropyLoss,
        Dense,
        Embedding,
        LayerNorm,
        MultiHeadAttention,
        PositionalEmbedding,
        Residual,
        Sequential,
    )  # fmt: skip

    def block():
        return [
            Residual(LayerNorm(), MultiHeadAttention(4, causal=True)),
            Residual(LayerNorm(), Dense(4 * WIDTH), GELU(), Dense(WIDTH)),
        ]

    model = Sequential([
        Embedding(VOCABULARY, WIDTH), PositionalEmbedding(), *block(), *block(), LayerNorm(),
        Dense(VOCABULARY),
    ])  # fmt: skip
    X, y = tokens()
    options = {"batch_size": 32, "epochs": 1, "metrics": [], "verbose": False}
    loss, optimizer = CrossEntropyLoss(from_logits=True), AdamW(0.001)
    return lambda: model.fit(X, y, loss=loss, optimizer=optimizer, **options)


def torch_transformer(data):
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
            self.dense = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH), nn.GELU("tanh"), nn.Linear(4 * WIDTH, WIDTH)
            )
            self.mask = torch.full((TIME, TIME), -torch.inf).triu(1)

        def forward(self, x):
            h = self.norm_1(x)
            x = x + self.attention(h, h, h, attn_mask=self.mask, need_weights=False)[0]
            return x + self.dense(self.norm_2(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH)
            self.positions = nn.Parameter(torch.randn(TIME, WIDTH))
            self.rest = nn.Sequential(
                Block(), Block(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY)
            )

        def forward(self, x):
            return self.rest(self.embedding(x) + self.positions)

    net = Net()
    X, y = map(torch.from_numpy, tokens())
    return torch_steps(net, X, y, torch.optim.AdamW(net.parameters(), lr=0.001))


def tinyframe_lstm(data):
    from tinyframe import LSTM, Adam, CrossEntropyLoss, Dense, Sequential

    model = Sequential([LSTM(128), Dense(10)])
    X, y = sequences()
    options = {"batch_size": 32, "epochs": 1, "metrics": [], "verbose": False}
    loss, optimizer = CrossEntropyLoss(from_logits=True), Adam(0.001)
    return lambda: model.fit(X, y, loss=loss, optimizer=optimizer, **options)


def torch_lstm(data):
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.dense = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x):
            return self.dense(self.lstm(x)[0][:, -1])

    net = Net()
    X, y = map(torch.from_numpy, sequences())
    return torch_steps(net, X, y, torch.optim.Adam(net.parameters(), lr=0.001))


def torch_steps(net, X, y, optimizer):
    import torch

    def unit():
        order = torch.randperm(len(X))
        for i in range(0, len(X), 32):
            rows = order[i : i + 32]
            optimizer.zero_grad()
            logits = net(X[rows])
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, logits.shape[-1]), y[rows].reshape(-1)
            )
            loss.backward()
            optimizer.step()

    return unit


ARCHITECTURES = {
    "cnn64": {"tinyframe": tinyframe_cnn, "PyTorch": torch_cnn, "JAX": jax_cnn},
    "transformer": {"tinyframe": tinyframe_transformer, "PyTorch": torch_transformer},
    "lstm": {"tinyframe": tinyframe_lstm, "PyTorch": torch_lstm},
}
