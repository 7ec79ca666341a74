"""File -> replay -> LSL -> recorder -> XDF reproduces samples, markers and gaps of every format."""

import threading
from pathlib import Path
from uuid import uuid4

import mne
import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.recorder.bids_names import BidsName
from realtime.recorder.recorder import record_streams
from realtime.recordings.read import read_recording
from realtime.simulation.replay import replay_process
from tests.helpers.recordings import write_bdf, write_csv, write_edf, write_xdf

SFREQ = 256
NAMES = ("Fz", "Cz", "Pz", "Oz")
MARKS = ((0, "first"), (700, "left hand"), (701, "7"), (702, "7"), (1800, "Größe"), (2559, "last"))
HOLES = ((512, 77), (513, 1), (1800, 1024))  # (row after, samples lost)


def wave(n_times: int = 10 * SFREQ) -> np.ndarray:
    """Microvolts in steps of 0.5, which every format here can hold."""
    return np.round(60 * np.random.default_rng(1).standard_normal((n_times, len(NAMES)))) / 2


def stamps(holes=HOLES) -> np.ndarray:
    lost = np.zeros(10 * SFREQ)
    for row, n in holes:
        lost[row] += n
    return 1000 + (np.arange(10 * SFREQ) + np.cumsum(lost)) / SFREQ


def npz(path: Path) -> Path:
    np.savez(path, samples=wave(), sfreq=SFREQ, ch_names=NAMES, markers=[(str(row), label) for row, label in MARKS])
    return path


def csv(path: Path) -> Path:
    # Two columns of markers; a label that stays is one marker, so the second "7" has a column of its own.
    columns = {name: wave()[:, i].tolist() for i, name in enumerate(NAMES)}
    held = [dict(MARKS), {702: "7"}]
    del held[0][702]
    marks = {f"marker{k}": [column.get(row, "") for row in range(10 * SFREQ)] for k, column in enumerate(held)}
    lines = [",".join(["t", *columns, *marks])]
    rows = zip(stamps(), *columns.values(), *marks.values(), strict=True)
    path.write_text("\n".join([*lines, *(",".join(map(str, row)) for row in rows)]), encoding="utf-8")
    return path


def edf(path: Path) -> Path:
    return write_edf(path, wave(), SFREQ, NAMES, notes=[(row / SFREQ, label) for row, label in MARKS])


def bdf(path: Path) -> Path:
    return write_bdf(path, wave(), SFREQ, NAMES, [(3, 255), (700, 1), (1800, 65535)])


def fif(path: Path) -> Path:
    raw = mne.io.RawArray(1e-6 * wave().T, mne.create_info(NAMES, SFREQ, "eeg"), verbose="error")
    onsets = [row / SFREQ for row, _ in MARKS]
    notes = mne.Annotations(onsets, 0, [label for _, label in MARKS])
    raw.set_annotations(notes.append(1000 / SFREQ, 333 / SFREQ, "BAD_ACQ_SKIP"))
    raw.save(path, verbose="error")
    return path


def xdf(path: Path) -> Path:
    t = stamps()
    signal = {"name": "amp", "type": "EEG", "sfreq": SFREQ, "ch_names": NAMES, "unit": "uV"}
    texts = {"name": "task", "type": "Markers", "sfreq": 0}
    others = {"name": "buttons", "type": "Markers", "sfreq": 0}
    return write_xdf(
        path,
        [
            texts | {"stamps": [t[row] for row, _ in MARKS[:4]], "values": [label for _, label in MARKS[:4]]},
            signal | {"stamps": t, "values": wave()},
            others | {"stamps": [t[row] for row, _ in MARKS[4:]], "values": [label for _, label in MARKS[4:]]},
        ],
    )


FORMATS = {
    "npz": (npz, ".npz", MARKS, ()),
    "csv": (csv, ".csv", MARKS, HOLES),
    "edf": (edf, ".edf", MARKS, ()),
    "bdf": (bdf, ".bdf", ((3, "255"), (700, "1"), (1800, "65535")), ()),
    "fif": (fif, "_raw.fif", None, ((1000, 333),)),
    "xdf": (xdf, ".xdf", MARKS, HOLES),
}


def through_lsl(file: Path, out: Path, speed: float = 4.0) -> Path:
    name, said, done = f"rt-{uuid4().hex[:8]}", [], []
    with replay_process(file, speed, name=name) as player:
        ending = threading.Event()
        work = (out, (name, f"{name}-markers"), BidsName(), lambda _, text: said.append(text), ending.is_set)
        recorder = threading.Thread(target=lambda: done.append(record_streams(*work)))
        recorder.start()
        try:
            player.result(60.0)
        finally:
            ending.set()
            recorder.join()
    assert done[0].complete, done
    return done[0].path


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_replayed_and_recorded_is_the_same_file(tmp_path, kind):
    write, suffix, marks, holes = FORMATS[kind]
    source = read_recording(write(tmp_path / f"source{suffix}"))
    assert len(source.samples) == 10 * SFREQ - (333 if kind == "fif" else 0)
    assert marks is None or source.markers == marks
    assert source.gaps == holes
    back = read_recording(through_lsl(tmp_path / f"source{suffix}", tmp_path / "back.xdf"))
    np.testing.assert_array_equal(back.samples, source.samples)
    assert (back.sfreq, back.ch_names, back.gaps) == (source.sfreq, source.ch_names, source.gaps)
    assert back.markers == source.markers
    assert back.warnings == ()


def test_samples_that_are_no_numbers_are_played_but_not_for_training(tmp_path):
    samples = wave(512).astype(np.float32)
    samples[100:120, 1] = np.nan
    samples[130, 0] = -np.inf
    columns = {name: samples[:, i].tolist() for i, name in enumerate(NAMES)}
    file = write_csv(tmp_path / "a.csv", np.arange(512) / SFREQ, columns)
    with pytest.raises(BadInput, match=r"a\.csv: channel 'Cz' holds nan at sample 100 \(21 such values\)"):
        read_recording(file)
    back = through_lsl(file, tmp_path / "back.xdf", speed=1.0)
    np.testing.assert_array_equal(read_recording(back, finite=False).samples, samples)
    with pytest.raises(BadInput, match=r"back\.xdf: channel 'Cz' holds nan at sample 100"):
        read_recording(back)
