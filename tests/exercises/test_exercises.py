"""Beginning an exercise, hints, notebooks, and grading what a class has handed in."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from needs import needs

from tinyframe import Layer
from tinyframe.exercises import EXERCISES, grade, hint, start
from tinyframe.exercises.__main__ import main
from tinyframe.exercises.notebook import as_notebook, code_of
from tinyframe.exercises.submissions import as_csv, grade_files

RIGHT = """
import numpy as np
from tinyframe import Layer
class ReLU(Layer):
    def forward(self, x, training=False):
        if training:
            self._saved = x
        return np.maximum(x, 0)
    def backward(self, dy):
        return dy * (self._saved > 0)
"""
WRONG = RIGHT.replace("dy * (self._saved > 0)", "dy")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("notebook", [False, True])
def test_a_sheet_as_it_comes_has_a_blank(here, name, notebook):
    path = start(name, notebook=notebook)
    assert path.name == name + (".ipynb" if notebook else ".py")
    text = path.read_text(encoding="utf-8")
    module = {"__name__": "sheet"}
    exec(code_of(text).replace("grade(", "(lambda *_: 0)(") if notebook else text, module)  # noqa: S102
    found = grade(name, module[EXERCISES[name].class_name])
    assert found.mistakes == ("a blank",)
    assert not found.passed


@pytest.mark.parametrize("name", EXERCISES)
def test_each_has_what_a_student_wants(name):
    exercise = EXERCISES[name]
    assert exercise.sheet.startswith('"""# Exercise ')
    assert len(exercise.hints) >= 2
    assert all(hint(name, k + 1).endswith(exercise.hints[k]) for k in range(len(exercise.hints)))
    assert max(map(len, exercise.sheet.splitlines())) <= 110
    for mistake in exercise.mistakes:
        assert mistake.words.endswith((".", ")", "?", "…")), mistake


@pytest.mark.parametrize("name", EXERCISES)
def test_mistakes_are_no_right_answers_and_have_the_right_shape(name):
    exercise = EXERCISES[name]
    cases = exercise.cases()
    right = [exercise.right(case) for case in cases]
    for mistake in exercise.mistakes:
        with np.errstate(all="ignore"):
            wrong = [mistake.results(case) for case in cases]
        differ = False
        for part in wrong[0]:
            for w, r in zip(wrong, right, strict=True):
                assert np.shape(w[part]) == np.shape(r[part]), (mistake.name, part)
                differ |= not np.allclose(w[part], r[part], rtol=0, atol=1e-5)
        assert differ, mistake.name


def test_what_is_there_is_not_written_over(here):
    path = start("relu")
    path.write_text("my answer")
    with pytest.raises(FileExistsError, match="may hold your answer"):
        start("relu")
    assert path.read_text() == "my answer"
    assert start("relu", "again.py").name == "again.py"


def test_arguments():
    with pytest.raises(ValueError, match=r"expected one of relu, .*got 'sofmax'; is it 'softmax'"):
        hint("sofmax")
    with pytest.raises(ValueError, match="expected one of"):
        grade(3, Layer)
    with pytest.raises(ValueError, match="softmax has 4 hints, got 5"):
        hint("softmax", 5)
    with pytest.raises(ValueError, match="number expected a positive integer"):
        hint("softmax", 0)
    with pytest.raises(TypeError, match="expected a class derived from Layer, got 3"):
        grade("relu", 3)
    with pytest.raises(TypeError, match="derived from Optimizer"):
        grade("adam", Layer)


def test_a_grade_tells_all():
    class ReLU(Layer):
        def forward(self, x, training=False):
            if training:
                self._saved = x
            return np.maximum(x, 0)

        def backward(self, dy):
            return dy

    found = grade("relu", ReLU)
    assert str(found).splitlines()[:3] == ["ReLU", "  ✓ y", "  ✗ dx: no mask"]
    assert repr(found) == str(found)
    assert max(map(len, str(found).splitlines())) <= 92
    assert [(f.part, f.right) for f in found.findings] == [("y", True), ("dx", False)]


