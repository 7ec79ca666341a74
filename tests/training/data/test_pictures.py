import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from realtime.errors import BadInput
from tests.helpers.published import bids, things_eeg1, things_eeg2
from tests.helpers.published.brainvision import write_brainvision
from tests.helpers.published.signals import recording
from training.commands.data import main
from training.data.dataset import load_dataset, load_split, load_splits
from training.data.segments import preprocess_recording
from training.runs.recipe import Recipe

SHIPPED = Path(__file__).parents[3] / "datasets" / "things-eeg2-sub01.yaml"
PREPROCESS = {"highpass_hz": 0.5, "lowpass_hz": 30, "notch_hz": None, "sfreq": 100}


@pytest.fixture
def shared() -> Path:
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder:
        pytest.skip("set GLIMPSE_DATA to a folder with things_eeg2_meta/, things_eeg1_events/ and clip/")
    return Path(folder)


def write_dataset(folder: Path, names: list[str], **keys: object) -> Path:
    """A dataset file, with vectors for `names`."""
    np.save(folder / "v.npy", np.random.default_rng(0).standard_normal((len(names), 16)).astype(np.float32))
    (folder / "n.json").write_text(json.dumps(names))
    content = {
        "name": "pictures",
        "targets": {"images": "v.npy", "stimuli": "n.json"},
        "window_s": [0.0, 0.5],
        "preprocess": PREPROCESS,
    }
    path = folder / "d.yaml"
    path.write_text(yaml.safe_dump(content | keys))
    return path


def own_experiment(folder: Path, **keys: object) -> Path:
    """Three BrainVision recordings whose markers name pictures in a folder."""
    names = [f"{concept}_{i:02d}" for concept in bids.CONCEPTS for i in (1, 2, 3)]
    for name in names:
        picture = folder / "pictures" / name.rsplit("_", 1)[0] / f"{name}.jpg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(b"picture")
    for run in (1, 2, 3):
        rows = [500 + 375 * i for i in range(len(names))]
        samples = recording(rows, names, 6, rows[-1] + 600, 250.0, run)
        markers = [(row, f"{name}.jpg") for row, name in zip(rows, names, strict=True)]
        write_brainvision(folder / f"run{run}.vhdr", samples, bids.CH_NAMES[:6], 250.0, markers)
    splits = {"valid": ["cat"], "test": ["dog", "boat"]}
    defaults = {"files": {"train": ["run1.vhdr", "run2.vhdr"]}, "stimuli": "pictures", "splits": splits}
    return write_dataset(folder, names, **(defaults | keys))


def shown(recordings) -> set[str]:
    return {label for one in recordings for _, label in one.markers}


def test_a_labs_pictures_are_events_and_targets_without_listing_one(tmp_path):
    splits = load_splits(load_dataset(own_experiment(tmp_path)))
    concepts = {split: {label.rsplit("_", 1)[0] for label in shown(found)} for split, found in splits.items()}
    assert concepts["valid"] == {"cat"}
    assert concepts["test"] == {"dog", "boat"}
    assert concepts["train"] == set(bids.CONCEPTS) - {"cat", "dog", "boat"}
    assert [len(one.markers) for one in splits["train"]] == [15, 15]


def test_recordings_listed_for_a_split_hold_no_other(tmp_path):
    files = {"train": ["run1.vhdr"], "valid": ["run2.vhdr"], "test": ["run3.vhdr"]}
    splits = load_splits(load_dataset(own_experiment(tmp_path, files=files)))
    names = {split: [Path(one.name).stem for one in found] for split, found in splits.items()}
    assert names == {"train": ["run1"], "valid": ["run2"], "test": ["run3"]}
    assert not shown(splits["train"]) & (shown(splits["valid"]) | shown(splits["test"]))


def test_a_published_folder_is_a_dataset_by_its_source(tmp_path, shared):
    root = things_eeg2.write_raw(tmp_path, shared / "things_eeg2_meta", days=(1, 2))
    names = things_eeg2.pictures(root, "train") + things_eeg2.pictures(root, "test")
    path = write_dataset(
        tmp_path, names, source="things-eeg2", root=".", subjects=[1], channels={"drop": ["FT9", "FT10"]}
    )
    splits = load_splits(load_dataset(path))
    assert {one.samples.shape[1] for found in splits.values() for one in found} == {61}
    assert [Path(one.name).parent.name for one in splits["train"]] == ["ses-01"]
    assert len(shown(splits["test"])) == 200
    assert not shown(splits["train"]) & (shown(splits["valid"]) | shown(splits["test"]))


