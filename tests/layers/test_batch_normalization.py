"""Batch normalisation: by the batch, and by what it remembers."""

import numpy as np

from tinyframe import SGD, BatchNorm, Dense, Residual, Sequential


def test_batch_norm_normalises_by_the_batch_and_then_by_what_it_remembers():
    rng = np.random.default_rng(0)
    x = rng.normal(5, 3, (256, 4)).astype(np.float32)
    layer = BatchNorm()
    y = layer.forward(x, training=True)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-3)
    for _ in range(100):
        layer.forward(x, training=True)
    np.testing.assert_allclose(layer.forward(x), y, atol=0.02)
    layer.trainable = False
    remembered = layer.running_mean.copy()
    np.testing.assert_allclose(layer.forward(x - 100, training=True), layer.forward(x - 100))
    np.testing.assert_array_equal(layer.running_mean, remembered)


def test_a_batch_is_never_split_where_rows_are_mixed():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3000, 4)), rng.standard_normal((3000, 1))
    model = Sequential([Residual(Dense(4, 4), BatchNorm(momentum=1.0)), Dense(4, 1)])
    model.fit(x, y, batch_size=None, epochs=1, optimizer=SGD(1e-9), verbose=False)
    np.testing.assert_allclose(
        model[0].layers[1].running_mean, model[0].layers[0].forward(x).mean(0), atol=1e-4
    )
