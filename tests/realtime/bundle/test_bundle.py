"""A bundle that cannot be used is refused with file and key; nothing in it is unpickled."""

import json
import pickle
import shutil

import numpy as np
import pytest

from realtime.bundle.bank import VECTORS
from realtime.bundle.bundle import ENCODER, MANIFEST, Bundle, positions_to_json, sha256
from realtime.bundle.calibration import Calibration
from realtime.preprocess.config import PreprocessConfig
from tests.helpers.bundle_folders import edit, refused
from tests.helpers.bundles import LABELS, tiny_bundle

FILES = ("encoder.onnx", "bank.safetensors", "labels.json", "card.md")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original.path, tmp_path / "tiny")


def replace(folder, name, content):
    """Another file under a hash that fits: only its content can be refused."""
    (folder / name).write_bytes(content)
    files = json.loads((folder / MANIFEST).read_text())["files"]
    edit(folder, files=files | {name: sha256(folder / name)})


def test_a_bundle_is_read_as_it_was_written(tmp_path):
    preprocess = PreprocessConfig(notch_hz=50.0, reference=("Fz", "Cz"))
    written = tiny_bundle(tmp_path / "b", preprocess=preprocess, calibration=Calibration(log_scale=1.5, n_trials=9))
    read = Bundle.load(tmp_path / "b")
    assert read.preprocess == preprocess
    assert read.calibration == Calibration(log_scale=1.5, n_trials=9)
    assert (read.hash, read.manifest) == (written.hash, written.manifest)
    assert read.bank.names == LABELS
    np.testing.assert_allclose(read.bank.vectors, written.bank.vectors, rtol=1e-6)


def test_a_folder_that_is_no_bundle_is_refused_with_advice(tmp_path):
    assert "manifest.json: no such file" in refused(tmp_path / "nowhere")
    assert "glimpse export" in refused(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert f"{name}: listed in the manifest but missing" in refused(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_one_flipped_bit_in_any_file_is_noticed(folder, name, where):
    content = bytearray((folder / name).read_bytes())
    content[round(where * (len(content) - 1))] ^= 1
    (folder / name).write_bytes(content)
    assert f"{name}: sha256 is" in refused(folder)


def test_a_changed_manifest_is_another_bundle(original, folder):
    edit(folder, note="other")
    assert Bundle.load(folder).hash != original.hash


@pytest.mark.parametrize("name", ["../secret", "{abs}", "pictures/../../secret", "link"])
def test_a_path_outside_the_bundle_is_refused(folder, name):
    secret = folder.parent / "secret"
    secret.write_text("mine")
    (folder / "pictures").mkdir()
    (folder / "link").symlink_to(secret)
    name = name.format(abs=secret)
    files = json.loads((folder / MANIFEST).read_text())["files"]
    edit(folder, files=files | {name: sha256(secret)})
    assert f"{MANIFEST}: key 'files' names {name!r}, which lies outside the bundle" in refused(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("encoder.onnx", b"no model"),
        ("bank.safetensors", b"no tensors"),
        ("labels.json", b"{"),
        ("labels.json", b'["owl", "teapot", "sailing boat"]'),
        ("labels.json", b'[{"name": "owl"}]'),
    ],
)
def test_a_file_whose_hash_fits_and_whose_content_does_not_is_refused(folder, name, content):
    replace(folder, name, content)
    assert name in refused(folder) or f"{VECTORS}: bank: 1 names" in refused(folder)


class Trap:
    """Unpickling it leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", [ENCODER, VECTORS, "labels.json", MANIFEST])
def test_loading_never_unpickles(folder, name):
    sprung = folder.parent / "sprung"
    trap = pickle.dumps(Trap(sprung))
    if name == MANIFEST:
        (folder / name).write_bytes(trap)
    else:
        replace(folder, name, trap)
    refused(folder)
    assert not sprung.exists()


def test_unknown_positions_are_null():
    assert positions_to_json(np.array([[0.1, 0.2, 0.3], [np.nan] * 3])) == [[0.1, 0.2, 0.3], [None] * 3]
