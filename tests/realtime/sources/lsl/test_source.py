"""Live LSL streams are read completely, with labels, units, gaps and markers, or refused."""

import os
import threading
import time
from pathlib import Path
from uuid import uuid4

import mne
import numpy as np
import pylsl
import pytest
from mne_lsl.player import PlayerLSL

from realtime.errors import StreamLost
from realtime.sources.lsl.inlet import ClockReading
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.lsl_streams import LABELS, SFREQ, outlet, reading
from tests.helpers.outlets import markers_of
from tests.helpers.waiting import PATIENCE_S, until


@pytest.fixture
def name():
    return f"test-{uuid4().hex[:8]}"


def pull_until(source, n_times, n_markers=0):
    """Chunks of at least `n_times` samples and at least `n_markers` markers, in however many pieces they arrive."""
    chunks, markers = [], []

    def complete():
        more, marks = source.pull(0.1)
        chunks.extend(more)
        markers.extend(marks)
        return sum(len(c.samples) for c in chunks) >= n_times and len(markers) >= n_markers

    assert until(complete, every_s=0.0), (len(chunks), len(markers))
    return chunks, markers


def wait_for_markers(source):
    """What is sent before the marker stream is open is lost."""
    assert until(lambda: source.marker_names)


def samples_of(chunks):
    return np.concatenate([chunk.samples for chunk in chunks])


def numbered(n_times):
    return np.arange(n_times, dtype=np.float32)[:, None] + 0.5 * np.arange(len(LABELS), dtype=np.float32)


def test_a_plain_outlet_with_names_instead_of_labels_is_read(name):
    out, sent, t0 = outlet(name, key="name"), numbered(1000), pylsl.local_clock()
    with reading(name) as source:
        for k in range(0, 1000, 7):
            out.push_chunk(sent[k : k + 7], t0 + (min(k + 7, 1000) - 1) / SFREQ)
        chunks, _ = pull_until(source, 1000)
    np.testing.assert_array_equal(samples_of(chunks), sent)
    assert source.info.ch_names == LABELS
    assert (source.info.name, source.info.sfreq) == (name, SFREQ)
    assert all(chunk.gap_samples == 0 for chunk in chunks)
    for chunk in chunks:
        assert chunk.t_first == pytest.approx(t0 + chunk.index / SFREQ, abs=1e-3)


@pytest.mark.parametrize("form", ["float32", "double64", "int32", "int16"])
def test_every_number_format_and_unit_becomes_float64_microvolts(name, form):
    out = outlet(name, form=form, unit="millivolts")
    with reading(name) as source:
        out.push_chunk(np.tile(np.arange(8), (20, 1)))
        chunks, _ = pull_until(source, 20)
    assert chunks[0].samples.dtype == np.float64
    np.testing.assert_array_equal(samples_of(chunks), np.tile(np.arange(8) * 1e3, (20, 1)))


def test_nan_passes_through_as_nan(name):
    out, sent = outlet(name), numbered(50)
    sent[20, 3] = np.nan
    with reading(name) as source:
        out.push_chunk(sent)
        chunks, _ = pull_until(source, 50)
    np.testing.assert_array_equal(samples_of(chunks), sent)


def test_lost_samples_split_chunks_and_are_counted(name):
    out, sent, t0 = outlet(name), numbered(4000), pylsl.local_clock()
    with reading(name) as source:
        for k in [*range(0, 2000, 50), *range(2500, 4000, 50)]:
            out.push_chunk(sent[k : k + 50], t0 + (k + 49) / SFREQ)
        chunks, _ = pull_until(source, 3500)
    assert [(c.index, c.gap_samples) for c in chunks if c.gap_samples] == [(2500, 500)]
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.samples[:, 0], chunk.index + np.arange(len(chunk.samples)))


