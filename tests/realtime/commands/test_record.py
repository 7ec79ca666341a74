"""The command records until it is stopped, verifies the file, and reports errors in one sentence."""

import resource
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import numpy as np
import pylsl
import pytest
import pyxdf

from glimpse import cli
from tests.helpers.recordings import wait_written
from tests.helpers.waiting import PATIENCE_S

ROOT = Path(__file__).parents[3]


@pytest.fixture
def stream():
    """Name of a stream of 1 MB a second."""
    import threading

    name, ending = f"cmd-{uuid4().hex[:8]}", threading.Event()
    out = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 64, 2000.0, pylsl.cf_double64, f"id-{name}"))

    def send():
        while not ending.wait(0.02):
            out.push_chunk(np.random.default_rng(0).standard_normal((40, 64)))

    sender = threading.Thread(target=send)
    sender.start()
    yield name
    ending.set()
    sender.join()


def started(*arguments, **options):
    command = [sys.executable, "-m", "glimpse", "record", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(tmp_path, stream, number):
    recorder = started(tmp_path / "a.xdf", "--stream", stream)
    lines = [recorder.stdout.readline() for _ in range(2)]
    assert lines == [f"to {tmp_path / 'a.xdf'}\n", f"{stream} is being recorded\n"]
    wait_written(tmp_path / "a.xdf", {stream: 500})
    recorder.send_signal(number)
    out, err = recorder.communicate(timeout=PATIENCE_S)
    assert (recorder.returncode, err) == (0, "")
    assert out.startswith(f"{tmp_path / 'a.xdf'}: verified, samples ")
    (found,), _ = pyxdf.load_xdf(tmp_path / "a.xdf", verbose=False)
    assert int(found["footer"]["info"]["sample_count"][0]) == len(found["time_stamps"]) >= 500


def test_a_file_that_may_not_grow_any_more_ends_it_with_everything_before_saved(tmp_path, stream):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    recorder = started(tmp_path / "a.xdf", "--stream", stream, preexec_fn=limit)
    out, err = recorder.communicate(timeout=PATIENCE_S)
    assert (recorder.returncode, err) == (1, "")
    last = out.splitlines()[-1]
    assert "recording stopped after " in last
    assert "the file cannot be written (File too large); verified, samples " in last
    (found,), _ = pyxdf.load_xdf(tmp_path / "a.xdf", verbose=False)
    assert f"samples {len(found['time_stamps'])} of {stream}" in last
    assert len(found["time_stamps"]) > 0
    assert (tmp_path / "a.xdf").stat().st_size <= 1_000_000


def test_seconds_in_a_folder_under_its_bids_name(tmp_path, stream, capsys):
    words = ["record", str(tmp_path), "--stream", stream, "--stream", f"id-{stream}", "--seconds", "1"]
    assert cli.main([*words, "--task", "T", "--sub", "S", "--ses", "X", "--run", "7"]) == 0
    path = tmp_path / "sub-S" / "ses-X" / "eeg" / "sub-S_ses-X_task-T_run-007_eeg.xdf"
    assert f"{path}: verified" in capsys.readouterr().out
    (found,), _ = pyxdf.load_xdf(path, verbose=False)
    assert len(found["time_stamps"]) > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a.xdf", "--task", "T"], "--task names a file in a folder, but a.xdf is a file"),
        ([".", "--sub", "a_b"], "--sub is 'a_b', a BIDS name"),
        (["a.xdf", "--seconds", "0"], "--seconds is 0"),
        (["README.md"], "recordings are XDF"),
    ],
)
def test_wrong_arguments_are_refused(words, sentence, capsys):
    assert cli.main(["record", *words]) == 2
    assert sentence in capsys.readouterr().err
