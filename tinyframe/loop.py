"""The loop: epoch after epoch, each recorded in the model's history."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from tinyframe.callbacks import Callback, Run
from tinyframe.feed import Source
from tinyframe.interrupts import on_interrupt
from tinyframe.training import Trainer

BUFFER = 1024
"""Elements that NumPy copies at a time where operands lie in strides; its own 8,192 take longer."""


def train(
    trainer: Trainer,
    run: Run,
    callbacks: tuple[Callback, ...],
    validation: Source | None,
    restore: Callable[[], None],
) -> None:
    """Run the epochs, recording each in the model's history.

    Parameters
    ----------
    trainer
        What takes the steps.
    run
        Which epochs, of which model. If it is within an epoch, that one is completed first.
    callbacks
        What is called at each epoch, and after each batch.
    validation
        Data to evaluate after each epoch.
    restore
        Called once, where the run stands as its checkpoint left it: gives callbacks their state.
    """
    objective = trainer.objective
    after_batch: list[Callable[[Run], None]] = [
        callback.on_batch_end
        for callback in callbacks
        if type(callback).on_batch_end is not Callback.on_batch_end
    ]
    within = run.batch > 0
    if not within:
        restore()
    with ExitStack() as after, on_interrupt(lambda: run.stop("interrupted")):
        after.callback(objective.release)
        while within or (run.epoch < run.last_epoch and not run.stopped):
            if not within:
                run.epoch += 1
                run.batch = 0
                trainer.begin()
            for callback in callbacks:
                callback.on_epoch_begin(run)
            if within:
                restore()
            within = False
            began = time.perf_counter() - trainer.seconds
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                np.setbufsize(BUFFER)  # until the end of this block, as all that errstate restores
                figures = trainer.epoch(run, after_batch)
                trainer.seconds = time.perf_counter() - began
                if figures is None:
                    break
                if validation is not None:
                    found = trainer.evaluate(validation)
                    figures |= {f"val_{name}": figure for name, figure in found.items()}
            run.figures = trainer.agreed({**figures, "seconds": trainer.seconds})
            run.model.history.record(run.figures)
            trainer.optimizer.observe(run.figures)
            for callback in callbacks:
                callback.on_epoch_end(run)
            trainer.end_epoch(run)
            run.batch = 0
    run.finished = True
