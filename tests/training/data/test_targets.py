import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.data.schema import DatasetFile
from training.data.targets import layer_widths, load_targets

TABLE = "id\tname\tsynonyms\n1\taerosol_can\tspray can|aerosol_can\n2\tInfant bed\tcot\n3\trose\t\n4\tcot\tspray_can\n"


def dataset(folder: Path, targets: object, **more) -> DatasetFile:
    np.savez(folder / "a.npz", samples=np.zeros((9, 1)), sfreq=100, ch_names=["Cz"])
    content = {"name": "t", "files": {"train": ["a.npz"]}, "events": {1: "x"}, "targets": targets} | more
    (folder / "t.yaml").write_text(yaml.safe_dump(content))
    return load_dataset(folder / "t.yaml")


@pytest.fixture
def words(tmp_path: Path) -> DatasetFile:
    np.save(tmp_path / "v.npy", np.array([[3, 4], [0, 2], [5, 0], [1, 1]], np.float16))
    (tmp_path / "n.tsv").write_text(TABLE)
    return dataset(tmp_path, {"text": "v.npy", "names": "n.tsv"})


def test_targets_labels_have_no_vectors(tmp_path):
    assert load_targets(dataset(tmp_path, "labels")) == (("x",), None)


def test_words_are_found_by_name_then_synonym_in_any_spelling_and_have_unit_length(words):
    names, vectors = load_targets(words, ["Aerosol Can", "infant_bed", "cot"])
    assert names == ("Aerosol Can", "infant_bed", "cot")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0, 1], [0.5**0.5, 0.5**0.5]], atol=1e-6)


@pytest.mark.parametrize(("label", "reason"), [("tulip", "no row fits"), ("spray can", "2 rows fit")])
def test_a_label_that_the_targets_lack_is_named(words, label, reason):
    with pytest.raises(BadInput, match=rf"t\.yaml: events has label '{label}', but {reason} in .*n\.tsv"):
        load_targets(words, [label])


@pytest.mark.parametrize("as_list", [True, False])
def test_pictures_are_found_by_stimulus_and_columns_are_cut(tmp_path, as_list):
    np.save(tmp_path / "v.npy", np.array([[9, 3, 4], [9, 0, 2.0]]))
    names = ["antelope_01b", "banana_03s"]
    (tmp_path / "n.json").write_text(json.dumps(names if as_list else dict.fromkeys(names, "a caption")))
    targets = {"images": "v.npy", "stimuli": "n.json", "columns": [1, 3]}
    _, vectors = load_targets(dataset(tmp_path, targets), ["banana_03s", "antelope_01b"])
    np.testing.assert_allclose(vectors, [[0, 1], [0.6, 0.8]], atol=1e-6)


