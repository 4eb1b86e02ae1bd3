"""Saved: what layers and losses keep from their forward pass for their backward pass."""

from typing import Any

PASSING = ("_saved", "_recorded", "_stream", "_inference")
"""Attributes that are neither copied nor pickled: they belong to a pass, or to what recorded it."""


class Saved:
    """An object whose forward pass leaves in `self._saved` what its backward pass needs."""

    _saved: Any = None
    _needed = "a forward pass with training=True"

    def _recall(self) -> Any:
        """Return what the forward pass saved."""
        if self._saved is None:
            raise RuntimeError(f"{self!r}: backward needs the values of {self._needed} first")
        return self._saved

    def release(self) -> None:
        """Forget what the forward pass saved; called where `fit` ends."""
        self._saved = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in PASSING}
