"""The loop: epoch after epoch, each recorded in the model's history."""

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from tinyframe.data.source import Source
from tinyframe.training.callbacks import Calls, Run
from tinyframe.utils.interrupts import on_interrupt

if TYPE_CHECKING:
    from tinyframe.training.trainer import Trainer

BUFFER = 1024
"""Elements that NumPy copies at a time where operands lie in strides; its own 8,192 take longer."""


def train(run: Run, calls: Calls, validation: Source | None) -> None:
    """Run the epochs that are left; one that the run is within is completed first.

    Parameters
    ----------
    run
        Which epochs, of which model, by which trainer.
    calls
        The callbacks.
    validation
        Data to evaluate after each epoch.
    """
    trainer: Trainer = run.trainer
    calls.begin_epochs()
    with ExitStack() as after, on_interrupt(lambda: run.stop("interrupted")):
        after.callback(trainer.objective.release)
        while run.batch or (run.epoch < run.last_epoch and not run.stopped):
            if not run.batch:
                run.epoch += 1
                trainer.begin()
            calls.begin_epoch()
            figures = epoch(run, calls, validation)
            if figures is None:
                break
            run.figures = trainer.agreed(figures)
            run.model.history.record(run.figures)
            trainer.optimizer.observe(run.figures)
            calls.end_epoch()
            trainer.end_epoch(run)
            run.batch = 0
    run.finished = True


def epoch(run: Run, calls: Calls, validation: Source | None) -> dict[str, float] | None:
    """Return the figures of an epoch; None if it was stopped before its end."""
    trainer: Trainer = run.trainer
    began = time.perf_counter() - trainer.seconds
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        np.setbufsize(BUFFER)  # until the end of this block, as all that errstate restores
        figures = trainer.epoch(run, calls.after_batch)
        trainer.seconds = time.perf_counter() - began
        if figures is None:
            return None
        calls.end_steps()
        found = {} if validation is None else trainer.evaluate(validation)
    figures |= {f"val_{name}": figure for name, figure in found.items()}
    return {**figures, "seconds": trainer.seconds}
