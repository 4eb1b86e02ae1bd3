"""The package as a whole: what it imports, what it exports, what its pages say."""

import ast
import importlib
import inspect
import io
import json
import pkgutil
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from needs import needs
from signatures import FILE, signatures

import tinyframe
from tinyframe.exercises import EXERCISES

ROOT = Path(__file__).parent.parent
MODULES = [m.name for m in pkgutil.walk_packages(tinyframe.__path__, "tinyframe.")]


def python(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_importing_it_loads_numpy_alone():
    loaded = python(
        "import sys, numpy; before = set(sys.modules)\n"
        "import tinyframe; print(*sorted(set(sys.modules) - before))"
    )
    third_party = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert third_party <= {"tinyframe", "numpy"}
    assert not {"tinyframe.datasets", "tinyframe.testing"} & set(loaded)


def test_submodules_come_when_asked_for():
    assert python("import tinyframe; print(tinyframe.datasets.digits()[0][0].shape)")
    assert python("import tinyframe; print(tinyframe.testing.check_layer)")
    assert python("import tinyframe; print(tinyframe.interop.torch.to_torch_state_dict)")
    assert {"Dense", "interop", "plots"} <= set(dir(tinyframe))
    assert dir(tinyframe.interop) == ["c", "keras", "onnx", "sklearn", "torch"]
    for of in (tinyframe, tinyframe.interop):
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            of.nothing  # noqa: B018 - the access is the test
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tinyframe.nothing  # noqa: B018 - the access is the test


WINGS = (
    "types", "version", "utils", "data", "datasets", "initializers", "parameters", "layers",
    "losses", "metrics", "optimizers", "recording", "storage", "training", "inspection", "plots",
    "distributed", "testing", "exercises", "interop.tokens", "interop.onnx", "interop.c",
    "interop.torch",
    "interop.exportable", "predictor", "model", "sequential",
    "interop.keras", "interop.sklearn",
)  # fmt: skip
"""The wings and rooms of the house: each imports only from those before it."""


def named(path):
    """The module that a file is: "tinyframe.layers.dense", "tinyframe.layers"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    named(path): path
    for path in sorted((ROOT / "tinyframe").rglob("*.py"))
    if path.parent.name != "sheets"  # which students complete, outside the package
}


def imported(name):
    """The modules that one imports: at its head or in a function, or by `import_module`."""
    tree = ast.parse(FILES[name].read_text())
    of_types = {  # a type that is only named is not imported
        node
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in set(ast.walk(tree)) - of_types:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: {ast.unparse(node)}"
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= members & set(FILES)  # modules; else names that a module has
            found |= {node.module} if members - set(FILES) else set()
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            assert name in ("tinyframe", "tinyframe.interop", "tinyframe.utils.optional"), (
                f"{name} hides what it imports"
            )
    return {module for module in found if module.split(".")[0] == "tinyframe"}


def wing(module):
    parts = module.split(".")[1:]
    return ".".join(parts[: 2 if parts[0] == "interop" else 1])


@pytest.mark.parametrize("name", [name for name in FILES if name != "tinyframe"])
def test_imports_run_one_way(name):
    own = wing(name)
    for other in imported(name):
        assert other != "tinyframe", f"{name} imports the front door"
        if own == "interop":
            assert wing(other).startswith("interop")
        elif wing(other) != own:
            assert WINGS.index(wing(other)) < WINGS.index(own), f"{name} imports {other}"


def test_no_files_import_each_other():
    """Nor does a package's `__init__`, which an import of a file in it runs."""
    arrows = {}
    for name in FILES:
        packages = {
            ".".join(module.split(".")[:depth])
            for module in imported(name)
            for depth in range(2, module.count(".") + 1)
        }
        arrows[name] = imported(name) | {p for p in packages if not name.startswith(f"{p}.")}
    arrows.pop("tinyframe")
    while arrows:  # take away what imports nothing that is left
        free = {name for name, others in arrows.items() if not others & set(arrows) - {name}}
        assert free, f"imports run in a circle: {sorted(arrows)}"
        arrows = {name: others for name, others in arrows.items() if name not in free}


def test_the_root_holds_what_everybody_uses():
    assert {path.name for path in (ROOT / "tinyframe").glob("*.py")} == {
        "__init__.py", "initializers.py", "model.py", "parameters.py", "plots.py",
        "predictor.py", "sequential.py", "types.py", "version.py",
    }  # fmt: skip


def test_the_tests_mirror_the_wings():
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= {path.parent.name for path in (ROOT / "tinyframe").glob("*/*.py")}
    assert {"layers", "losses", "training", "recording", "storage"} <= folders


DOCUMENTED = {
    "callbacks": "EarlyStopping", "checkpoint": "Checkpoint", "datasets": "digits",
    "display": "ProgressBar", "distributed.ranks": "Ranks",
    "history": "History", "initializers": "constant", "inspection": "gradient_report",
    "interop.c": "exports", "interop.keras": "from_keras", "interop.onnx": "exports",
    "interop.torch": "to_torch_state_dict",
    "layers": "Dense", "layers.dense": "Dense", "layers.layer": "Layer",
    "learning_rate": "find_learning_rate", "losses": "MSELoss", "losses.loss": "Loss",
    "metrics": "f1", "metrics.metric": "Metric", "model": "Model", "optimizers": "SGD",
    "optimizers.optimizer": "Optimizer", "parameters": "ParameterVector", "plots": "draw",
    "recording.report": "RecordingReport", "registry": "register", "schedules": "OneCycle",
    "sequential": "Sequential", "shards": "Shards", "targets": "one_hot",
    "testing": "check_layer", "testing.strategies": "arrays", "types": "Array",
}  # fmt: skip
"""Paths that the documentation has named, and a name at each."""


@pytest.mark.parametrize("path", DOCUMENTED)
def test_every_path_that_was_documented_leads_somewhere(path):
    assert hasattr(importlib.import_module(f"tinyframe.{path}"), DOCUMENTED[path])
    names = {}
    exec(f"import tinyframe.{path} as there", names)  # noqa: S102 - by attributes, this time
    assert hasattr(names["there"], DOCUMENTED[path])


def test_every_callback_comes_from_its_documented_path_too():
    from tinyframe import callbacks  # noqa: PLC0415 - the import is the test

    for name in ("Callback", "CSVLogger", "EarlyStopping", "LearningRateLogger", "ModelCheckpoint"):
        assert getattr(callbacks, name) is getattr(tinyframe, name)
        assert name in callbacks.__all__


def test_every_export_exists_and_is_sorted():
    assert all(hasattr(tinyframe, name) for name in tinyframe.__all__)
    assert sorted(tinyframe.__all__) == sorted(set(tinyframe.__all__))


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_docstring(name):
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        pytest.skip(str(error))  # "… needs sklearn: pip install …"
    assert module.__doc__
    for attribute, value in vars(module).items():
        if attribute.startswith("_") or getattr(value, "__module__", None) != name:
            continue
        if inspect.isfunction(value) or inspect.isclass(value):
            assert value.__doc__, f"{name}.{attribute}"
        if inspect.isclass(value):
            for method, function in vars(value).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    assert inspect.getdoc(getattr(value, method)), f"{name}.{attribute}.{method}"


def public_names():
    """All that users are told of: the package's own names, and those of its public modules."""
    yield from ((name, getattr(tinyframe, name)) for name in tinyframe.__all__)
    for module in ("metrics", "inspection", "plots", "testing", "datasets", "initializers"):
        found = importlib.import_module(f"tinyframe.{module}")
        own = (n for n, v in vars(found).items() if getattr(v, "__module__", "") == found.__name__)
        names = getattr(found, "__all__", [name for name in own if not name.startswith("_")])
        yield from ((f"{module}.{name}", getattr(found, name)) for name in names)


def is_an_initializer(name, value):
    """Whether it is a function (rng, shape), of which the module tells at once."""
    return name.startswith("initializers.") and list(inspect.signature(value).parameters) == [
        "rng", "shape",
    ]  # fmt: skip


# These raise nothing, or are made by the package alone.
RAISE_NOTHING = {
    "metrics.Scores", "inspection.LayerGradient", "inspection.GradientReport",
    "inspection.RecordingReport", "inspection.Laplace", "inspection.Prediction",
    "testing.numeric_jacobian", "initializers.Constant", "initializers.fans",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n, v in public_names() if callable(v)])
