"""Losses: values, gradients of their own values, and every form of target."""

import numpy as np
import pytest
from cases import LOSSES
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyframe import (
    SGD,
    BinaryCrossEntropyLoss,
    CrossEntropyLoss,
    Dense,
    GaussianNLLLoss,
    HingeLoss,
    HuberLoss,
    KLDivergenceLoss,
    MSELoss,
    PoissonLoss,
    QuantileLoss,
    Sequential,
    Sigmoid,
    Softmax,
    one_hot,
)
from tinyframe.testing import check_loss
from tinyframe.testing.strategies import shapes
from tinyframe.training.trainer import Objective

CLASSES = 4


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data())
@settings(max_examples=50)
def test_gradients_are_those_of_the_value(name, data):
    loss, bounds, target_bounds = LOSSES[name]
    shape = (*data.draw(shapes(largest=3)), CLASSES)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    prediction = rng.uniform(*bounds, shape)
    weight = data.draw(st.none() | st.just(rng.uniform(0, 2, shape[0])))
    check_loss(loss, prediction, rng.integers(0, CLASSES, shape[:-1]), weight)
    if target_bounds is not None:
        target = rng.uniform(*target_bounds, shape)
        if isinstance(loss, (CrossEntropyLoss, KLDivergenceLoss)):
            target /= target.sum(axis=-1, keepdims=True)
        check_loss(loss, prediction, target, weight)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"CrossEntropyLoss, some ignored"}))
def test_a_weight_counts_a_row_as_often(name):
    loss, bounds, _ = LOSSES[name]
    rng = np.random.default_rng(0)
    prediction, labels = rng.uniform(*bounds, (3, 4)), np.array([0, 3, 2])
    repeated = [0, 0, 0, 2]
    value = loss.forward(prediction[repeated], labels[repeated])
    assert loss.forward(prediction, labels, [3, 0, 1]) == pytest.approx(value)
    assert not loss.backward()[1].any()
    loss.forward(prediction, labels, [6, 0, 2])
    weight_sum = loss.weight_sum
    loss.forward(prediction, labels, [3, 0, 1])
    assert weight_sum == pytest.approx(2 * loss.weight_sum)


@pytest.mark.parametrize("weight", [[1, 2], [[1, 2, 3]], [1, -1, 1], [1, np.nan, 1]])
@pytest.mark.parametrize("name", LOSSES)
def test_weights_are_one_number_a_row(name, weight):
    loss, bounds, _ = LOSSES[name]
    with pytest.raises(ValueError, match="weight expected"):
        loss.forward(np.full((3, 4), np.mean(bounds)), np.array([0, 1, 3]), weight)


def test_ignored_positions_count_for_nothing():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(2, 3, 4)), np.array([[0, -1, 3], [-1, -1, 2]])
    loss = CrossEntropyLoss(from_logits=True, ignore_index=-1)
    known = labels >= 0
    expected = CrossEntropyLoss(from_logits=True).forward(z[known], labels[known])
    assert loss.forward(z, labels) == pytest.approx(expected)
    assert not loss.backward()[~known].any()
    assert loss.forward(z, np.full((2, 3), -1)) == 0
    assert not loss.backward().any()


