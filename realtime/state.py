"""The state of a stream: one flat dict of arrays with dotted names, and functions for such dicts."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

State = dict[str, np.ndarray]


def substate(state: State, name: str) -> State:
    """The entries below `name.`, without that prefix."""
    return {short: state[key] for key, short in _below(tuple(state), name)}


def prefixed(name: str, state: State) -> State:
    """The entries of `state`, each key with `name.` in front."""
    return {f"{name}.{key}": value for key, value in state.items()}


def stack_rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The arrays concatenated along the first axis; if they are all rows of one array in order, that array uncopied."""
    if len(arrays) == 1:
        return arrays[0]
    base = arrays[0].base
    if isinstance(base, np.ndarray) and base.shape[1:] == arrays[0].shape[1:] and sum(map(len, arrays)) == len(base):
        address, adjacent = base.ctypes.data, base.flags.c_contiguous
        for array in arrays:
            adjacent &= array.base is base and array.flags.c_contiguous and array.ctypes.data == address
            address += array.nbytes
        if adjacent:
            return base
    return np.concatenate(arrays)


@lru_cache(maxsize=256)  # a state has the same keys at every hop
def _below(keys: tuple[str, ...], name: str) -> tuple[tuple[str, str], ...]:
    prefix = name + "."
    return tuple((key, key[len(prefix) :]) for key in keys if key.startswith(prefix))
