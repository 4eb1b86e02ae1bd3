"""What is recorded of a model's steps, and why the rest is not."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tinyframe.layers.layer import Layer
from tinyframe.recording.recorder import Recorded
from tinyframe.recording.watching import Part


class PartRecording(NamedTuple):
    """A line of a `RecordingReport`.

    Attributes
    ----------
    part
        Number and repr of a layer, "3.layers.0: Dense(4)" for one inside of another; "loss: …".
    recorded
        Whether its NumPy calls are replayed.
    reason
        Why they cannot be, in plain words; empty if they can.
    """

    part: str
    recorded: bool
    reason: str


class RecordingReport:
    """Which layers of a model are recorded in training, and why others are not.

    Attributes
    ----------
    parts : tuple of PartRecording
        The layers from the first to the last, each before those inside of it, and the loss. Empty
        where nothing is recorded.
    remark : str
        What there is to say of all of them; empty if there is nothing.
    complete : bool
        Whether all are recorded, and steps replayed.
    problems : list of str
        The reasons why some are not, each with its layer; empty if nothing is left out.
    """

    def __init__(self, parts: tuple[PartRecording, ...], remark: str = "") -> None:
        self.parts, self.remark = parts, remark

    @classmethod
    def of(cls, recorded: Recorded, *, changed: bool = False) -> "RecordingReport":
        """Return the report on an objective whose steps are recorded; `changed` since then or not.

        Parameters
        ----------
        recorded
            What training made small.
        changed
            Whether somebody changed what a layer keeps.
        """
        objective = recorded.objective
        lines: list[PartRecording] = []
        for number, layer in enumerate(objective.chain):
            lines += _lines(str(number), layer, layer, recorded)
        lines += _lines("loss", objective.given, objective.loss, recorded)
        remark = ""
        if changed:
            remark = "a layer was changed since: all is recorded anew in the next steps"
        elif not recorded.replays:
            remark = "no step is replayed yet: the third of as many rows will be"
        elif recorded.stays_plain:
            remark = "some steps are taken plainly: they could not be replayed as a whole"
        return cls(tuple(lines), remark)

    @property
    def complete(self) -> bool:
        """Whether all are recorded, and steps replayed."""
        return bool(self.parts) and all(line.recorded for line in self.parts)

    @property
    def problems(self) -> list[str]:
        """The reasons why some are not recorded, each with its layer."""
        return [f"{line.part}: {line.reason}" for line in self.parts if line.reason]

    def __repr__(self) -> str:
        words = {True: "yes", False: "not yet"}
        rows = [("layer", "recorded", "")] + [
            (part, "no" if reason else words[yes], reason) for part, yes, reason in self.parts
        ]
        width = max(len(row[0]) for row in rows)
        lines = [f"{a.ljust(width)}  {b.ljust(8)}  {c}".rstrip() for a, b, c in rows]
        lines.insert(1, "─" * max(map(len, lines)))
        return "\n".join([*(lines if self.parts else []), *([self.remark] if self.remark else [])])


def _lines(
    place: str, part: Any, runs: Part, recorded: Recorded, inside: str = ""
) -> Iterator[PartRecording]:
    """Yield the line of a layer or a loss, and those of what is inside of it.

    Parameters
    ----------
    place
        Where it stands.
    part, runs
        The layer or loss, and what runs in its place: itself, or what a loss is together with the
        last layer.
    recorded
        What is known of it.
    inside
        Why what it is inside of is not recorded.
    """
    children = part.children if isinstance(part, Layer) else {}
    name = f"{place}: {type(part).__name__ if children else repr(part)}"
    reason = inside or recorded.reasons.get(runs, "")
    yield PartRecording(name, recorded.replays and not reason, reason)
    if reason and not inside:
        inside = f"inside of {name}, which is not recorded"
    for child, layer in children.items():
        yield from _lines(f"{place}.{child}", layer, layer, recorded, inside)
