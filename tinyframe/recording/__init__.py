"""Recording: the room for speed. A step's NumPy calls are noted once and replayed ever after.

`standins` carry a step's calls out and note them on a `tape`; `memory` plans where results lie;
`calls` binds each call to its memory; a `program` is what comes of it. `recorder` decides which
steps are replayed: `learning` records `copies` of the layers, and proves each program against a
plain step, bit by bit; `watching` and `outside` find what may change unseen, and `seen` is for
layers that run as they are. `inference` does the like for predictions.
"""

from typing import Any

from tinyframe.recording.recorder import Recorded

enabled = True
"""Whether steps are recorded at all: tests compare with what they are otherwise."""


def recorded(objective: Any, before: Any = None) -> Any:
    """Return the objective, its steps recorded: `before`, if that was made of the same parts."""
    if not enabled:
        return objective
    if isinstance(before, Recorded) and before.serves(objective):
        before.check_unchanged()
        return before
    return Recorded(objective)
