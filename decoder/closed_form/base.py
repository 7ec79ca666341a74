"""The base of networks that are fitted by formula: seconds of work, and the same result every time.

Shape suffixes: B streams, T samples, H hops.
"""

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from decoder.config import STRICT, Positive
from decoder.layers.encoder import EncoderConfig, StreamingNetwork


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ClosedFormConfig(EncoderConfig):
    """Configuration of a network fitted by formula; `dropout` and `onset_features` have no effect here."""

    window_s: Positive = 1.0  # after onset; later samples have no influence


class ClosedForm(StreamingNetwork):
    """A network whose weights `fit` sets from trials; before that its embeddings are zero.

    See StreamingNetwork for what goes in and out. It decodes cued trials only: without a known onset, and after the
    window, the embedding is zero or does not change any more. A subclass implements `fit(trials)`, which raises
    ValueError where the trials are too few or cannot be distinguished.
    """

    config: ClosedFormConfig
    fit_method = "closed_form"

    @classmethod
    def embedding_dim_for(cls, n_labels: int, target_dim: int | None, default: int) -> int:
        return n_labels if target_dim is None else target_dim

    @classmethod
    def window_config(cls, start_s: float, end_s: float) -> dict[str, float]:
        return {"window_s": end_s}


def sample_of(onset_BH: Tensor, hop: int, sfreq: float, n_times: int) -> Tensor:
    """Samples after onset of each sample of each hop, int64[B, H * hop]; `n_times` outside 0..n_times - 1."""
    back = torch.arange(hop - 1, -1, -1, device=onset_BH.device)
    sample = (onset_BH[..., None] * sfreq).round().long() - back
    inside = (onset_BH[..., None] >= 0) & (sample >= 0) & (sample < n_times)
    return torch.where(inside, sample, n_times).flatten(1)
