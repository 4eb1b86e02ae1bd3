"""Small work, in which overhead is all, and whole estimators.

`tiny32`: 20 epochs over 2,000 rows of 20 → 16 → 1 with tanh, squared error, batches of 32.
`adam32`: the same with Adam. `stream`: 1,000 single steps of the document's network on 32 rows.
`lstm16`: 20 steps of an LSTM of 16 units over 32 times of 8 features, 8 rows each. `estimator64`,
`estimator784`: scikit-learn's kind of classifier with its defaults, 20 epochs over 1,438 digits of
8×8 and 28×28 pixels.
Each function is (data) → a function that does one unit of the work, as in systems.py.
"""

import warnings

import numpy as np
from systems import Workload
from systems import floor as dense_floor

EPOCHS, ROWS, STEPS = 20, 2000, 1000
TIME, FEATURES, UNITS, LSTM_ROWS = 32, 8, 16, 8


class Sines:
    """2,000 rows of 20 numbers, and a sine of a sum of them."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal((ROWS, 20)).astype(np.float32)
        self.y = np.sin(self.X @ rng.standard_normal((20, 1))).astype(np.float32)


class Step:
    """32 rows of 784 numbers, and one-hot labels."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.X = rng.random((32, 784)).astype(np.float32)
        self.Y = np.eye(10, dtype=np.float32)[rng.integers(10, size=32)]


def sequences():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20 * LSTM_ROWS, TIME, FEATURES)).astype(np.float32)
    return X, rng.standard_normal((len(X), 1)).astype(np.float32)


def digits(size):
    from tinyframe.datasets import digits

    (X, y), _ = digits(size=size)
    return X.reshape(len(X), -1) / np.float32(255), y


# ------------------------------------------------------------------ tinyframe


def tinyframe_sines(optimizer):
    from tinyframe import Dense, MSELoss, Sequential, Tanh

    data = Sines()
    model = Sequential([Dense(20, 16), Tanh(), Dense(16, 1)])
    options = {"epochs": EPOCHS, "batch_size": 32, "rng": 0, "verbose": 0}
    return lambda: model.fit(data.X, data.y, optimizer=optimizer, loss=MSELoss(), **options)


def tinyframe_tiny(_):
    from tinyframe import SGD

    return tinyframe_sines(SGD(0.05))


def tinyframe_adam(_):
    from tinyframe import Adam

    return tinyframe_sines(Adam(0.001))


def tinyframe_stream(_):
    from systems import dense_network

    from tinyframe import SGD, MSELoss

    data, model = Step(), dense_network((784, 10, 10))
    optimizer, loss = SGD(0.1), MSELoss()

    def unit():
        for _ in range(STEPS):
            model.train_on_batch(data.X, data.Y, optimizer=optimizer, loss=loss)

    return unit


def tinyframe_lstm(_):
    from tinyframe import LSTM, SGD, Dense, MSELoss, Sequential

    model, (X, y), optimizer = Sequential([LSTM(UNITS), Dense(1)]), sequences(), SGD(0.01)
    options = {"epochs": 1, "batch_size": LSTM_ROWS, "rng": 0, "verbose": 0}
    return lambda: model.fit(X, y, optimizer=optimizer, loss=MSELoss(), **options)


def tinyframe_estimator(size):
    from tinyframe.interop.sklearn import NetworkClassifier

    X, y = digits(size)
    return lambda: NetworkClassifier(epochs=EPOCHS, random_state=0).fit(X, y)


# ------------------------------------------------------------------ NumPy by hand


