"""Hops are exact for any chunking and carry their samples, trials and flags."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.decoding.frontend import SETTLE_S, Frontend
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from realtime.quality.bad_channels import REASONS

SFREQ, HOP, WINDOW_S = 160.0, 8, 0.8  # 8 samples at 128 Hz are 10 of the stream
CUTS = st.lists(st.integers(0, 2000), max_size=12)
SAMPLES = 20 * np.random.default_rng(0).normal(size=(1600, 4)) + 1000


@cache
def front(sfreq=SFREQ):
    return Frontend(Preprocess(PreprocessConfig(), tuple("ABCD"), sfreq), HOP, WINDOW_S)


def fed(x=SAMPLES, cuts=(), onsets=(), known_at=0, sfreq=SFREQ):
    """Hops of `x` cut at `cuts`; the onsets are given with the first chunk that begins at `known_at` or later."""
    cutter, hops = front(sfreq), []
    state, todo = cutter.start(), list(onsets)
    for start, stop in pairwise([0, *sorted(min(cut, len(x)) for cut in cuts), len(x)]):
        now, todo = (todo, []) if start >= known_at else ([], todo)
        more, state = cutter.step(x[start:stop], state, now)
        hops += more
    return hops, state


def trials(hops):
    return [(hop.only_track().trial, hop.only_track().since_onset_s) for hop in hops]


def same(got, want):
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert np.array_equal(a.signal, b.signal)
        assert np.array_equal(a.reason, b.reason)
        assert a.artifact == b.artifact
        assert (a.number, a.sample, a.clocks, a.gap) == (b.number, b.sample, b.clocks, b.gap)


@pytest.mark.parametrize("sfreq", [128.0, 160.0, 250.0, 1000.0])
@settings(max_examples=20, deadline=None)
@given(cuts=CUTS, onsets=st.lists(st.integers(0, 1700), max_size=6), bad=st.lists(st.integers(0, 1599), max_size=8))
def test_hops_trials_and_flags_are_the_same_for_any_chunking(sfreq, cuts, onsets, bad):
    x = SAMPLES.copy()
    for i, row in enumerate(bad):
        x[row, i % 4] = (np.nan, np.inf)[i % 2]
    same(fed(x, cuts, onsets, sfreq=sfreq)[0], fed(x, (), onsets, sfreq=sfreq)[0])


@settings(max_examples=20, deadline=None)
@given(cuts=CUTS, at=st.integers(0, 1600), lost=st.integers(0, 500), onsets=st.lists(st.integers(0, 2200), max_size=5))
def test_a_gap_is_the_same_for_any_chunking(cuts, at, lost, onsets):
    def run(edges):
        cutter, hops = front(), []
        state = cutter.start()
        for start, stop in pairwise(edges):
            if start == at and start:
                state = cutter.skip(state, lost)
            more, state = cutter.step(SAMPLES[start:stop], state, () if start else onsets)
            hops += more
        return hops

    inner = sorted({min(cut, 1600) for cut in cuts} - {0, 1600, at})
    edges = sorted({0, at, 1600})
    same(run(sorted({*edges, *inner})), run(edges))


def test_a_hop_is_cut_every_eight_samples_and_names_the_newest_sample_it_used():
    hops, _ = fed()
    assert [hop.number for hop in hops] == list(range(160))
    assert all(hop.signal.shape == (4, HOP) and hop.signal.dtype == np.float32 for hop in hops)
    newest = [hop.sample for hop in hops]
    assert set(np.diff(newest)) == {10}
    for hop in hops[:5]:  # one sample fewer does not complete it, this one does
        assert len(fed(SAMPLES[: hop.sample])[0]) == hop.number
        assert len(fed(SAMPLES[: hop.sample + 1])[0]) == hop.number + 1


@pytest.mark.parametrize("sfreq", [128.0, 160.0, 250.0, 1000.0])
def test_how_many_samples_a_hop_still_needs_is_known(sfreq):
    cutter = front(sfreq)
    state, n_in = cutter.start(), 0
    for _ in range(6):
        needed = cutter.samples_to_next_hop(n_in)
        hops, state = cutter.step(SAMPLES[n_in : n_in + needed - 1], state)
        assert not hops
        hops, state = cutter.step(SAMPLES[n_in + needed - 1 : n_in + needed], state)
        assert len(hops) == 1
        n_in += needed


def test_since_onset_counts_to_the_newest_sample_until_the_window_ends():
    hops, _ = fed(onsets=[105, 900])
    for hop in hops:
        since = [(hop.sample - onset) / SFREQ for onset in (105, 900)]
        inside = [i for i, s in enumerate(since) if 0 <= s <= WINDOW_S]
        assert hop.only_track().trial == (inside[0] if inside else None)
        assert hop.only_track().since_onset_s == (since[inside[0]] if inside else None)
        assert hop.only_track().onset == (since[inside[0]] if inside else -1.0)


@settings(max_examples=30, deadline=None)
@given(onsets=st.lists(st.integers(200, 1500), min_size=1, max_size=5, unique=True), cuts=CUTS)
def test_a_late_onset_applies_from_the_next_hop_on(onsets, cuts):
    """Before it is known there is no trial; afterwards all is as if it had been known, but for a later trial."""
    early, _ = fed(onsets=onsets)
    late, _ = fed(cuts=[*cuts, 300], onsets=onsets, known_at=300)
    told = next(start for start in sorted([*cuts, 300]) if start >= 300)
    assert [t for hop, t in zip(late, trials(late), strict=True) if hop.sample < told] == [
        (None, None) for hop in late if hop.sample < told
    ]
    assert [t for hop, t in zip(late, trials(late), strict=True) if hop.sample >= told] == [
        t for hop, t in zip(early, trials(early), strict=True) if hop.sample >= told
    ]


def test_trials_are_numbered_in_the_order_of_the_calls():
    cutter = front()
    state = cutter.start()
    _, state = cutter.step(SAMPLES[:400], state, [350])
    hops, state = cutter.step(SAMPLES[400:420], state, [300])
    assert {hop.only_track().trial for hop in hops} == {0}  # the later one goes on
    hops, state = cutter.step(SAMPLES[420:600], state, [500])
    assert hops[-1].only_track().trial == 2
    assert int(state["onset.told"]) == 3


def test_of_two_onsets_at_one_sample_the_later_call_wins():
    hops, _ = fed(onsets=[300, 300])
    assert {hop.only_track().trial for hop in hops} == {None, 1}


def test_a_late_onset_whose_window_is_over_runs_no_trial():
    hops, _ = fed(cuts=[800], onsets=[100], known_at=800)
    assert {hop.only_track().trial for hop in hops} == {None}


def test_lost_samples_count_end_the_hop_and_the_trial_and_flag_what_follows():
    cutter = front()
    _, state = cutter.step(SAMPLES[:405], cutter.start(), [380, 450, 1000])
    assert cutter.next_sample(state) == 405
    state = cutter.skip(state, 200)
    assert cutter.next_sample(state) == 605
    hops, state = cutter.step(SAMPLES[405:], state)
    assert [hop.sample for hop in hops[:2]] == [605 + 9 - 1, 605 + 19 - 1]
    assert [hop.number for hop in hops] == list(range(40, 40 + len(hops)))
    assert [hop.gap for hop in hops] == [hop.sample < 605 + SETTLE_S * SFREQ for hop in hops]
    assert {hop.only_track().trial for hop in hops} == {None, 2}  # 380 was running, 450 began in the gap


def test_an_onset_before_lost_samples_never_starts_a_trial():
    cutter = front()
    _, state = cutter.step(SAMPLES[:400], cutter.start())
    state = cutter.skip(state, 20)
    hops, _ = cutter.step(SAMPLES[400:], state, [410, 420])
    assert {hop.only_track().trial for hop in hops} == {1, None}


def test_bad_samples_are_flagged_in_the_hop_that_holds_them_only():
    x = SAMPLES.copy()
    x[[100, 305], [1, 3]] = np.nan
    hops, _ = fed(x)
    flagged = {hop.number: np.flatnonzero(hop.bad).tolist() for hop in hops if hop.bad.any()}
    newest = [hop.sample for hop in hops]
    assert flagged == {int(np.searchsorted(newest, 100)): [1], int(np.searchsorted(newest, 305)): [3]}


def test_a_flat_channel_and_a_burst_are_flagged_in_the_hops_that_hold_them():
    x = SAMPLES.copy()
    x[500:1000, 2] = x[500, 2]
    x[1200:1240] *= 20
    hops, _ = fed(x)
    flat = [hop.sample for hop in hops if hop.reason[2] == REASONS.index("flat")]
    assert 500 < flat[0] <= 500 + 0.5 * SFREQ + 10
    assert 1000 < flat[-1] < 1000 + 1.5 * SFREQ
    assert not any(hop.bad[[0, 1, 3]].any() for hop in hops)
    bursts = [hop.sample for hop in hops if hop.artifact]
    assert 1200 <= bursts[0] < 1220
    assert 1240 < bursts[-1] < 1240 + 0.5 * SFREQ
    same(fed(x, cuts=range(0, 1600, 7))[0], hops)


def test_state_is_arrays_only_and_never_changed_in_place():
    cutter = front()
    state = cutter.start()
    kept = {key: value.copy() for key, value in state.items()}
    _, after = cutter.step(SAMPLES[:333], state, [400])
    skipped = cutter.skip(after, 3)
    assert all(np.array_equal(state[key], kept[key]) for key in kept)
    for later in (after, skipped):
        assert list(later) == list(state)
        assert all(isinstance(value, np.ndarray) for value in later.values())
        assert {k: v.dtype for k, v in later.items()} == {k: v.dtype for k, v in state.items()}