def test_channels_are_picked_in_the_requested_order(tmp_path, shared):
    root = things_eeg1.write_things_eeg1(tmp_path, shared / "things_eeg1_events", (2,), pictures=5)
    names = sorted({Path(row.replace("\\", "/")).stem for row in _stims(root)})
    path = write_dataset(tmp_path, names, source="things-eeg1", root=".", channels={"pick": ["Oz", "Pz"]})
    (found,) = load_split(load_dataset(path), "train")
    assert found.ch_names == ("Oz", "Pz")


def _stims(root: Path) -> list[str]:
    events = next(root.rglob("*_events.tsv")).read_text().splitlines()
    column = events[0].split("\t").index("stim")
    return [line.split("\t")[column] for line in events[1:]]


def test_epochs_are_trained_on_and_decoded_like_recordings(tmp_path, shared):
    root = things_eeg2.write_epochs(tmp_path, shared / "things_eeg2_meta", n_times=100, n_concepts=8, n_test=4)
    names = things_eeg2.pictures(root, "train") + things_eeg2.pictures(root, "test")
    keys = {"source": "things-eeg2", "root": ".", "splits": {"valid": ["abacus"]}}
    path = write_dataset(tmp_path, names, **keys)
    from training.evaluate.evaluate import evaluate
    from training.fit.fit_method import TrainingJob
    from training.fit.train import train

    dataset = load_dataset(path)
    run = train(TrainingJob(dataset, Recipe(network="tsconv", epochs=1), tmp_path / "run"))
    figures, decoded = evaluate(run.path, dataset, "test", streaming=False)
    assert figures["n_trials"] == 80
    assert len(decoded.label) == 80
    segments = preprocess_recording(load_split(dataset, "valid")[0], run.make_frontend(), run.description.labels)
    assert len(segments) == 20
    assert {segment.signal.shape for segment in segments} == {(17, 100)}


def test_the_real_trials_find_the_vectors_of_their_pictures(shared):
    splits = load_splits(load_dataset(SHIPPED))
    assert (splits["train"], splits["valid"]) == ([], [])
    assert sum(len(one.markers) for one in splits["test"]) == 1700
    assert len(shown(splits["test"])) == 100


