"""What the examples share: their options, the digits, and figures in the package's style."""

import argparse
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tinyframe import Sequential
from tinyframe.datasets import digits, mnist
from tinyframe.plots import STYLE
from tinyframe.types import Array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

FIGURES = (".png", ".svg", ".pdf")

Split = tuple[Array, Array]


def options_parser(doc: str | None, *, figure: bool = True) -> argparse.ArgumentParser:
    """Return a parser of the options that all examples have."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    if figure:
        parser.add_argument(
            "--plot", metavar="FILE", type=Path, help=f"save a figure ({', '.join(FIGURES)})"
        )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work or less, for a first look"
    )
    parser.add_argument("--seed", type=int, default=0, help="for all that is random")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the options; what cannot be plotted is better known before training."""
    options = parser.parse_args()
    if getattr(options, "plot", None):
        if not find_spec("matplotlib"):
            parser.error('--plot needs matplotlib: pip install -e ".[examples]"')
        if not options.plot.absolute().parent.is_dir() or options.plot.suffix not in FIGURES:
            parser.error(f"--plot expected a file {'/'.join(FIGURES)} in a folder that exists")
    return options


@contextmanager
def saved_figure(path: Path, width: float, height: float) -> "Iterator[Figure]":
    """Give an empty figure of this size in inches; once it is drawn, save it and say where."""
    import matplotlib as mpl  # noqa: PLC0415 - only `--plot` needs it
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.savefig(path, dpi=120)
    print(f"Figure: {path}")


def report(model: Sequential, X_test: Array, y_test: Array) -> None:
    """Print what the model is made of, how it does on new digits, and how long it learned."""
    print(f"\n{model.summary()}\n")
    print(f"Test accuracy: {model.evaluate(X_test, y_test)['accuracy']:.2%}")
    print(f"Training time: {sum(model.history['seconds']):.1f} s")


def load_digits(*, quick: bool) -> tuple[Split, Split, bool]:
    """Return the digits, (X, y), (X_test, y_test), and whether they are MNIST's."""
    try:
        (X, y), (X_test, y_test) = mnist(timeout=20)
    except OSError as error:
        print(f"{error}\n")
        print("Data: the 1,797 digits of 8×8 pixels that come with tinyframe, enlarged to 28×28")
        train, test = digits(size=28)
        return train, test, False
    if quick:
        X, y, X_test, y_test = X[:6000], y[:6000], X_test[:1000], y_test[:1000]
    print(f"Data: MNIST, {len(X):,} digits to train with, {len(X_test):,} to test")
    return (X, y), (X_test, y_test), True
