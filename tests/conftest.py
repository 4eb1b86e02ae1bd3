"""What all tests share: reproducible hypothesis runs, and the real digits where they are."""

import gzip
import importlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from real_data import mnist_on_disk

pytest.register_assert_rewrite("web_pages")

CI = "CI" in os.environ
for profile, examples in (("quick", 25), ("full", 100)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, derandomize=CI, print_blob=CI
    )
settings.load_profile("quick")  # or pytest --hypothesis-profile=full


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the checks that take minutes")


def pytest_configure(config):
    if config.getoption("--long"):
        settings.load_profile("full")


@pytest.fixture(scope="session")
def real_mnist():
    """MNIST, or no test."""
    data = mnist_on_disk()
    if data is None:
        pytest.skip("MNIST's files are not in the folder that TINYFRAME_DATA names")
    return data


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def real_text():
    """Tiny Shakespeare, where TINYFRAME_DATA has it."""
    folder = os.environ.get("TINYFRAME_DATA", "")
    file = Path(folder) / "tinyshakespeare" / "input.txt.gz"
    if not folder or not file.is_file():
        pytest.skip("tinyshakespeare/input.txt.gz is not in the folder that TINYFRAME_DATA names")
    return gzip.decompress(file.read_bytes()).decode()


@pytest.fixture
def offline(tmp_path):
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
def plots():
    """`tinyframe.plots`, where matplotlib is installed."""
    matplotlib = pytest.importorskip("matplotlib", reason='needs pip install -e ".[plot]"')
    matplotlib.use("Agg")
    return importlib.import_module("tinyframe.plots")


@pytest.fixture(autouse=True)
def matplotlib_stays_as_it_was():
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
def browser():
    """A browser without a window, where the extra `browser` and a Chromium are installed."""
    driver = pytest.importorskip("playwright.sync_api", reason='needs pip install -e ".[browser]"')
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("there is no Chromium to look at the page with")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
