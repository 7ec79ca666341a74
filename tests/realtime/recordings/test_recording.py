import os
from collections import Counter
from pathlib import Path

import mne
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from realtime.markers import normalise_marker
from realtime.recorder.xdf_writer import XdfWriter
from realtime.recordings.read import read_recording
from realtime.recordings.timestamps import rate_and_gaps, rows_at
from tests.helpers.recordings import write_csv, write_edf, write_xdf


def shared(name: str, source: str) -> Path:
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder:
        pytest.skip(f"set GLIMPSE_DATA to a folder that holds {name}, from {source}")
    return Path(folder) / name


def wave(n_times: int, n_channels: int) -> np.ndarray:
    return np.round(50 * np.random.default_rng(3).standard_normal((n_times, n_channels)), 1).astype(np.float32)


def csv_of(path: Path, samples: np.ndarray, markers: list, sfreq: float = 256.0) -> Path:
    columns = {f"E{i}": samples[:, i].tolist() for i in range(samples.shape[1])}
    return write_csv(path, np.arange(len(samples)) / sfreq, columns | {"Marker0": markers})


def muse_stamps(n_packets: int, seed: int) -> np.ndarray:
    """Stamps as a Muse's packets of 12 give them: late by up to 17 ms, drifting back over eight packets."""
    rng = np.random.default_rng(seed)
    late = np.repeat(0.017 * (np.arange(n_packets) % 8) / 8 + 0.001 * rng.standard_normal(n_packets), 12)
    return np.arange(12 * n_packets) / 256 - late


def fif(path: Path, annotations: list[tuple[float, float, str]], kinds: list[str], first_samp: int = 0) -> np.ndarray:
    """A FIF file at 100 Hz, 10 s; its data in MNE's units."""
    info = mne.create_info([f"{kind.upper()} {i}" for i, kind in enumerate(kinds)], 100.0, kinds)
    data = 1e-5 * np.random.default_rng(0).standard_normal((len(kinds), 1000))
    for i, kind in enumerate(kinds):
        data[i] *= {"mag": 1e-7, "grad": 1e-6, "stim": 0}.get(kind, 1)
        if kind == "stim":
            data[i, [200, 201, 202, 700]] = [3, 3, 3, 5]
    raw = mne.io.RawArray(data, info, first_samp=first_samp, verbose="error")
    onsets, lengths, texts = zip(*annotations, strict=True) if annotations else ((), (), ())
    raw.set_annotations(mne.Annotations(onsets, lengths, texts))
    raw.save(path, verbose="error")
    return data


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.sampled_from(["0", "", "1", "2", "1.0", " 2 ", "0.0", "left hand"]), min_size=2, max_size=60),
    sfreq=st.sampled_from([128.0, 250.0, 256.0, 500.0]),
)
@example(labels=["1", "1", "0", "1"], sfreq=256.0)
def test_csv_gives_back_its_samples_and_the_first_row_of_each_marker(tmp_path_factory, labels, sfreq):
    samples = wave(len(labels), 3)
    path = csv_of(tmp_path_factory.mktemp("csv") / "a.csv", samples, labels, sfreq)
    recording = read_recording(path)
    clean = [normalise_marker(label) if normalise_marker(label) not in ("", "0") else None for label in labels]
    onsets = [(i, c) for i, c in enumerate(clean) if c and (i == 0 or clean[i - 1] != c)]
    np.testing.assert_array_equal(recording.samples, samples)
    assert recording.samples.dtype == np.float32
    assert recording.ch_names == ("E0", "E1", "E2")
    assert list(recording.markers) == onsets
    assert recording.gaps == ()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n_packets=st.integers(100, 400))
def test_jitter_of_packets_is_no_gap_and_no_error_of_the_rate(seed, n_packets):
    assert rate_and_gaps(muse_stamps(n_packets, seed), "a.csv") == (256.0, ())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), lost=st.integers(5, 100), at=st.integers(50, 200))
def test_lost_packets_are_found_through_the_jitter(seed, lost, at):
    kept = np.delete(muse_stamps(400, seed), slice(12 * at, 12 * (at + lost)))
    sfreq, gaps = rate_and_gaps(kept, "a.csv")
    assert sfreq == 256.0
    assert [row for row, _ in gaps] == [12 * at]
    assert abs(gaps[0][1] - 12 * lost) <= 3  # the jitter itself is 17 ms, 4 samples


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 1998), min_size=0, max_size=6, unique=True), st.sampled_from([250.0, 1000.0, 1024.0]))
def test_every_single_lost_sample_is_found_in_steady_stamps(lost, sfreq):
    assume(all(b - a > 1 for a, b in zip(sorted(lost), sorted(lost)[1:], strict=False)))
    stamps = np.delete(np.arange(2000) / sfreq, lost)
    assert rate_and_gaps(stamps, "a.xdf", sfreq) == (sfreq, tuple((a - i, 1) for i, a in enumerate(sorted(lost))))


