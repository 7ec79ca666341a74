"""Live streams are recorded sample for sample with their own stamps, through loss and return."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from uuid import uuid4

import numpy as np
import pylsl
import pytest
import pyxdf

from realtime.errors import BadInput
from realtime.recorder.bids_names import BidsName
from realtime.recorder.process import record_process
from realtime.recorder.recorder import check_out, record_streams
from realtime.recordings.read import read_recording
from realtime.simulation.replay import replay_process
from tests.helpers.machine import Withheld, sleep_undisturbed
from tests.helpers.recordings import wait_written
from tests.helpers.waiting import PATIENCE_S, until

FORMATS = {
    "float32": np.float32,
    "double64": np.float64,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
}


@pytest.fixture
def name():
    return f"rec-{uuid4().hex[:8]}"


def outlet(name, form="float32", n_channels=1, sfreq=0.0, kind="EEG", labels=()):
    info = pylsl.StreamInfo(name, kind, n_channels, sfreq, form, f"id-{name}")
    if labels:
        info.set_channel_labels(list(labels))
    return pylsl.StreamOutlet(info)


class Running:
    """A recording in a thread of this process."""

    def __init__(self, out, streams, seconds=None):
        self.said, self.done, self.error = [], None, None
        self._stop = threading.Event()
        self._args = (out, streams, BidsName(), lambda state, text: self.said.append(text), self._stop.is_set, seconds)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self.done = record_streams(*self._args)
        except BadInput as error:
            self.error = error

    def wait_said(self, *words):
        assert until(lambda: all(any(word in text for text in self.said) for word in words)), (words, self.said)

    def stop(self):
        self._stop.set()
        self._thread.join()
        return self.done


@contextmanager
def recording(out, *streams, seconds=None, known=None):
    """A recording that has opened the streams it is to record."""
    running = Running(out, streams, seconds)
    try:
        running.wait_said(*(f"{stream} is being recorded" for stream in (streams if known is None else known)))
        yield running
    finally:
        running.stop()


def load(path, **options):
    options = {"synchronize_clocks": False, "dejitter_timestamps": False, "verbose": False} | options
    streams, _ = pyxdf.load_xdf(path, **options)
    return streams


def named(streams, name):
    (found,) = [s for s in streams if s["info"]["name"] == [name]]
    return found


def test_every_format_arrives_bit_for_bit_with_the_senders_stamps_and_header(tmp_path, name):
    rng = np.random.default_rng(0)
    outlets = {form: outlet(f"{name}-{form}", form, 2, labels=("a", "ö<&>")) for form in (*FORMATS, "string")}
    values = {form: rng.integers(-100, 100, (30, 2)).astype(dtype) for form, dtype in FORMATS.items()}
    values["double64"] += rng.standard_normal((30, 2))
    values["float32"][3] = np.nan, np.inf
    values["int64"][0] = 2**62 + 1, -(2**62)
    values["string"] = [[f"Größe {k}", "" if k % 2 else "<x>\n"] for k in range(30)]
    stamps = pylsl.local_clock() + np.sort(rng.uniform(0, 1, 30))
    with recording(tmp_path / "a.xdf", *(f"{name}-{form}" for form in outlets)) as running:
        for form, out in outlets.items():
            for row, stamp in zip(values[form], stamps, strict=True):
                out.push_sample(row if form == "string" else row.tolist(), stamp)
        wait_written(tmp_path / "a.xdf", {f"{name}-{form}": 30 for form in outlets}, n_offsets=1)
    assert running.done.complete
    assert f"30 of {name}-int64" in running.done.message
    assert running.done.message.endswith("; stamps ascend")
    streams = load(tmp_path / "a.xdf")
    for form in outlets:
        found = named(streams, f"{name}-{form}")
        np.testing.assert_array_equal(found["time_stamps"], stamps)
        if form == "string":
            assert found["time_series"] == values[form]
        else:
            assert found["time_series"].tobytes() == values[form].tobytes()
        channels = found["info"]["desc"][0]["channels"][0]["channel"]
        assert [channel["label"][0] for channel in channels] == ["a", "ö<&>"]
        assert found["info"]["source_id"] == [f"id-{name}-{form}"]
        assert len(found["clock_times"]) >= 1
        assert abs(found["clock_values"][0]) < 0.1  # one machine, one clock
        assert abs(found["clock_times"][0] - stamps[0]) < 60


def test_clock_offsets_come_every_five_and_boundaries_every_ten_seconds(tmp_path, name):
    out = outlet(name)
    with recording(tmp_path / "a.xdf", name) as running:
        time.sleep(11.0)
    assert out.have_consumers() or running.done.complete
    (found,) = load(tmp_path / "a.xdf")
    assert 2 <= len(found["clock_times"]) <= 4
    steps = np.diff(found["clock_times"])
    assert steps.min() > 4.0
    boundary = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
    assert (tmp_path / "a.xdf").read_bytes().count(boundary) == 1


def test_streams_that_appear_later_are_recorded(tmp_path, name):
    first = outlet(name)
    with recording(tmp_path / "a.xdf", known=[name]) as running:
        first.push_sample([1.0])
        late = outlet(f"{name}-late", "string", kind="Markers")
        running.wait_said(f"{name}-late is being recorded")
        late.push_sample(["here"])
        wait_written(tmp_path / "a.xdf", {f"{name}-late": 1})
    assert named(load(tmp_path / "a.xdf"), f"{name}-late")["time_series"] == [["here"]]


def test_characters_that_xml_forbids_leave_the_file_readable(tmp_path, name):
    info = pylsl.StreamInfo(name, "EEG", 1, 0.0, "float32", f"id-{name}")
    info.desc().append_child_value("cap", "bell \x07 \uffff")
    out = pylsl.StreamOutlet(info)
    with recording(tmp_path / "a.xdf", name):
        out.push_sample([1.0])
        wait_written(tmp_path / "a.xdf", {name: 1})
    (found,) = load(tmp_path / "a.xdf")
    assert found["time_series"].tolist() == [[1.0]]
    assert found["info"]["desc"][0]["cap"] == ["bell ? ?"]


def test_other_streams_are_left_out_and_a_missing_one_is_reported(tmp_path, name):
    here, other = outlet(name), outlet(f"{name}-other")
    running = Running(tmp_path / "a.xdf", (f"id-{name}", f"{name}-missing"))
    running.wait_said(f"{name} is being recorded", f"waiting for '{name}-missing', not visible yet")
    for out in (here, other):
        out.push_sample([1.0])
    wait_written(tmp_path / "a.xdf", {name: 1})
    assert running.stop().complete
    assert [s["info"]["name"] for s in load(tmp_path / "a.xdf")] == [[name]]


def test_a_returning_stream_is_continued_and_a_changed_header_starts_another(tmp_path, name):
    with recording(tmp_path / "a.xdf", name, known=[]) as running:
        for labels, value in ((("Cz", "Pz"), 1), (("Cz", "Pz"), 2), (("Pz", "Cz"), 3)):
            out = outlet(name, n_channels=2, labels=labels)
            running.wait_said("is back" if value == 2 else "is being recorded")
            assert out.wait_for_consumers(PATIENCE_S)
            out.push_sample([value, -value])
            wait_written(tmp_path / "a.xdf", {name: value})
            if value < 3:
                del out
                running.wait_said("is lost; it goes on as soon as it is back")
            running.said.clear()
    same, other = load(tmp_path / "a.xdf")
    assert same["time_series"].tolist() == [[1.0, -1.0], [2.0, -2.0]]
    assert other["time_series"].tolist() == [[3.0, -3.0]]
    assert running.done.complete


def test_the_last_marker_of_a_sender_that_dies_is_recorded(tmp_path, name):
    out = outlet(name, "string", kind="Markers")
    with recording(tmp_path / "a.xdf", name) as running:
        for k in range(5):
            out.push_sample([f"m{k}"])
        sleep_undisturbed(0.05)  # liblsl itself drops what it has not sent yet
        del out
        running.wait_said("is lost")
    (found,) = load(tmp_path / "a.xdf")
    assert found["time_series"] == [[f"m{k}"] for k in range(5)]


def test_a_frozen_sender_is_continued_by_its_successor(tmp_path, name):
    samples = np.arange(5000, dtype=np.float32)[:, None]
    np.savez(tmp_path / "s.npz", samples=samples, sfreq=250.0, ch_names=["Cz"])
    with replay_process(tmp_path / "s.npz", name=name) as frozen:
        with recording(tmp_path / "a.xdf", name, f"{name}-markers") as running:
            wait_written(tmp_path / "a.xdf", {name: 250})
            os.kill(frozen.pid, signal.SIGSTOP)
            time.sleep(1.5)
            running.said.clear()
            n_frozen = len(named(load(tmp_path / "a.xdf"), name)["time_stamps"])
            with replay_process(tmp_path / "s.npz", name=name):
                running.wait_said(f"{name} is back", f"{name}-markers is back")
                wait_written(tmp_path / "a.xdf", {name: n_frozen + 250})
        os.kill(frozen.pid, signal.SIGCONT)
    found = named(load(tmp_path / "a.xdf"), name)
    values = found["time_series"][:, 0]
    assert (np.diff(values) < 0).sum() == 1  # it began again, once
    assert (values == 0).sum() == 2
    (hole,) = np.flatnonzero(np.diff(found["time_stamps"]) > 0.5)
    assert values[hole + 1] == 0


def test_without_a_visible_stream_no_file_is_written(tmp_path, name):
    running = Running(tmp_path / "a.xdf", (name,))
    running._thread.join()
    assert str(running.error).startswith(f"no LSL stream called '{name}' is visible after 5 s")
    assert list(tmp_path.iterdir()) == []


def test_runs_in_a_folder_are_numbered_and_no_file_is_overwritten(tmp_path, name):
    out = outlet(name)
    with recording(tmp_path / "study", name) as first:
        time.sleep(0.1)
    with recording(tmp_path / "study", name) as second:
        time.sleep(0.1)
    assert out is not None
    eeg = tmp_path / "study" / "sub-P001" / "ses-S001" / "eeg"
    want = [eeg / f"sub-P001_ses-S001_task-Default_run-00{run}_eeg.xdf" for run in (1, 2)]
    assert [first.done.path, second.done.path] == want
    assert sorted(eeg.iterdir()) == want
    with pytest.raises(BadInput, match=r"run-001_eeg\.xdf: exists, and no recording is ever overwritten"):
        record_streams(want[0], (name,), BidsName(), lambda *_: None, lambda: False)


@pytest.mark.parametrize(
    ("out", "words"),
    [("a.edf", "recordings are XDF"), ("none/a.xdf", "there is no folder"), ("plain", "is a file, but a new .xdf")],
)
def test_an_unusable_output_is_refused_first(tmp_path, out, words):
    (tmp_path / "plain").write_text("")
    with pytest.raises(BadInput, match=words):
        check_out(tmp_path / out)


def test_a_killed_recorder_leaves_a_file_without_the_last_second_at_most(tmp_path, name):
    out = outlet(name, "double64", 8, sfreq=250.0)
    marks = outlet(f"{name}-marks", "int32", kind="Markers")
    ending, newest = threading.Event(), [0.0]

    def send():
        k = 0
        while not ending.wait(0.02):
            now = pylsl.local_clock()
            out.push_chunk(np.repeat(np.arange(k, k + 5.0)[:, None], 8, axis=1), now)
            marks.push_sample([k], now)
            newest[0] = now
            k += 5

    sender = threading.Thread(target=send)
    sender.start()
    try:
        recorder = record_process(tmp_path / "a.xdf", [name, f"{name}-marks"])
        with recorder:
            wait_written(tmp_path / "a.xdf", {name: 1, f"{name}-marks": 1})
            time.sleep(3.0)
            withheld = Withheld(recorder.pid)
            time.sleep(1.0)
            killed, withheld_s = newest[0], withheld.seconds()
            os.kill(recorder.pid, signal.SIGKILL)
            last = recorder.result(PATIENCE_S)
    finally:
        ending.set()
        sender.join()
    assert (last.state, "died; its file holds" in last.detail) == ("record_failed", True)
    streams = load(tmp_path / "a.xdf")
    signal_, events = named(streams, name), named(streams, f"{name}-marks")
    values = signal_["time_series"][:, 0]
    assert np.array_equal(values, np.arange(values[0], values[0] + len(values)))
    lost_s = [killed - s["time_stamps"][-1] for s in (signal_, events)]
    print(f"lost on kill: {max(lost_s) * 1e3:.0f} ms")
    assert max(lost_s) < 1.0 + withheld_s
    first, last = signal_["time_stamps"][[0, -1]]  # the two streams begin and end at different times
    within = ((events["time_stamps"] >= first) & (events["time_stamps"] <= last)).sum()
    assert len(read_recording(tmp_path / "a.xdf").markers) >= within - 2
