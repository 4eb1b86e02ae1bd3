"""Agreement with PyTorch: layers, training runs, losses and optimizers, from the same weights."""

import numpy as np
import pytest
from needs import needs

torch = needs("torch")

from twins import CASES, IMAGE, close, twin

import tinyframe as tf

every_case = pytest.mark.parametrize("name", CASES)


def moved(layer, rng):
    """Move biases and gains away from zero and one, where a mistake might not show."""
    for parameter in layer.parameters:
        parameter.value += rng.uniform(-0.1, 0.1, parameter.shape).astype(np.float32)


@every_case
def test_forward_and_backward_agree(name, rng):
    make, shape = CASES[name]
    layer = make()
    layer.build(shape, rng=0)
    moved(layer, rng)
    other = twin(layer)
    x = rng.standard_normal((5, *shape)).astype(np.float32)
    theirs = torch.tensor(x, requires_grad=True)
    expected = other.module(theirs)
    y = layer.forward(x, training=True)
    close(y, expected)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    expected.backward(torch.tensor(dy))
    close(layer.backward(dy), theirs.grad)
    for parameter, tensor, _, ours in other.links:
        close(parameter.grad, ours(tensor.grad.numpy()))
    other.module.eval()
    close(layer.forward(x), other.module(theirs))


@pytest.mark.parametrize("layer", [tf.MaxPool2D(2), tf.MaxPool2D(3, 2, 1)], ids=repr)
def test_of_equal_pixels_the_first_gets_the_gradient(layer, rng):
    layer.build(IMAGE)
    x = rng.integers(0, 3, (5, *IMAGE)).astype(np.float32)
    theirs = torch.tensor(x, requires_grad=True)
    expected = twin(layer).module(theirs)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    expected.backward(torch.tensor(dy))
    close(layer.backward(dy), theirs.grad)


def test_embedding_agrees(rng):
    layer = tf.Embedding(9, 4)
    layer.build(6, rng=0)
    tokens = rng.integers(0, 9, (5, 6))
    other = twin(layer)
    y = layer.forward(tokens, training=True)
    expected = other.module(torch.tensor(tokens))
    close(y, expected)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    expected.backward(torch.tensor(dy))
    layer.backward(dy)
    close(layer.weight.grad, other.module.weight.grad)


