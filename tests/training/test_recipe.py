"""The shipped datasets with the default recipe, through the command line, on real recordings."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

import glimpse
from realtime.bundle import Bundle
from realtime.errors import BadInput
from training.recipe import recipe_named

DATASETS = Path(__file__).parents[2] / "datasets"

recordings = pytest.mark.skipif(
    "GLIMPSE_DATA" not in os.environ,
    reason="set GLIMPSE_DATA to a folder with muse_ssvep, muse_n170 and eegmmidb_S001; the head of each file in "
    "datasets/ says where to get them",
)


@recordings
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "figure", "least"),
    [("ssvep", "accuracy", 0.90), ("fists-feet", "accuracy", 0.80), ("n170", "auc", 0.62)],
)
def test_a_shipped_dataset_is_learned_and_its_bundle_decodes_as_well_streaming(tmp_path, name, figure, least):
    """On the block held out for validation."""
    data, run, bundle = str(DATASETS / f"{name}.yaml"), str(tmp_path / "run"), str(tmp_path / "bundle")
    assert glimpse.main(["train", "--data", data, "--out", run]) == 0
    assert glimpse.main(["export", run, "--out", bundle]) == 0
    found = []
    for path, flags in ((run, []), (bundle, ["--streaming"])):
        out = tmp_path / "out.json"
        assert glimpse.main(["evaluate", path, "--data", data, "--split", "valid", *flags, "--json", str(out)]) == 0
        found.append(json.loads(out.read_text()))
    whole, streamed = found
    assert whole[figure] >= least
    assert streamed[figure] >= least
    assert abs(whole["accuracy"] - streamed["accuracy"]) <= 1.5 / whole["n_trials"]  # a tie may fall either way


def test_the_demo_bundle_was_made_by_the_recipe_that_is_here():
    manifest = Bundle.load(DATASETS.parent / "bundles" / "demo").manifest
    assert manifest.training["recipe"] == asdict(recipe_named("demo"))


def test_an_unknown_recipe_is_named():
    with pytest.raises(BadInput, match="'large'"):
        recipe_named("large")
