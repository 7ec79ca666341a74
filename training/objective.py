"""Losses at every time step since onset, and the label vectors they pull embeddings towards.

Shape suffixes: B crops, H hops, D embedding, L labels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Objective(nn.Module):
    """Weighted mean over hops of cross-entropy over all labels and, for given vectors, InfoNCE within the batch.

    Labels without given vectors get one trained prototype each. Only the label side is normalised in the cross-entropy,
    so that the length of an embedding can say how sure it is; InfoNCE normalises both (Radford et al., 2021). Softmax
    and similarities are computed in float32 whatever the precision of the network.
    """

    def __init__(self, n_labels: int, dim: int, vectors: np.ndarray | None, smoothing: float, contrastive: float):
        super().__init__()
        self.smoothing, self.contrastive = smoothing, 0.0 if vectors is None else contrastive
        if vectors is None:
            self.prototypes: Tensor = nn.Parameter(torch.randn(n_labels, dim))
        else:
            self.register_buffer("prototypes", torch.as_tensor(vectors, dtype=torch.float32))
        self.log_scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))

    def vectors(self) -> Tensor:
        """Unit label vectors, float32[L, D]."""
        return F.normalize(self.prototypes.float(), dim=-1)

    def forward(self, embedding_BHD: Tensor, label_B: Tensor, weight_BH: Tensor) -> Tensor:
        """The loss; hops of weight 0 do not count."""
        embedding, vectors = embedding_BHD.float(), self.vectors()
        logits = embedding @ vectors.T
        target = label_B[:, None].expand(logits.shape[:2])
        per_hop = F.cross_entropy(logits.transpose(1, 2), target, label_smoothing=self.smoothing, reduction="none")
        if self.contrastive:
            per_hop = (1 - self.contrastive) * per_hop + self.contrastive * self.info_nce(embedding, vectors, label_B)
        return (per_hop * weight_BH).sum() / weight_BH.sum().clamp(min=1e-6)

    def info_nce(self, embedding_BHD: Tensor, vectors_LD: Tensor, label_B: Tensor) -> Tensor:
        """Symmetric InfoNCE of each hop over the batch, float32[B, H]; repeats of a label are not negatives."""
        scale = self.log_scale.clamp(max=np.log(100.0)).exp()
        similarity_HBB = scale * F.normalize(embedding_BHD, dim=-1).transpose(0, 1) @ vectors_LD[label_B].T
        same = (label_B[:, None] == label_B) & ~torch.eye(len(label_B), dtype=torch.bool, device=label_B.device)
        similarity_HBB = similarity_HBB.masked_fill(same, -torch.inf)
        own = similarity_HBB.diagonal(dim1=1, dim2=2)
        return (0.5 * (similarity_HBB.logsumexp(2) + similarity_HBB.logsumexp(1)) - own).T


def hop_weights(onset_BH: Tensor, counts_BH: Tensor, window_s: float) -> Tensor:
    """Later hops of a trial weigh more: they have seen more, and the end of the window is what is asked most."""
    return counts_BH * (0.1 + onset_BH.clamp(min=0) / window_s)
