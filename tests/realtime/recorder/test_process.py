"""A recording in a child process reports events, never makes its parent wait, and ends its file properly."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
import pylsl
import pytest
import pyxdf

from realtime.live.decision_outlet import DecisionOutlet
from realtime.recorder.process import record_process
from realtime.recordings.read import read_recording
from realtime.simulation.outlet import LiveOutlet
from tests.helpers.machine import Withheld
from tests.helpers.messages import decision_message, hello_message
from tests.helpers.recordings import wait_written
from tests.helpers.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def name():
    return f"proc-{uuid4().hex[:8]}"


def wait_told(recorder, *words):
    told = []

    def heard():
        told.extend(f"{news.state}: {news.detail}" for news in recorder.events())
        return all(any(word in text for text in told) for word in words)

    assert until(heard), told


def test_decisions_in_the_file_of_a_decoded_session_are_no_markers(tmp_path, name):
    out = LiveOutlet(name, 100.0, ("Cz", "Pz"))
    decisions = DecisionOutlet(name, f"glimpse-{name}", "s1")
    hello = hello_message(labels=("left", "right"), hop_s=0.5)
    streams = [name, f"{name}-markers", f"{name}-decisions", f"{name}-scores"]
    samples = np.arange(600, dtype=np.float32).reshape(300, 2)
    with record_process(tmp_path, streams) as recorder:
        wait_told(recorder, *(f"recording: {stream} is being recorded" for stream in streams[:3]))
        decisions.send(hello)  # the scores come once there is a bundle
        wait_told(recorder, f"recording: {name}-scores is being recorded")
        t0 = pylsl.local_clock()
        for k in range(0, 300, 50):
            out.push_marker(f"m{k}", t0 + k / 100)
            out.send(samples[k : k + 50], t0 + (k + 49) / 100)
            decisions.send(decision_message(t_lsl=t0 + (k + 49) / 100, hop=k // 50, p=np.array([0.25, 0.75])))
        path = tmp_path / "sub-P001" / "ses-S001" / "eeg" / "sub-P001_ses-S001_task-Default_run-001_eeg.xdf"
        wait_written(path, {name: 300, f"{name}-markers": 6, f"{name}-decisions": 6, f"{name}-scores": 6})
        recorder.stop()
        last = recorder.result(PATIENCE_S)
    out.close(drain_s=0.0)
    decisions.close()
    assert last.state == "stopped"
    assert last.detail.startswith(f"{path}: verified, samples ")
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.samples, samples)
    assert recording.markers == tuple((k, f"m{k}") for k in range(0, 300, 50))
    assert read_recording(path, stream=name).markers == recording.markers
    streams, _ = pyxdf.load_xdf(path, verbose=False)
    held = {s["info"]["name"][0]: s for s in streams}
    said = [json.loads(row[0]) for row in held[f"{name}-decisions"]["time_series"]]
    assert [message["hop"] for message in said if message["type"] == "decision"] == list(range(6))
    np.testing.assert_allclose(held[f"{name}-scores"]["time_series"], [[0.25, 0.75]] * 6)
    newest = recording.sfreq * (held[f"{name}-scores"]["time_stamps"] - held[name]["time_stamps"][0])
    np.testing.assert_allclose(newest, np.arange(49, 300, 50), atol=0.5)


def test_start_events_and_stop_never_wait(tmp_path, name):
    out = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 1, 0.0, "float32", name))
    took = []

    def timed(action):
        began, withheld = time.perf_counter(), Withheld()
        result = action()
        took.append(time.perf_counter() - began - withheld.seconds())
        return result

    recorder = timed(lambda: record_process(tmp_path / "a.xdf", [name]))
    with recorder:
        assert until(lambda: any("is being recorded" in news.detail for news in timed(recorder.events)))
        out.push_sample([1.0])
        timed(recorder.stop)
        assert recorder.result(PATIENCE_S).state == "stopped"
        timed(recorder.stop)
        assert timed(recorder.events) == []
    recorder.stop()
    assert max(took) < 0.5


def test_the_result_can_be_read_after_events_returned_it(tmp_path, name):
    """Whoever looks for news and then waits would otherwise turn round and round until the time is up."""
    with record_process(tmp_path / "a.xdf", [name]) as recorder:
        recorder.stop()
        told = until(lambda: [word for word in recorder.events() if word.state != "recording"])
        assert recorder.result(PATIENCE_S) == told[0]
    assert recorder.events() == []


def test_a_recording_that_cannot_start_fails_with_a_message(tmp_path, name):
    (tmp_path / "a.xdf").write_text("precious")
    with record_process(tmp_path / "a.xdf", [name]) as recorder:
        last = recorder.result(PATIENCE_S)
    assert last == ("record_failed", last.detail)
    assert "a.xdf: exists, and no recording is ever overwritten" in last.detail
    with record_process(tmp_path / "b.xdf", [name]) as recorder, pytest.raises(TimeoutError, match="no result within"):
        recorder.result(0.2)


PARENT = """
import sys, time
from realtime.recorder.process import record_process
if __name__ == "__main__":
    recorder = record_process(sys.argv[1], [sys.argv[2]])
    while not any("is being recorded" in news.detail for news in recorder.events()):
        time.sleep(0.02)
    print("recording", flush=True)
    time.sleep(60)
"""


def test_a_recorder_whose_parent_is_killed_ends_its_file_properly(tmp_path, name):
    out = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 1, 0.0, "float32", name))
    script = tmp_path / "parent.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{PARENT}")
    parent = subprocess.Popen([sys.executable, script, tmp_path / "a.xdf", name], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "recording\n"
    out.push_sample([1.0])
    wait_written(tmp_path / "a.xdf", {name: 1})
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert until(lambda: b"<sample_count>1<" in (tmp_path / "a.xdf").read_bytes(), every_s=0.1)
    (found,), _ = pyxdf.load_xdf(tmp_path / "a.xdf", verbose=False)
    assert found["time_series"].tolist() == [[1.0]]


def test_a_full_disk_is_reported_at_once_and_the_file_stays_readable(tmp_path, name):
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path]).returncode:
        pytest.skip("a disk small enough to fill can be mounted by root only")
    out = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 16, 250.0, "double64", name))
    try:
        with record_process(tmp_path / "a.xdf", [name]) as recorder:
            wait_told(recorder, f"{name} is being recorded")
            for k in range(100):
                out.push_chunk(np.full((50, 16), float(k)))
                time.sleep(0.02)
                if k == 24:
                    wait_written(tmp_path / "a.xdf", {name: 50 * k})
            last = recorder.result(PATIENCE_S)
        (found,), _ = pyxdf.load_xdf(tmp_path / "a.xdf", verbose=False)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert last.state == "record_failed"
    assert "the file cannot be written (No space left on device); verified, samples " in last.detail
    assert f"samples {len(found['time_stamps'])} of {name};" in last.detail
    np.testing.assert_array_equal(
        found["time_series"][:, 0], np.repeat(np.arange(100.0), 50)[: len(found["time_stamps"])]
    )
    assert len(found["time_stamps"]) > 1000
