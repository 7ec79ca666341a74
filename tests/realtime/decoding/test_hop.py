import numpy as np
import pytest

from realtime.decoding.hop import Hop, TrialClock


def hop(*clocks: TrialClock) -> Hop:
    return Hop(np.zeros((2, 4), np.float32), 3, 11, clocks, np.array([0, 2], np.int8), gap=False)


def test_the_onset_input_is_negative_without_a_trial():
    assert TrialClock().onset == -1.0
    assert TrialClock(4, 0.25).onset == 0.25


def test_flagged_channels_are_bad():
    assert hop(TrialClock()).bad.tolist() == [False, True]


def test_the_clock_of_the_only_track_is_refused_if_there_are_several():
    assert hop(TrialClock(0, 0.1)).only_track() == TrialClock(0, 0.1)
    with pytest.raises(ValueError, match="hop 3 has 2 tracks, where one is expected"):
        hop(TrialClock(0, 0.1), TrialClock()).only_track()