@pytest.mark.parametrize("batch_size", [4, 7, None])
def test_training_with_ignored_labels_counts_the_others_alike(batch_size):
    """A batch's share in the epoch's loss, and a block's in a batch, is its known labels."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1500, 3)), rng.integers(-1, 2, 1500)
    model = Sequential([Dense(3, 2)], dtype=np.float64)
    model.build(3, rng=0)
    loss = CrossEntropyLoss(from_logits=True, ignore_index=-1)
    expected = loss.forward(model.predict(X), y)
    model.fit(
        X, y, loss=loss, optimizer=SGD(1e-12), epochs=1, batch_size=batch_size, metrics=[],
        verbose=False,
    )  # fmt: skip
    assert model.history["loss"][0] == pytest.approx(expected, rel=1e-9)


def test_the_axis_of_the_classes_may_be_told_from_the_front():
    loss = CrossEntropyLoss()
    for axis, shape, fuses in (
        (1, (4,), True),
        (-1, (3, 4), True),
        (2, (3, 4), True),
        (1, (3, 4), False),
    ):
        layer = Softmax(axis)
        layer.build(shape)
        assert (loss.fuse(layer) is not None) == fuses


@pytest.mark.parametrize(
    "make",
    [
        lambda: CrossEntropyLoss(label_smoothing=1), lambda: CrossEntropyLoss(label_smoothing=1.5),
        lambda: CrossEntropyLoss(label_smoothing=-0.1), lambda: HuberLoss(0), lambda: HuberLoss(-1),
        lambda: QuantileLoss(0), lambda: QuantileLoss(1), lambda: GaussianNLLLoss(0),
        lambda: CrossEntropyLoss(class_weights=[1, -0.5]),
        lambda: CrossEntropyLoss(ignore_index=0.5),
    ],
)  # fmt: skip
def test_losses_check_their_numbers(make):
    with pytest.raises((TypeError, ValueError), match="expected"):
        make()


@pytest.mark.parametrize("count", [-0.5, -1e-9, -3])
def test_counts_are_not_negative(count):
    with pytest.raises(ValueError, match=r"y|target|negative|counts"):
        PoissonLoss().forward(np.array([[0.0]]), np.array([[count]]))


def test_a_sequence_of_one_step_is_not_one_output(rng):
    scores = rng.standard_normal((3, 1, 4))
    labels = np.array([[0], [3], [1]])
    expected = HingeLoss().forward(scores[:, 0], labels[:, 0])
    assert HingeLoss().forward(scores, labels) == pytest.approx(expected)


def test_class_weights_are_one_a_class():
    loss = CrossEntropyLoss(class_weights=[1, 2, 3])
    with pytest.raises(ValueError, match="class_weights expected 2 numbers, got 3"):
        loss.forward(np.array([[0.5, 0.5]]), np.array([1]))


def test_hinge_wants_classes():
    with pytest.raises(ValueError, match="HingeLoss expected labels"):
        HingeLoss().forward(np.zeros((2, 3)), np.full((2, 3), 0.5))
    for rows in ([[1, 1, 0], [0, 0, 1]], [[0.5, 0.5, 0], [0, 0, 1]], [[2, -1, 0], [0, 0, 1]]):
        with pytest.raises(ValueError, match="HingeLoss expected labels"):
            HingeLoss().forward(np.zeros((2, 3)), np.array(rows, float))
    check_loss(HingeLoss(), np.array([[0.3], [-2.0], [1.5]]), np.array([1, 0, 0]))


def test_a_fused_sigmoid_is_exact_for_large_scores():
    model = Sequential([Dense(1, 1), Sigmoid()])
    model[0].weight.value = [[1]]
    loss = BinaryCrossEntropyLoss()
    assert model.evaluate([[1e4]], [[0.0]], loss=loss)["loss"] == 1e4


def test_divergence_is_zero_where_distributions_agree():
    p = np.array([[0.2, 0.8], [1.0, 0.0]])
    assert KLDivergenceLoss().forward(p, p) == pytest.approx(0, abs=1e-15)
    assert KLDivergenceLoss().forward(p[::-1], np.array([[0.5, 0.5]] * 2)) > 0


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


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2,), (3, 4, 1), ()])
def test_targets_of_another_shape_are_refused(name, shape):
    loss = LOSSES[name][0]
    with pytest.raises(ValueError, match="target expected shape"):
        loss.forward(np.full((3, 4), 0.25), np.zeros(shape))


@pytest.mark.parametrize("name", LOSSES)
def test_targets_may_be_lists(name):
    loss, prediction = LOSSES[name][0], np.full((3, 4), 0.25)
    for target in (np.array([0, 3, 1]), one_hot([0, 3, 1], 4, np.float64)):
        expected = loss.forward(prediction, target)
        gradient = loss.backward()
        assert loss.forward(prediction, target.tolist()) == expected
        np.testing.assert_array_equal(loss.backward(), gradient)
    with pytest.raises(ValueError, match="the target expected rows of one length"):
        loss.forward(prediction, [[0, 1], [2]])


@pytest.mark.parametrize("name", LOSSES)
def test_predictions_are_arrays_of_floats(name):
    """Integers would make each row's share in the mean 0, and with it the loss."""
    loss = LOSSES[name][0]
    for wrong in ([[0.25] * 4] * 3, np.ones((3, 4), int), np.full((3, 4), "a"), None, 0.5):
        with pytest.raises(TypeError, match="the prediction expected an array of floats"):
            loss.forward(wrong, np.array([0, 3, 1]))
    for wrong in (np.ones((0, 4)), np.ones((3, 0)), np.ones(3), np.array(1.0)):
        with pytest.raises(ValueError, match=r"the prediction expected \(batch, …, outputs\)"):
            loss.forward(wrong, np.array([0, 3, 1]))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("label", [-1, 4, 300])
def test_labels_that_are_no_class_are_refused(name, label):
    loss = LOSSES[name][0]
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
