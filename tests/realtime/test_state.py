"""Nested parts of a state are taken out and put back without loss."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime.state import prefixed, substate

KEYS = st.lists(st.text("ab.", min_size=1, max_size=6), unique=True)


@given(KEYS, st.sampled_from(["a", "b", "a.b"]))
def test_what_is_put_below_a_name_is_found_there_in_order(keys, name):
    state = {key: np.array(i) for i, key in enumerate(keys)}
    assert list(substate(prefixed(name, state), name).items()) == list(state.items())


def test_a_name_is_more_than_a_prefix():
    state = {"ab.x": np.array(1), "a.x": np.array(2), "a": np.array(3)}
    assert substate(state, "a") == {"x": np.array(2)}