def test_a_marker_goes_to_the_nearest_row_and_inside_a_hole_to_the_last_row_before():
    stamps = np.delete(np.arange(1000) / 100.0, slice(500, 600))
    sfreq, gaps = rate_and_gaps(stamps, "a")
    assert gaps == ((500, 100),)
    rows = rows_at(np.array([-0.1, 0.0, 1.004, 1.006, 5.5, 5.999, 6.0, 9.99, 10.1]), stamps, sfreq, gaps)
    assert rows.tolist() == [-1, 0, 100, 101, 499, 500, 500, 899, -1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first line is ''"),
        ("0.1,2,3\n0.2,3,4\n", "the first line is '0.1,2,3', but column names"),
        ("t,Cz\n0.0,1\n0.1\n", "line 3 has 1 cells"),
        ("t,Cz\n0.0,1\n0.1,bad\n", "column 'Cz' holds 'bad' in line 3"),
        ("t,Cz\n0.0,1\n0.1,nan\n", "channel 'Cz' holds nan at sample 1"),
        ("t,Cz\n0.0,1\n", "1 rows with 1 usable time stamps"),
        ("t,Cz\n0.2,1\n0.1,2\n", "go from 0.2 to 0.1, but need to increase"),
        ("t,Cz\n0,1\n4,2\n8,2\n", "column 't' steps by 4"),
        ("t\n0.0\n0.1\n", "column names are needed"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_refused_with_its_name_and_value(tmp_path, text, sentence):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=sentence) as error:
        read_recording(path)
    assert str(path) in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_any_bytes_give_a_recording_or_one_sentence(tmp_path_factory, suffix, content):
    path = tmp_path_factory.mktemp("bytes") / f"a{suffix}"
    path.write_bytes(content)
    try:
        sentence = f"{path}: {read_recording(path).samples.shape}"
    except BadInput as error:
        sentence = str(error)
    assert sentence.startswith(f"{path}: ")


def test_a_marker_column_can_be_named_and_must_exist(tmp_path):
    path = write_csv(tmp_path / "a.csv", np.arange(4) / 4, {"Cz": [1, 2, 3, 4], "events": [0, 7, 0, 8]})
    assert read_recording(path, marker_column="events").markers == ((1, "7"), (3, "8"))
    assert read_recording(path).ch_names == ("Cz", "events")
    with pytest.raises(BadInput, match=r"there is no column 'Markers' among Cz, events"):
        read_recording(path, marker_column="Markers")


def test_edf_is_microvolts_and_channels_are_picked_by_any_spelling(tmp_path):
    samples = wave(512, 3)
    path = write_edf(tmp_path / "a.edf", samples, 256, ["EEG FP1-REF", "T3", "Cz"])
    recording = read_recording(path)
    np.testing.assert_allclose(recording.samples, samples, atol=1e-3)
    assert (recording.sfreq, recording.ch_names) == (256.0, ("EEG FP1-REF", "T3", "Cz"))
    picked = read_recording(path, pick=["cz", "Fp1"])
    np.testing.assert_array_equal(picked.samples, recording.samples[:, [2, 0]])
    with pytest.raises(BadInput, match=r"a\.edf: found no channel 'O1' among EEG FP1-REF, T3, Cz"):
        read_recording(path, pick=["O1"])


def test_an_edf_unit_that_is_no_voltage_is_refused(tmp_path):
    path = write_edf(tmp_path / "a.edf", wave(256, 1), 256, ["Cz"], unit="bananas")
    with pytest.raises(BadInput, match=r"a\.edf: channel 'Cz' has unit .* but V, mV or uV is needed"):
        read_recording(path)


@pytest.mark.parametrize("first_samp", [0, 4321])
def test_annotations_become_markers_and_unrecorded_spans_become_gaps(tmp_path, first_samp):
    path = tmp_path / "a_raw.fif"
    notes = [(0.02, 0, "start"), (1.234, 0.5, "T1"), (4.5, 0, "lost"), (6.0, 0, "T2"), (4.0, 1.0, "BAD_ACQ_SKIP")]
    data = fif(path, notes, ["eeg", "eeg", "misc"], first_samp)
    recording = read_recording(path)
    assert recording.ch_names == ("EEG 0", "EEG 1")
    assert recording.gaps == ((400, 100),)
    assert recording.markers == ((2, "start"), (123, "T1"), (399, "lost"), (500, "T2"))
    assert recording.duration_s == pytest.approx(10)
    np.testing.assert_allclose(recording.samples[:400], 1e6 * data[:2, :400].T, rtol=1e-4, atol=1e-6)


def test_meg_comes_in_femtotesla_and_a_stimulus_channel_gives_markers(tmp_path):
    data = fif(tmp_path / "a_raw.fif", [], ["mag", "grad", "eeg", "stim"])
    recording = read_recording(tmp_path / "a_raw.fif", pick="meg")
    assert recording.ch_names == ("MAG 0", "GRAD 1")
    assert recording.markers == ((200, "3"), (700, "5"))
    np.testing.assert_allclose(recording.samples, (data[:2] * [[1e15], [1e13]]).T, rtol=1e-4, atol=1e-6)


def test_a_pick_that_the_file_lacks_says_what_it_has(tmp_path):
    fif(tmp_path / "a_raw.fif", [], ["eeg"])
    with pytest.raises(BadInput, match=r"a_raw\.fif: pick is 'meg', but the file's channels are of type eeg"):
        read_recording(tmp_path / "a_raw.fif", pick="meg")


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


def test_xdf_without_units_says_so_and_an_unknown_unit_is_refused(tmp_path):
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


def test_npz_keeps_what_was_saved(tmp_path):
    samples = wave(100, 2)
    path = tmp_path / "a.npz"
    np.savez(
        path, samples=samples, sfreq=250, ch_names=["Cz", "O1"], markers=[("50", "cat"), ("7", "dog"), ("100", "late")]
    )
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.samples, samples)
    assert (recording.sfreq, recording.ch_names) == (250.0, ("Cz", "O1"))
    assert recording.markers == ((7, "dog"), (50, "cat"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sfreq": None}, "key 'sfreq' is missing"),
        ({"samples": np.zeros((2, 100))}, r"samples have shape \(2, 100\), but 3 ch_names"),
        ({"samples": np.zeros((0, 3))}, "it holds 0 samples of 3 channels"),
        ({"samples": np.full((4, 3), np.inf)}, "channel 'Cz' holds inf at sample 0"),
        ({"sfreq": -1}, "sfreq is -1.0"),
    ],
)
def test_an_npz_file_that_cannot_be_used_is_refused(tmp_path, change, sentence):
    held = {"samples": np.zeros((5, 3)), "sfreq": 100, "ch_names": ["Cz", "O1", "O2"]} | change
    np.savez(tmp_path / "a.npz", **{key: value for key, value in held.items() if value is not None})
    with pytest.raises(BadInput, match=sentence):
        read_recording(tmp_path / "a.npz")


