import shutil

import pytest

from realtime.bundle.bundle import MANIFEST
from tests.helpers.bundle_folders import edit, refused
from tests.helpers.bundles import tiny_bundle


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original.path, tmp_path / "tiny")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema_version": 2}, "schema_version is 2, this Glimpse reads up to 1; install a newer Glimpse"),
        ({"schema_version": 0}, "key 'schema_version'"),
        ({"colour": "blue"}, "key 'colour'"),
        ({"states": None}, "key 'states'"),
        ({"sfreq": "fast"}, "key 'sfreq'"),
        ({"preprocess": {"hipass_hz": 1.0}}, "key 'preprocess.hipass_hz'"),
        ({"preprocess": {"lowpass_hz": "high"}}, "key 'preprocess.lowpass_hz'"),
        ({"calibration": {"temperature": 1.0}}, "key 'calibration.temperature'"),
        ({"window_s": [1.0]}, "key 'window_s'"),
        ({"targets": "dreams"}, "key 'targets'"),
        ({"files": {}}, "key 'files' does not list encoder.onnx"),
    ],
)
def test_a_manifest_with_a_wrong_key_names_it(folder, changes, sentence):
    edit(folder, **changes)
    text = refused(folder)
    assert sentence in text
    assert text.startswith(str(folder / MANIFEST))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff"])
def test_a_manifest_that_is_no_manifest_is_refused(folder, text):
    (folder / MANIFEST).write_text(text, encoding="latin-1")
    assert refused(folder).startswith(str(folder / MANIFEST))
