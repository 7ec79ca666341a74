import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from tests.helpers.recordings import meg_raw
from training.commands.data import main
from training.data.checks import label_counts
from training.data.dataset import load_dataset, load_split, load_splits
from training.data.schema import Channels, DatasetFile, Files, ImageTargets, Preprocess, TextTargets
from training.data.split_files import split_files
from training.data.summary import summarise_dataset
from training.data.targets import Targets
from training.fit.plan import plan_run, with_graph
from training.fit.preparation import load_training_splits
from training.runs.recipe import Recipe

SHIPPED = Path(__file__).parents[3] / "datasets"
NAMES = ("Cz", "O1", "O2")
PARTS = (DatasetFile, Files, Channels, Preprocess, TextTargets, ImageTargets)
KEYS = [key for part in PARTS for key in part.model_fields]


def recording(path: Path, markers: list, ch_names: tuple[str, ...] = NAMES, sfreq: float = 256, seed: int = 0) -> Path:
    """Four seconds of noise drawn from `seed`, around ten times the channel's place in NAMES."""
    samples = np.random.default_rng(seed).standard_normal((round(4 * sfreq), len(ch_names)))
    samples += [10.0 * NAMES.index(name) if name in NAMES else 0 for name in ch_names]
    np.savez(path, samples=samples, sfreq=sfreq, ch_names=ch_names, markers=markers)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings with two markers each way, and a third marker nobody asks for."""
    marks = [("100", "1"), ("200", "2"), ("300", "1"), ("400", "2"), ("500", "rest")]
    for i, name in enumerate(("a", "b", "c")):
        recording(tmp_path / f"{name}.npz", marks, seed=i)
    return tmp_path


def written(folder: Path, changes: dict | None = None, **more) -> Path:
    """A dataset file that is right but for `changes`; a value of None takes the key away."""
    content = {
        "name": "small",
        "files": {"train": ["a.npz", "b.npz"], "valid": ["c.npz"]},
        "events": {1: "house", 2: "face"},
        "window_s": [0.0, 0.5],
    }
    content |= (changes or {}) | more
    path = folder / "small.yaml"
    path.write_text(
        yaml.safe_dump({key: value for key, value in content.items() if value is not None}, sort_keys=False)
    )
    return path


def refused(folder: Path, changes: dict) -> str:
    """The sentence of the command line, which exits 2 and writes nothing."""
    path, before = written(folder, changes), sorted(folder.rglob("*"))
    with pytest.raises(BadInput) as error:
        load_splits(load_dataset(path))
    assert main(["check", str(path), "--json", str(folder / "out.json")]) == 2
    assert sorted(folder.rglob("*")) == before
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


def test_a_dataset_file_becomes_labelled_recordings(folder):
    dataset = load_dataset(written(folder))
    splits = load_splits(dataset)
    assert [len(splits[split]) for split in ("train", "valid", "test")] == [2, 1, 0]
    assert splits["train"][0].markers == ((100, "house"), (200, "face"), (300, "house"), (400, "face"))
    assert label_counts(splits["train"]) == {"house": 4, "face": 4}
    assert (dataset.labels, dataset.window_s) == (("house", "face"), (0.0, 0.5))


def test_omitted_keys_have_the_documented_default(folder):
    dataset = load_dataset(written(folder, window_s=None))
    preprocess = dataset.preprocess
    assert (preprocess.highpass_hz, preprocess.lowpass_hz, preprocess.sfreq) == (1, 40, 128)
    assert (preprocess.notch_hz, preprocess.reference) == ("auto", "average")
    assert (dataset.reader, dataset.targets, dataset.window_s, dataset.channels.pick) == (
        "auto",
        "labels",
        (0, 1),
        "eeg",
    )


def test_channels_come_in_one_order_over_all_files_and_splits(folder):
    marks = [("100", "1"), ("200", "2")]
    recording(folder / "b.npz", marks, ("O2", "EXTRA", "EEG CZ-REF", "o1."))
    recording(folder / "c.npz", marks, ("O2", "O1", "Cz"))
    dataset = load_dataset(written(folder))
    for split in ("train", "valid"):
        for one in load_split(dataset, split):
            assert one.ch_names == NAMES
    means = load_split(dataset, "valid")[0].samples.mean(axis=0)
    np.testing.assert_allclose(means, [0, 10, 20], atol=0.5)
    reversed_ = load_split(dataset, "valid", ch_names=("O2", "Cz"))[0]
    np.testing.assert_allclose(reversed_.samples.mean(axis=0), [20, 0], atol=0.5)


def test_channels_are_picked_dropped_and_renamed(folder):
    one = load_split(load_dataset(written(folder, channels={"drop": ["o1"], "rename": {"Cz": "Pz"}})), "train")[0]
    assert one.ch_names == ("Pz", "O2")
    two = load_split(load_dataset(written(folder, channels={"pick": ["O2", "Pz"], "rename": {"CZ": "Pz"}})), "train")[0]
    assert two.ch_names == ("O2", "Pz")
    np.testing.assert_allclose(two.samples.mean(axis=0), [20, 0], atol=0.5)


def test_meg_positions_survive_picking_and_reach_network_graph_and_bundle(tmp_path):
    places = np.array([[0.1, 0, 0], [0.1, 0, 0], [0.1, 0, 0], [0, 0.1, 0.05]])
    for name, n_times in (("a", 1000), ("b", 1100)):
        meg_raw(places, None, n_times).save(tmp_path / f"{name}_raw.fif", verbose="error")
    content = {"files": {"train": ["a_raw.fif"], "valid": ["b_raw.fif"]}, "events": {"a": "house", "b": "face"}}
    channels = {"pick": "meg", "drop": ["MEG 0112"]}
    dataset = load_dataset(written(tmp_path, content, channels=channels, preprocess={"notch_hz": None}))
    recordings = load_training_splits(dataset)
    run = plan_run(dataset, Recipe(graph="distance", neighbours=2), recordings, Targets(dataset.labels, None))
    assert run.positions_m == places[[0, 2, 3]].tolist() == run.network["config"]["positions"]
    graph = with_graph(run, Recipe(graph="distance", neighbours=2), []).network["config"]["neighbours"]
    assert graph[0][:2] == (0, 1)
    assert {j for row in graph for j in row} >= {0, 1, 2}
    assert summarise_dataset(dataset, recordings | {"test": []})["channels"]["unmatched"] == []


def test_names_are_globs_variables_and_absolute_paths(folder, monkeypatch):
    monkeypatch.setenv("GLIMPSE_TEST_RECORDINGS", str(folder))
    files = {"train": ["$GLIMPSE_TEST_RECORDINGS/[ab].npz", "a.npz"], "valid": [str(folder / "c.npz")]}
    splits = load_splits(load_dataset(written(folder, files=files)))
    assert [Path(one.name).name for one in splits["train"]] == ["a.npz", "b.npz"]
    assert [Path(one.name).name for one in splits["valid"]] == ["c.npz"]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"windows_s": [0, 1]}, ["windows_s is [0, 1]", "did you mean window_s?"]),
        ({"zzz": 1}, ["zzz is 1", "remove it"]),
        ({7: 1}, ["7 is 1", "remove it"]),
        ({"files": {"train": ["a.npz"], 3: "b"}}, ["files.3 is 'b'", "train, valid, test"]),
        ({"channels": {"drops": ["O1"]}}, ["channels.drops is ['O1']", "did you mean drop?"]),
        ({"preprocess": {"lowpas_hz": 40}}, ["preprocess.lowpas_hz is 40", "did you mean lowpass_hz?"]),
        ({"targets": {"text": "v.npy", "name": "n.tsv"}}, ["targets.name is 'n.tsv'", "did you mean names?"]),
        ({"name": None}, ["name is missing", "add it"]),
        ({"files": {"valid": ["c.npz"]}}, ["files.train is missing", "add it"]),
        ({"files": {"train": []}}, ["files.train is []", "a list of file names"]),
        ({"files": {"train": "a.npz"}}, ["files.train is 'a.npz'", "a list of file names"]),
        ({"reader": "magic"}, ["reader is 'magic'", "auto, mne, xdf, csv, npz or simulated"]),
        ({"channels": {"pick": 3}}, ["channels.pick is 3", "eeg, meg or a list"]),
        ({"channels": {"pick": ["Cz", 3]}}, ["channels.pick is ['Cz', 3]", "eeg, meg or a list"]),
        ({"events": ["T1"]}, ["events is ['T1']", "a mapping of marker to label"]),
        ({"events": {True: "go"}}, ["events has True: 'go'", "in quotes"]),
        ({"events": {1: "a", "1.0": "b"}}, ["events has '1' twice"]),
        ({"events": None}, ["events is {}", "at least one marker"]),
        ({"window_s": [0.5, 0.1]}, ["window_s is [0.5, 0.1]", "start before its end"]),
        ({"window_s": [0.5]}, ["window_s is [0.5]", "two numbers"]),
        ({"window_s": ["0", 1]}, ["window_s.0 is '0'", "two numbers"]),
        ({"targets": "words"}, ["targets is 'words'", "labels, {text"]),
        ({"targets": {"images": "v.npy"}}, ["targets.stimuli is missing", "JSON"]),
        ({"preprocess": {"highpass_hz": True}}, ["preprocess.highpass_hz is True", "a frequency above 0"]),
        ({"preprocess": {"notch_hz": "off"}}, ["preprocess.notch_hz is 'off'", "auto, a frequency"]),
        ({"preprocess": {"lowpass_hz": 64}}, ["preprocess.lowpass_hz is 64", "below 64"]),
        ({"preprocess": {"highpass_hz": 50}}, ["preprocess.highpass_hz is 50", "lowpass_hz 40"]),
        ({"preprocess": 5}, ["preprocess is 5", "a mapping"]),
        ({"reader": "simulated"}, ["reader is 'simulated'", "simulate"]),
        ({"files": {"train": [1]}}, ["files.train holds 1", "a file name"]),
        ({"files": {"train": ["none*.npz"]}}, ["files.train names 'none*.npz'", "no such file"]),
        ({"files": {"train": ["$GLIMPSE_NOT_SET/a.npz"]}}, ["files.train", "GLIMPSE_NOT_SET is not set"]),
        (
            {"files": {"train": ["a.npz"], "valid": ["[ab].npz"]}},
            ["files.valid", "files.train", "a.npz", "same recording"],
        ),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_value(folder, changes, parts):
    sentence = refused(folder, changes)
    for part in ["small.yaml", *parts]:
        assert part in sentence


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"channels": {"pick": ["Cz", "Fp1"]}}, ["a.npz", "'Fp1'", "Cz, O1, O2"]),
        ({"channels": {"drop": ["Fp1"]}}, ["a.npz", "channels.drop", "'Fp1'"]),
        ({"channels": {"rename": {"AUX": "Pz"}}}, ["a.npz", "channels.rename", "'AUX'"]),
        ({"channels": {"drop": list(NAMES)}}, ["a.npz", "channels.drop leaves none"]),
        ({"preprocess": {"reference": ["M1"]}}, ["a.npz", "preprocess.reference", "'M1'"]),
        ({"events": {"7": "house"}}, ["a.npz", "small.yaml", "no event of '7'", "'1' (2)"]),
        ({"events": {1: "house", 7: "face"}}, ["small.yaml", "events", "'face'", "'7'"]),
        (
            {"preprocess": {"lowpass_hz": 140, "sfreq": 512}},
            ["small.yaml", "lowpass_hz is 140", "a.npz at 256 Hz", "below 128"],
        ),
    ],
)
def test_recordings_that_do_not_fit_are_refused_with_file_key_and_value(folder, changes, parts):
    sentence = refused(folder, changes)
    for part in parts:
        assert part in sentence


def test_a_label_with_one_trial_is_refused_unless_its_vector_is_known(folder):
    recording(folder / "a.npz", [("1", "1"), ("9", "1"), ("50", "2")])
    files = {"train": ["a.npz"], "valid": ["b.npz"]}
    assert "label 'face' 1 trials in files.train, but training needs 2" in refused(folder, {"files": files})
    np.save(folder / "v.npy", np.eye(2))
    (folder / "n.tsv").write_text("name\nhouse\nface\n")
    load_splits(load_dataset(written(folder, files=files, targets={"text": "v.npy", "names": "n.tsv"})))


def test_a_label_that_only_validation_has_is_refused(folder):
    recording(folder / "a.npz", [("1", "1"), ("9", "1")])
    sentence = refused(folder, {"files": {"train": ["a.npz"], "valid": ["b.npz"]}})
    assert "files.valid has label 'face', but files.train has no trial of it" in sentence


@pytest.mark.parametrize("copy", [shutil.copy, lambda a, b: b.symlink_to(a)])
def test_one_recording_under_two_names_in_two_splits_is_refused(folder, copy):
    copy(folder / "a.npz", folder / "again.npz")
    sentence = refused(folder, {"files": {"train": ["a.npz"], "test": ["again.npz"]}})
    assert "files.test" in sentence
    assert "files.train" in sentence
    assert "same recording" in sentence


@pytest.mark.parametrize("text", ["name: [", "just words", "", "name: \x00"])
def test_what_is_no_mapping_in_yaml_is_refused(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"broken\.yaml: "):
        load_dataset(path)
    with pytest.raises(BadInput, match=r"none\.yaml: cannot be read"):
        load_dataset(tmp_path / "none.yaml")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a.npz", "eeg", "labels", "T1", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*KEYS, 1]), ANYTHING, max_size=4))
def test_any_content_is_a_dataset_or_one_sentence(folder, changes):
    path = written(folder, changes)
    try:
        sentence = f"{path}: {load_dataset(path).name}"
    except BadInput as error:
        sentence = str(error)
    assert sentence.startswith(f"{path}: ")


def test_check_says_what_it_found(folder, capsys):
    recording(folder / "c.npz", [("100", "1"), ("1000", "2")])
    out = folder / "out.json"
    assert main(["check", str(written(folder, channels={"rename": {"O2": "AUX"}})), "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["channels"] == {"matched": ["Cz", "O1"], "unmatched": ["AUX"]}
    assert found["splits"]["train"] == {"files": 2, "trials": 8, "events": {"house": 4, "face": 4}}
    assert (found["chance"], found["files"][0]["sfreq"], found["files"][0]["duration_s"]) == (0.5, 256, 4)
    assert [one["broken_trials"] for one in found["files"]] == [0, 0, 1]  # the last window runs past the end
    printed = capsys.readouterr().out
    for word in ("house", "face", "a.npz", "256", "AUX", "chance 0.5"):
        assert word in printed


def test_list_names_every_dataset_file_and_what_is_missing(folder, capsys):
    written(folder)
    (folder / "other.yaml").write_text("name: other\n")
    assert main(["list", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "house, face" in printed
    assert "other.yaml" in printed
    assert "files is missing" in " ".join(printed.split())


def test_listing_what_is_no_folder_is_refused(folder, capsys):
    assert main(["list", str(folder / "nowhere")]) == 2
    assert "nowhere: is no folder" in capsys.readouterr().err


def test_the_simulated_amplifier_is_a_dataset_like_any_other(tmp_path):
    simulate = {
        "ch_names": ["Fp1", "Cz", "O1", "O2"],
        "sfreq": 128,
        "minutes": 0.3,
        "labels": ["cat", "dog", "sea"],
        "dim": 8,
        "snr": 2,
    }
    content = {"name": "s", "files": {"train": [1, 2], "valid": [3]}, "reader": "simulated", "simulate": simulate}
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(content))
    dataset = load_dataset(path)
    one, two = load_split(dataset, "train")
    assert one.samples.shape == (2304, 4)
    assert not np.array_equal(one.samples, two.samples)
    assert {label for _, label in one.markers} <= set(dataset.labels)
    path.write_text(yaml.safe_dump(content | {"files": {"train": [1], "valid": [1]}}))
    with pytest.raises(BadInput, match=r"files.valid holds 1 and files.train holds 1"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("name", "channels", "trials"),
    [
        ("fists-feet", 64, {"train": 45, "valid": 15}),
        ("ssvep", 5, {"train": 98, "valid": 33}),
        ("n170", 4, {"train": 587, "valid": 194}),
    ],
)
def test_shipped_dataset_files_fit_their_recordings(name, channels, trials):
    if not os.environ.get("GLIMPSE_DATA"):
        pytest.skip(
            f"set GLIMPSE_DATA to a folder with the recordings that datasets/{name}.yaml names and says where to get"
        )
    splits = load_splits(load_dataset(SHIPPED / f"{name}.yaml"))
    assert {split: label_counts(splits[split]).total() for split in trials} == trials
    assert {one.samples.shape[1] for split in splits.values() for one in split} == {channels}


def test_a_file_listed_twice_in_a_split_is_refused(tmp_path):
    """A slip for another name would go unseen; globs that overlap are meant."""
    np.savez(tmp_path / "a.npz", samples=np.zeros((9, 1)), sfreq=100, ch_names=["Cz"])
    content = {"name": "t", "events": {"1": "x"}, "files": {"train": ["a.npz", "a.npz"]}}
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(BadInput, match=r"files\.train names 'a\.npz' twice"):
        load_dataset(tmp_path / "t.yaml")
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(content | {"files": {"train": ["*.npz", "a*"]}}))
    assert len(split_files(load_dataset(tmp_path / "t.yaml"), "train")) == 1
