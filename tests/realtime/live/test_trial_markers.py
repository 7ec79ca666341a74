"""Markers become trials once each, at their sample; what is odd about them is told and never hides a trial."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.decoding.decoder import Decoder
from realtime.live.trial_markers import MAX_MARKERS_A_SECOND, TrialMarkers
from realtime.sources.query import StreamQuery
from realtime.stream import Marker
from tests.helpers.bundles import CH_NAMES, LABELS, tiny_bundle
from tests.helpers.engines import T0, ArraySource, chunk, engine, same_decisions

SFREQ = 160.0
HOP = 10  # samples of the stream


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("trials") / "tiny", sfreq=SFREQ))


class Heard:
    """What a `Trials` told and published."""

    def __init__(self, decoder: Decoder, tracks: int = 1):
        self.decoder, self.state, self.statuses, self.published = decoder, decoder.start(tracks), [], []
        self.trials = TrialMarkers("s1", lambda *status: self.statuses.append(status), self.published.append)

    def onsets(self, markers):
        newest = chunk(np.zeros((160, len(CH_NAMES))), 10**6, SFREQ)
        known = self.decoder.bundle.manifest.events, newest, self.decoder.frontend, self.state
        return self.trials.onsets(markers, *known)[0]


def at(seconds, label=LABELS[0]):
    return Marker(label, T0 + 10**6 / SFREQ + seconds)


def test_a_marker_sent_by_two_streams_is_one_trial_and_reported_once(decoder):
    heard = Heard(decoder)
    first = heard.onsets([at(0.0), at(0.001), at(1.0)])
    assert first == [10**6, 10**6 + 160]
    assert heard.onsets([at(1.0), at(2.0, LABELS[1]), at(2.0, LABELS[2])]) == [10**6 + 320] * 2
    assert [state for state, _ in heard.statuses] == ["duplicate_marker", "overlap"]  # the last two are two trials
    assert [trial.trial for trial in heard.published] == [0, 1, 0, 1]  # numbered from what the state was told


@given(st.lists(st.floats(0, 3), min_size=1, max_size=300))
def test_a_storm_is_bounded_whatever_its_order(seconds):
    class Front:
        window_s = hop_s = 0.1

        def zero(self, state):
            return 0

        def n_tracks(self, state):
            return 1

        next_sample = n_trials = segment_start = zero

    statuses = []
    trials = TrialMarkers("s1", lambda *status: statuses.append(status), lambda message: None)
    markers = [Marker(f"m{i}", T0 + s) for i, s in enumerate(seconds)]
    newest = chunk(np.zeros((800, 1)), 0, SFREQ)
    found, _ = trials.onsets(markers, {m.label: "x" for m in markers}, newest, Front(), {})
    assert len(found) == len(seconds) or any(state == "bad_marker" for state, _ in statuses)
    for onset in found:
        assert sum(abs(onset - other) < SFREQ / 2 for other in found) <= MAX_MARKERS_A_SECOND


def test_an_overlap_report_names_the_tracks_needed(decoder):
    rapid = [at(0.1 * i, LABELS[i % 3]) for i in range(20)]  # the window is 0.8 s
    heard = Heard(decoder)
    heard.onsets(rapid)
    assert [state for state, _ in heard.statuses] == ["overlap"] * 7  # once whenever more are needed
    assert heard.statuses[0][1].startswith(
        "Two trials begin within 0.1 s, and the later cuts short the window of 0.8 s of the"
    )
    assert heard.statuses[-1][1].endswith("open the session with 8 tracks.")
    patient = Heard(decoder, tracks=8)
    patient.onsets(rapid)
    assert patient.statuses == []
    short = Heard(decoder, tracks=7)
    short.onsets(rapid)
    assert [state for state, _ in short.statuses] == ["overlap"]


def test_an_overlap_with_a_trial_whose_marker_came_before_is_reported(decoder):
    heard = Heard(decoder, tracks=2)
    heard.onsets([at(1.0), at(5.0, LABELS[1]), at(0.5, LABELS[2])])
    ((state, detail),) = heard.statuses
    assert state == "overlap"
    assert detail.endswith("open the session with 3 tracks.")


@pytest.mark.parametrize("stamp", [np.nan, np.inf, -np.inf, -1e300, 1e300, 0.0, T0 + 10**6])
def test_a_marker_of_another_clock_is_dropped_and_no_other(decoder, stamp):
    heard = Heard(decoder)
    assert heard.onsets([at(0.0), *[Marker(LABELS[1], stamp)] * 500, at(0.9)]) == [10**6, 10**6 + 144]
    ((state, detail),) = heard.statuses  # not 500
    assert state == "bad_marker"
    assert detail.startswith("500 markers are stamped by another clock than LSL's, the latest")
    assert len(heard.published) == 2


def test_a_marker_from_before_the_samples_is_reported_as_not_decoded(decoder):
    heard = Heard(decoder)
    heard.state = decoder.skip(heard.state, 10**6)
    assert heard.onsets([at(-1.0)]) == [10**6 - 160]
    ((state, detail),) = heard.statuses
    assert state == "late_marker"
    assert detail.startswith(f"Marker {LABELS[0]!r} is of 1000 ms before the samples")


def tracks_needed(t_onsets: list[float], window_s: float = 0.8) -> int:
    """So many that no two of overlapping trials, in the order told, share one: trial n runs on track n % tracks."""
    n = range(len(t_onsets))
    return 1 + max(j - i for i in n for j in n[i:] if abs(t_onsets[j] - t_onsets[i]) < window_s)


def timeline(folder: Path) -> list[tuple[float, str]]:
    """Onset in seconds and picture of the first 300 events, the first at 1 s."""
    file = sorted(folder.glob("*sub-01*_events.tsv"))[0]
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines(), delimiter="\t"))[:300]
    first = float(rows[0]["onset"])
    return [((float(row["onset"]) - first) / 1000 + 1.0, row["stimname"]) for row in rows]


def test_ten_pictures_a_second_are_each_decoded_to_the_end_of_their_window(tmp_path):
    if "GLIMPSE_DATA" not in os.environ:
        pytest.skip("set GLIMPSE_DATA to a folder that holds things_eeg1_events/, from openneuro.org ds003825")
    events = timeline(Path(os.environ["GLIMPSE_DATA"]) / "things_eeg1_events")
    names = {name: LABELS[i % 3] for i, (_, name) in enumerate(events)}
    decoder = Decoder(tiny_bundle(tmp_path / "things", sfreq=SFREQ, events=names))
    seconds = events[-1][0] + 2.0
    samples = 20 * np.random.default_rng(0).normal(size=(round(seconds * SFREQ), len(CH_NAMES)))
    # A second at a time; markers come up to 0.3 s early or 0.2 s late, each by itself, and so not in order: trials are
    # numbered as told, hence more tracks than trials overlap.
    script, left, rng = [], [Marker(name, T0 + s) for s, name in events], np.random.default_rng(1)
    lead = dict(zip([m.t_lsl for m in left], rng.uniform(-0.3, 0.2, len(left)), strict=True))
    for begin in range(0, len(samples), 160):
        until = T0 + (begin + 160) / SFREQ
        due = [m for m in left if m.t_lsl + lead[m.t_lsl] <= until]
        left = [m for m in left if m not in due]
        script.append(([chunk(samples[begin : begin + 160], begin, SFREQ)], due))
    tracks = tracks_needed([m.t_lsl for _, due in script for m in due])
    assert tracks_needed([T0 + s for s, _ in events]) == 9 < tracks
    with engine(lambda query: ArraySource(CH_NAMES, SFREQ, script)) as (running, log):
        running.open("s1", decoder, StreamQuery("arrays"), tracks=tracks)
        log.wait(lambda: any(d["sample"] >= len(samples) - HOP for d in log.of("decision")))
    told = [trial["marker"] for trial in log.of("trial")]
    assert sorted(told) == sorted(name for _, name in events)
    ends = {d["trial"]: d["since_onset_s"] for d in log.of("decision") if d["trial"] is not None}
    assert sorted(ends) == list(range(len(events)))
    assert min(ends.values()) > 0.8 - 0.0625  # each to the last hop of its window
    assert "overlap" not in log.states()
    onsets = [round(m["t_onset"] * SFREQ - T0 * SFREQ) for m in log.of("trial")]
    state, want = decoder.start(tracks), []
    for n, begin in enumerate(range(0, len(samples), 160)):
        due = [onsets.pop(0) for _ in script[n][1]]
        more, state = decoder.step(samples[begin : begin + 160], state, due)
        want += more
    same_decisions(log.of("decision"), want)
