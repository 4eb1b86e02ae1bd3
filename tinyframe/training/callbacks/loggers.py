"""Callbacks that log: the figures of each epoch as a table on disk, the rate in the history."""

from collections.abc import Mapping
from os import PathLike
from typing import IO, TYPE_CHECKING, Any

from tinyframe.training.callbacks.callback import Callback
from tinyframe.training.callbacks.run import Run
from tinyframe.utils.checks import boolean
from tinyframe.utils.schema import check_schema, integer, number

if TYPE_CHECKING:
    from pathlib import Path


class CSVLogger(Callback):
    """Writes the figures of each epoch to a table on disk, a line at a time.

    Parameters
    ----------
    path : str or path
        The file.
    append : bool
        Whether to go on where an existing file ends; it must then have the same columns. A last
        line that a crash left half written is dropped.

    Raises
    ------
    ValueError
        In `fit`, if a file to append to has other columns.
    OSError
        In `fit`, if it cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> log = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, epochs=2, callbacks=[CSVLogger(log)], verbose=0)
    >>> log.read_text().splitlines()[0]
    'epoch,loss,seconds'
    """

    rank_zero_only = True

    def __init__(self, path: str | PathLike[str], append: bool = False) -> None:
        from pathlib import Path  # noqa: PLC0415 - spares `import tinyframe`

        self.path = Path(path)
        self.append = boolean("append", append)
        self._file: IO[str] | None = None

    def on_train_begin(self, run: Run) -> None:
        import csv  # noqa: PLC0415 - spares `import tinyframe`

        columns = ["epoch", *run.names]
        goes_on = (self.append or run.resumed) and self.path.exists() and _whole_lines(self.path)
        if goes_on:
            with self.path.open(newline="", encoding="utf-8") as file:
                found = next(csv.reader(file))
            if found != columns:
                raise ValueError(f"{self.path} expected columns {columns}, got {found}")
        self._file = self.path.open("a", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, columns, extrasaction="ignore")
        self._file.truncate(_whole_lines(self.path) if goes_on else 0)
        if not goes_on:
            self._writer.writeheader()
            self._file.flush()

    def on_epoch_end(self, run: Run) -> None:
        assert self._file is not None  # noqa: S101 - tells the type checker
        self._writer.writerow({"epoch": run.epoch, **run.figures})
        self._file.flush()

    def on_train_end(self, run: Run) -> None:  # noqa: ARG002 - the moment is what counts
        if self._file is not None:
            self._file.close()
            self._file = None

    def state(self) -> dict[str, Any]:
        return {"position": 0 if self._file is None else self._file.tell()}

    def check_state(self, state: Mapping[str, Any], run: Run) -> None:  # noqa: ARG002 - of the contract
        check_schema(state, {"position": integer()}, "CSVLogger")

    def restore(self, state: Mapping[str, Any]) -> None:
        assert self._file is not None  # noqa: S101 - tells the type checker
        # Lines behind are of epochs that will come again; a file that is gone began anew.
        self._file.truncate(_whole_lines(self.path, state["position"]))


def _whole_lines(path: "Path", upto: int | None = None) -> int:
    """Return how many bytes of a file are whole lines: what a crash left half written is none.

    Parameters
    ----------
    path, upto
        The file, and up to which byte to look, but for its first line.
    """
    content = path.read_bytes()
    head = content.find(b"\n") + 1
    return max(head, content.rfind(b"\n", 0, upto) + 1)


class LearningRateLogger(Callback):
    """Records in History, as "learning_rate", the rate with which each epoch begins.

    Put it before a `CSVLogger` that is to write it.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> options = {"optimizer": SGD(StepDecay(0.5, every=1, factor=0.5)), "epochs": 3, "verbose": 0}
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, callbacks=[LearningRateLogger()], **options)
    >>> model.history["learning_rate"]
    [0.5, 0.25, 0.125]
    """

    def on_train_begin(self, run: Run) -> None:
        run.names += ("learning_rate",)
        self._rate = run.optimizer.rate

    def on_epoch_begin(self, run: Run) -> None:
        self._rate = run.optimizer.rate

    def on_epoch_end(self, run: Run) -> None:
        run.figures["learning_rate"] = self._rate

    def state(self) -> dict[str, Any]:
        return {"rate": self._rate}

    def check_state(self, state: Mapping[str, Any], run: Run) -> None:  # noqa: ARG002 - as above
        check_schema(state, {"rate": number(0)}, "LearningRateLogger")

    def restore(self, state: Mapping[str, Any]) -> None:
        self._rate = state["rate"]
