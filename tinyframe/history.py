"""History: what training recorded, epoch by epoch."""

import math
from collections.abc import Iterator, Mapping


class History(Mapping[str, list[float]]):
    """The figures of each epoch: `history["loss"]` is a list with one number an epoch.

    The keys are "loss", the metrics, both again with "val_" before them where there was validation
    data, and "seconds", the time that training took, validation not counted. Training again adds
    epochs; where a figure was not recorded, its list holds NaN.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, float]] = []

    def record(self, epoch: Mapping[str, float]) -> None:
        """Add the figures of one epoch."""
        self._epochs.append(dict(epoch))

    @property
    def epochs(self) -> int:
        """The number of epochs recorded."""
        return len(self._epochs)

    def __getitem__(self, key: str) -> list[float]:
        if key not in list(self):
            raise KeyError(f"no {key!r} recorded; there is {', '.join(self) or 'nothing yet'}")
        return [epoch.get(key, math.nan) for epoch in self._epochs]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key for epoch in self._epochs for key in epoch))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        if not self._epochs:
            return "History: no epochs yet"
        rows = [["epoch", *self]]
        for number, epoch in enumerate(self._epochs, 1):
            rows.append([str(number), *(f"{epoch.get(key, math.nan):.4f}" for key in self)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        )