def numpy_tiny(_, *, adam=False):
    data, rng = Sines(), np.random.default_rng(0)
    P = [
        [(rng.standard_normal(shape) * 0.3).astype(np.float32), np.zeros(shape[1], np.float32)]
        for shape in ((20, 16), (16, 1))
    ]
    means, squares = ([[np.zeros_like(a) for a in pair] for pair in P] for _ in range(2))
    steps = 0

    def step(x, y):
        nonlocal steps
        (W1, b1), (W2, b2) = P
        h = np.tanh(x @ W1 + b1)
        d = np.float32(2 / len(x)) * (h @ W2 + b2 - y)
        dh = (d @ W2.T) * (1 - h * h)
        gradients = [(x.T @ dh, dh.sum(0)), (h.T @ d, d.sum(0))]
        steps += 1
        rate = np.float32(0.001 * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps))
        for pair, grads, ms, vs in zip(P, gradients, means, squares, strict=True):
            for p, g, m, v in zip(pair, grads, ms, vs, strict=True):
                if not adam:
                    p -= np.float32(0.05) * g
                    continue
                m *= np.float32(0.9)
                m += np.float32(0.1) * g
                v *= np.float32(0.999)
                v += np.float32(0.001) * g * g
                p -= rate * m / (np.sqrt(v) + np.float32(1e-8))

    def unit():
        for _ in range(EPOCHS):
            order = rng.permutation(ROWS)
            for i in range(0, ROWS, 32):
                rows = order[i : i + 32]
                step(data.X[rows], data.y[rows])

    return unit


def numpy_adam(_):
    return numpy_tiny(_, adam=True)


def numpy_stream(_):
    from systems import numpy_step

    data, step = Step(), numpy_step((784, 10, 10))

    def unit():
        for _ in range(STEPS):
            step(data.X, data.Y)

    return unit


# ------------------------------------------------------------------ floors: products alone


def floor_tiny(_):
    unit = dense_floor(Workload((20, 16, 1), 32, ""), Sines())

    def units():
        for _ in range(EPOCHS):
            unit()

    return units


def floor_stream(_):
    class Steps:
        X = np.tile(Step().X, (STEPS, 1))

    return dense_floor(Workload((784, 10, 10), 32, ""), Steps())


def floor_lstm(_):
    gates, n = 4 * UNITS, LSTM_ROWS
    rng = np.random.default_rng(0)
    shapes = (gates, FEATURES), (FEATURES, TIME * n), (gates, UNITS), (UNITS, n), (gates, n)
    Wx, x, Wh, h, d = (rng.random(shape, np.float32) for shape in shapes)
    inputs, inputs_T = np.empty((gates, TIME * n), np.float32), x.T.copy()
    dWx, dWh = np.empty_like(Wx), np.empty_like(Wh)
    all_h, WhT, back = rng.random((TIME * n, UNITS), np.float32), Wh.T.copy(), np.empty_like(h)

    def unit():
        for _ in range(20):
            Wx.dot(x, inputs)
            for _ in range(TIME):
                Wh.dot(h, d)
            for _ in range(TIME):
                WhT.dot(d, back)
            inputs.dot(inputs_T, dWx)
            inputs.dot(all_h, dWh)

    return unit


# ------------------------------------------------------------------ peers


def torch_sines(optimizer):
    import torch
    from torch import nn

    data, net = Sines(), nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 1))
    chosen = optimizer(net.parameters())
    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)

    def unit():
        for _ in range(EPOCHS):
            order = torch.randperm(ROWS)
            for i in range(0, ROWS, 32):
                rows = order[i : i + 32]
                torch_step(net, chosen, X[rows], y[rows])

    return unit


def torch_step(net, optimizer, x, y):
    optimizer.zero_grad()
    ((net(x) - y) ** 2).sum(1).mean().backward()
    optimizer.step()


def torch_tiny(_):
    import torch

    return torch_sines(lambda parameters: torch.optim.SGD(parameters, lr=0.05))


def torch_adam(_):
    import torch

    return torch_sines(lambda parameters: torch.optim.Adam(parameters, lr=0.001))


