"""Streams of random numbers: one for each layer, step and shard, whoever computes it."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinyframe.training.trainer import Trainer


class Streams:
    """Gives random layers and augmentation numbers that depend on step and shard alone.

    Generators of the kind Philox, whose output is a function of a key and a counter: the key is the
    layer's, and the counter says where in training a number is drawn. So no two ranks draw the
    same, and any number of ranks draws what one would. Source: Salmon and others, "Parallel Random
    Numbers: As Easy as 1, 2, 3", 2011.

    Parameters
    ----------
    trainer
        Whose layers and augmentation draw.
    """

    def __init__(self, trainer: "Trainer") -> None:
        self._generators: list[tuple[Any, dict[str, Any]]] = []
        for layer in trainer.objective.layers:
            for drawing in (part for part in layer.walk() if part.random):
                drawing.rng = self._keyed(drawing.rng)
        if trainer.augment is not None and trainer.rng is not None:
            trainer.rng = self._keyed(trainer.rng)

    def _keyed(self, rng: "np.random.Generator") -> "np.random.Generator":
        """Return a generator of that kind; its key is drawn from rng, if it is of another."""
        if type(rng.bit_generator).__name__ != "Philox":
            rng = np.random.Generator(np.random.Philox(key=rng.integers(2**63, size=2)))
        nothing_left_over = {"buffer_pos": 4, "has_uint32": 0, "uinteger": 0}
        state = {**rng.bit_generator.state, **nothing_left_over}
        self._generators.append((rng.bit_generator, state))
        return rng

    def place(self, step: int, shard: int, piece: int) -> None:
        """Begin a block's own stream.

        Parameters
        ----------
        step, shard, piece
            Which step of training, shard of its batch, and block of that.
        """
        for generator, state in self._generators:
            state["state"]["counter"][:] = 0, piece, shard, step
            generator.state = state
