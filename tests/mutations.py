"""Break the code once in each of many places, and see that the tests notice.

    python tests/mutations.py            all of them, some minutes
    python tests/mutations.py dense      those whose file or text has this word

Each line is a file, what stands there once, what is put in its place, and the tests that have to fail. The
mutations are made in a copy; a survivor, or a text that is no longer there, makes it end with 1.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS = "tests/layers"
RECORDING = "tests/recording tests/testing"
STORAGE = "tests/storage"
RESUMING = "tests/training/test_checkpoint.py tests/storage/test_runs.py"

MUTATIONS = [
    # backward passes
    ("layers/dense.py", "self.weight.value.T)", "self.weight.value.T) * 0.5", LAYERS),
    ("layers/dense.py", "sums(dy, axis=0, out=self.bias.grad)", "sums(dy * dy, axis=0, out=self.bias.grad)", LAYERS),
    ("layers/activations.py", "return dy * (self._recall() > 0)", "return np.abs(dy) * (self._recall() > 0)", LAYERS),
    ("layers/activations.py", "return dy * (1 - y * y)", "return dy * (1 - y)", LAYERS),
    ("layers/softmax.py", "return y * (dy - sums_along(dy * y, self.axis))", "return y * (1 - y) * dy", LAYERS),
    ("layers/softmax.py", "return dy - p * dy.sum(axis=self.axis, keepdims=True)", "return dy - p", LAYERS),
    ("layers/batch_normalization.py", "dx = rows - _column(db / m, rows.dtype) - ", "dx = rows - ", LAYERS),
    ("layers/layer_normalization.py", "dx -= _mean(h)", "dx -= 0", LAYERS),
    ("layers/layer_normalization.py", "dx = h - xhat * _mean(h * xhat)", "dx = h", LAYERS),
    ("layers/gated_recurrent.py", "dc *= f", "dc *= 1", LAYERS),
    ("layers/gated_recurrent.py", "dc += dh * dc_by_dh", "dc += dh", LAYERS),
    ("layers/gated_recurrent.py", "dz[2 * u :] * r)", "dz[2 * u :])", LAYERS),
    ("layers/embedding.py", "np.add.reduce(dy, axis=0, out=self.weight.grad)", "np.mean(dy, axis=0, out=self.weight.grad)", LAYERS),
    ("layers/embedding.py", "self.weight.grad[self.padding] = 0", "pass", LAYERS),
    ("layers/pooling.py", "largest = (pixel == y) & none", "largest = pixel == y", LAYERS),
    # losses and optimizers
    ("losses/cross_entropy.py", "self.weight_sum = total * unit", "self.weight_sum = total", "tests/losses"),
    ("optimizers/sgd.py", "velocity *= self.momentum", "velocity *= 1", "tests/optimizers"),
    ("optimizers/sgd.py", "rate * self.momentum, out=change", "rate, out=change", "tests/optimizers"),
    ("optimizers/optimizer.py", "if not self.decoupled:\n", "if self.decoupled:\n", "tests/optimizers"),
    ("optimizers/optimizer.py", "self.weight_decay if len(p.shape) > 1 else 0", "self.weight_decay", "tests/optimizers"),
    # the recorder
    ("recording/comparison.py", "a.tobytes() == b.tobytes()", "True", RECORDING),
    ("recording/recorder.py", "bound[0].training != training", "False", RECORDING),
    ("recording/memory.py", "if s[1] - s[0] >= size]", "]", RECORDING),
    ("recording/memory.py", "if last[memory] == number:", "if last[memory] <= number + 1:", RECORDING),
    ("recording/watching.py", "if now.get(name, self) is not value:", "if False:", RECORDING),
    ("recording/watching.py", "all(map(is_, now_in_it, before))", "True", RECORDING),
    ("recording/watching.py", "return is_own(value)  # what", "return True  # what", RECORDING),
    ("recording/outside.py", 'step.opname == "PUSH_EXC_INFO"', "True", RECORDING),
    # files
    ("storage/container.py", "hashlib.sha256(body).hexdigest().encode() != digest", "False", STORAGE),
    ("storage/container.py", "if total > size:", "if False:", STORAGE),
    ("storage/container.py", "_digest(text, arrays) != digest", "False", STORAGE),
    # resuming
    ("training/checkpoint.py", "run.steps % self.every == 0", "run.steps % self.every == 1", RESUMING),
    ("optimizers/optimizer.py", "self.steps, self.epoch = steps, epoch", "self.steps, self.epoch = 0, epoch", RESUMING),
    ("optimizers/optimizer.py", "self._slots = dict(state)", "self._slots = {}", RESUMING),
    # training
    ("training/learning_rate.py", "elif smoothed > DIVERGED", "elif run.loss > DIVERGED", "tests/inspection"),
    ("training/plan.py", "seed(self.model, self.rngs[0], None)  #", "#", "tests/training/test_callbacks.py"),
    ("exercises/symptoms.py", "return bool(np.allclose(", "return True or bool(np.allclose(", "tests/exercises"),
    # speed: products in pieces, finiteness found on the way, rows fetched ahead
    ("utils/products.py", "out += quiet_matmul(a[:, k - left :], b[k - left :])", "pass", "tests/utils"),
    ("utils/products.py", "if whole < n:", "if whole > n:", "tests/utils"),
    ("recording/inference.py", " if float(shape.square) < SMALL_SQUARES else None", "", "tests/recording/test_inference.py"),
    ("utils/second_thread.py", "wanted.put(True)\n            yield result", "wanted.put(True)\n            wanted.put(True)\n            yield result", "tests/utils"),
]  # fmt: skip
"""File in tinyframe/, what stands there, what is put in its place, tests."""


def survives(copy: Path, file: str, old: str, new: str, tests: str) -> str:
    """Return why a mutation survives, or ""."""
    path = copy / "tinyframe" / file
    text = path.read_text()
    if text.count(old) != 1:
        return f"its text is there {text.count(old)} times"
    path.write_text(text.replace(old, new))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["--hypothesis-profile=unshrunk", *tests.split()]
    try:
        run = subprocess.run(
            command, cwd=copy, capture_output=True, text=True, timeout=900, check=False,
            env={**os.environ, "CI": "true", "PYTHONPATH": str(copy)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ""  # it hangs: that is noticed, too
    finally:
        path.write_text(text)
    return "no test failed" if run.returncode == 0 else ""


def main() -> None:
    """Make each mutation, say what became of it, and count."""
    words = sys.argv[1:]
    chosen = [m for m in MUTATIONS if all(word in " ".join(m) for word in words)]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "_build", "__pycache__"))
        for file, old, new, tests in chosen:
            why = survives(copy, file, old, new, tests)
            survivors += bool(why)
            print(
                f"{'survives' if why else 'killed  '} {file}: {old.strip()[:60]} {why}", flush=True
            )
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
