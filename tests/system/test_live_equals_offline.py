"""A file replayed over LSL through engine and server gives a client exactly the decisions of the file decoded whole."""

import os
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from websockets.sync.client import connect

from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.recordings.read import read_recording
from realtime.recordings.recording import Recording
from realtime.sensors.montage import match_channels
from realtime.simulation.replay import replay_process
from serve.api.server import serving
from serve.backend import realtime_backend
from serve.protocol.messages import EVENT_MESSAGE, EventMessage
from serve.settings import Settings
from tests.helpers.bundles import CAP, EVENTS
from tests.helpers.bundles import CAP_SFREQ as SFREQ
from tests.helpers.recordings import write_csv, write_xdf
from tests.helpers.waiting import PATIENCE_S
from training.data.segments import event_samples, unbroken_spans

QUIET_S = 1.5  # this long without a message after the last expected decision: nothing more comes


@pytest.fixture(scope="module")
def decoder(flagship) -> Decoder:
    return Decoder(flagship)


def made_up(seconds: float) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Samples with offsets and drift, and a marker every 2.3 s: some start trials, T0 does not."""
    rng, n_times = np.random.default_rng(0), round(seconds * SFREQ)
    samples = 30 * rng.normal(size=(n_times, len(CAP))) + np.cumsum(rng.normal(size=(n_times, len(CAP))), axis=0)
    rows = range(37, n_times, round(2.3 * SFREQ))
    return (samples + 1000 * rng.normal(size=len(CAP))).astype(np.float32), [
        (row, ("T0", "T1", "T2")[k % 3]) for k, row in enumerate(rows)
    ]


def as_npz(path: Path, seconds: float) -> Path:
    samples, markers = made_up(seconds)
    np.savez(path, samples=samples, sfreq=SFREQ, ch_names=CAP, markers=[(str(row), label) for row, label in markers])
    return path


def as_csv(path: Path, seconds: float) -> Path:
    samples, markers = made_up(seconds)
    marked = dict(markers)
    columns = {name: [f"{x:.3f}" for x in samples[:, i]] for i, name in enumerate(CAP)}
    return write_csv(
        path, np.arange(len(samples)) / SFREQ, columns | {"marker": [marked.get(i, "") for i in range(len(samples))]}
    )


def offline(decoder: Decoder, recording: Recording) -> list[Decision]:
    samples = recording.samples[:, match_channels(decoder.ch_names, recording.ch_names)].astype(float)
    onsets = [number for number, label in event_samples(recording) if label in EVENTS]
    state, decisions = decoder.start(), []
    for begin, end, origin in unbroken_spans(recording):
        if lost := origin - decoder.frontend.next_sample(state):
            state = decoder.skip(state, lost)
        more, state = decoder.step(samples[begin:end], state, () if begin else onsets)
        decisions += more
    return decisions


def until_quiet(events, n_decisions: int, timeout_s: float) -> Iterator[EventMessage]:
    """Messages until `n_decisions` have come and then none for QUIET_S, but for what is said of the stream's end."""
    n, deadline = 0, time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            message = EVENT_MESSAGE.validate_json(events.recv(QUIET_S))
        except TimeoutError:
            if n >= n_decisions:
                return
            continue
        n += message.type == "decision"
        yield message


def replayed(decoder: Decoder, file: Path, speed: float, n_decisions: int, seconds: float) -> list[EventMessage]:
    name = f"test-{uuid4().hex[:8]}"
    settings = Settings(bundle=decoder.bundle.path, stream=name, markers=f"{name}-markers", port=0)
    with replay_process(file, speed, name=name), serving(settings, realtime_backend()) as server:
        url = server.replace("http", "ws", 1) + "/v1/sessions/s1/events?embedding=true&after=0"
        with connect(url, proxy=None) as events:
            return list(until_quiet(events, n_decisions, seconds / speed + PATIENCE_S))


def check(decoder: Decoder, file: Path, speed: float, say) -> dict[int, bool]:
    """By the newest sample of each hop, whether it has bad channels."""
    recording = read_recording(file)
    want = offline(decoder, recording)
    messages = replayed(decoder, file, speed, len(want), recording.duration_s)
    got = [message for message in messages if message.type == "decision"]
    trials = [message for message in messages if message.type == "trial"]
    states = [m.state for m in messages if m.type == "status"]
    assert set(states) <= {"connecting", "live", "stale", "lost", "gap", "bad_channels"}, messages
    assert states.count("gap") == len(recording.gaps)
    assert [d.hop for d in got] == list(range(len(want)))
    assert [d.sample for d in got] == [d.sample for d in want]
    assert [(d.trial, d.since_onset_s) for d in got] == [(d.trial, d.since_onset_s) for d in want]
    assert [t.marker for t in trials] == [label for _, label in recording.markers if label in EVENTS]
    assert [t.trial for t in trials] == list(range(len(trials)))
    off = np.abs(np.array([d.embedding for d in got]) - np.array([d.embedding for d in want])).max()
    with say.disabled():
        sys.stdout.write(f"\n{file.name} at {speed:g}x: {len(got)} decisions, embeddings differ by at most {off:.1e}\n")
    assert off == 0.0
    assert [[c.label for c in d.top] for d in got] == [[c.label for c in d.top] for d in want]
    assert sum(d.trial is not None for d in got) > 10
    assert [d.quality.gap for d in got] == [d.gap for d in want]
    assert [tuple(d.quality.bad_channels) for d in got] == [d.bad_channels for d in want]
    assert [d.quality.artifact for d in got] == [d.artifact for d in want]
    return {d.sample: bool(d.quality.bad_channels) for d in got}


