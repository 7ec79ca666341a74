"""Flat channels are refused by name."""

import numpy as np
import pytest

from realtime.errors import BadInput
from training.connectivity.checks import check_flat, count_samples


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_a_channel_that_never_changes_or_is_nan_is_named(value):
    x = np.random.default_rng(0).standard_normal((3, 100))
    check_flat([x], ["Fz", "Cz", "Pz"])
    x[1] = value
    with pytest.raises(BadInput, match="channel Cz is flat, so 2 of 3 channels"):
        check_flat([x], ["Fz", "Cz", "Pz"])


def test_samples_of_all_signals_are_counted():
    assert count_samples([np.zeros((2, 5)), np.zeros((2, 7))]) == 12
