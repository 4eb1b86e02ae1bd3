"""Ahead: a block of a batch, replayed by another thread while this one takes the one before."""

from typing import Any

from tinyframe.recording.calls import Ready
from tinyframe.recording.program import Program


class Ahead:
    """A block that a helper has begun with.

    Parameters
    ----------
    block
        Its rows, see `Block`.
    program
        What is replayed, in memory that nobody else works in.
    helper
        The thread, see `Helper`.
    """

    def __init__(self, block: Any, program: Program, helper: Any) -> None:
        self.block, self.program = block, program
        calls = program.at(x=block.x, target=block.target, weight=block.weight)
        self._coming = helper.submit(_run, [*calls[0], *calls[1]])

    def wait(self) -> None:
        """Return when it is done; raise `Refused` if it was given up."""
        self._coming.result()


def _run(calls: list[Ready]) -> None:
    for call in calls:
        call()
