import asyncio
import os
import signal
import time
from uuid import uuid4

import pylsl
import pytest

from realtime.errors import BadInput
from realtime.recorder.bids_names import BidsName
from serve.api.app import create_app
from serve.sessions.recording import SessionRecording
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND
from tests.helpers.machine import Withheld
from tests.helpers.waiting import PATIENCE_S


@pytest.fixture
def stream():
    """The name of a stream of markers in sight."""
    name = f"marks-{uuid4().hex[:8]}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0.0, pylsl.cf_string, name))
    yield name
    del outlet


async def told(recording, said, state):
    end = time.monotonic() + PATIENCE_S
    while not any(one == state for one, _ in said) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert any(one == state for one, _ in said), said


def recorded(stream, folder):
    """What is said of a recording that begins and is ended."""
    said = []

    async def run():
        recording = SessionRecording(folder, [stream], BidsName(), lambda *status: said.append(status))
        await told(recording, said, "recording")
        await recording.stop()

    asyncio.run(run())
    return said


def test_a_recording_reports_its_streams_and_at_its_end_its_contents(stream, tmp_path):
    said = recorded(stream, tmp_path)
    assert {state for state, _ in said[:-1]} == {"recording"}
    assert "is read back" in said[-2][1]  # it may take a while: said before, not after
    assert said[-1][0] == "recorded"
    assert all(detail.endswith(".") for _, detail in said)
    assert len(list(tmp_path.glob("**/*.xdf"))) == 1


def test_a_killed_recorder_is_reported_and_ends_at_once(stream, tmp_path):
    said = []

    async def run():
        recording = SessionRecording(tmp_path, [stream], BidsName(), lambda *status: said.append(status))
        await told(recording, said, "recording")
        os.kill(recording.process.pid, signal.SIGKILL)
        await told(recording, said, "record_failed")
        began, withheld = time.monotonic(), Withheld()
        await recording.stop()
        assert time.monotonic() - began < 3.0 + withheld.seconds()

    asyncio.run(run())
    assert [state for state, _ in said].count("record_failed") == 1


def test_a_file_that_is_not_read_back_in_time_is_reported(stream, tmp_path, monkeypatch):
    monkeypatch.setattr("serve.sessions.recording.VERIFY_TIMEOUT_S", 0.0)
    said = recorded(stream, tmp_path)
    assert said[-1][0] == "record_failed"
    assert "could not be read back within 0 s" in said[-1][1]


def test_a_new_folder_is_made_as_glimpse_record_does(tmp_path):
    create_app(Settings(bundle=tmp_path, record=tmp_path / "a" / "new"), BACKEND)
    assert list((tmp_path / "a" / "new").iterdir()) == []


def test_no_folder_to_record_in_and_invalid_bids_names_are_refused_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="--record: .*file cannot be written into .*; name a folder"):
        create_app(Settings(bundle=tmp_path, record=tmp_path / "file"), BACKEND)
    with pytest.raises(BadInput, match="--task"):
        create_app(Settings(bundle=tmp_path, record=tmp_path, task="a_b"), BACKEND)
