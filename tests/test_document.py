"""The document, equation by equation, and its slips: docs/document.md names these tests."""

import re
from pathlib import Path

import numpy as np
import pytest
from reference import Reference

from tinyframe import (
    SGD,
    Dense,
    Flatten,
    MSELoss,
    ParameterVector,
    ReLU,
    Rescale,
    Sequential,
    Softmax,
    one_hot,
)
from tinyframe.testing import numeric_jacobian


@pytest.fixture
def case(rng):
    """The document's network in float64, three images as rows, and their one-hot targets."""
    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()], dtype=np.float64)
    model.build(784, rng=1)
    x = rng.random((3, 784))
    y = one_hot(np.array([3, 0, 7]), 10, np.float64)
    return model, x, y


@pytest.fixture
def sample(case):
    """The same with one image, as the document's matrix forms are written."""
    model, x, y = case
    return model, x[:1], y[:1]


def gradients(model, x, y):
    """∂L/∂W₁, ∂L/∂b₁, ∂L/∂W₂, ∂L/∂b₂ of the squared error, as the layers compute them."""
    loss = MSELoss()
    loss.forward(model.forward(x, training=True), y)
    model.backward(loss.backward())
    return [parameter.grad.copy() for parameter in model.parameters]


def test_input_step():
    pixels = np.array([[[0, 255], [51, 102]]] * 2, np.uint8)
    model = Sequential([Rescale(1 / 255), Flatten()], dtype=np.float64)
    model.build((2, 2))
    np.testing.assert_allclose(model.forward(pixels), [[0, 1, 0.2, 0.4]] * 2, rtol=1e-15)


def test_equations_1_and_2_forward(case):
    """a₁ = ReLU(W₁ᵀ a₀ + b₁), a₂ = Softmax(W₂ᵀ a₁ + b₂), with column vectors as written there."""
    model, x, _ = case
    W1, b1, W2, b2 = (parameter.value for parameter in model.parameters)
    for row, ours in zip(x, model.forward(x), strict=True):
        a0 = row[:, None]
        a1 = np.maximum(W1.T @ a0 + b1[:, None], 0)
        z2 = W2.T @ a1 + b2[:, None]
        a2 = np.exp(z2) / np.exp(z2).sum()
        np.testing.assert_allclose(ours, a2[:, 0], rtol=1e-12)


def test_squared_error(case):
    model, x, y = case
    a2 = model.forward(x)
    of_rows = [sum((a2[r, i] - y[r, i]) ** 2 for i in range(10)) for r in range(3)]
    assert MSELoss().forward(a2, y) == pytest.approx(sum(of_rows) / 3, rel=1e-12)


def test_equations_3_to_10_backward(case):
    """Every partial derivative, by the chain rule written out with the softmax Jacobian."""
    model, x, y = case
    reference = Reference(*(parameter.value for parameter in model.parameters))
    for ours, byhand in zip(gradients(model, x, y), reference.gradients(x, y), strict=True):
        np.testing.assert_allclose(ours, byhand, rtol=1e-10, atol=1e-15)


def test_gradients_are_those_of_the_loss(case):
    """Central differences of L in all 7,960 parameters."""
    model, x, y = case
    exact = gradients(model, x, y)
    for parameter, gradient in zip(model.parameters, exact, strict=True):
        start = parameter.value.copy()

        def loss_at(value, parameter=parameter):
            parameter.value = value
            return np.array(MSELoss().forward(model.forward(x), y))

        numeric = numeric_jacobian(loss_at, start, step=1e-4)
        parameter.value = start
        np.testing.assert_allclose(gradient.ravel(), numeric[0], rtol=1e-6, atol=1e-11)


def test_gradient_descent(case):
    """θ ← θ − η ∂L/∂θ: the step that the document announces and leaves out."""
    model, x, y = case
    expected = [
        p.value - 0.1 * g for p, g in zip(model.parameters, gradients(model, x, y), strict=True)
    ]
    SGD(0.1).step(ParameterVector(model.parameters))
    for parameter, value in zip(model.parameters, expected, strict=True):
        np.testing.assert_allclose(parameter.value, value, rtol=1e-14, atol=1e-17)


# ---------------------------------------------------------------- the slips