def check_zeros(flagged: dict[int, bool], ends: list[int], n_times: int) -> None:
    """Flagged are the zeros on every channel that runs end in, for half a second, and little else.

    By the rule of `realtime.quality.bad_channels`: from when they fill three blocks of a tenth of a
    second, which is 0.3 to 0.4 s after they began, until ten blocks are good, of which the first may have begun with
    the last zeros.
    """
    block = round(0.1 * SFREQ)
    until = {
        end: [sample - end for sample, bad in flagged.items() if bad and abs(sample - end) < 5 * SFREQ] for end in ends
    }
    assert sum(map(len, until.values())) == sum(flagged.values())
    hop = min(b - a for a, b in pairwise(flagged))
    for end, near in until.items():
        assert -2 * block <= min(near) < -block + hop
        assert max(near) >= min(9 * block, n_times - end) - hop
        assert max(near) < 11 * block + hop
        assert near == [s - end for s in flagged if min(near) <= s - end <= max(near)]


def test_in_real_time(decoder, tmp_path, capsys):
    assert not any(check(decoder, as_csv(tmp_path / "made-up.csv", 20.0), 1.0, capsys).values())


def test_at_eight_times_the_speed(decoder, tmp_path, capsys):
    assert not any(check(decoder, as_npz(tmp_path / "made-up.npz", 60.0), 8.0, capsys).values())


def test_with_lost_samples_inside_and_outside_trials(decoder, tmp_path, capsys):
    file = as_csv(tmp_path / "whole.csv", 40.0)
    header, *rows = file.read_text().splitlines(keepends=True)
    holed = tmp_path / "holed.csv"
    holed.write_text("".join([header, *rows[:1000], *rows[1333:3000], *rows[3005:]]))
    assert read_recording(holed).gaps == ((1000, 333), (2667, 5))
    assert not any(check(decoder, holed, 8.0, capsys).values())


def test_a_whole_run_of_a_real_recording(decoder, capsys):
    if "GLIMPSE_DATA" not in os.environ:
        pytest.skip("set GLIMPSE_DATA to a folder that holds eegmmidb_S001/, from physionet.org/content/eegmmidb")
    (file,) = Path(os.environ["GLIMPSE_DATA"]).rglob("*S001R10.edf")
    n_times = len(read_recording(file).samples)
    check_zeros(check(decoder, file, 8.0, capsys), [n_times], n_times)


def test_live_equals_offline_on_all_runs_of_a_real_person_with_gaps(decoder, tmp_path, capsys):
    if "GLIMPSE_DATA" not in os.environ:
        pytest.skip("set GLIMPSE_DATA to a folder that holds eegmmidb_S001/, from physionet.org/content/eegmmidb")
    runs = [read_recording(file) for file in sorted(Path(os.environ["GLIMPSE_DATA"]).rglob("eegmmidb_S001/*.edf"))]
    samples = np.concatenate([run.samples for run in runs])
    starts = np.cumsum([0, *(len(run.samples) for run in runs)])
    markers = [(start + row, label) for start, run in zip(starts, runs, strict=False) for row, label in run.markers]
    rng, lost = np.random.default_rng(0), np.zeros(len(samples), bool)
    for first in rng.integers(2000, len(samples) - 2000, 40):
        lost[first : first + rng.integers(3, 700)] = True
    kept = np.flatnonzero(~lost)
    stamps = 100 + np.arange(len(samples)) / runs[0].sfreq
    eeg = {"name": "runs", "type": "EEG", "sfreq": runs[0].sfreq, "ch_names": runs[0].ch_names, "unit": "uV"}
    marks = {"name": "marks", "type": "Markers", "sfreq": 0, "stamps": [stamps[row] for row, _ in markers]}
    file = write_xdf(
        tmp_path / "runs.xdf",
        [eeg | {"stamps": stamps[kept], "values": samples[kept]}, marks | {"values": [label for _, label in markers]}],
    )
    assert len(read_recording(file).gaps) > 30
    check_zeros(check(decoder, file, 16.0, capsys), starts[1:].tolist(), len(samples))
