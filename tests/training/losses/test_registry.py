"""Names of losses in recipes."""

from training.losses.registry import loss_weights
from training.runs.recipe import Recipe


def test_names_of_losses_in_recipes_of_version_0_1_are_accepted():
    old = {"clip_symmetric": 0.75, "clip_candidates": 0.25}
    assert loss_weights(Recipe(losses=old), True) == {"info_nce": 0.75, "info_nce_one_way": 0.25}
