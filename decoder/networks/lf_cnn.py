"""LF-CNN and VAR-CNN: latent sources, a short filter on each, and their patterns on the scalp.

Shape suffixes: B streams, C channels, T samples, H hops, S sources.
"""

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Size
from decoder.layers.conv import CausalConv
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LfCnnConfig(EncoderConfig):
    """LF-CNN; its maximum over 2 samples is one over the hop here."""

    n_sources: Size = 32
    kernel_s: Positive = 0.056  # 7 samples at 125 Hz


class LfCnn(FeatureEncoder):
    """Linear sources of the sensors, a separate filter for each, ReLU, and the maximum of each hop.

    See StreamingNetwork for what goes in and out. Zubarev et al., NeuroImage 2019,
    https://doi.org/10.1016/j.neuroimage.2019.04.068.

    State: filters.*  # see CausalConv
           readout.*  # see Readout
    """

    full = False  # whether a filter takes all sources

    def __init__(self, config: LfCnnConfig):
        c = config
        super().__init__(c, c.n_sources)
        self.demix = nn.Conv1d(c.n_channels, c.n_sources, 1)
        groups = 1 if self.full else c.n_sources
        self.filters = CausalConv(c.n_sources, c.n_sources, max(1, round(c.kernel_s * c.sfreq)), groups=groups)
        nn.init.kaiming_uniform_(self.demix.weight, nonlinearity="relu")
        self.demix.bias = nn.Parameter(torch.full((c.n_sources,), 0.1))

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BST, filters = self.filters(self.demix(x_BCT), substate(state, "filters"))
        return F.max_pool1d(F.relu(x_BST), self.hop).transpose(1, 2), prefixed("filters", filters)


class VarCnn(LfCnn):
    """LF-CNN in which each filter takes all sources, as in the equations of a vector autoregression.

    State: filters.*  # see CausalConv
           readout.*  # see Readout
    """

    full = True


def patterns(network: LfCnn, covariance_CC: Tensor) -> Tensor:
    """Pattern of each source on the sensors, float32[C, S]: cov w / var(s), in sensor units per unit of source.

    `covariance_CC` is that of the network's input. Filters are not patterns: a filter also cancels other sources. Haufe
    et al., NeuroImage 2014, https://doi.org/10.1016/j.neuroimage.2013.10.067. ValueError where the shape is not that of
    the network's channels, or a source has no variance.
    """
    n = network.config.n_channels
    if covariance_CC.shape != (n, n):
        raise ValueError(f"patterns: covariance of shape {tuple(covariance_CC.shape)}, needs ({n}, {n})")
    weight_SC = network.demix.weight.detach()[..., 0]
    shared_CS = covariance_CC.to(weight_SC) @ weight_SC.T
    variance_S = (weight_SC.T * shared_CS).sum(0)
    if not (variance_S > 0).all():
        flat = int((~(variance_S > 0)).sum())
        raise ValueError(f"patterns: {flat} of {len(variance_S)} sources have no variance; pass more signal than that")
    return shared_CS / variance_S
