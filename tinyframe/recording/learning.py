"""Learning a kind of step: recorded once, compared with a plain step once, then a program."""

from collections.abc import Mapping
from traceback import walk_tb
from typing import Any

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.parameters import Parameter
from tinyframe.recording.comparison import differing
from tinyframe.recording.copies import is_given, noted
from tinyframe.recording.program import Kept, Program
from tinyframe.recording.seen import Seen
from tinyframe.recording.standins import StandIn
from tinyframe.recording.tape import Memory, Refused, Tape
from tinyframe.recording.watching import Fingerprint, Part, held, unwatched
from tinyframe.types import Array
from tinyframe.utils.warn import warn

MISSES = 3
"""Replays that went another way, after which a kind of step is taken plainly for good."""


class Kind:
    """A kind of step: in training or not, so many rows, with such targets, with weights or not."""

    tape: Tape | None = None  # what was recorded, until it is checked
    twin: Any = None  # the objective that it was recorded with
    results: Mapping[str, Any] = {}
    program: Program | None = None  # what is replayed
    second: Program | None = None  # what another thread replays meanwhile
    asked = False  # whether it was to have one, if that can be
    misses = 0

    def __init__(self, training: bool) -> None:
        self.training = training

    def learned(self, program: Program | None) -> None:
        """Replay this program from now on, and let go of what it was made of."""
        if self.tape is not None:
            self.tape.clear()
        self.program, self.tape, self.twin, self.results = program, None, None, {}

    def forget(self) -> None:
        """Record anew."""
        self.learned(None)
        self.second, self.asked = None, False


