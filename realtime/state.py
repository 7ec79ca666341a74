"""A stream's state is one flat dict of arrays with dotted names; here are its two moves: take a part, put it back."""

import numpy as np

State = dict[str, np.ndarray]


def part(state: State, name: str) -> State:
    """The entries below `name.`, without that prefix."""
    prefix = name + "."
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}


def named(name: str, state: State) -> State:
    """The entries of `state` with `name.` before each."""
    return {f"{name}.{key}": value for key, value in state.items()}