def test_every_public_name_tells_arguments_shapes_and_errors(name):
    value = dict(public_names())[name]
    if is_an_initializer(name, value):
        return
    doc = inspect.getdoc(value)
    if inspect.isclass(value) and issubclass(value, Exception):
        return  # the test above has asked for its docstring
    parameters = inspect.signature(value).parameters
    elsewhere = re.search(r"(Arguments|Parameters)[\w,\s]+errors\sare\sthose\sof|[Ss]ee `", doc)
    for parameter in parameters.values():
        told = rf"(?m)^\**(\w+, \**)*{parameter.name}\b"
        assert elsewhere or re.search(told, doc), f"{name} does not tell of {parameter.name}"
    if parameters and name not in RAISE_NOTHING:
        assert elsewhere or "Raises\n" in doc, f"{name} does not tell what it raises"
    if (
        inspect.isclass(value)
        and issubclass(value, tinyframe.Layer)
        and not inspect.isabstract(value)
    ):
        assert re.search(r"\(batch|[Aa]ny\sshape", doc), f"{name} does not tell its shapes"


def test_signatures_are_those_that_were_promised():
    """Where one was to change: python tests/signatures.py, and a line in the changelog."""
    assert list(signatures()) == FILE.read_text().splitlines()


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_no_file_is_two_rooms(path):
    most = 250 if path.parent.name == "layers" else 300
    assert len(path.read_text().splitlines()) <= most


def test_the_reading_order_is_told_as_it_is():
    check = [sys.executable, str(ROOT / "docs" / "reading.py"), "--check"]
    subprocess.run(check, check=True)  # alone: what else is collected meanwhile would count, too