@pytest.mark.parametrize(
    ("vectors", "table", "sentence"),
    [
        (np.eye(3), "name\nx\n", r"v\.npy: it has 3 rows, but .*n\.tsv names 1"),
        (np.zeros((1, 3)), "name\nx\n", r"v\.npy: row 0, for label 'x', has length 0"),
        (np.full((1, 3), np.nan), "name\nx\n", r"v\.npy: row 0, for label 'x', has length nan"),
        (np.zeros(3), "name\nx\n", r"v\.npy: its shape is \(3,\)"),
        (np.eye(1), "title\nx\n", r"n\.tsv: its columns are title, but a column `name` is needed"),
        (None, "name\nx\n", r"v\.npy: not a readable npy file"),
        (np.eye(1), None, r"n\.tsv: the names cannot be read"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, vectors, table, sentence):
    if vectors is not None:
        np.save(tmp_path / "v.npy", vectors)
    if table is not None:
        (tmp_path / "n.tsv").write_text(table)
    with pytest.raises(BadInput, match=sentence):
        load_targets(dataset(tmp_path, {"text": "v.npy", "names": "n.tsv"}))


def test_columns_outside_the_file_are_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(2))
    (tmp_path / "n.json").write_text('["x", "y"]')
    with pytest.raises(BadInput, match=r"v\.npy: columns is \[0, 512\], but needs to lie within its 2 columns"):
        load_targets(dataset(tmp_path, {"images": "v.npy", "stimuli": "n.json", "columns": [0, 512]}))


def test_simulated_labels_have_the_vectors_of_their_seed(tmp_path):
    simulate = {"ch_names": ["Cz"], "minutes": 1, "labels": ["a", "b", "c", "d"], "dim": 6, "vectors_seed": 5}
    more = {"reader": "simulated", "files": {"train": [1]}, "events": {}, "simulate": simulate}
    names, vectors = load_targets(dataset(tmp_path, "labels", **more))
    assert names == ("a", "b", "c", "d")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(load_targets(dataset(tmp_path, "labels", **more), ["c"])[1], vectors[2:3])


@pytest.mark.parametrize(
    ("targets", "label", "dim"),
    [
        (
            {"text": "clip/detic_vitb32_text/lvis_text.npy", "names": "clip/detic_vitb32_text/lvis_names.tsv"},
            "aerosol can",
            512,
        ),
        (
            {
                "images": "clip/ides_vitb16_laion400m/test_out_distribution.npy",
                "stimuli": "clip/ides_vitb16_laion400m/test_image_captions.json",
                "columns": [0, 512],
            },
            "antelope_01b",
            512,
        ),
    ],
)
def test_real_clip_vectors_are_read(tmp_path, targets, label, dim):
    if not os.environ.get("GLIMPSE_DATA"):
        pytest.skip(
            "set GLIMPSE_DATA to a folder with clip/, from github.com/facebookresearch/Detic and ArashAkbarinia/ides"
        )
    here = {key: value if key == "columns" else f"$GLIMPSE_DATA/{value}" for key, value in targets.items()}
    _, vectors = load_targets(dataset(tmp_path, here), [label])
    assert vectors.shape == (1, dim)


def test_every_name_of_the_file_is_a_target_and_a_label_keeps_its_spelling(tmp_path):
    """A bundle retrieves among all names; a label found by another spelling is called as in the dataset."""
    np.save(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    (tmp_path / "n.json").write_text('["Sea_Horse", "teapot", "owl"]')
    names, vectors = load_targets(
        dataset(tmp_path, {"images": "v.npy", "stimuli": "n.json"}, events={"1": "sea horse"})
    )
    assert names == ("sea horse", "teapot", "owl")
    np.testing.assert_array_equal(vectors, np.eye(3))


def test_target_layers_stand_side_by_side_each_of_the_same_length(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[3, 4], [0, 2.0]]))
    np.save(tmp_path / "b.npy", np.array([[0, 0, 9], [5.0, 0, 0]]))
    (tmp_path / "n.json").write_text(json.dumps(["x", "y"]))
    made = dataset(tmp_path, {"images": ["a.npy", "b.npy"], "stimuli": "n.json"})
    names, vectors = load_targets(made)
    assert (names, layer_widths(made)) == (("x", "y"), (2, 3))
    np.testing.assert_allclose(vectors * 2**0.5, [[0.6, 0.8, 0, 0, 1], [0, 1, 1, 0, 0]], atol=1e-6)
    assert layer_widths(dataset(tmp_path, {"images": "a.npy", "stimuli": "n.json"})) == ()
    np.save(tmp_path / "b.npy", np.array([[0, 0, 0], [5.0, 0, 0]]))
    with pytest.raises(BadInput, match=r"b\.npy: row 0, for label 'x', has length 0"):
        load_targets(made)


def test_one_target_layer_in_a_list_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[3, 4.0]]))
    (tmp_path / "n.json").write_text(json.dumps(["x"]))
    with pytest.raises(BadInput, match="two or more: layers"):
        dataset(tmp_path, {"images": ["a.npy"], "stimuli": "n.json"})
