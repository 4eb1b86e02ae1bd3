"""What earlier releases have saved is read, predicts the same, and goes on."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from needs import needs

import tinyframe as tf

SPEC = importlib.util.spec_from_file_location(
    "released_files", Path(__file__).with_name("released_files.py")
)
files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(files)

VERSIONS = sorted(folder.name for folder in files.RELEASED.iterdir())


def test_there_are_files_of_each_release_and_of_this_version():
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    released = [line.split()[1] for line in changelog.splitlines() if line.startswith("## 0")]
    assert set(released) <= set(VERSIONS)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
@pytest.mark.parametrize("name", files.MODELS)
@pytest.mark.parametrize("version", VERSIONS)
def test_models_predict_what_they_predicted(version, name, ending):
    if ending == ".safetensors":
        needs("safetensors")
    folder = files.RELEASED / version
    model = tf.Sequential.load(folder / f"{name}{ending}")
    expected = np.load(folder / "expected.npz")[name]
    np.testing.assert_allclose(model.predict(files.data(name)), expected, rtol=1e-4, atol=1e-6)
    assert model.optimizer.steps == 0  # what it remembers is a run's, not a model's
    assert type(model.optimizer).__name__ == "Adam"


@pytest.mark.parametrize("version", VERSIONS)
def test_runs_go_on(version, tmp_path):
    run = tmp_path / "run.npz"
    shutil.copy(files.RELEASED / version / "run.npz", run)
    resumed = files.go_on(files.MODELS["dense"][0](), run, epochs=4)
    whole = files.go_on(files.MODELS["dense"][0](), tmp_path / "new.npz", epochs=4)
    assert resumed.history.epochs == 4
    np.testing.assert_allclose(resumed.history["loss"], whole.history["loss"], rtol=1e-3)