def test_a_missing_file_a_broken_file_and_an_unknown_reader_are_named(tmp_path):
    with pytest.raises(BadInput, match=r"none\.edf: there is no such file"):
        read_recording(tmp_path / "none.edf")
    for name in ("a.edf", "a.fif", "a.xdf"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(BadInput, match=name):
            read_recording(tmp_path / name)
    with pytest.raises(BadInput, match="reader is 'magic', but needs one of auto, mne, xdf, csv, npz"):
        read_recording(tmp_path / "a.edf", "magic")


def test_real_edf_has_its_dotted_names_rate_and_annotations():
    recording = read_recording(shared("eegmmidb_S001/S001R05.edf", "physionet.org/content/eegmmidb"))
    assert (recording.samples.shape, recording.sfreq, recording.ch_names[0]) == ((20000, 64), 160.0, "Fc5.")
    assert Counter(label for _, label in recording.markers) == {"T0": 15, "T1": 8, "T2": 7}
    assert 20 < recording.samples.std() < 200


@pytest.mark.parametrize(
    "block", ["muse_n170/subject1/block1.csv", "muse_ssvep/block4.csv", "muse_n170/subject2/block1.csv"]
)
def test_real_muse_files_are_256_hz_without_gaps(block):
    path = shared(block, "github.com/NeuroTechX/EEG-ExPy and github.com/alexandrebarachant/muse-lsl")
    recording = read_recording(path)
    assert (recording.sfreq, recording.gaps) == (256.0, ())
    assert recording.ch_names == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert {label for _, label in recording.markers} == {"1", "2"}


def test_real_xdf_has_signal_and_markers():
    recording = read_recording(shared("xdf/switch_example.xdf", "github.com/kirtonBCIlab/bci-essentials-python"))
    assert (recording.samples.shape, recording.sfreq, recording.gaps) == ((34320, 16), 256.0, ())
    assert recording.ch_names[:3] == ("F3", "Fz", "F4")
    assert sum(label == "ping" for _, label in recording.markers) > 500


def test_a_fif_recording_in_parts_is_refused(tmp_path):
    """MNE would follow the first part into the others, which another split may name."""
    info = mne.create_info(["Cz", "Pz"], 1000.0, "eeg")
    raw = mne.io.RawArray(np.zeros((2, 400_000)), info, verbose="ERROR")
    raw.save(tmp_path / "s_raw.fif", split_size="2MB", buffer_size_sec=1, verbose="ERROR")
    with pytest.raises(BadInput, match=r"s_raw\.fif: is the first of \d parts"):
        read_recording(tmp_path / "s_raw.fif")


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