def test_dots_in_an_index_are_no_blank():
    class ReLU(Layer):
        def forward(self, x, training=False):
            return np.stack([np.maximum(x[..., k], 0) for k in range(missing)], axis=-1)  # noqa: F821

        def backward(self, dy):
            return dy

    (finding,) = grade("relu", ReLU).findings
    assert finding.mistake == "an error"
    assert "missing" in finding.words


def test_notebooks_are_notebooks():
    for exercise in EXERCISES.values():
        cells = json.loads(as_notebook(exercise))["cells"]
        assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
        assert "".join(cells[0]["source"]).startswith("# Exercise")
        assert f"class {exercise.class_name}(" in "".join(cells[1]["source"])


def test_notebooks_pass_jupyters_own_check():
    nbformat = needs("nbformat")
    for exercise in EXERCISES.values():
        nbformat.validate(nbformat.reads(as_notebook(exercise), as_version=4))


def test_code_of_what_is_no_notebook():
    for text in ("[]", "{", '{"cells": [{}]}', '{"cells": 3}'):
        with pytest.raises(ValueError, match="expected a notebook"):
            code_of(text)


# ------------------------------------------------------------------------ a class


@pytest.fixture
def handed_in(here):
    cells = [{"cell_type": "code", "source": ["%matplotlib inline\n", *RIGHT.splitlines(True)]}]
    files = {
        "anna.py": RIGHT,
        "ben.py": WRONG + "\nprint('[1, 2]')",
        "cleo.ipynb": json.dumps({"cells": cells}),
        "dora.py": "import tinyframe\nfrom tinyframe import ReLU\n",
        "emil.py": "class ReLU(Layer): pass\n",
        "finn.py": "while True: pass\n",
        "gina.py": RIGHT + "\nimport os; os._exit(3)\n",
    }
    for name, text in files.items():
        (here / name).write_text(text)
    return [here / name for name in files] + [here / "hugo.py"]


def test_a_class_is_graded(handed_in):
    lines = grade_files(handed_in, patience=3)
    by_name = {os.path.basename(line["file"]).partition(".")[0]: line for line in lines}  # noqa: PTH119
    assert [name for name, line in by_name.items() if line["passed"]] == ["anna", "cleo"]
    assert by_name["ben"]["mistakes"] == ["no mask"]
    assert by_name["ben"]["exercise"] == "relu"
    said = {name: line["mistakes"][0] for name, line in by_name.items() if line["mistakes"]}
    assert said["dora"] == "none of the exercises' classes is in it"
    assert "NameError" in said["emil"]
    assert said["finn"] == "it took more than 3 seconds"
    assert said["gina"] == "it ended before its time"
    assert said["hugo"] == "there is no such file"
    rows = list(csv.DictReader(io.StringIO(as_csv(lines))))
    assert rows[0]["passed"] == "yes"
    assert rows[1]["mistakes"] == "no mask"


def test_the_command(here, capsys):
    assert main([]) == 0
    assert " 1. relu" in capsys.readouterr().out
    assert main(["start", "relu", "adam"]) == 0
    assert main(["start", "relu"]) == 2
    assert "already" in capsys.readouterr().err
    assert main(["hint", "adam", "2"]) == 0
    assert "m_hat" in capsys.readouterr().out
    assert main(["hint", "adm"]) == 2
    assert "is it 'adam'" in capsys.readouterr().err
    (here / "right.py").write_text(RIGHT)
    assert main(["grade", "right.py"]) == 0
    assert capsys.readouterr().out == "✓ right.py relu\n"
    assert main(["grade", "right.py", "relu.py", "--csv"]) == 1
    assert capsys.readouterr().out.splitlines()[2] == "relu.py,relu,no,a blank"


def test_the_sheet_grades_itself(here):
    start("relu")
    run = subprocess.run(
        [sys.executable, "-W", "error", "relu.py"], capture_output=True, text=True, check=True
    )
    assert "✗ y: a blank" in run.stdout
    listed = [sys.executable, "-m", "tinyframe.exercises", "start", "all"]
    again = subprocess.run(listed, capture_output=True, text=True, check=False)
    assert again.returncode == 2  # relu.py is there
    assert "relu.py is there already" in again.stderr
