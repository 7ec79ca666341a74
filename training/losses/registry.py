"""Names of losses, and which formula each is.

Shape suffixes: B crops, H hops, D embedding, L labels.
"""

from collections.abc import Callable

from torch import Tensor

from realtime.errors import BadInput
from training.losses import functions as losses
from training.runs.recipe import Recipe

# Of embedding_BHD, vectors_LD, label_B, the recipe and the learned scale of InfoNCE; gives float32[B, H].
LossFormula = Callable[[Tensor, Tensor, Tensor, Recipe, Tensor], Tensor]

LOSSES: dict[str, LossFormula] = {
    "cross_entropy": lambda x_BHD, v_LD, y_B, r, _: losses.cross_entropy(x_BHD, v_LD, y_B, r.label_smoothing),
    "soft_targets": lambda x_BHD, v_LD, y_B, r, _: losses.soft_targets(x_BHD, v_LD, y_B, r.soft_temperature),
    "info_nce": lambda x_BHD, v_LD, y_B, r, scale: losses.info_nce(x_BHD, v_LD[y_B], y_B, scale, r.normalise),
    "info_nce_one_way": lambda x_BHD, v_LD, y_B, *_: losses.info_nce_one_way(x_BHD, v_LD[y_B], y_B),
    "mse": lambda x_BHD, v_LD, y_B, *_: losses.mse(x_BHD, v_LD[y_B]),
    "mmd": lambda x_BHD, v_LD, y_B, *_: losses.mmd(x_BHD, v_LD[y_B]),
}
PROTOTYPE_LOSSES = ("cross_entropy", "info_nce", "info_nce_one_way")  # losses that prototypes can be trained with
# Trained prototypes could satisfy these by moving to the embeddings, without any difference between labels.
FIXED_TARGET_LOSSES = ("soft_targets", "mse", "mmd")
OLD_NAMES = {"clip_symmetric": "info_nce", "clip_candidates": "info_nce_one_way"}  # in recipes of version 0.1


def loss_weights(recipe: Recipe, fixed_vectors: bool) -> dict[str, float]:
    """Weight of each loss by name.

    A recipe without `losses` has cross-entropy and, for given label vectors, InfoNCE. BadInput for an unknown name, a
    weight that is not above 0, and a loss that needs given vectors where there are none.
    """
    if not recipe.losses:
        share = recipe.contrastive if fixed_vectors else 0.0
        return {name: w for name, w in (("cross_entropy", 1 - share), ("info_nce", share)) if w}
    for name, weight in recipe.losses.items():
        if name not in LOSSES and name not in OLD_NAMES:
            known = ", ".join(PROTOTYPE_LOSSES + FIXED_TARGET_LOSSES)
            raise BadInput(f"recipe: losses has {name!r}, but needs one of {known}; correct it")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
            raise BadInput(f"recipe: losses has {name!r}: {weight!r}, but needs a weight above 0; correct it")
        if name in FIXED_TARGET_LOSSES and not fixed_vectors:
            raise BadInput(
                f"recipe: losses has {name!r}, which needs vectors that are given, but the targets are labels; give "
                "the dataset image or text targets or leave that loss out"
            )
    return {OLD_NAMES.get(name, name): weight for name, weight in recipe.losses.items()}