def test_check_says_which_layout_a_folder_is_and_what_is_missing(tmp_path, shared, capsys):
    root = things_eeg2.write_epochs(tmp_path, shared / "things_eeg2_meta", "nice", n_concepts=20, n_test=4)
    names = things_eeg2.pictures(root, "train") + things_eeg2.pictures(root, "test")
    preprocess = {"lowpass_hz": 2, "highpass_hz": None, "sfreq": 5, "notch_hz": None}
    keys = {"source": "things-eeg2", "root": ".", "splits": {"valid": 0.3}, "preprocess": preprocess}
    path = write_dataset(tmp_path, names, **keys)
    assert main(["check", str(path), "--json", str(tmp_path / "found.json")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "bare pickles, as NICE and ATM write them" in text
    assert "train_days_and_order.npz is not here" in text
    assert "uses all days for each, as published figures do" in text
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["source"]["layout"].startswith("epochs")
    assert found["splits"]["test"] == {"trials": 80, "concepts": 4, "pictures": 4}
    total = sum(split["trials"] for split in found["splits"].values()) + found["source"]["left_out"]
    assert total == 20 * 10 * 4 + 4 * 80
    assert all(finding["cost"] for finding in found["source"]["findings"])


def test_check_reads_one_session_of_each_kind_of_a_large_set(tmp_path, shared, monkeypatch):
    root = things_eeg2.write_raw(tmp_path, shared / "things_eeg2_meta", days=(1, 2))
    names = things_eeg2.pictures(root, "train") + things_eeg2.pictures(root, "test")
    path = write_dataset(tmp_path, names, source="things-eeg2", root=".")
    monkeypatch.setattr("training.data.summary.READ_BYTES", 1e6)
    for flags, read in (([], 2), (["--read-all"], 4)):
        assert main(["check", str(path), "--json", str(tmp_path / "found.json"), *flags]) == 0
        assert json.loads((tmp_path / "found.json").read_text())["source"]["sessions_read"] == read


def test_a_pickle_with_code_ends_the_command_with_one_sentence(tmp_path, shared, capsys):
    root = things_eeg2.write_epochs(tmp_path, shared / "things_eeg2_meta", "nice", n_concepts=2, n_test=2)
    path = write_dataset(tmp_path, ["x"], source="things-eeg2", root=".")
    witness = tmp_path / "ran"
    command = f"open({str(witness)!r}, 'w')"
    (root / "sub-01" / "preprocessed_eeg_training.npy").write_bytes(
        b"\x80\x04c__builtin__\neval\n(V" + command.encode() + b"\ntR."
    )
    assert main(["check", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "the pickle holds __builtin__.eval, but only arrays" in error
    assert not witness.exists()
    assert pickle.loads(b"\x80\x04N.") is None  # the stand-in above is a pickle that Python itself would run


def test_a_picture_without_a_vector_is_named_with_the_count(tmp_path):
    path = own_experiment(tmp_path)
    (tmp_path / "n.json").write_text(json.dumps([f"other{i}" for i in range(24)]))
    with pytest.raises(
        BadInput, match=r"d.yaml: targets has no row for picture 'apple_01', .*\(15 pictures of .*run1.vhdr\)"
    ):
        load_split(load_dataset(path), "train")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"source": "things-eeg2"}, "root is missing, but source things-eeg2 needs the folder"),
        ({"source": "things"}, "source is 'things', but needs things-eeg1, things-eeg2, things-meg, alljoined or bids"),
        ({"source": "things-eeg2", "root": ".", "events": {"1": "a"}}, "events is given, but needs to be absent"),
        ({"source": "things-eeg2", "root": ".", "files": {"train": ["a"]}}, "files is given, but needs to be absent"),
        ({"source": "things-eeg2", "root": ".", "reader": "mne"}, "reader is given, but needs to be absent"),
        (
            {"source": "things-eeg2", "root": ".", "stimuli": "x"},
            "stimuli is 'x', but source things-eeg2 names its own",
        ),
        ({"source": "things-eeg2", "root": ".", "subjects": ["one"]}, "needs whole numbers"),
        (
            {"source": "things-eeg2", "root": ".", "targets": "labels"},
            "targets is 'labels', but needs vectors with source",
        ),
        ({"stimuli": "pictures"}, "files is missing, but stimuli needs recordings"),
        (
            {"files": {"train": ["a"]}, "stimuli": "x", "root": "."},
            "root is given, but needs to be absent with stimuli",
        ),
        ({"files": {"train": ["a"]}, "events": {"1": "a"}, "root": "."}, "root is given without source or stimuli"),
        ({"files": {"train": ["a"]}, "events": {"1": "a"}, "splits": {}}, "splits is given without source or stimuli"),
        (
            {"source": "bids", "root": ".", "splits": {"valid": 2}},
            "splits.valid is 2, but needs a share of the concepts",
        ),
        (
            {"source": "bids", "root": ".", "splits": {"days": "all"}},
            "splits.days is 'all', but needs separate or shared",
        ),
        ({"source": "bids", "root": ".", "splits": {"vald": 0.1}}, "did you mean valid"),
        ({"events": {"1": "a"}, "targets": "labels"}, "files is missing, but needs a mapping with train"),
    ],
)
def test_keys_that_do_not_go_together_are_named(tmp_path, keys, sentence):
    with pytest.raises(BadInput, match=f"d.yaml: .*{sentence}"):
        load_dataset(write_dataset(tmp_path, ["x"], **keys))


def test_an_unknown_set_to_exclude_names_the_file(tmp_path):
    path = own_experiment(tmp_path, splits={"valid": ["cat"], "exclude": ["things"]})
    with pytest.raises(BadInput, match="d.yaml: splits.exclude is .*'things' is no published set"):
        load_split(load_dataset(path), "train")
