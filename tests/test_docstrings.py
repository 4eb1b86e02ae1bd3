"""Each public name has an example in its docstring, and the example is right."""

import doctest
import importlib
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from needs import INSTALLS, needs

import tinyframe

REFERENCE = sorted((Path(__file__).parents[1] / "docs" / "reference").glob("*.md"))
RESULTS = {
    "GradientReport", "LayerGradient", "Laplace", "Prediction", "RecordingReport", "Grade",
    "Finding", "Exercise", "Mistake", "Graph", "Program", "Source", "Run", "Predictor",
}  # fmt: skip
"""What is returned, or given to a callback: the example is that of the function."""
NOT_ALONE = {
    "Exportable", "FullBatchOptimizer", "PointwiseLoss",  # classes to derive from
    "exports", "from_keras", "keras_weights",  # which need a file, or a layer of one's own
}  # fmt: skip


def documented():
    """Yield the module and the name of all that the reference lists."""
    for page in REFERENCE:
        module = ""
        for line in page.read_text().splitlines():
            module = line.partition("currentmodule:: ")[2] or module
            if re.fullmatch(r"   \w+", line):
                yield module, line.strip()
    for name in tinyframe.__all__:
        if name != "__version__":
            yield "tinyframe", name


NAMES = sorted(set(documented()))


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_the_example_of_each_public_name_is_right(module, name, tmp_path, monkeypatch):
    try:
        public = getattr(importlib.import_module(module), name)
    except ImportError as error:
        needs(error.name if error.name in INSTALLS else error.name.partition(".")[0])
        raise
    examples = doctest.DocTestParser().get_examples(public.__doc__ or "")
    if name in RESULTS | NOT_ALONE:
        assert not examples
        return
    assert examples
    for library in re.findall(r">>> (?:from|import) (sklearn|torch)", public.__doc__):
        needs(library)
    if name == "to_onnx":
        needs("onnx")
    if module == "tinyframe.plots":
        needs("matplotlib").use("Agg")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = {n: getattr(tinyframe, n) for n in tinyframe.__all__} | {"np": np}
    test = doctest.DocTest(examples, names, name, None, None, None)
    said = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append, clear_globs=False)
    assert not said, "".join(said)
