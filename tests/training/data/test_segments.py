"""Crops and hops of recordings: the same samples, times and trials as live."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.decoding.frontend import Frontend
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from realtime.recordings.recording import Recording
from training.data.crops import Crops, crops_of
from training.data.segments import Segment, event_samples, preprocess_recording, recording_hops, unbroken_spans

HOP, WINDOW_S, CH_NAMES = 8, 0.6, ("Fz", "Cz", "Pz")


def front(sfreq: float = 160, window_s: float = WINDOW_S) -> Frontend:
    return Frontend(Preprocess(PreprocessConfig(sfreq=128), CH_NAMES, sfreq), HOP, window_s)


def recording(rows: tuple[int, ...] = (), gaps: tuple = (), n_times: int = 900, sfreq: float = 160) -> Recording:
    """Noise with markers `a`, `b` in turn at `rows`."""
    samples = np.random.default_rng(1).normal(20, 10, (n_times, 3)).astype(np.float32)
    return Recording(samples, sfreq, CH_NAMES, tuple((row, "ab"[i % 2]) for i, row in enumerate(rows)), gaps, "noise")


def crops(what: Recording, lead_s: float = 0.25) -> Crops:
    return crops_of(preprocess_recording(what, front(what.sfreq), "ab"), front(what.sfreq), (0.0, WINDOW_S), lead_s)


@pytest.mark.parametrize("sfreq", [128.0, 160.0, 250.0])
def test_a_crop_on_the_hop_grid_is_what_the_encoder_gets_live(sfreq):
    """To the last bit: signal, seconds since onset, and which hops belong to the trial, where no later one begins."""
    what = recording((300, 420, 610), sfreq=sfreq)
    cut = crops(what)
    for index in range(3):
        found, until = 0, replace(what, markers=what.markers[: index + 1])
        live = {hop.sample: hop for run in recording_hops(until, front(sfreq)) for hop in run}
        for shift in range(HOP):
            begin = np.searchsorted(cut.segments[0].sample, what.markers[index][0]) - cut.lead_hops * HOP + shift
            if begin % HOP:
                continue
            signal, onset, counts = cut.cut(index, shift)
            for k in range(cut.n_hops):
                hop = live[int(cut.segments[0].sample[begin + (k + 1) * HOP - 1])]
                assert np.array_equal(signal[:, k * HOP : (k + 1) * HOP], hop.signal)
                assert onset[k] == np.float32(hop.only_track().onset)
                assert counts[k] == (hop.only_track().trial == index)
                found += 1
        assert found == cut.n_hops


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(0, 899), min_size=1, max_size=8, unique=True).map(lambda rows: tuple(sorted(rows))),
    shift=st.integers(0, HOP - 1),
    hole=st.integers(100, 800),
)
def test_the_mask_marks_hops_of_the_own_trials_window_without_padding(rows, shift, hole):
    what = recording(rows, gaps=((hole, 50),))
    cut = crops(what)
    for index, (which, trial) in enumerate(cut.where):
        segment = cut.segments[which]
        signal, onset, counts = cut.cut(index, shift)
        begin = np.searchsorted(segment.sample, segment.onsets[trial]) - cut.lead_hops * HOP + shift
        for k in np.flatnonzero(counts):
            columns = np.arange(begin + k * HOP, begin + (k + 1) * HOP)
            assert columns[0] >= 0
            newest = segment.sample[columns[-1]]
            assert onset[k] == np.float32((newest - segment.onsets[trial]) / 160)
            assert 0 <= onset[k] <= np.float32(WINDOW_S)
        padded = (np.arange(begin, begin + signal.shape[1]) < 0) | (
            np.arange(begin, begin + signal.shape[1]) >= segment.signal.shape[1]
        )
        assert not signal[:, padded].any()
        assert (onset[padded.reshape(-1, HOP).any(axis=1)] == -1).all()


def test_a_trial_that_begins_inside_the_window_is_ignored():
    """The crop is the one there would be without it, to the last bit, and counts to the end of its own window."""
    two, one = crops(recording((300, 340))), crops(recording((300,)))
    for mine, alone in zip(two.cut(0, 3), one.cut(0, 3), strict=True):
        assert np.array_equal(mine, alone)
    _, onset, counts = two.cut(0, 3)
    assert onset[counts].max() > WINDOW_S - 2 * HOP / 128
    # Before its own onset the second crop hears the first trial, as live.
    _, onset, counts = two.cut(1, 3)
    assert onset[~counts & (onset >= 0)].max() > 2 * HOP / 128
    assert onset[counts][0] < HOP / 128


def test_no_crop_holds_samples_from_both_sides_of_a_gap():
    """What comes after the hole changes nothing before it, and the trial that the hole cut short ends there."""
    what = recording((280, 500), gaps=((330, 77),))
    loud = replace(what, samples=np.concatenate([what.samples[:330], 100 * what.samples[330:]]))
    signal, _, counts = crops(what).cut(0, 0)
    assert np.array_equal(crops(loud).cut(0, 0)[0], signal)
    assert 0 < counts.sum() < int(0.4 * 128 / HOP)
    other, _, _ = crops(replace(what, samples=np.concatenate([0 * what.samples[:330], what.samples[330:]]))).cut(1, 0)
    assert np.isfinite(other).all()
    assert [(s.onsets.tolist(), s.labels.tolist()) for s in crops(what).segments] == [([280], [0]), ([577], [1])]


def test_a_window_may_begin_before_the_onset():
    """Hops where no trial runs do not count, though their `onset` of -1 lies in a window from -2 s."""
    what = recording((300,))
    cut = crops_of(preprocess_recording(what, front(), "ab"), front(), (-2.0, WINDOW_S), 0.25)
    _, onset, counts = cut.cut(0, 3)
    assert np.array_equal(counts, onset >= 0)


@pytest.mark.parametrize("row", [0, 899])
def test_a_trial_at_an_edge_of_the_file_is_padded_and_still_a_crop(row):
    signal, onset, counts = crops(recording((row,))).cut(0, 2)
    assert signal.shape[1] == len(onset) * HOP
    assert np.isfinite(signal).all()
    assert counts.sum() == (9 if row == 0 else 0)
    assert set(onset[~counts]) == {-1.0}


def test_a_stretch_without_one_sample_at_the_networks_rate_gives_no_crop():
    segment = Segment(np.zeros((3, 0), np.float32), np.zeros(0, np.int64), np.array([5]), np.array([0]), 160)
    assert len(crops_of([segment], front(), (0.0, 1.0), 0.25).where) == 0


@settings(max_examples=15, deadline=None)
@given(chunk_s=st.floats(0.001, 2), hole=st.integers(1, 899), lost=st.integers(1, 400))
def test_recordings_fed_in_chunks_give_the_same_hops_to_the_last_bit(chunk_s, hole, lost):
    what = recording((10, 300, 302, 700), gaps=((hole, lost),), n_times=900)
    whole, chunked = recording_hops(what, front()), recording_hops(what, front(), chunk_s)
    assert [len(run) for run in whole] == [len(run) for run in chunked]
    for one, two in zip(sum(whole, []), sum(chunked, []), strict=True):
        assert np.array_equal(one.signal, two.signal)
        assert np.array_equal(one.bad, two.bad)
        assert (one.number, one.sample, one.clocks, one.gap) == (two.number, two.sample, two.clocks, two.gap)


def test_segments_number_samples_as_hops_do():
    """In every stretch, column `k * hop - 1` of the signal was made when hop k was."""
    what = recording((100, 700), gaps=((401, 33), (650, 9)))
    for segment, run in zip(preprocess_recording(what, front(), "ab"), recording_hops(what, front()), strict=True):
        assert segment.sample[HOP - 1 :: HOP][: len(run)].tolist() == [hop.sample for hop in run]
        signal = np.concatenate([hop.signal for hop in run], axis=1)
        assert np.array_equal(segment.signal[:, : signal.shape[1]], signal)


def test_markers_count_lost_samples_and_rows_do_not():
    what = recording((0, 99, 100, 250, 300), gaps=((100, 7), (300, 5)))
    assert event_samples(what) == [(0, "a"), (99, "b"), (107, "a"), (257, "b"), (312, "a")]
    assert unbroken_spans(what) == [(0, 100, 0), (100, 300, 107), (300, 900, 312)]
    assert event_samples(recording((5, 9))) == [(5, "a"), (9, "b")]


def test_trial_numbers_count_markers_that_fall_into_gaps():
    what = recording((100, 400, 600), gaps=((401, 200),))  # the second onset's trial ends one sample later
    clocks = [hop.only_track() for run in recording_hops(what, front()) for hop in run]
    trials = [clock.trial for clock in clocks if clock.trial is not None]
    assert set(trials) <= {0, 1, 2}
    assert trials[-1] == 2
    assert sorted(trials) == trials
