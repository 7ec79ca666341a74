"""The training objective: losses at every time step since onset, and the label vectors they draw embeddings to.

Shape suffixes: B crops, H hops, D embedding, L labels.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from realtime.errors import BadInput
from training.losses import functions as losses
from training.losses.registry import LOSSES, PROTOTYPE_LOSSES, loss_weights
from training.losses.target_mix import TargetMix
from training.runs.recipe import Recipe


class Objective(nn.Module):
    """Weighted mean over hops of the recipe's losses.

    Labels without given vectors get one trained prototype each; vectors that are several layers side by side, of the
    widths `layers`, are projected to `dim` and mixed. Softmax and similarities are computed in float32 whatever the
    precision of the network. Label indices `candidates`, if given, are the only candidates. BadInput for losses that do
    not fit the targets.
    """

    candidates: Tensor | None
    candidate_index: Tensor

    def __init__(
        self,
        n_labels: int,
        dim: int,
        vectors: np.ndarray | None,
        recipe: Recipe,
        layers: Sequence[int] = (),
        candidates: np.ndarray | None = None,
    ):
        super().__init__()
        self.recipe, self.weights = recipe, loss_weights(recipe, vectors is not None)
        if recipe.normalise not in ("both", "targets"):
            raise BadInput(f"recipe: normalise is {recipe.normalise!r}, but needs to be both or targets; correct it")
        self.layers = TargetMix(torch.as_tensor(vectors), layers, dim) if layers else None
        if vectors is None:
            self.prototypes: Tensor = nn.Parameter(torch.randn(n_labels, dim))
        elif layers:
            if not self.weights.keys() & set(PROTOTYPE_LOSSES):
                raise BadInput(
                    f"recipe: losses has {', '.join(self.weights)} alone, which a learned mix of target layers meets "
                    f"by making all labels alike; add one of {', '.join(PROTOTYPE_LOSSES)}"
                )
            self.register_buffer("prototypes", torch.zeros(n_labels, dim))
        else:
            self.register_buffer("prototypes", torch.as_tensor(vectors, dtype=torch.float32))
        # Data of the run, which no checkpoint holds: the candidates, and the index of each label among them.
        shown = None if candidates is None else torch.as_tensor(np.unique(candidates))
        self.register_buffer("candidates", shown, persistent=False)
        labels = torch.arange(n_labels)
        index = labels if shown is None else torch.searchsorted(shown, labels)
        self.register_buffer("candidate_index", index, persistent=False)
        self.log_scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))

    def copy_prototypes(self, teacher: dict[str, Tensor]) -> None:
        """Copy what a teacher's objective learned of the label vectors, because its embeddings lie in that space.

        BadInput where the teacher has other given vectors, or learned its own in another way.
        """
        learned = {name for name, _ in self.named_parameters()} - {"log_scale"}
        own = self.state_dict()
        fits = all(name in teacher and teacher[name].shape == own[name].shape for name in learned)
        if not fits or not (learned or torch.equal(teacher["prototypes"], own["prototypes"])):
            raise BadInput("--teacher: its label vectors are not of this run's targets; train one on the same targets")
        self.load_state_dict(own | {name: teacher[name] for name in learned})

    def vectors(self) -> Tensor:
        """Unit label vectors, float32[L, D]."""
        return F.normalize((self.layers() if self.layers else self.prototypes).float(), dim=-1)

    def export_state(self) -> dict[str, Tensor]:
        """The state, with the current label vectors as `prototypes`: a bank is made of them."""
        with torch.no_grad():
            return self.state_dict() | ({"prototypes": self.vectors()} if self.layers else {})

    def forward(self, embedding_BHD: Tensor, label_B: Tensor, weight_BH: Tensor) -> Tensor:
        """The loss; hops of weight 0 have no influence."""
        embedding, vectors = embedding_BHD.float(), self.vectors()
        if self.candidates is not None:
            vectors, label_B = vectors[self.candidates], self.candidate_index[label_B]
        terms = [weight * self.per_hop(name, embedding, vectors, label_B) for name, weight in self.weights.items()]
        return losses.weighted_mean(sum(terms[1:], terms[0]), weight_BH)

    def per_hop(self, name: str, embedding_BHD: Tensor, vectors_LD: Tensor, label_B: Tensor) -> Tensor:
        """The loss called `name`, unweighted, float32[B, H]."""
        return LOSSES[name](embedding_BHD, vectors_LD, label_B, self.recipe, self.scale())

    def scale(self) -> Tensor:
        """The learned inverse temperature of InfoNCE."""
        return self.log_scale.clamp(max=np.log(100.0)).exp()

    def distill(self, embedding_BHD: Tensor, teacher_BD: Tensor, onset_BH: Tensor, weight_BH: Tensor) -> Tensor:
        """Distance to the teacher's embedding, weighted by time since onset: the teacher saw the window to its end."""
        per_hop = losses.distillation(embedding_BHD.float(), teacher_BD)
        return losses.weighted_mean(per_hop, weight_BH * onset_BH.clamp(min=0))


def hop_weights(onset_BH: Tensor, mask_BH: Tensor, window_s: float) -> Tensor:
    """Weights that grow over the trial: later hops have more signal, and a trial is mostly judged at its end."""
    return mask_BH * (0.1 + onset_BH.clamp(min=0) / window_s)
