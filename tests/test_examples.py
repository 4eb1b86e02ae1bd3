"""The examples run as a user runs them, and make what they promise."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import by_hand
import numpy as np
import pytest
from needs import needs

from tinyframe import SGD, Dense, Flatten, MSELoss, ReLU, Rescale, Sequential, Softmax
from tinyframe.datasets import digits

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(*arguments, **environment):
    result = subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def accuracy(output):
    return float(re.search(r"Test accuracy: ([\d.]+)%", output)[1])


def test_mnist_falls_back_on_the_embedded_digits_and_says_so(offline):
    output = run(EXAMPLES / "mnist.py", **offline)
    assert "MNIST is not in" in output
    assert "1,797 digits" in output
    assert accuracy(output) >= 93
    assert "true \\ predicted" in output


def test_mnist_quick_and_full_batch(offline):
    output = run(EXAMPLES / "mnist.py", "--quick", "--full-batch", **offline)
    assert "epoch 30/30" in output
    assert accuracy(output) > 10


def test_mnist_plot(offline, tmp_path):
    needs("matplotlib")
    figure = tmp_path / "figure.png"
    run(EXAMPLES / "mnist.py", "--quick", "--plot", figure, **offline)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_by_hand_prints_what_mnist_prints(offline):
    """The same loss and accuracy, epoch by epoch, and in the end on new digits."""
    figures = r"epoch .+?  loss \d\.\d{4}  accuracy \d\.\d{4}|Test accuracy: .*"
    by_hand, fitted = (
        re.findall(figures, run(EXAMPLES / name, "--quick", **offline))
        for name in ("by_hand.py", "mnist.py")
    )
    assert len(by_hand) == 11
    assert by_hand == fitted


def test_by_hand_learns_the_weights_that_fit_learns():
    (X, y), _ = digits(size=28)
    layers = by_hand.train(by_hand.scaled(X), y, epochs=3, seed=5)
    model = Sequential(
        [Rescale(1 / 255), Flatten(), Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]
    )
    model.fit(X, y, loss=MSELoss(), optimizer=SGD(0.1), epochs=3, batch_size=32, rng=5, verbose=0)
    ours = [p for layer in layers for p in layer.parameters]
    for own, parameter in zip(ours, model.parameters, strict=True):
        np.testing.assert_array_equal(own.value, parameter.value)


PROMISES = {
    "lenet": r"Test accuracy: [5-9]\d",
    "resnet": r"Test accuracy: [2-9]\d",
    "autoencoder": r"0\.3\d\d with noise, 0\.[12]\d\d cleaned",
    "adding_problem": r"Error on new sequences \(root mean square\): 0\.[0-4]",
    "uncertainty": r"band from 5 % to 95 %: [89]\d\.\d%",
    "error_bars": r"error bars: 9\d\.\d%\n.*: 0\.0\d+ among points, (0\.[4-9]|[12]\.)",
    "character_transformer": r"surprise on new text [12]\.\d",
}


@pytest.mark.parametrize("name", PROMISES)
def test_the_other_examples_in_quick_mode(name, offline, tmp_path):
    needs("matplotlib")
    figure = tmp_path / "figure.png"
    output = run(EXAMPLES / f"{name}.py", "--quick", "--plot", figure, **offline)
    assert re.search(PROMISES[name], output), output
    assert figure.read_bytes().startswith(b"\x89PNG")


ELSEWHERE = {
    "grid_search": ("sklearn", r"Best of 12: .*\n.*\n(.*\n)*Test accuracy: [89]\d"),
    "table": ("pandas", r"vectors: R² 0\.[345].*\nLinear, .*: R² 0\.[45](.*\n)*sex: sex 1 \+\d"),
    "onnx_runtime": ("onnxruntime", r"Same answers: 100\.00%, probabilities within \d\.\de-0[6-9]"),
    "from_pytorch": ("torch", r"Same answers: (99\.\d\d|100\.00)%, scores within"),
}


def test_c_digits_in_quick_mode(offline, tmp_path):
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("needs a C compiler")
    output = run(EXAMPLES / "c_digits.py", "--quick", "--to", tmp_path / "mine.c", **offline)
    assert re.search(r"Same answers: 100\.00%, probabilities within \d\.\de-0[6-9]", output), output
    assert sorted(file.name for file in tmp_path.glob("mine*")) == ["mine.c", "mine.h"]
    output = run(EXAMPLES / "c_digits.py", "--quick", **{**offline, "PATH": "", "CC": ""})
    assert output.splitlines()[-1].startswith("There is no C compiler here")


def test_draw_digit_in_quick_mode(offline, tmp_path):
    script, file = EXAMPLES / "draw_digit.py", tmp_path / "digits.npz"
    first = run(script, "--quick", "--model", file, **offline)
    assert re.search(r"Draw at http://127\.0\.0\.1:\d+/", first), first
    again = run(script, "--quick", "--model", file, **offline)
    assert "epoch" not in again
    assert first.splitlines()[-1] == again.splitlines()[-1]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_examples_with_other_libraries(name, offline):
    library, promise = ELSEWHERE[name]
    needs(library)
    output = run(EXAMPLES / f"{name}.py", "--quick", **offline)
    assert re.search(promise, output), output


def test_mnist_on_the_real_digits(real_mnist):
    output = run(EXAMPLES / "mnist.py")
    assert "Data: MNIST, 60,000 digits" in output
    assert accuracy(output) >= 93
