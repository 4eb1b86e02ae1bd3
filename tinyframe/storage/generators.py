"""Random generators as plain data: the state of each one that training draws from."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyframe.layers.layer import Layer
from tinyframe.storage.errors import StorageError
from tinyframe.utils.schema import Schema, check_schema, equal, integer, one_of, words

if TYPE_CHECKING:
    from tinyframe.training.callbacks import Run


def _array(count: int, bits: int = 64) -> Schema:
    return {"array": words(count, bits), "dtype": equal(f"uint{bits}")}


LEFT_OVER = {"has_uint32": integer(0, 1), "uinteger": integer(0, 2**32 - 1)}
CONGRUENTIAL = {"state": integer(0, 2**128 - 1), "inc": integer(0, 2**128 - 1)}

GENERATORS: dict[str, dict[str, Schema]] = {
    "MT19937": {"state": {"key": _array(624, 32), "pos": integer(0, 624)}},
    "PCG64": {"state": CONGRUENTIAL, **LEFT_OVER},
    "PCG64DXSM": {"state": CONGRUENTIAL, **LEFT_OVER},
    "Philox": {
        "state": {"counter": _array(4), "key": _array(2)},
        "buffer": _array(4),
        "buffer_pos": integer(0, 4),
        **LEFT_OVER,
    },
    "SFC64": {"state": {"state": _array(4)}, **LEFT_OVER},
}
"""NumPy's own, and what their states hold.

NumPy believes the positions in a state: with others it would read memory that is not the
generator's.
"""


def generator_states(run: "Run") -> list[Any]:
    """Return the states of all generators that training draws from, None where there is none.

    Raises
    ------
    StorageError
        If one is not of a kind that NumPy has.
    """
    states = []
    for holder, name in _drawing(run):
        rng = getattr(holder, name)
        kind = type(rng.bit_generator).__name__ if rng is not None else None
        if kind not in (None, *GENERATORS):
            raise StorageError(
                f"a random generator {kind} cannot be written, only {', '.join(GENERATORS)}"
            )
        states.append(None if rng is None else _plain(rng.bit_generator.state))
    return states


def check_generators(states: list[Any], model: Layer, *, shuffle: bool) -> None:
    """Raise ValueError if these are not the states of the generators of such a run.

    Parameters
    ----------
    states
        What `generator_states` returned.
    model, shuffle
        What is trained, and whether rows are shuffled.
    """
    expected = [shuffle, True, *(True for layer in model.walk() if layer.random)]
    if [state is not None for state in states] != expected:
        raise ValueError(
            "another shuffle= or other random layers: it has "
            f"{sum(state is not None for state in states)} random generators, not {sum(expected)}"
        )
    for number, state in enumerate(states):
        if state is not None:
            kind = {"bit_generator": one_of(*GENERATORS)}
            check_schema(state, kind, f"rngs[{number}]")
            whole = kind | GENERATORS[state["bit_generator"]]
            check_schema(state, whole, f"rngs[{number}]", exact=True)


def restore_generators(run: "Run", states: list[Any]) -> None:
    """Put all generators where they were; one process and several draw from different kinds."""
    for (holder, name), state in zip(_drawing(run), states, strict=True):
        if state is None:
            continue
        rng, kind = getattr(holder, name), state["bit_generator"]
        if kind != type(rng.bit_generator).__name__:
            rng = np.random.Generator(getattr(np.random, kind)())
            setattr(holder, name, rng)
        rng.bit_generator.state = _arrays(state)


def _drawing(run: "Run") -> list[tuple[Any, str]]:
    """Return who holds a generator that training draws from, and under which name."""
    layers = [(layer, "rng") for layer in run.model.walk() if layer.random]
    return [(run.trainer, "order_rng"), (run.trainer, "rng"), *layers]


def _plain(value: Any) -> Any:
    """Return a generator's state as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value if isinstance(value, (str, int)) else int(value)


def _arrays(value: Any) -> Any:
    """Return the state that `_plain` made plain."""
    if isinstance(value, dict) and value.keys() == {"array", "dtype"}:
        return np.array(value["array"], value["dtype"])
    if isinstance(value, dict):
        return {key: _arrays(part) for key, part in value.items()}
    return value
