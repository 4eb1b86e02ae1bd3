"""Write what a release keeps for the tests of later ones: `python tests/storage/released_files.py`.

One model of each family of layers, a run that can be resumed, and what the models predict; into a
folder of the version's name, which is never changed again.
"""

import sys
from pathlib import Path

import numpy as np

import tinyframe as tf

RELEASED = Path(__file__).parent / "released"

MODELS = {
    "dense": (lambda: tf.Sequential([
        tf.Rescale(0.5), tf.Dense(6, 8), tf.ReLU(), tf.LayerNorm(), tf.Dense(5), tf.Tanh(),
        tf.Residual(tf.Dense(5), tf.GELU()), tf.Dropout(0.3), tf.Dense(3), tf.Softmax(),
    ]), (6,)),
    "images": (lambda: tf.Sequential([
        tf.Reshape(1, 8, 8), tf.Conv2D(3, 3, padding=1), tf.BatchNorm(), tf.ELU(), tf.MaxPool2D(2),
        tf.ConvTranspose2D(2, 2, stride=2), tf.AveragePool2D(2), tf.Flatten(), tf.Dense(3),
        tf.LogSoftmax(),
    ]), (8, 8)),
    "sequences": (lambda: tf.Sequential([
        tf.Add(tf.Dense(4), tf.Dense(4)), tf.PositionalEmbedding(),
        tf.MultiHeadAttention(2, causal=True),
        tf.RMSNorm(),
        tf.Concatenate(
            tf.LSTM(3, return_sequences=True),
            tf.Sequential([tf.Reverse(), tf.GRU(3, return_sequences=True)]),
        ),
        tf.Conv1D(4, 3), tf.SiLU(), tf.RNN(3), tf.Dense(1), tf.Sigmoid(),
    ]), (7, 4)),
}  # fmt: skip
"""Each family: how its model is made, and its sample shape."""


def data(name):
    """Rows for a model: the same in every version."""
    _, shape = MODELS[name]
    rows = np.arange(8 * int(np.prod(shape)), dtype=np.float32)
    return np.sin(rows).reshape(8, *shape)


def targets(model):
    (outputs,) = model.output_shape
    return np.arange(8) % max(2, outputs)


def make(folder):
    """Write this version's files into a new folder."""
    folder.mkdir(parents=True)
    expected = {}
    for name, (new, shape) in MODELS.items():
        model = new()
        model.build(shape, rng=0)
        loss = "binary_cross_entropy" if model.output_shape == (1,) else None
        loss = loss or ("mse" if name == "images" else "cross_entropy")
        model.fit(
            data(name), targets(model), loss=loss, optimizer=tf.Adam(0.01), epochs=3, batch_size=4,
            rng=0, verbose=0,
        )  # fmt: skip
        model.save(folder / f"{name}.npz")
        model.save(folder / f"{name}.safetensors")
        expected[name] = model.predict(data(name))
    np.savez(folder / "expected.npz", **expected)
    model = MODELS["dense"][0]()
    go_on(model, folder / "run.npz", epochs=2)
    (folder / "run.npz.previous").unlink()


def go_on(model, run, epochs):
    """Train to so many epochs in all, from where the file of the run is, if it is there."""
    return model.fit(
        data("dense"), np.arange(8) % 3, loss=tf.CrossEntropyLoss(), rng=3, verbose=0,
        epochs=epochs, optimizer=tf.SGD(tf.CosineDecay(0.1, 4), momentum=0.9), batch_size=4,
        callbacks=[tf.Checkpoint(run)], resume=run,
    )  # fmt: skip


if __name__ == "__main__":
    target = RELEASED / tf.__version__
    if target.exists():
        sys.exit(f"{target} is there: what a release has written stays")
    make(target)