def test_fit_and_its_loop_are_a_page():
    fit = ast.parse(inspect.cleandoc("\n" + inspect.getsource(tinyframe.Model.fit))).body[0]
    assert fit.end_lineno - fit.body[1].lineno < 30
    assert len((ROOT / "tinyframe" / "training" / "loop.py").read_text().splitlines()) <= 150


def test_the_document_page_names_tests_and_code_that_exist():
    page = (ROOT / "docs" / "document.md").read_text()
    tests = (ROOT / "tests" / "test_document.py").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    assert named == set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    lines = re.findall(r"^\| `(tinyframe/[\w/]+\.py)` \| `(.+?)` \|", page, re.MULTILINE)
    assert len(lines) >= 8
    for path, line in lines:
        assert line in (ROOT / path).read_text(), f"{path} has no line {line!r}"


def test_the_document_page_says_the_same_in_both_languages():
    """Code, formulas, tables and tests stand in the same order; the words around them differ."""
    marks = r"(?s:^```.*?^```)|`[^`\n]+`|^#+ |^> .*$"
    english, greek = (
        re.findall(marks, (ROOT / "docs" / name).read_text(), re.MULTILINE)
        for name in ("document.md", "el/document.md")
    )
    assert len(english) > 60
    assert english == [mark.replace(" και ", "  and  ") for mark in greek]


def test_the_first_tutorial_has_the_same_code_in_both_languages():
    english, greek = (
        python_blocks(f"docs/{folder}/first_network.md") for folder in ("tutorials", "el")
    )
    assert len(english) == 15
    assert english == greek
    texts = [(ROOT / f"docs/{f}/first_network.md").read_text() for f in ("tutorials", "el")]
    assert len({len(re.findall("^## ", text, re.MULTILINE)) for text in texts}) == 1


@pytest.mark.parametrize("name", ["relu", "dense", "softmax"])
def test_the_derivations_of_the_exercises_are_the_same_in_both_languages(name):
    """Of a formula what follows a wide gap is words."""
    greek = (ROOT / f"docs/el/sheets/{name}.md").read_text()
    english = ast.get_docstring(ast.parse(EXERCISES[name].sheet), clean=False)
    formulas = [
        [line.split("  ")[0] for line in re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE)]
        for text in (greek, english)
    ]
    assert len(formulas[0]) >= 2
    assert formulas[0] == formulas[1]
    for mark in ("^## ", "^[1-9]\\. ", "`[^`]+`"):
        counts = [len(re.findall(mark, text, re.MULTILINE)) for text in (greek, english)]
        assert counts[0] == counts[1], mark


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("[a-z]*.md")], ids=lambda page: page.name
)
def test_links_lead_to_files_that_exist(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


def python_blocks(page):
    """The code of a page, that which is run when the page is built included."""
    fence = r"^```(?:python|\{code-cell\})\n(?:---\n.*?^---\n)?(.*?)^```"  # code, not its settings
    return re.findall(fence, (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def keras_file(path):
    """Write a model as Keras does, without Keras."""
    import h5py  # noqa: PLC0415 - of an extra

    rng, weights = np.random.default_rng(0), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = rng.standard_normal((64, 10))
        file["layers/dense/vars/1"] = np.zeros(10)
    dense = {"name": "dense", "units": 10, "activation": "softmax", "use_bias": True}
    layers = [{"class_name": "Dense", "config": dense}]
    config = {"layers": layers, "build_input_shape": [None, 64]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": config}))
        archive.writestr("model.weights.h5", weights.getvalue())


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/document.md",
        "docs/el/document.md",
        "docs/coming_from.md",
        "docs/design.md",
        "docs/architectures.md",
        "docs/training.md",
        "docs/second_order.md",
        "docs/saving.md",
        "docs/distributed.md",
        "docs/ecosystem.md",
        "docs/c.md",
        "docs/index.md",
        "docs/exercises.md",
        "docs/el/first_network.md",
        *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs" / "tutorials").glob("*.md")),
    ],
)
def test_the_code_on_the_pages_runs(page, capsys, tmp_path, monkeypatch):
    plotting = ("docs/training.md", "docs/distributed.md", "docs/el/first_network.md")
    if page in plotting or "tutorials" in page:
        mpl = needs("matplotlib")
        mpl.use("Agg")
        with mpl.rc_context():  # the pages choose a style
            run_page(page, tmp_path, monkeypatch)
    else:
        run_page(page, tmp_path, monkeypatch)


def run_page(page, tmp_path, monkeypatch):
    """Run the code of a page, block after block."""
    monkeypatch.chdir(tmp_path)
    if page == "docs/distributed.md":
        needs("mpi4py")
    if page == "docs/second_order.md":
        needs("scipy")
    if page == "docs/ecosystem.md":
        for library in ("sklearn", "pandas", "onnx", "onnxruntime", "torch", "h5py"):
            needs(library)
        keras_file("digits.keras")
    names = {}
    blocks = python_blocks(page)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # noqa: S102 - the pages' own code
