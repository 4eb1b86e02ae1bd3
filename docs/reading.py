"""The reading order: what training the document's network enters, file by file, with its lines.

`python docs/reading.py` writes the table into docs/design.md and its sum into the README; with
`--check` it says whether they are there.
"""

import ast
import re
import sys
from pathlib import Path
from types import FrameType

import numpy as np

import tinyframe
from tinyframe import SGD, Dense, MSELoss, ReLU, Sequential, Softmax, one_hot

ROOT = Path(__file__).parent.parent
PACKAGE = Path(tinyframe.__file__).parent

ORDER = {
    "layers/dense.py": "y = x W + b, and its derivatives",
    "layers/activations.py": "ReLU",
    "layers/softmax.py": "Softmax, and its Jacobian",
    "losses/regression.py": "the squared error",
    "losses/loss.py": "what losses share: targets, and what a row weighs",
    "utils/products.py": "products and sums, as BLAS is fastest",
    "layers/layer.py": "what layers share: shapes, parameters, parts",
    "parameters.py": "all weights in one array, all gradients in another",
    "sequential.py": "the chain of layers",
    "model.py": "`fit`",
    "training/plan.py": "what `fit` was asked for, checked",
    "training/data_spec.py": "X and y as rows to train on",
    "data/arrays.py": "X and y as arrays of finite numbers",
    "training/loop.py": "epoch after epoch",
    "training/trainer.py": "an epoch, batch after batch",
    "data/source.py": "what a feed of rows offers, and a block of them",
    "data/feed.py": "the rows of each batch",
    "training/objective.py": "forward through the layers to the loss, and back",
    "optimizers/optimizer.py": "a step, if the gradient is finite",
    "optimizers/sgd.py": "θ ← θ − η ∂L/∂θ",
}
"""The files on the way of X to the weights, in the order in which to read them."""


def lines_of_code(path: Path) -> set[int]:
    """Return the numbers of the lines that are neither blank nor comments nor docstrings."""
    text = path.read_text()
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        described = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if described and ast.get_docstring(node):
            docstrings |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and number not in docstrings
    }


def entered() -> dict[Path, set[int]]:
    """Train the document's network; return the first lines of the functions that this enters."""
    found: dict[Path, set[int]] = {}

    def spy(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            found.setdefault(path, set()).add(frame.f_code.co_firstlineno)

    rng = np.random.default_rng(0)
    X, y = rng.random((256, 784)), one_hot(rng.integers(0, 10, 256), 10)
    model = Sequential([Dense(784, 10), ReLU(), Dense(10, 10), Softmax()])
    options = {"epochs": 2, "batch_size": 32, "metrics": [], "rng": 0, "verbose": 0}
    before = sys.getprofile()
    sys.setprofile(spy)
    try:
        model.fit(X, y, loss=MSELoss(), optimizer=SGD(0.1), **options)
    finally:
        sys.setprofile(before)
    return found


def counts() -> dict[str, int]:
    """Return how many lines of code are in the functions that were entered, file by file."""
    found = {}
    for path, starts in entered().items():
        name, code, used = path.relative_to(PACKAGE).as_posix(), lines_of_code(path), set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                first = min(part.lineno for part in (node, *node.decorator_list))
                if first in starts:
                    used |= code & set(range(first, (node.end_lineno or 0) + 1))
        if used and not name.startswith("recording/"):
            found[name] = len(used)
    return found


def pages() -> dict[str, str]:
    """Return what stands between the marks on each page."""
    found = counts()
    path = {name: found.pop(name) for name in ORDER}
    rows = [f"| `{name}` | {ORDER[name]} | {path[name]} |" for name in ORDER]
    design = "\n".join([
        "| in `tinyframe/` | | lines |", "|---|---|---:|", *rows,
        f"| together, in {len(path)} files | | {sum(path.values())} |",
        f"| in {len(found)} more files | checks, callbacks, small tools | {sum(found.values())} |",
        "",
    ])  # fmt: skip
    readme = f"{sum(path.values())} lines of code in {len(path)} files"
    return {"docs/design.md": design, "README.md": readme}


def marked(page: str, content: str) -> str:
    """Return a page's text with this content between its marks."""
    marks = r"(<!-- reading -->\n?)(.*?)(\n?<!-- /reading -->)"
    text, times = re.subn(
        marks, lambda m: m[1] + content + m[3], (ROOT / page).read_text(), flags=re.DOTALL
    )
    if times != 1:
        raise ValueError(f"{page} expected a pair of marks, got {times}")
    return text


if __name__ == "__main__":
    for page, content in pages().items():
        text = marked(page, content)
        if "--check" not in sys.argv:
            (ROOT / page).write_text(text)
        elif text != (ROOT / page).read_text():
            sys.exit(f"{page} tells other lines than there are: python docs/reading.py")
