"""One more labelled trial, one more step: what a trained network does when a new person sits down.

Shape suffixes: C channels, T samples, H hops.
"""

import torch
from torch import Tensor, nn

from decoder.streaming import Streaming
from training.objective import hop_weights


def adapt(
    network: Streaming,
    objective: nn.Module,
    signal_CT: Tensor,
    onset_H: Tensor,
    label: int,
    lr: float,
) -> float:
    """One step of plain SGD on a labelled trial; the loss before it.

    `signal_CT` float32 is the trial with its lead, preprocessed; `onset_H` seconds since onset at the end of each hop,
    negative before it. The objective's prototypes move too where they are trained. Dropout is off and batch norm keeps
    its statistics: one trial has none worth having. Zubarev et al., NeuroImage 2019. ValueError where no hop lies after
    the onset.
    """
    if not (onset_H > 0).any():
        raise ValueError(f"adapt: none of {len(onset_H)} hops lies after the onset, needs 1 or more; pass a trial")
    was_training = network.training
    network.eval()
    onset_BH = onset_H[None]
    embedding_BHD, _ = network(signal_CT[None], None, onset_BH)
    weight_BH = hop_weights(onset_BH, (onset_BH > 0).to(embedding_BHD.dtype), float(onset_H.max()))
    loss = objective(embedding_BHD, torch.tensor([label], device=signal_CT.device), weight_BH)
    weights = [p for module in (network, objective) for p in module.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                weight.sub_(lr * gradient)
    network.train(was_training)
    return loss.item()