@every_case
def test_twenty_steps_of_training_agree(name, rng):
    make, shape = CASES[name]
    model = tf.Sequential([make(), tf.Flatten(), tf.Dense(3)])
    model.build(shape, rng=0)
    other = twin(model)
    x = rng.standard_normal((12, *shape)).astype(np.float32)
    y = rng.standard_normal((12, 3)).astype(np.float32)
    optimizer = torch.optim.SGD(other.module.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = ((other.module(torch.tensor(x)) - torch.tensor(y)) ** 2).sum(1).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.fit(
        x, y, optimizer=tf.SGD(0.01), batch_size=None, epochs=20, shuffle=False, verbose=False,
    )  # fmt: skip
    close(model.history["loss"], np.array(losses))
    for parameter, tensor, _, ours in other.links:
        close(parameter.value, ours(tensor.detach().numpy()))


def test_the_character_transformer_learns_what_pytorch_learns(real_text, rng):
    """From the same weights, by the same batches, to the same surprise on new text."""
    from character_transformer import transformer, windows  # noqa: PLC0415 - of the examples

    characters = sorted(set(real_text))
    tokens = np.array([characters.index(c) for c in real_text[:200_000]])
    X, y = windows(tokens[:180_000], 32 * 120, rng)
    X_new, y_new = windows(tokens[180_000:], 32 * 8, rng)
    model = transformer(len(characters))
    model.build(X.shape[1:], rng=0)
    other = twin(model)
    model.fit(
        X, y, loss=tf.CrossEntropyLoss(from_logits=True), optimizer=tf.AdamW(0.003), epochs=1,
        shuffle=False, verbose=False, validation_data=(X_new, y_new), metrics=[],
    )  # fmt: skip
    optimizer = torch.optim.AdamW(other.module.parameters(), 0.003)
    for x, target in zip(torch.tensor(X).split(32), torch.tensor(y).split(32), strict=True):
        optimizer.zero_grad()
        F.cross_entropy(other.module(x).flatten(0, 1), target.flatten()).backward()
        optimizer.step()
    with torch.no_grad():
        scores = other.module(torch.tensor(X_new)).flatten(0, 1)
        theirs = F.cross_entropy(scores, torch.tensor(y_new).flatten()).item()
    ours = model.history["val_loss"][-1]
    assert ours == pytest.approx(theirs, rel=0.02)
    assert ours < 2.7


F = torch.nn.functional
Z, LABELS = (6, 4), np.array([0, 3, 1, 2, 2, 0])
WEIGHTS = [1.0, 0.5, 2.0, 3.0]
LOSSES = {
    "MAE": (tf.MAELoss(), lambda z, y: F.l1_loss(z, y, reduction="sum") / 6, False),
    "Huber": (
        tf.HuberLoss(0.7), lambda z, y: F.huber_loss(z, y, reduction="sum", delta=0.7) / 6, False,
    ),
    "cross-entropy": (tf.CrossEntropyLoss(True), F.cross_entropy, True),
    "smoothed, weighted, ignoring": (
        tf.CrossEntropyLoss(True, 0.1, WEIGHTS, ignore_index=3),
        lambda z, y: F.cross_entropy(
            z, y, torch.tensor(WEIGHTS, dtype=z.dtype), label_smoothing=0.1, ignore_index=3
        ),
        True,
    ),
    "binary": (
        tf.BinaryCrossEntropyLoss(True),
        lambda z, y: F.binary_cross_entropy_with_logits(z, y.sigmoid(), reduction="sum") / 6,
        False,
    ),
    "divergence": (
        tf.KLDivergenceLoss(from_logits=True),
        lambda z, y: F.kl_div(z, y.softmax(dim=-1), reduction="batchmean"),
        False,
    ),
    "Poisson": (
        tf.PoissonLoss(),
        lambda z, y: F.poisson_nll_loss(z, y.exp(), reduction="sum") / 6,
        False,
    ),
    "hinge": (tf.HingeLoss(), lambda z, y: F.multi_margin_loss(z, y) * 4, True),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree(name, rng):
    loss, other, labels = LOSSES[name]
    z, y = rng.standard_normal(Z), LABELS if labels else rng.standard_normal(Z)
    theirs = torch.tensor(z, requires_grad=True)
    expected = other(theirs, torch.tensor(y))
    expected.backward()
    if name == "binary":
        y = 1 / (1 + np.exp(-y))
    if name == "Poisson":
        y = np.exp(y)
    if name == "divergence":
        y = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
    assert loss.forward(z, y) == pytest.approx(expected.item(), rel=1e-9)
    close(loss.backward(), theirs.grad, 1e-9)


def test_the_gaussian_likelihood_agrees(rng):
    z, y = rng.standard_normal((6, 4)), rng.standard_normal((6, 2))
    theirs = torch.tensor(z, requires_grad=True)
    v = theirs[:, 2:].exp() + 1e-3
    expected = F.gaussian_nll_loss(theirs[:, :2], torch.tensor(y), v, reduction="sum") / 6
    expected.backward()
    loss = tf.GaussianNLLLoss(1e-3)
    assert loss.forward(z, y) == pytest.approx(expected.item(), rel=1e-9)
    close(loss.backward(), theirs.grad, 1e-9)


O = torch.optim  # noqa: E741 - as F above
OPTIMIZERS = {
    "SGD": (tf.SGD(0.1), lambda p: O.SGD(p, 0.1)),
    "SGD, Nesterov, decay": (
        tf.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda p: O.SGD(p, 0.05, 0.9, nesterov=True, weight_decay=0.01),
    ),
    "Adam": (tf.Adam(0.02), lambda p: O.Adam(p, 0.02)),
    "Adam, decay": (
        tf.Adam(0.02, 0.8, weight_decay=0.1),
        lambda p: O.Adam(p, 0.02, (0.8, 0.999), weight_decay=0.1),
    ),
    "AdamW": (tf.AdamW(0.02), lambda p: O.AdamW(p, 0.02)),
    "RMSprop": (tf.RMSprop(0.01), lambda p: O.RMSprop(p, 0.01)),
    "RMSprop, momentum": (
        tf.RMSprop(0.01, 0.9, momentum=0.5, epsilon=1e-6),
        lambda p: O.RMSprop(p, 0.01, 0.9, 1e-6, momentum=0.5),
    ),
    "Adagrad": (tf.Adagrad(0.1), lambda p: O.Adagrad(p, 0.1)),
}  # fmt: skip


@pytest.mark.parametrize("clip", [None, "norm", "value"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_of_optimizers_agree(name, clip, rng):
    optimizer, other = OPTIMIZERS[name]
    optimizer.reset()
    optimizer.clip_norm = 1.5 if clip == "norm" else None
    optimizer.clip_value = 0.5 if clip == "value" else None
    parameter = tf.Parameter((4, 3), dtype=np.float64)
    parameter.value = rng.standard_normal((4, 3))
    tensor = torch.tensor(parameter.value.copy(), requires_grad=True)
    vector, theirs = tf.ParameterVector([parameter]), other([tensor])
    for _ in range(50):
        gradient = rng.standard_normal((4, 3)) * rng.choice([0.1, 1])  # within the bounds, or not
        parameter.grad = gradient
        tensor.grad = torch.tensor(gradient)
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_([tensor], 1.5)
        if clip == "value":
            torch.nn.utils.clip_grad_value_([tensor], 0.5)
        optimizer.step(vector)
        theirs.step()
        close(parameter.value, tensor, 1e-6)
