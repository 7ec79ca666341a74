"""XDF files of LabRecorder and of ours."""

import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.recorder.xdf_writer import XdfWriter
from realtime.recordings.read import read_recording
from tests.helpers.recording_files import shared, wave
from tests.helpers.recordings import write_xdf


def eeg_stream(stamps: np.ndarray, samples: np.ndarray, **other) -> dict:
    return {
        "name": "amp",
        "type": "EEG",
        "sfreq": 100,
        "stamps": stamps,
        "values": samples,
        "ch_names": ["Cz", "O1"],
    } | other


def test_xdf_gives_signal_units_markers_and_gaps(tmp_path):
    stamps = 50 + np.delete(np.arange(1000) / 100, slice(300, 350))
    samples = wave(950, 2)
    texts = {
        "name": "m",
        "type": "Markers",
        "sfreq": 0,
        "stamps": [49.0, 51.001, 54.0],
        "values": ["early", "T1", "T 2"],
    }
    path = write_xdf(tmp_path / "a.xdf", [texts, eeg_stream(stamps, samples, unit="millivolts")])
    recording = read_recording(path)
    np.testing.assert_allclose(recording.samples, 1e3 * samples, rtol=1e-6)
    assert (recording.sfreq, recording.gaps) == (100.0, ((300, 50),))
    assert recording.markers == ((100, "T1"), (350, "T 2"))
    assert recording.warnings == ()


def test_xdf_without_units_is_a_warning_and_an_unknown_unit_an_error(tmp_path):
    stamps, samples = np.arange(200) / 100, wave(200, 2)
    silent = read_recording(write_xdf(tmp_path / "a.xdf", [eeg_stream(stamps, samples)]))
    assert "2 channels declare no unit" in silent.warnings[0]
    with pytest.raises(BadInput, match=r"b\.xdf: channel 'Cz' has unit 'bananas'"):
        read_recording(write_xdf(tmp_path / "b.xdf", [eeg_stream(stamps, samples, unit="bananas")]))


def test_xdf_with_two_signals_needs_a_name(tmp_path):
    stamps, samples = np.arange(200) / 100, wave(200, 2)
    two = [eeg_stream(stamps, samples, unit="uV"), eeg_stream(stamps, -samples, unit="uV", name="other")]
    path = write_xdf(tmp_path / "a.xdf", two)
    with pytest.raises(BadInput, match=r"a\.xdf: 2 streams fit .*'amp' \(EEG, 200 samples\), 'other'"):
        read_recording(path)
    np.testing.assert_array_equal(read_recording(path, stream="other").samples, -samples)


def test_real_xdf_has_signal_and_markers():
    recording = read_recording(shared("xdf/switch_example.xdf", "github.com/kirtonBCIlab/bci-essentials-python"))
    assert (recording.samples.shape, recording.sfreq, recording.gaps) == ((34320, 16), 256.0, ())
    assert recording.ch_names[:3] == ("F3", "Fz", "F4")
    assert sum(label == "ping" for _, label in recording.markers) > 500


def test_xdf_takes_markers_of_every_form_from_several_streams(tmp_path):
    """Numbers, channels of which one is hot, several texts at once; the header may lack a description."""

    def header(name, kind, form, n_channels, labels=()):
        channels = "".join(f"<channel><label>{label}</label></channel>" for label in labels)
        desc = f"<desc><channels>{channels}</channels></desc>" if labels else ""
        return (
            f"<info><name>{name}</name><type>{kind}</type><channel_count>{n_channels}</channel_count>"
            f"<nominal_srate>{100 if kind == 'EEG' else 0}</nominal_srate>"
            f"<channel_format>{form}</channel_format>{desc}</info>"
        )

    writer = XdfWriter(tmp_path / "a.xdf")
    numbers = [
        writer.add_stream(header("eeg", "EEG", "float32", 1, ["Cz"])),
        writer.add_stream(header("codes", "Markers", "int32", 1)),
        writer.add_stream(header("hot", "annotations", "double64", 2, ["rest", "left hand"])),
        writer.add_stream(header("texts", "Events", "string", 2)),
    ]
    writer.samples(numbers[0], np.arange(200) / 100, np.zeros((200, 1)))
    writer.samples(numbers[1], np.array([0.5, 0.9]), np.array([[7], [0]]))
    writer.samples(numbers[2], np.array([0.6]), np.array([[0.0, 1.0]]))
    writer.samples(numbers[3], np.array([0.7]), [["a", "b"]])
    writer.close()
    markers = read_recording(tmp_path / "a.xdf").markers
    assert markers == ((50, "7"), (60, "left hand"), (70, "a"), (70, "b"), (90, "0"))


def test_clock_offsets_of_an_xdf_file_bring_its_streams_onto_one_clock(tmp_path):
    """Markers of a machine whose clock is 500 s ahead and 100 ppm fast."""
    info = "<info><name>x</name><type>{}</type><channel_count>1</channel_count><nominal_srate>{}</nominal_srate>{}"
    form = "<channel_format>{}</channel_format></info>"
    writer = XdfWriter(tmp_path / "a.xdf")
    eeg = writer.add_stream(info.format("EEG", 100, form.format("float32")))
    texts = writer.add_stream(info.format("Markers", 0, form.format("string")))
    writer.samples(eeg, np.arange(20_000) / 100, np.zeros((20_000, 1)))
    for t in range(0, 200, 5):
        theirs = 500 + t * 1.0001
        writer.clock_offset(eeg, t, 0.0)
        writer.clock_offset(texts, theirs, t - theirs)
    marks = np.array([0.5, 100.0, 199.0])
    writer.samples(texts, 500 + marks * 1.0001, [["a"], ["b"], ["c"]])
    writer.close()
    assert read_recording(tmp_path / "a.xdf").markers == ((50, "a"), (10_000, "b"), (19_900, "c"))