class Learning:
    """What is known of the layers and the loss of an objective, and how steps of it are learned.

    Parameters
    ----------
    objective
        What takes the steps.

    Attributes
    ----------
    parts
        All its layers, those inside others too, and its loss.
    reasons
        Why some of them are not recorded.
    seen
        What those return.
    known
        What all of them keep.
    helper
        Another thread that takes steps, too, if there is one.
    generation
        Grows where what was recorded before is of no use any more.
    """

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self.helper: Any = None
        self.parts = self._all_parts()
        self.reasons: dict[Part, str] = {}
        self.seen: dict[Part, Seen] = {}
        self._aside: set[Part] = set()  # those, and what is inside of them
        self._adopted: dict[tuple[Part, str], Array] = {}  # states that are kept for programs
        self.known = Fingerprint(self.parts)
        self.generation = 0

    def _all_parts(self) -> list[Part]:
        """Return all layers, those inside of others too, and the loss."""
        head = () if self.objective.head is None else (self.objective.head,)
        layers = (*self.objective.layers, *head)
        return [*(part for layer in layers for part in layer.walk()), self.objective.loss]

    def forget(self) -> None:
        """Learn all anew: somebody changed what a part keeps."""
        self.parts = self._all_parts()
        self.reasons, self.seen, self._aside = {}, {}, set()
        self.known = Fingerprint(self.parts)
        self.generation += 1

    def take(self, kind: Kind, given: tuple[Any, ...], before: Kept, *, predicts: bool) -> None:
        """Record the step that was just taken plainly, or check what was recorded before.

        Parameters
        ----------
        kind
            What kind of step it was.
        given
            x, target, weight, and whether it was one of training.
        before
            What the parts kept before it.
        predicts
            Whether predictions are asked for.
        """
        if not all(array is None or array.flags.c_contiguous for array in given[:3]):
            return
        after = self.kept()
        try:
            if kind.tape is None:
                self._record(kind, *given, predicts=predicts)
            else:
                self._check(kind, *given[:3], before=before)
        finally:
            after.restore()

    def settle(self) -> None:
        """Bring states that a layer assigned anew to where programs look for them.

        The first time that is an array of our own: what was there before may be of the user's.
        """
        moved = []
        for part in self.parts:
            for name in getattr(part, "state_names", ()) if part not in self._aside else ():
                old: Any = self.known.of(part, name)
                new: Any = vars(part).get(name)
                if new is old or not isinstance(old, np.ndarray):
                    continue
                alike = np.shape(new) == old.shape and getattr(new, "dtype", None) == old.dtype
                if not alike or self._is_shared(part, name, new):
                    self.leave_out(
                        part, f"assigns self.{name} in another form, or what others hold"
                    )
                    break
                moved.append((part, name, old, new.copy()))  # others may come to its place
        for part, name, old, new in moved:
            kept: Any = old if self._adopted.get((part, name)) is old else new
            if kept is new:
                self._adopted[part, name] = new
                self.known.adopt(part, name, new)
                self.generation += 1
            else:
                kept[...] = new
            setattr(part, name, kept)

    def _is_shared(self, part: Part, name: str, array: Array) -> bool:
        """Whether an attribute's array lies where that of another one does."""
        return any(
            np.may_share_memory(array, other)
            for one in self.parts
            for key, other in held(one, np.ndarray)
            if one is not part or key != name
        )

    def _record(
        self,
        kind: Kind,
        x: Array,
        target: Array,
        weight: Array | None,
        training: bool,
        *,
        predicts: bool,
    ) -> None:
        """Take the step once more, with copies of the layers, and note what it does."""
        for part in self.parts:
            if part not in self.seen and (reason := unwatched(part)):
                self.leave_out(part, reason)
                return  # what it returns has to be seen first
        tape = Tape()
        given = [
            None if array is None else StandIn(tape, array, Memory(array, name, written=False))
            for name, array in (("x", x), ("target", target), ("weight", weight))
        ]
        try:
            kind.twin, kind.results = noted(
                tape, self.objective, self.parts, self.seen, given, training, predicts
            )
        except Exception as error:  # noqa: BLE001 - whatever a layer does where its x is no array
            why = tape.refusal or error
            culprit = getattr(why, "part", None) or tape.innermost(
                frame for frame, _ in walk_tb(error.__traceback__)
            )
            self.leave_out(culprit or self.objective.loss, str(why), kind)
            return
        kind.tape = tape

    def _check(
        self, kind: Kind, x: Array, target: Array, weight: Array | None, *, before: Kept
    ) -> None:
        """Replay the step that was just taken plainly, and compare all bits."""
        tape, twin = kind.tape, kind.twin
        assert tape is not None  # noqa: S101 - recorded before
        results = {**kind.results}
        results |= {f"output {i}": output for i, output in enumerate(twin.outputs[1:])}
        results |= {f"gradient {i}": gradient for i, gradient in enumerate(twin.gradients)}
        results = {name: made for name, made in results.items() if not is_given(made)}
        expected = [array.copy("K") for _, array in self._written()]
        before.restore()
        for seen in self.seen.values():
            seen.begin(new=False)
        try:
            program = Program(tape, results, apart=True)
            forward, backward = program.at(x=x, target=target, weight=weight)
            for call in (*forward, *backward):
                call()
            proven = Program(tape, kind.results)
        except Refused as missed:
            kind.forget()
            self.miss(kind, missed)
            return
        except Exception:  # noqa: BLE001 - whatever a call may do that was bound in a way of ours
            kind.forget()
            kind.misses = MISSES
            return
        culprit = differing(self.objective, program.results, self._written(), expected)
        if culprit is None:
            if self.helper is not None:
                kind.asked = True
                if proven.is_pure and proven.fills(self.helper.gradient):
                    kind.second = Program(tape, kind.results, gradient=self.helper.gradient)
            kind.learned(proven)
            return
        why = "gave other numbers in a replay than in a plain step"
        self.leave_out(culprit, why, kind)
        warn(
            f"{culprit!r} {why}, and is not recorded: training is right, and slower. It may use "
            "what is neither x, a parameter nor an attribute"
        )

    def miss(self, kind: Kind, missed: Refused) -> None:
        """Count a replay that was given up; after some the layer that branches runs as it is."""
        kind.misses += 1
        if kind.misses >= MISSES:
            kind.forget()
            if missed.part is not None:
                self.leave_out(missed.part, str(missed))
                kind.misses = 0

    def leave_out(self, part: Part, why: str, kind: Kind | None = None) -> None:
        """Let a part run as it is; a kind of step that fails even so stays plain."""
        if part in self.seen and kind is not None:
            kind.misses = MISSES
        self.reasons.setdefault(part, why)
        self.seen.setdefault(part, Seen(part))
        for one in part.walk() if isinstance(part, Layer) else (part,):
            self._aside.add(one)
            self.known.leave_out(one)
        self.generation += 1

    # ---------------------------------------------------------------- what a step writes

    def _written(self) -> list[tuple[Part, Array]]:
        """Return the arrays that recorded parts may write to, besides those they make."""
        parts = [part for part in self.parts if part not in self._aside]
        arrays = [(part, array) for part in parts for _, array in held(part, np.ndarray)]
        return arrays + [(part, p.grad) for part in parts for _, p in held(part, Parameter)]

    def kept(self) -> Kept:
        """Return what a step of recorded parts may change."""
        parts = [part for part in self.parts if part not in self._aside]
        generators = [g for part in parts for _, g in held(part, np.random.Generator)]
        return Kept([array for _, array in self._written()], generators)
