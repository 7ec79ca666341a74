"""Formulas of the losses, float32[B, H] unless stated; their names in recipes are in registry.py.

A crop's target is the vector of its label. Where a batch holds a label more than once, the repeats are no negatives of
each other. Shape suffixes: B crops, H hops, D embedding, L labels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Of squared distances: targets have unit length, so two unrelated ones have squared distance 2.
MMD_BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def cross_entropy(embedding_BHD: Tensor, vectors_LD: Tensor, label_B: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy over all labels; label vectors have unit length, an embedding's length is its confidence."""
    logits = embedding_BHD @ vectors_LD.T
    target = label_B[:, None].expand(logits.shape[:2])
    return F.cross_entropy(logits.transpose(1, 2), target, label_smoothing=smoothing, reduction="none")


def soft_targets(embedding_BHD: Tensor, vectors_LD: Tensor, label_B: Tensor, temperature: float) -> Tensor:
    """Cross-entropy towards softmax(cosine to every label / temperature): similar labels share the target."""
    target_BL = (vectors_LD[label_B] @ vectors_LD.T / temperature).softmax(dim=-1)
    return -(target_BL[:, None] * (embedding_BHD @ vectors_LD.T).log_softmax(dim=-1)).sum(dim=-1)


def info_nce(
    embedding_BHD: Tensor, target_BD: Tensor, label_B: Tensor, scale: Tensor, normalise: str = "both"
) -> Tensor:
    """InfoNCE within the batch, the mean of both directions (Radford et al., 2021).

    `normalise`: "both" get unit length, or "targets" only (NeuroBridge), which keeps the embedding's length.
    """
    if normalise == "both":
        embedding_BHD = F.normalize(embedding_BHD, dim=-1)
    similarity_HBB = scale * embedding_BHD.transpose(0, 1) @ target_BD.T
    similarity_HBB = similarity_HBB.masked_fill(_repeats(label_B), -torch.inf)
    own = similarity_HBB.diagonal(dim1=1, dim2=2)
    return (0.5 * (similarity_HBB.logsumexp(2) + similarity_HBB.logsumexp(1)) - own).T


def info_nce_one_way(embedding_BHD: Tensor, target_BD: Tensor, label_B: Tensor) -> Tensor:
    """The brain module's CLIP loss.

    Only the candidates are scaled to unit length; no temperature; brain to label only. Defossez et al.,
    Nature Machine Intelligence 2023.
    """
    similarity_HBB = embedding_BHD.transpose(0, 1) @ F.normalize(target_BD, dim=-1).T
    similarity_HBB = similarity_HBB.masked_fill(_repeats(label_B), -torch.inf)
    return (similarity_HBB.logsumexp(2) - similarity_HBB.diagonal(dim1=1, dim2=2)).T


def mse(embedding_BHD: Tensor, target_BD: Tensor) -> Tensor:
    """Squared distance to the target, summed over D: the mean of unit vectors' squares would shrink with the width."""
    return (embedding_BHD - target_BD[:, None]).square().sum(dim=-1)


def mmd(embedding_BHD: Tensor, target_BD: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of the batch's embeddings and targets at each hop, the same for every crop.

    The biased estimate, whose means include pairs of a vector with itself: never negative, and defined for one crop.
    The kernel is the mean of Gaussians exp(-squared distance / (2 * bandwidth)). Gretton et al., JMLR 2012.
    """
    x_HBD = embedding_BHD.transpose(0, 1)
    y_HBD = target_BD.expand_as(x_HBD)
    per_hop = _kernel(x_HBD, x_HBD) + _kernel(y_HBD, y_HBD) - 2 * _kernel(x_HBD, y_HBD)
    return per_hop.expand(len(embedding_BHD), -1)


def distillation(embedding_BHD: Tensor, teacher_BD: Tensor) -> Tensor:
    """One minus the cosine to the teacher's embedding of the whole window."""
    return 1 - F.cosine_similarity(embedding_BHD, teacher_BD[:, None], dim=-1)


def weighted_mean(per_hop_BH: Tensor, weight_BH: Tensor) -> Tensor:
    """One number; hops of weight 0 have no influence."""
    return (per_hop_BH * weight_BH).sum() / weight_BH.sum().clamp(min=1e-6)


def _repeats(label_B: Tensor) -> Tensor:
    """Pairs of crops of one label, but for a crop with itself, bool[B, B]."""
    return (label_B[:, None] == label_B) & ~torch.eye(len(label_B), dtype=torch.bool, device=label_B.device)


def _kernel(x_HBD: Tensor, y_HBD: Tensor) -> Tensor:
    """Mean over all pairs of the kernel, float32[H]."""
    squared = x_HBD.square().sum(-1)[:, :, None] + y_HBD.square().sum(-1)[:, None] - 2 * x_HBD @ y_HBD.mT
    gaussians = [torch.exp(-squared.clamp(min=0) / (2 * width)) for width in MMD_BANDWIDTHS]
    return torch.stack(gaussians).mean(dim=(0, 2, 3))
