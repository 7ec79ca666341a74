"""Files that version 0.1.0 wrote are read by every later version."""

import json
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from safetensors.numpy import load_file

from glimpse import BadInput, Bundle, Decoder, read_recording
from realtime.recorder.xdf_writer import XdfWriter
from training.commands.calibrate import save_live_recording
from training.runs.run import Run

FILES = Path(__file__).parents[1] / "data" / "schema_1"
CH_NAMES = ("Fz", "Cz", "Pz", "Oz")


def test_bundle_of_schema_1_gives_the_decisions_it_gave_then():
    bundle = Bundle.load(FILES / "bundle")
    recording = read_recording(FILES / "recording.npz")
    decoder = Decoder(bundle)
    decisions, _ = decoder.step(recording.samples, decoder.start(), [row for row, _ in recording.markers])
    last = {decision.trial: decision for decision in decisions if decision.trial is not None}
    expected = json.loads((FILES / "expected.json").read_text())
    assert bundle.manifest.schema_version == 1
    assert [(d.sample, d.trial, d.top[0].label) for d in last.values()] == [
        (row["sample"], row["trial"], row["top"]) for row in expected
    ]
    np.testing.assert_allclose([d.top[0].p for d in last.values()], [row["p"] for row in expected], atol=1e-3)


def test_run_without_a_schema_number_gives_the_network_its_bundle_holds():
    assert "schema_version" not in json.loads((FILES / "run" / "run.json").read_text())
    run = Run.load(FILES / "run")
    network, bank = run.load_trained()
    assert run.finished
    assert bank.names == Bundle.load(FILES / "bundle").bank.names
    exported = load_file(FILES / "bundle" / "weights.safetensors")
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    assert weights.keys() == exported.keys()
    assert all(np.array_equal(weights[name], exported[name]) for name in weights)


def test_npz_recording_of_schema_1_is_read():
    recording = read_recording(FILES / "recording.npz")
    assert (recording.samples.shape, recording.sfreq, recording.ch_names) == ((1024, 4), 128.0, CH_NAMES)
    assert recording.markers == ((128, "A"), (307, "B"), (486, "A"), (666, "B"), (845, "A"))


def test_xdf_recording_of_schema_1_is_read_without_its_decisions():
    recording = read_recording(FILES / "recording.xdf")
    replayed = read_recording(FILES / "recording.npz").samples
    assert (recording.sfreq, recording.ch_names, recording.gaps) == (128.0, CH_NAMES, ())
    assert recording.markers == ((128, "A"), (307, "B"))
    np.testing.assert_array_equal(recording.samples, replayed[: len(recording.samples)])


def test_recorded_decisions_of_schema_1_keep_their_message_format():
    streams, _ = pyxdf.load_xdf(FILES / "recording.xdf", dejitter_timestamps=False, verbose=False)
    [decisions] = [stream for stream in streams if stream["info"]["name"] == ["fists-decisions"]]
    messages = [json.loads(text) for [text] in decisions["time_series"]]
    assert {"status", "decision"} == {message["type"] for message in messages}
    assert all(message["bundle"].startswith("sha256:") for message in messages if message["type"] == "decision")


def test_new_runs_and_recordings_state_their_schema(tmp_path):
    Run(tmp_path / "run", Run.load(FILES / "run").description).save()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["schema_version"] == 1
    XdfWriter(tmp_path / "new.xdf").close()
    _, header = pyxdf.load_xdf(tmp_path / "new.xdf", verbose=False)
    assert header["info"]["glimpse"][0]["schema_version"] == ["1"]
    save_live_recording(read_recording(FILES / "recording.npz"), tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as arrays:
        assert arrays["schema_version"] == 1


def write_newer_run(folder: Path) -> Path:
    description = json.loads((FILES / "run" / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(description | {"schema_version": 2}))
    return folder


def write_newer_bundle(folder: Path) -> Path:
    manifest = json.loads((FILES / "bundle" / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 2}))
    return folder


def write_newer_npz(folder: Path) -> Path:
    with np.load(FILES / "recording.npz") as arrays:
        np.savez(folder / "a.npz", **arrays, schema_version=2)
    return folder / "a.npz"


def write_newer_xdf(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("realtime.recorder.xdf_writer.SCHEMA_VERSION", 2)
        XdfWriter(folder / "a.xdf").close()
    return folder / "a.xdf"


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (write_newer_bundle, Bundle.load),
        (write_newer_run, Run.load),
        (write_newer_npz, read_recording),
        (write_newer_xdf, read_recording),
    ],
)
def test_a_file_of_a_newer_schema_is_refused_with_what_to_do(tmp_path, write, read):
    with pytest.raises(BadInput, match="schema_version is 2, this Glimpse reads up to 1; install a newer Glimpse"):
        read(write(tmp_path))
