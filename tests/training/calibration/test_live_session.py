"""A live calibration: an experiment's markers followed over real LSL, or cues shown here; what came is kept whole."""

from collections.abc import Sequence

import numpy as np
import pytest
from pylsl import local_clock

from glimpse import cli
from realtime.bundle.bundle import Bundle
from realtime.bundle.compatibility import check_stream
from realtime.errors import BadInput, StreamLost
from realtime.recordings.read import read_recording
from realtime.recordings.recording import Recording
from realtime.simulation.replay import replay_process
from realtime.stream import Chunk, Marker, StreamInfo
from tests.helpers.rhythm_dataset import CH_NAMES, LABELS, MARKERS, SFREQ, write_experiment, write_session
from training.calibration import live_session as calibrate_live
from training.calibration.live_session import (
    CuePresenter,
    SessionBuffer,
    record_session,
    save_live_recording,
    unused_path,
)
from training.runs.description import RunDescription
from training.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("live")
    data = write_experiment(folder)
    asked = ["train", "--data", str(data), "--network", "shallow", "--epochs", "1", "--out", str(folder / "run")]
    assert cli.main(asked) == 0
    return Run.load(folder / "run")


class FakeSource:
    """Samples that each hold their number, without markers, then a lost stream; a pull takes 10 ms of its clock."""

    marker_names: tuple[str, ...] = ()

    def __init__(self, seconds: float, ch_names: Sequence[str] = CH_NAMES, sfreq: float = SFREQ):
        self.info = StreamInfo("amp", "EEG", "x", sfreq, tuple(ch_names), (1.0,) * len(ch_names))
        self.began, self.sent, self.n, self.closed = 100.0, 0, round(seconds * sfreq), False
        self.now = self.began

    def local_clock(self) -> float:
        return self.now

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        if self.sent == self.n:
            raise StreamLost("stream 'amp' was lost")
        self.now += 0.01
        upto = min(self.n, int((self.now - self.began) * SFREQ))
        rows = np.arange(self.sent, upto)[:, None] + np.zeros(len(self.info.ch_names))
        chunk = Chunk(rows, self.sent, self.began + self.sent / SFREQ, SFREQ)
        self.sent = upto
        return [chunk], []

    def close(self) -> None:
        self.closed = True


def test_a_running_experiment_is_followed_and_the_session_is_kept(run, tmp_path, capsys):
    write_session(tmp_path / "person.npz", 7, 17)  # its 25.8 s end 1.4 s after the last trial
    out = tmp_path / "fitted"
    with replay_process(tmp_path / "person.npz", 16.0, name="person"):
        asked = ["calibrate", str(run.path), "--stream", "person", "--markers", "person-markers", "--seconds", "25"]
        assert cli.main([*asked, "--out", str(out)]) == 0
    assert "stream person" in (out / "card.md").read_text()
    kept, given = read_recording(tmp_path / "fitted-session.npz"), read_recording(tmp_path / "person.npz")
    assert kept.ch_names == given.ch_names
    assert 25 <= kept.duration_s <= given.duration_s
    labels = dict(zip(MARKERS, LABELS, strict=True))
    assert list(kept.markers) == [(row, labels[marker]) for row, marker in given.markers]
    np.testing.assert_allclose(kept.samples, given.samples[: len(kept.samples)], rtol=1e-5)
    assert Bundle.load(out).manifest.training["data"]["calibration"]["trials"] == {"slow": 9, "fast": 8}


def test_without_a_marker_stream_cues_are_shown_and_marked(run, monkeypatch):
    """A stream that is lost ends the session, and what came before is used."""
    source, said = FakeSource(1.2), list[str]()
    monkeypatch.setattr(calibrate_live, "connect", lambda query: source)
    monkeypatch.setattr(calibrate_live, "local_clock", source.local_clock)
    monkeypatch.setattr(calibrate_live, "REST_S", 0.02)
    monkeypatch.setattr(calibrate_live, "REST_JITTER_S", 0.01)
    d = RunDescription(**run.description.__dict__ | {"window_s": [0.0, 0.1]})
    found = record_session(d, "amp", None, 60.0, said.append)
    shown = [word for word in said if word in LABELS]
    assert len(shown) >= 5
    assert [label for _, label in found.markers] == shown[: len(found.markers)]
    assert len(found.markers) >= len(shown) - 1  # the last one may lie after the last sample
    assert "no marker stream was found" in said[0]
    assert "lost" in said[-1]
    assert source.closed
    assert np.array_equal(found.samples[:, 0], np.arange(len(found.samples)))


def test_ctrl_c_ends_the_session_and_keeps_what_was_received(run, monkeypatch):
    source, said = FakeSource(60.0), list[str]()
    pull = source.pull

    def interrupted(timeout_s: float) -> tuple[list[Chunk], list[Marker]]:
        if source.sent > 20:
            raise KeyboardInterrupt
        return pull(timeout_s)

    source.pull = interrupted  # type: ignore[method-assign, assignment]
    monkeypatch.setattr(calibrate_live, "connect", lambda query: source)
    found = record_session(run.description, "amp", None, 60.0, said.append)
    assert len(found.samples) > 20
    assert said[-1].endswith(": Ctrl-C")
    assert source.closed


def test_every_label_is_cued_as_often_as_any_other():
    cues = CuePresenter(LABELS, 0.0, np.random.default_rng(0), due=0.0)
    shown: list[str] = []
    for _ in range(10):
        [marker] = cues.show(shown.append)
        assert marker.t_lsl <= local_clock()
        assert cues.show(shown.append) == []  # not before the trial and the rest are over
        cues.due = 0.0
    assert all(set(shown[i : i + 2]) == set(LABELS) for i in range(0, 10, 2))


def test_markers_fall_on_their_samples_across_a_gap():
    buffer = SessionBuffer(100.0)
    order = np.array([1, 0])
    early = Marker("slow", 10.02)
    buffer.add([], [early], order)
    buffer.add([Chunk(np.arange(20.0).reshape(10, 2), 500, 10.0, 100.0)], [], order)
    buffer.add([Chunk(np.zeros((10, 2)), 560, 10.6, 100.0, gap_samples=50)], [Marker("fast", 10.65)], order)
    buffer.add([], [Marker("fast", 10.3), Marker("slow", 99.0)], order)  # in the hole, and never reached
    found = buffer.recording(("C3", "C4"), "amp")
    assert found.markers == ((2, "slow"), (15, "fast"))
    assert found.gaps == ((10, 50),)
    assert found.samples[0].tolist() == [1.0, 0.0]
    assert buffer.seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (FakeSource(0, sfreq=250.0), "stream 'amp' runs at 250 Hz, bundle 'rhythms' needs 128 Hz"),
        (FakeSource(0, ch_names=("Fz", "Cz", "Pz")), "Oz"),
    ],
)
def test_a_stream_that_does_not_fit_is_refused_before_recording(run, source, sentence):
    with pytest.raises(BadInput, match=sentence):
        check_stream(source.info, run.description)


def test_no_session_is_written_over(tmp_path):
    path = tmp_path / "a-session.npz"
    names = []
    for _ in range(3):
        names.append(unused_path(path).name)
        save_live_recording(Recording(np.zeros((3, 1), np.float32), 100.0, ("Cz",), (), (), "a"), unused_path(path))
    assert names == ["a-session.npz", "a-session-2.npz", "a-session-3.npz"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)


def test_a_session_without_a_sample_is_refused(run):
    with pytest.raises(BadInput, match="no sample came"):
        SessionBuffer(100.0).recording(("C3",), "amp")
