"""A channel-mixing matrix for each person.

Shape suffixes: B streams, C channels, T samples.
"""

import torch
from torch import Tensor, nn


class SubjectLayer(nn.Module):
    """One matrix per subject, applied to the channels at each sample.

    float32[B, C, T] and `subject`, an int or int64[B], to float32[B, C, T]; no memory. Starts from the identity, or
    from noise of variance 1 / C as in Defossez et al., 2023, https://arxiv.org/abs/2208.12266.
    """

    def __init__(self, n_subjects: int, n_channels: int, identity: bool = True):
        super().__init__()
        noise = torch.randn(n_subjects, n_channels, n_channels) / n_channels**0.5
        self.matrix = nn.Parameter(torch.eye(n_channels).repeat(n_subjects, 1, 1) if identity else noise)

    def forward(self, x_BCT: Tensor, subject: Tensor | int = 0) -> Tensor:
        return self.matrix[subject].mT @ x_BCT