def test_a_sample_without_a_time_is_a_lost_one(name):
    """Taken as it is, one NaN among the stamps would make every time after it NaN."""
    out, sent, t0 = outlet(name), numbered(1500), pylsl.local_clock()
    with reading(name) as source:
        for k in range(0, 1500, 50):
            out.push_chunk(sent[k : k + 50], np.nan if k == 500 else t0 + (k + 49) / SFREQ)
        chunks, _ = pull_until(source, 1450)
    assert [(c.index, c.gap_samples) for c in chunks if c.gap_samples] == [(550, 50)]
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.samples[:, 0], chunk.index + np.arange(len(chunk.samples)))
        assert chunk.t_first == pytest.approx(t0 + chunk.index / SFREQ, abs=2e-3)


def test_a_slow_reader_loses_no_sample(name):
    out, sent = outlet(name), numbered(20_000)
    with reading(name) as source:
        out.push_chunk(sent)
        time.sleep(0.5)
        chunks, _ = pull_until(source, 20_000)
    np.testing.assert_array_equal(samples_of(chunks), sent)


def test_a_silent_stream_gives_no_samples_and_a_dead_one_is_lost(name):
    out = outlet(name)
    with reading(name) as source:
        assert source.pull(0.05) == ([], [])
        del out
        with pytest.raises(StreamLost, match=name):
            pull_until(source, 1)


@pytest.mark.parametrize(("form", "sent", "label"), [("string", "T1", "T1"), ("int32", 7, "7"), ("float32", 7.0, "7")])
def test_markers_of_every_format_keep_their_stamps(name, form, sent, label):
    out = outlet(name)
    marks = pylsl.StreamOutlet(pylsl.StreamInfo(f"{name}-markers", "Markers", 1, 0, form, f"{name}-m"))
    with reading(name) as source:
        wait_for_markers(source)
        t = pylsl.local_clock()
        marks.push_sample([sent], t)
        out.push_chunk(numbered(10))
        _, markers = pull_until(source, 10, 1)
    assert [(m.label, m.t_lsl) for m in markers] == [(label, pytest.approx(t, abs=1e-3))]


def test_many_markers_are_read_in_order_over_several_calls_between_samples(name):
    out, marks = outlet(name), markers_of(f"{name}-markers")
    with reading(name) as source:
        wait_for_markers(source)
        t, n = pylsl.local_clock(), 20_000
        for k in range(n):
            marks.push_sample([str(k)], t + k * 2e-3)
        out.push_chunk(numbered(500), t)
        chunks, found, most = [], [], 0
        deadline = time.monotonic() + PATIENCE_S
        while (len(found) < n or sum(len(c.samples) for c in chunks) < 500) and time.monotonic() < deadline:
            more, some = source.pull(0.02)
            chunks, found, most = chunks + more, found + some, max(most, len(some))
    assert [m.label for m in found] == [str(k) for k in range(n)]
    assert most <= 2048
    assert len(samples_of(chunks)) == 500


def test_the_delay_of_a_device_is_subtracted_as_header_or_query_declare(name):
    info = pylsl.StreamInfo(name, "EEG", 1, SFREQ, "float32", f"id-{name}")
    info.desc().append_child("synchronization").append_child_value("offset_mean", "0.065")
    out = pylsl.StreamOutlet(info)
    marks = markers_of(f"{name}-markers", delay_s="0.5")
    for delay_s, want in [(None, 0.065), (0.02, 0.02), (0.0, 0.0)]:
        source = LslSource(StreamQuery(name, f"{name}-markers", delay_s), wait_s=PATIENCE_S)
        wait_for_markers(source)
        t = pylsl.local_clock()
        marks.push_sample(["x"], t)
        out.push_chunk(np.zeros((10, 1), np.float32), t)
        chunks, found = pull_until(source, 10, 1)
        source.close()
        assert chunks[0].time_of(9) == pytest.approx(t - want, abs=2e-3)
        assert found[0].t_lsl == pytest.approx(t - 0.5, abs=1e-3)


def test_a_pull_waits_for_the_samples_requested_but_no_longer_than_allowed(name):
    out = outlet(name)
    with reading(name) as source:
        t = pylsl.local_clock()

        def send():
            for k in range(10):
                time.sleep(0.05)
                out.push_chunk(numbered(1), t + k / SFREQ)

        sending = threading.Thread(target=send)
        sending.start()
        assert sum(len(c.samples) for c in source.pull(PATIENCE_S, 10)[0]) == 10
        sending.join()
        out.push_chunk(numbered(3), t + 12 / SFREQ)
        began = time.monotonic()
        assert sum(len(c.samples) for c in source.pull(1.0, 10)[0]) == 3
        assert time.monotonic() - began >= 0.95