def torch_stream(_):
    import torch
    from torch import nn

    data = Step()
    net = nn.Sequential(nn.Linear(784, 10), nn.ReLU(), nn.Linear(10, 10), nn.Softmax(1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, y = torch.from_numpy(data.X), torch.from_numpy(data.Y)

    def unit():
        for _ in range(STEPS):
            torch_step(net, optimizer, x, y)

    return unit


def torch_lstm(_):
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.dense = nn.LSTM(FEATURES, UNITS, batch_first=True), nn.Linear(UNITS, 1)

        def forward(self, x):
            return self.dense(self.lstm(x)[0][:, -1])

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    X, y = map(torch.from_numpy, sequences())

    def unit():
        order = torch.randperm(len(X))
        for i in range(0, len(X), LSTM_ROWS):
            rows = order[i : i + LSTM_ROWS]
            torch_step(net, optimizer, X[rows], y[rows])

    return unit


def jax_tiny(_):
    import jax
    import jax.numpy as jnp

    data, rng = Sines(), np.random.default_rng(0)
    shapes = (20, 16), (16, 1)
    state = [[(jnp.asarray(rng.random(s) * 0.3, np.float32), jnp.zeros(s[1])) for s in shapes]]
    X, y = jnp.asarray(data.X), jnp.asarray(data.y)

    def loss(P, x, y):
        (W1, b1), (W2, b2) = P
        return ((jnp.tanh(x @ W1 + b1) @ W2 + b2 - y) ** 2).sum(1).mean()

    @jax.jit
    def epoch(P, order):
        def step(P, rows):
            gradients = jax.grad(loss)(P, X[rows], y[rows])
            return jax.tree.map(lambda p, g: p - 0.05 * g, P, gradients), None

        return jax.lax.scan(step, P, order)[0]

    def unit():
        for _ in range(EPOCHS):
            steps = ROWS // 32
            order = rng.permutation(ROWS)[: steps * 32].reshape(steps, 32)
            state[0] = epoch(state[0], order)
        jax.block_until_ready(state[0])

    return unit


def sklearn_sines(**settings):
    from sklearn.neural_network import MLPRegressor

    warnings.filterwarnings("ignore")
    data = Sines()
    settings |= {"batch_size": 32, "max_iter": EPOCHS, "n_iter_no_change": 1000, "alpha": 0}
    return lambda: MLPRegressor(hidden_layer_sizes=(16,), activation="tanh", **settings).fit(
        data.X, data.y.ravel()
    )


def sklearn_tiny(_):
    return sklearn_sines(solver="sgd", momentum=0, learning_rate_init=0.05)


def sklearn_adam(_):
    return sklearn_sines(solver="adam", learning_rate_init=0.001)


def sklearn_estimator(size):
    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")
    X, y = digits(size)
    options = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "random_state": 0}
    return lambda: MLPClassifier(**options).fit(X, y)


SMALL = {
    "tiny32": {
        "tinyframe": tinyframe_tiny, "NumPy by hand": numpy_tiny, "floor": floor_tiny,
        "PyTorch": torch_tiny, "JAX scan": jax_tiny, "scikit-learn": sklearn_tiny,
    },
    "adam32": {
        "tinyframe": tinyframe_adam, "NumPy by hand": numpy_adam, "floor": floor_tiny,
        "PyTorch": torch_adam, "scikit-learn": sklearn_adam,
    },
    "stream": {
        "tinyframe": tinyframe_stream, "NumPy by hand": numpy_stream, "floor": floor_stream,
        "PyTorch": torch_stream,
    },
    "lstm16": {"tinyframe": tinyframe_lstm, "floor": floor_lstm, "PyTorch": torch_lstm},
    "estimator64": {
        "tinyframe": lambda _: tinyframe_estimator(8),
        "scikit-learn": lambda _: sklearn_estimator(8),
    },
    "estimator784": {
        "tinyframe": lambda _: tinyframe_estimator(28),
        "scikit-learn": lambda _: sklearn_estimator(28),
    },
}  # fmt: skip
