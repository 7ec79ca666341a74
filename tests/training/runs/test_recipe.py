"""The shipped datasets with the default recipe, through the command line, on real recordings."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from glimpse import cli
from realtime.bundle.bundle import Bundle
from realtime.errors import BadInput
from training.data.augment import Augment
from training.runs.recipe import change_recipe
from training.runs.recipes import RECIPES, recipe_named, small

DATASETS = Path(__file__).parents[3] / "datasets"

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
    assert cli.main(["train", "--data", data, "--out", run]) == 0
    assert cli.main(["export", run, "--out", bundle]) == 0
    found = []
    for path, flags in ((run, []), (bundle, ["--streaming"])):
        out = tmp_path / "out.json"
        assert cli.main(["evaluate", path, "--data", data, "--split", "valid", *flags, "--json", str(out)]) == 0
        found.append(json.loads(out.read_text()))
    whole, streamed = found
    assert whole[figure] >= least
    assert streamed[figure] >= least
    assert abs(whole["accuracy"] - streamed["accuracy"]) <= 1.5 / whole["n_trials"]  # a tie may fall either way


# What a recipe without a field did, for the fields that came after the demo bundle was made.
CHANGES_NOTHING = {
    "members": (),
    "l1": 0.0,
    "losses": {},  # cross-entropy and InfoNCE by `contrastive`
    "normalise": "both",
    "soft_temperature": 0.1,  # of a loss that `losses` does not name
    "candidates": "all",
    "distill": 1.0,  # of a teacher there is none
    "repetitions": 1,
    "augment": dict.fromkeys(("channel_dropout", "amplitude", "noise", "smoothing"), 0.0),
    "graph": None,
    "neighbours": 6,  # of a graph there is none
    "freeze": (),
}


def test_the_demo_bundle_was_made_by_the_recipe_that_is_here():
    """Every field its manifest has is equal; a field added since holds what was done before it existed."""
    made = Bundle.load(DATASETS.parent / "bundles" / "demo").manifest.training["recipe"]
    here = asdict(recipe_named("demo"))
    assert {key: here[key] for key in made} == made
    assert {key: here[key] for key in here.keys() - made.keys()} == CHANGES_NOTHING


def test_a_recipe_is_changed_by_name_and_accepts_an_int_for_a_float():
    recipe = change_recipe(small(), {"losses": {"mse": 1.0}, "repetitions": 4, "lr": 1, "augment": {"noise": 0.2}})
    assert (recipe.losses, recipe.repetitions, recipe.lr) == ({"mse": 1.0}, 4, 1.0)
    assert recipe.augment == Augment(noise=0.2)
    assert recipe.options == small().options


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"loses": {}}, "recipes have no 'loses', one of network, "),
        ({"lr": "fast"}, "lr is 'fast', but needs a number, 1e-09 or more"),
        ({"repetitions": 1.5}, "repetitions is 1.5, but needs a whole number, 1 or more"),
        ({"repetitions": True}, "repetitions is True"),
        ({"augment": {"nois": 0.1}}, "augment is {'nois': 0.1}, but needs strengths, 0 or more, of channel_dropout"),
        ({"augment": {"noise": -0.1}}, "0 or more"),
        ({"augment": {"noise": float("nan")}}, "0 or more"),
        ({"members": [1]}, r"members is \[1\], but needs names only"),
        ({"batch": 0}, "batch is 0, but needs a whole number, 1 or more"),
        ({"lr": -1}, "lr is -1, but needs a number, 1e-09 or more"),
        ({"warm_up": 2.0}, "warm_up is 2.0, but needs a number from 0 to 0.9"),
        ({"mixup": float("nan")}, "mixup is nan, but needs a number, 0 or more"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(changes, sentence):
    with pytest.raises(BadInput, match=sentence):
        change_recipe(small(), changes)


@pytest.mark.parametrize("name", RECIPES)
def test_the_numbers_of_every_recipe_lie_within_the_limits(name):
    recipe = recipe_named(name)
    assert change_recipe(recipe, {}) == recipe


def test_an_unknown_recipe_is_named():
    with pytest.raises(BadInput, match="'large'"):
        recipe_named("large")