def test_a_clock_jump_is_measured_and_reported_with_the_next_samples(name, monkeypatch):
    """The jump is made here: clocks of one machine do not part."""
    out = outlet(name)
    with reading(name) as source:
        assert source.clock_offset_s == pytest.approx(0.0, abs=1e-3)
        t = pylsl.local_clock()

        def steps_of(k):
            """Clock steps reported with the samples from 20 k on, chunk by chunk."""
            out.push_chunk(numbered(20), t + (19 + 20 * k) / SFREQ)
            return [c.clock_step_s for c in pull_until(source, 20)[0]]

        assert set(steps_of(0)) == {0.0}
        readings = [(ClockReading(-3.0, 1e-4), 3.0), (ClockReading(-3.004, 1e-4), 0.0)]
        for k, (after, step_s) in enumerate(readings, 1):
            monkeypatch.setattr("realtime.sources.lsl.source.read_clock", lambda inlet, after=after: after)

            def noticed(after=after):
                assert source.pull(0.0) == ([], [])  # looks at the clock, from time to time
                return source.clock_offset_s == -after.correction_s

            assert until(noticed)
            first, *others = steps_of(k)
            assert first == pytest.approx(step_s, abs=1e-3)
            assert set(others) <= {0.0}
    monkeypatch.undo()


def played(raw, name):
    """What `LslSource` reads of an MNE recording that mne-lsl's player plays once, and its markers."""
    player = PlayerLSL(raw, chunk_size=20, n_repeat=1, name=name, source_id=f"id-{name}")
    with player:
        with reading(name, markers=f"{name}-annotations") as source:
            return source.info, *pull_until(source, round(4 * raw.info["sfreq"]), len(raw.annotations) > 0)


def assert_played_unchanged(raw, info, chunks):
    read, whole = samples_of(chunks), raw.get_data().T * 1e6
    assert info.ch_names == tuple(raw.ch_names)
    assert info.sfreq == raw.info["sfreq"]
    starts = np.flatnonzero(np.isclose(whole[:, 0], read[0, 0], atol=1e-6))
    assert any(np.allclose(whole[k : k + len(read)], read[: len(whole) - k], atol=1e-6) for k in starts)


def test_a_file_played_by_mne_lsl_is_read_unchanged(name):
    """The player sends volts; one-hot annotations become markers at their samples."""
    data = np.random.default_rng(0).normal(0, 20e-6, (8, 7500))
    raw = mne.io.RawArray(data, mne.create_info(list(LABELS), SFREQ, "eeg", verbose="ERROR"), verbose="ERROR")
    rows = np.arange(250, 7500, 250)  # a marker a second, called after its sample: which come first is a matter of luck
    raw.set_annotations(mne.Annotations(rows / SFREQ, np.tile([0.0, 0.5], 15)[: len(rows)], [f"{row}" for row in rows]))
    info, chunks, markers = played(raw, name)
    assert_played_unchanged(raw, info, chunks)
    first = np.flatnonzero(np.isclose(data[0] * 1e6, chunks[0].samples[0, 0]))[0]
    assert markers
    for marker in markers:
        assert abs(first + chunks[0].index_of(marker.t_lsl) - int(marker.label)) <= 1


def test_the_public_recording_is_read_unchanged(name):
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder:
        pytest.skip(
            "set GLIMPSE_DATA to a folder that holds eegmmidb_S001/S001R05.edf of physionet.org/content/eegmmidb"
        )
    [file, *_] = sorted(Path(folder, "eegmmidb_S001").glob("*.edf"))
    raw = mne.io.read_raw_edf(file, preload=True, verbose="ERROR").crop(0, 30)
    info, chunks, _ = played(raw, name)
    assert_played_unchanged(raw, info, chunks)