def matrix_forms(model, x, y):
    """∂L/∂W₂ = a₁[2(a₂−y)]ᵀ, ∂L/∂b₂ = 2(a₂−y), ∂L/∂W₁ = a₀[W₂·2(a₂−y)]ᵀ, as written there."""
    W2 = model[2].weight.value
    a1, a2 = model[:2].forward(x), model.forward(x)
    difference = 2 * (a2 - y)
    return {
        "W2": a1.T @ difference,
        "b2": difference[0],
        "W1": x.T @ (difference @ W2.T),
        "W1 with the mask": x.T @ ((difference @ W2.T) * (a1 > 0)),
    }


def twice_cross_entropy_gradients(model, x, y):
    """Central differences of −2 Σ y log a₂ in W₁'s first 30 rows, W₂ and b₂."""
    found = {}
    for name, parameter, rows in (
        ("W1", model[0].weight, 30),
        ("W2", model[2].weight, 10),
        ("b2", model[2].bias, 10),
    ):
        start = parameter.value.copy()

        def loss_at(part, parameter=parameter, start=start, rows=rows):
            value = start.copy()
            value[:rows] = part
            parameter.value = value
            return -2 * np.sum(y * np.log(model.forward(x)))

        found[name] = numeric_jacobian(loss_at, start[:rows]).reshape(start[:rows].shape)
        parameter.value = start
    return found


def test_slip_the_target_is_one_not_mu():
    """y_i = μ for i = μ would make the target 3 for a three, which no Softmax can reach."""
    np.testing.assert_array_equal(one_hot(np.array([3]), 10)[0], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    best = MSELoss().forward(np.eye(10)[[3]], 3 * np.eye(10)[[3]])
    assert best == 4  # even the surest right answer would cost (1 − 3)²


def test_slip_the_output_layer_has_the_softmax_jacobian_not_relus_indicator(sample):
    model, x, y = sample
    _, _, dW2, db2 = gradients(model, x, y)
    a1, a2 = model[:2].forward(x), model.forward(x)
    z2 = model[:3].forward(x)
    as_written = 2 * (a2 - y) * (z2 > 0)
    assert not np.allclose(db2, as_written[0], rtol=1e-2)
    assert not np.allclose(dW2, a1.T @ as_written, rtol=1e-2)
    jacobian = np.diag(a2[0]) - np.outer(a2[0], a2[0])
    np.testing.assert_allclose(db2, jacobian @ (2 * (a2 - y))[0], rtol=1e-10, atol=1e-16)


def test_slip_the_matrix_forms_are_the_gradient_of_twice_the_cross_entropy(sample):
    model, x, y = sample
    assert (model[:2].forward(x) == 0).any(), "the mask must matter"
    forms, numeric = matrix_forms(model, x, y), twice_cross_entropy_gradients(model, x, y)
    np.testing.assert_allclose(forms["W2"], numeric["W2"], rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(forms["b2"], numeric["b2"], rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(forms["W1 with the mask"][:30], numeric["W1"], rtol=1e-6, atol=1e-10)


def test_slip_the_third_matrix_form_lacks_relus_mask(sample):
    model, x, y = sample
    numeric = twice_cross_entropy_gradients(model, x, y)
    assert not np.allclose(matrix_forms(model, x, y)["W1"][:30], numeric["W1"], rtol=1e-2)


def test_slip_the_matrix_forms_are_not_the_gradient_of_the_squared_error(sample):
    model, x, y = sample
    dW1, _, dW2, db2 = gradients(model, x, y)
    forms = matrix_forms(model, x, y)
    for form, true in ((forms["W2"], dW2), (forms["b2"], db2), (forms["W1 with the mask"], dW1)):
        assert not np.allclose(form, true, rtol=1e-2)


@pytest.mark.parametrize("page", ["document.md", "el/document.md"])
def test_all_of_it_in_numbers(page, capsys):
    """The code of the page prints what stands below it, and the table has the same numbers."""
    text = (Path(__file__).parents[1] / "docs" / page).read_text()
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - the page's own code
    printed = capsys.readouterr().out
    (shown,) = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert printed == shown
    a2 = np.exp([1, -1]) / np.exp([1, -1]).sum()
    known = {*re.findall(r"\d\.\d{4}", printed), f"{a2.prod():.4f}"}
    in_table = re.findall(r"^\| .*\d\.\d{4}.*$", text, re.MULTILINE)
    assert len(in_table) == 9
    assert set(re.findall(r"\d\.\d{4}", "".join(in_table))) <= known
