"""Recorded: an objective whose steps are recorded, checked against plain ones, and replayed."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from tinyframe.layers.layer import Layer
from tinyframe.recording.ahead import Ahead
from tinyframe.recording.learning import MISSES, Kind, Learning
from tinyframe.recording.program import Program
from tinyframe.recording.tape import Refused
from tinyframe.recording.watching import Part, attributes
from tinyframe.types import Array
from tinyframe.utils.attributes import is_ours

SIZES = 6
"""Kinds of steps whose programs are kept; those that were met last stay."""


class Recorded:
    """An objective whose steps are replayed from the third of a kind on, with the same bits.

    The first is taken plainly and then recorded, with copies of the layers. The second is taken
    both ways, and compared. A layer or loss that cannot be recorded, or differs, runs as it is
    inside the program; where a replay meets a branch that goes the other way, the step is taken
    plainly.

    Parameters
    ----------
    objective
        What is recorded; see `tinyframe.training.objective.Objective`.

    Attributes
    ----------
    predicts, value, weight_sum, apart
        As of `Objective`; the figures are numbers of Python's.
    """

    predicts = True

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self.layers, self.loss = objective.layers, objective.loss
        self.value = self.weight_sum = 0.0
        self._learning = Learning(objective)
        self._kinds: dict[Any, Kind] = {}
        self._generation = 0
        self._backward: list[Any] | None = None  # the rest of the program that runs
        self.apart: Array | None = None
        self._ahead: Ahead | None = None  # what the helper has begun with
        self._given = self._bound = cast("tuple[Any, ...]", ())
        self._lesson: tuple[Any, ...] | None = None  # what the plain step that runs is to teach

    @property
    def reasons(self) -> dict[Part, str]:
        """Why parts of it are not recorded."""
        return self._learning.reasons

    @property
    def parts(self) -> list[Part]:
        """All layers, those inside others too, and the loss."""
        return self._learning.parts

    @property
    def replays(self) -> bool:
        """Whether there is a kind of step that is replayed."""
        return any(kind.program is not None for kind in self._kinds.values())

    @property
    def stays_plain(self) -> bool:
        """Whether there is a kind of step that is taken plainly for good."""
        return any(kind.misses >= MISSES for kind in self._kinds.values())

    # ---------------------------------------------------------------- a step

    def forward(
        self, x: Array, target: Array, weight: Array | None = None, training: bool = False,
        place: Any = None,
    ) -> float:  # fmt: skip
        """Return the mean loss over the rows of x.

        Parameters
        ----------
        x, target, weight, training
            As in `Objective.forward`.
        place
            An object whose attribute `bound` may keep what is bound to these arrays.
        """
        if self._ahead is not None and self._takes(place):
            self._given = x, target, weight, training
            return self.value
        bound = None if place is None else place.bound
        if bound is None or bound[1] is not bound[0].program or bound[0].training != training:
            kind = self._kind(x, target, weight, training)
            program = kind.program
            if program is None:
                return self._plain(kind, x, target, weight, training)
            bound = kind, program, *program.at(x=x, target=target, weight=weight)
            if place is not None:
                place.bound = bound
        self._bound = _, program, calls, self._backward = bound
        self._given = x, target, weight, training
        if not program.is_pure:
            self._prepare(program)
        try:
            for call in calls:
                call()
        except Refused as missed:
            return self._miss(missed)
        self._results = results = program.results
        self.weight_sum = float(results["weight_sum"])
        self.value = value = float(results["value"])
        return value

    def begin(self, block: Any) -> None:
        """Let the helper take the step of a block, if it can; see `Objective`."""
        kind = self._kinds.get(self._key(block.x, block.target, block.weight, True))
        if kind is None or kind.program is None or self.helper is None:
            return
        if kind.second is not None:
            self._ahead = Ahead(block, kind.second, self.helper)
        elif not kind.asked:
            kind.forget()  # learned when there was no helper

    def _takes(self, block: Any) -> bool:
        """Take the results of the helper, if they are of this block and it came to its end."""
        if (ahead := self._ahead) is None or ahead.block is not block:
            return False
        self._ahead = None
        try:
            ahead.wait()
        except Refused:
            return False
        self._results = results = ahead.program.results
        self._backward, self.apart = [], ahead.program.own_gradient
        self.weight_sum, self.value = float(results["weight_sum"]), float(results["value"])
        return True

    @property
    def helper(self) -> Any:
        """What takes blocks beside this thread; see `tinyframe.utils.threads.helping`."""
        return self._learning.helper

    @helper.setter
    def helper(self, helper: Any) -> None:
        self._learning.helper, self._ahead, self.apart = helper, None, None

    def backward(self) -> None:
        """Write the gradient of the last forward pass's loss; see `Objective.backward`."""
        if self._backward is not None:
            try:
                for call in self._backward:
                    call()
            except Refused as missed:
                self._miss(missed)
            else:
                return
        with self._left_on_error():
            self.objective.backward()
        self._learn()

    @property
    def prediction(self) -> Array:
        """The last layer's output in the last forward pass."""
        if self._backward is None:
            return self.objective.prediction
        return self._results["prediction"]

    def origin_of_nonfinite(self) -> str:
        """Say where the last forward pass left the finite numbers."""
        if self._backward is not None:  # take it again, and leave no trace
            kept = self._learning.kept()
            self.objective.forward(*self._given)
            kept.restore()
        return self.objective.origin_of_nonfinite()

    def release(self) -> None:
        """Forget what the last step kept; programs stay."""
        self.objective.release()
        self._given = self._bound = ()

    def _prepare(self, program: Program) -> None:
        """Let layers that run as they are begin a step; keep what giving it up would change."""
        if program.runs_parts:
            for seen in self._learning.seen.values():
                seen.begin(new=True)
        if program.keeps:
            program.keep_states()

    def _miss(self, missed: Refused) -> float:
        """Take a step plainly that a replay has given up."""
        kind, program, *_ = self._bound
        self._learning.miss(kind, missed)
        self._forget_what_is_old()
        program.restore_states()
        return self._plain(None, *self._given)

    # ---------------------------------------------------------------- learning a kind of step

    def serves(self, objective: Any) -> bool:
        """Whether another objective is made of the same layers and of the same, or a like, loss."""
        mine = self.objective
        alike = mine.given is objective.given or (
            type(mine.given) is type(objective.given)
            and is_ours(mine.given)
            and attributes(mine.given) == attributes(objective.given)
        )
        same = mine.lowest == objective.lowest and mine.head is objective.head
        return alike and same and mine.layers == objective.layers

    def is_of(self, layers: tuple[Layer, ...]) -> bool:
        """Whether its steps are those of these layers still; see `Objective.is_of`."""
        return not self._learning.known.has_changed() and layers == self.objective.chain

    def check_unchanged(self) -> None:
        """Record anew if somebody else changed what a layer or a loss keeps."""
        if self._learning.known.has_changed():
            self._learning.forget()
            self._forget_all()

    @property
    def scale(self) -> Array | None:
        """What gradients are multiplied by; see `Objective`."""
        return self.objective.scale

    @scale.setter
    def scale(self, scale: Array | None) -> None:
        if scale is not self.objective.scale:
            self.objective.scale = scale
            self._forget_all()

    def _kind(self, x: Array, target: Array, weight: Array | None, training: bool) -> Kind:
        key = self._key(x, target, weight, training)
        kind = self._kinds.pop(key, None) or Kind(training)
        self._kinds[key] = kind  # the last one met
        if len(self._kinds) > SIZES:
            self._kinds.pop(next(iter(self._kinds))).forget()
        return kind

    def _key(self, *given: Any) -> tuple[Any, ...]:
        """Return what a step is of the same kind as another by."""
        *arrays, training = given
        forms = [(a.shape, a.strides, a.dtype) for a in arrays if a is not None]
        return training, self.predicts, *forms

    def _plain(
        self, kind: Kind | None, x: Array, target: Array, weight: Array | None, training: bool
    ) -> float:
        """Take a forward pass plainly; `kind` is to be learned by it."""
        self._backward = self._lesson = None
        for seen in self._learning.seen.values():
            seen.begin(new=kind is not None)  # else a replay has made some passes already
            seen.watch()
        if kind is not None and kind.misses < MISSES:
            self._lesson = kind, (x, target, weight, training), self._learning.kept()
        with self._left_on_error():
            value = float(self.objective.forward(x, target, weight, training))
            self.value, self.weight_sum = value, float(self.objective.weight_sum)
        if not math.isfinite(value):  # mostly no backward pass follows
            self._lesson = None
        if not (training and math.isfinite(value)):
            self._learn()
        return value

    @contextmanager
    def _left_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        for seen in self._learning.seen.values():
            seen.leave()

    def _learn(self) -> None:
        """Learn of the step that was just taken plainly."""
        self._leave()
        self._learning.settle()
        lesson, self._lesson = self._lesson, None
        if lesson is not None:
            kind, given, before = lesson
            predicts = self.predicts or not given[3]
            self._learning.take(kind, given, before, predicts=predicts)
        self._forget_what_is_old()

    def _forget_what_is_old(self) -> None:
        if self._generation != self._learning.generation:
            self._generation = self._learning.generation
            for kind in self._kinds.values():
                kind.forget()

    def _forget_all(self) -> None:
        """Forget all kinds of steps; what is bound to their programs is bound anew then."""
        for kind in self._kinds.values():
            kind.forget()
        self._kinds = {}
