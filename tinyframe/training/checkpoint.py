"""Checkpoint: training written to disk as it goes, so that nothing is lost when it is killed."""

import os
from typing import TYPE_CHECKING

from tinyframe.training.callbacks import Callback, Run
from tinyframe.utils.checks import positive_integer

if TYPE_CHECKING:
    from tinyframe.storage.runs import SavedRun


class Checkpoint(Callback):
    """Writes all that training needs to go on, to the bit: `fit(..., resume=path)` does.

    The file holds weights, the optimizer's memory and step, the schedule, the state of every random
    generator, epoch, batch and the order of the rows, history, and the state of other callbacks. At
    any moment it is whole, the new one or the one before; the one before that stays beside it as
    "….previous".

        model.fit(X, y, callbacks=[Checkpoint("run.npz")], resume="run.npz")

    goes on where it was killed, as often as that happens, and begins where there is no file yet.
    Where several processes train together, rank 0 writes it for all, and another number of them
    may go on from it.

    Parameters
    ----------
    path : str or path
        A name in .npz.
    every : int, optional
        Write after every so many batches; by default after each epoch. It is also written when
        training ends, by Ctrl-C too, but not by an exception.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    StorageError
        In `fit`, if the folder is not there, a layer is not registered, or the file cannot be
        written; training ends then, and the old file stays.

    Examples
    --------
    >>> import tempfile
    >>> run = tempfile.mkdtemp() + "/run.npz"
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> options = {"resume": run, "callbacks": [Checkpoint(run)], "rng": 0, "verbose": 0}
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, epochs=2, **options)  # is stopped, let us say
    >>> Sequential([Dense(1, 1)]).fit(X, X, epochs=5, **options).history.epochs
    5
    """

    turn = 2  # last, as it keeps the state of all

    def __init__(self, path: str | os.PathLike[str], every: int | None = None) -> None:
        from pathlib import Path  # noqa: PLC0415 - spares `import tinyframe`

        self.path = Path(path)
        if self.path.suffix != ".npz":
            raise ValueError(f"Checkpoint expected a file name in .npz, got {self.path.name!r}")
        self.every = None if every is None else positive_integer("every", every)

    def on_train_begin(self, run: Run) -> None:
        from tinyframe.storage.runs import check_writable  # noqa: PLC0415 - spares `import tinyframe`

        if run.rank == 0:
            check_writable(self.path, run.model)

    def on_batch_end(self, run: Run) -> None:
        if self.every is not None and run.steps % self.every == 0:
            self._write(run)

    def on_epoch_end(self, run: Run) -> None:
        if self.every is None:
            self._write(run)

    def on_train_end(self, run: Run) -> None:
        if run.finished:
            self._write(run)

    def _write(self, run: Run) -> None:
        from tinyframe.storage.runs import write_run  # noqa: PLC0415 - spares `import tinyframe`

        write_run(self.path, run)


def opened(path: str | os.PathLike[str] | None) -> "SavedRun | None":
    """Return the run in a file, None where there is no such file.

    Parameters
    ----------
    path
        What `Checkpoint` wrote; None stands for no file.

    Raises
    ------
    ValueError, StorageError
        If its folder is not there, or the file is damaged.
    """
    if path is None:
        return None
    from pathlib import Path  # noqa: PLC0415 - spares `import tinyframe`

    from tinyframe.storage.runs import read_run  # noqa: PLC0415 - likewise

    path = Path(path)
    if not path.exists():
        if not path.parent.is_dir():
            raise ValueError(f"resume expected a file in a folder that exists, got {path}")
        return None
    return read_run(path)
