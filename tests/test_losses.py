"""Losses: values, gradients of their own values, and every form of target."""

import numpy as np
import pytest
from cases import LOSSES
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import CrossEntropyLoss, Dense, MSELoss, Sequential, Softmax, one_hot
from tinyframe.testing import check_loss
from tinyframe.testing.strategies import arrays
from tinyframe.training import Objective


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data())
@settings(max_examples=50)
def test_gradients_are_those_of_the_value(name, data):
    rows, outputs = data.draw(st.integers(1, 4)), data.draw(st.integers(1 + ("Cross" in name), 5))
    prediction = data.draw(arrays((rows, outputs), 1.0, away_from_zero=0.05))
    if name == "CrossEntropyLoss":
        prediction = np.abs(prediction) * 0.9
    target = data.draw(arrays((rows, outputs), 1.0))
    check_loss(LOSSES[name], prediction, target)
    labels = data.draw(st.lists(st.integers(0, outputs - 1), min_size=rows, max_size=rows))
    check_loss(LOSSES[name], prediction, np.array(labels))


@pytest.mark.parametrize("name", LOSSES)
def test_sequence_targets(name):
    rng = np.random.default_rng(0)
    check_loss(LOSSES[name], rng.uniform(0.1, 0.9, (2, 3, 4)), rng.integers(0, 4, (2, 3)))


def test_mse_is_the_documents_sum_over_outputs_and_mean_over_rows():
    prediction = np.array([[0.2, 0.8], [0.5, 0.5]])
    expected = ((0.2 - 0) ** 2 + (0.8 - 1) ** 2 + (0.5 - 1) ** 2 + 0.5**2) / 2
    loss = MSELoss()
    assert loss.forward(prediction, np.array([1, 0])) == pytest.approx(expected, rel=1e-15)
    assert loss.forward(prediction, np.array([[0, 1], [1, 0]])) == pytest.approx(expected)
    np.testing.assert_allclose(loss.backward(), prediction - [[0, 1], [1, 0]])


def test_a_column_never_broadcasts_against_a_row():
    prediction = np.array([[1.0], [2.0], [3.0]])
    loss = MSELoss()
    assert loss.forward(prediction, np.array([1.0, 2.0, 5.0])) == pytest.approx(4 / 3)
    assert loss.backward().shape == (3, 1)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2,), (3, 4, 1), ()])
def test_targets_of_another_shape_are_refused(loss, shape):
    with pytest.raises(ValueError, match="target expected shape"):
        loss.forward(np.full((3, 4), 0.25), np.zeros(shape))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("label", [-1, 4, 300])
def test_labels_that_are_no_class_are_refused(loss, label):
    with pytest.raises(ValueError, match=f"integers from 0 to 3, got {label} at index 1"):
        loss.forward(np.full((3, 4), 0.25), np.array([0, label, 1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_after_softmax_is_exact_for_large_logits(dtype):
    """Through a Softmax, logits of ±10⁴ give L = 2·10⁴ and the gradient p − t, not inf or NaN."""
    model = Sequential([Dense(2, 2), Softmax()], dtype=dtype)
    model[0].weight.value = np.eye(2)
    objective = Objective(tuple(model), CrossEntropyLoss())
    x = np.array([[1e4, -1e4]], dtype)
    assert objective.forward(x, np.array([1]), training=True) == 2e4
    objective.backward()
    np.testing.assert_array_equal(model[0].bias.grad, [1, -1])
    assert objective.forward(x, np.array([0]), training=True) == 0
    assert model.evaluate(x, [1], loss=CrossEntropyLoss())["loss"] == 2e4
    np.testing.assert_array_equal(objective.prediction, [[1, 0]])


def test_the_fused_gradient_is_that_of_softmax_and_loss_apart():
    rng = np.random.default_rng(1)
    z, labels = rng.normal(0, 3, (6, 4)), rng.integers(0, 4, 6)
    softmax, apart, fused = Softmax(), CrossEntropyLoss(), CrossEntropyLoss(from_logits=True)
    value = apart.forward(softmax.forward(z, training=True), labels)
    assert fused.forward(z, labels) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(fused.backward(), softmax.backward(apart.backward()), atol=1e-15)


def test_backward_without_forward_says_so():
    for loss in (MSELoss(), CrossEntropyLoss()):
        with pytest.raises(RuntimeError, match="forward pass"):
            loss.backward()


def test_cross_entropy_wants_probabilities_and_more_than_one_output():
    loss = CrossEntropyLoss()
    with pytest.raises(
        ValueError, match=r"probabilities in \[0, 1\], got -0.5; let the model end in"
    ):
        loss.forward(np.array([[-0.5, 0.5]]), np.array([0]))
    with pytest.raises(ValueError, match=r"got 2\.0"):
        loss.forward(np.array([[2.0, 0.5]]), np.array([0]))
    with pytest.raises(ValueError, match="two at least, got one"):
        loss.forward(np.array([[0.5]]), np.array([[1.0]]))


def test_a_subclass_is_never_replaced_by_the_fused_form():
    class Temperature(Softmax):
        def forward(self, x, training=False):
            return super().forward(x / 5, training)

    class Doubled(CrossEntropyLoss):
        def forward(self, prediction, target):
            return 2 * super().forward(prediction, target)

    assert CrossEntropyLoss().fuse(Softmax()) is not None
    assert CrossEntropyLoss().fuse(Temperature()) is None
    assert Doubled().fuse(Softmax()) is None


def test_one_hot_rows():
    np.testing.assert_array_equal(one_hot(np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])
    assert one_hot(np.array([[1], [0]]), 2).shape == (2, 1, 2)
    np.testing.assert_array_equal(one_hot([True, False], 2), [[0, 1], [1, 0]])
    for bad in (["a"], [0.5], [1.0]):
        with pytest.raises(TypeError, match="labels expected integers, got dtype"):
            one_hot(bad, 2)


def test_reprs():
    assert repr(MSELoss()) == "MSELoss()"
    assert repr(CrossEntropyLoss(from_logits=True)) == "CrossEntropyLoss(from_logits=True)"
