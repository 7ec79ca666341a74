"""A recording survives its recorder, and decoding survives the recording."""

import os
import resource
import signal
import time

import numpy as np
import pytest
import pyxdf
from pylsl import local_clock

from realtime.recorder.process import record_process
from realtime.recordings.read import read_recording
from tests.helpers.amplifiers import streaming, unique
from tests.helpers.bundles import CH_NAMES, tiny_bundle
from tests.helpers.machine import Withheld
from tests.helpers.servers import server
from tests.helpers.waiting import PATIENCE_S

LIMIT = 150_000  # bytes a file may have: full after some seconds


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("recorded") / "tiny", sfreq=250.0)


def test_a_killed_recorder_leaves_a_file_without_the_last_second_at_most(tmp_path, row):
    amplifier = unique(CH_NAMES)
    with streaming(amplifier) as source, record_process(tmp_path / "a.xdf", [amplifier.name]) as recorder:
        told = ""
        while "is being recorded" not in told:
            told += "".join(word.detail for word in recorder.events())
            time.sleep(0.02)
        time.sleep(2.0)
        withheld = Withheld(recorder.pid, source.process.pid)
        time.sleep(2.0)
        killed, withheld_s = local_clock(), withheld.seconds()
        os.kill(recorder.pid, signal.SIGKILL)
        last = recorder.result(PATIENCE_S)
    assert (last.state, "died; its file holds" in last.detail) == ("record_failed", True)
    found = read_recording(tmp_path / "a.xdf")
    (stream,), _ = pyxdf.load_xdf(tmp_path / "a.xdf", dejitter_timestamps=False, verbose=False)
    first = round((stream["time_stamps"][0] - source.t0) * amplifier.sfreq)
    np.testing.assert_array_equal(found.samples, amplifier.samples(first, first + len(found.samples)))
    lost_s = killed - stream["time_stamps"][-1]
    assert lost_s < 1.0 + withheld_s
    row("recorder killed", f"`record_failed`; the file loads and lacks {lost_s:.2f} s", None, None, "-")


def test_a_full_disk_ends_the_recording_and_not_the_decoding(bundle, tmp_path, row):
    amplifier = unique(CH_NAMES)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    arguments = ("--stream", amplifier.name, "--record", str(tmp_path))
    with streaming(amplifier), server(bundle.path, *arguments, preexec_fn=limit) as running:
        failed, hops = None, []
        for message in running.messages("s1"):
            if message["type"] == "status" and message["state"] == "record_failed":
                failed, at = message, len(hops)
            if message["type"] == "decision":
                hops.append(message["hop"])
            if failed and len(hops) > at + 32:
                break
    assert "the file cannot be written (File too large); verified, samples " in failed["detail"]
    assert hops == list(range(len(hops)))
    (path,) = tmp_path.rglob("*.xdf")
    assert path.stat().st_size <= LIMIT
    found = read_recording(path)
    held = f" {len(found.samples)} of {amplifier.name}"
    assert held in failed["detail"]
    row("disk full while a session is recorded", "`record_failed`; the file loads, decoding goes on", None, None, 0)
