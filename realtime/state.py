"""A stream's state is one flat dict of arrays with dotted names; here are its moves: take a part, put it back, join."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

State = dict[str, np.ndarray]


def substate(state: State, name: str) -> State:
    """The entries below `name.`, without that prefix."""
    return {short: state[key] for key, short in _below(tuple(state), name)}


def prefixed(name: str, state: State) -> State:
    """The entries of `state` with `name.` before each."""
    return {f"{name}.{key}": value for key, value in state.items()}


def stack_rows(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The arrays one after the other along the first axis; all rows of one array, in order, are that array uncopied."""
    if len(parts) == 1:
        return parts[0]
    base = parts[0].base
    if isinstance(base, np.ndarray) and base.shape[1:] == parts[0].shape[1:] and sum(map(len, parts)) == len(base):
        at, adjacent = base.ctypes.data, base.flags.c_contiguous
        for part in parts:
            adjacent &= part.base is base and part.flags.c_contiguous and part.ctypes.data == at
            at += part.nbytes
        if adjacent:
            return base
    return np.concatenate(parts)


@lru_cache(maxsize=256)  # a state has the same keys at every hop
def _below(keys: tuple[str, ...], name: str) -> tuple[tuple[str, str], ...]:
    prefix = name + "."
    return tuple((key, key[len(prefix) :]) for key in keys if key.startswith(prefix))
