"""What all tests share: how thorough a run is, and the real digits where they are."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # one of as many processes as there are cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is loaded
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import gzip
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings
from needs import needs
from real_data import mnist_on_disk

from tinyframe.datasets.digits import Split
from tinyframe.storage import registry

pytest.register_assert_rewrite("web_pages")

CI = "CI" in os.environ
for profile, examples in (("quick", 25), ("full", 100)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, derandomize=CI, print_blob=CI
    )
settings.register_profile(  # where all that counts is whether a test fails
    "unshrunk", settings.get_profile("quick"), derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="all that is asked of a change")
    parser.addoption("--long", action="store_true", help="and the checks that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: another case of what others test: pytest --full")
    config.option.full |= config.option.long
    if config.option.full:
        settings.load_profile("full")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what was imported is not gone through by each collection


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items if not config.option.full else ():
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="one case of several: pytest --full"))


@pytest.fixture(scope="session")
def real_mnist() -> Split:
    """MNIST, or no test."""
    data = mnist_on_disk()
    if data is None:
        pytest.skip("MNIST's files are not in the folder that TINYFRAME_DATA names")
    return data


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def real_text() -> str:
    """Tiny Shakespeare, where TINYFRAME_DATA has it."""
    folder = os.environ.get("TINYFRAME_DATA", "")
    file = Path(folder) / "tinyshakespeare" / "input.txt.gz"
    if not folder or not file.is_file():
        pytest.skip("tinyshakespeare/input.txt.gz is not in the folder that TINYFRAME_DATA names")
    return gzip.decompress(file.read_bytes()).decode()


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """No MNIST anywhere, and a proxy that refuses at once."""
    proxy = "http://127.0.0.1:9"
    return {
        "TINYFRAME_DATA": "",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
        "LOCALAPPDATA": str(tmp_path),
        "https_proxy": proxy,
        "no_proxy": "",
    }


@pytest.fixture
def plots() -> ModuleType:
    """`tinyframe.plots`, where matplotlib is installed."""
    matplotlib = needs("matplotlib")
    matplotlib.use("Agg")
    return importlib.import_module("tinyframe.plots")


@pytest.fixture(autouse=True)
def classes_are_registered_for_one_test() -> Iterator[None]:
    """Pages and tests may register classes of the same name."""
    before = registry._classes.copy()
    yield
    registry._classes.clear()
    registry._classes.update(before)


@pytest.fixture(autouse=True)
def matplotlib_stays_as_it_was() -> Iterator[None]:
    """Pyplot keeps figures, and warns of more than twenty; a page may set its style for good."""
    before = dict(sys.modules["matplotlib"].rcParams) if "matplotlib" in sys.modules else None
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    if before is not None and before != dict(sys.modules["matplotlib"].rcParams):
        sys.modules["matplotlib"].rcParams.update(before)
    elif before is None and "matplotlib" in sys.modules:
        sys.modules["matplotlib"].rcdefaults()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window, where the extra `browser` and a Chromium are installed."""
    driver = needs("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("there is no Chromium to look at the page with")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
