"""A flat MLP over the whole window: a teacher and a baseline that cannot run live.

Shape suffixes: B windows, C channels, T samples, D embedding.
"""

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Size
from decoder.layers.encoder import EncoderConfig, Network


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FlatMlpConfig(EncoderConfig):
    """Configuration of a FlatMlp; the fields about onsets and leaks have no effect here."""

    window_s: Positive = 1.0  # length of the windows
    width: Size = 1024


class FlatMlp(Network):
    """All samples of a window into one dense layer, a residual layer, a norm, and a linear projection.

    float32[B, C, T] to float32[B, D], not normalised; T is `window_s` at `sfreq`, else ValueError. Not streaming. The
    brain encoder of UBP (Wu et al., CVPR 2025, https://arxiv.org/abs/2503.04207) and of Shallow Alignment
    (https://arxiv.org/abs/2601.21948).
    """

    config: FlatMlpConfig

    def __init__(self, config: FlatMlpConfig):
        super().__init__()
        c = self.config = config
        self.n_times = round(c.window_s * c.sfreq)
        if self.n_times < 1:
            raise ValueError(f"FlatMlp: window_s {c.window_s:g} holds no sample at {c.sfreq:g} Hz, needs 1 or more")
        self.flat = nn.Linear(c.n_channels * self.n_times, c.width)
        self.residual = nn.Sequential(nn.GELU(), nn.Linear(c.width, c.width), nn.Dropout(c.dropout))
        self.norm = nn.LayerNorm(c.width)
        self.project = nn.Linear(c.width, c.embedding_dim)

    @classmethod
    def window_config(cls, start_s: float, end_s: float) -> dict[str, float]:
        return {"window_s": end_s - start_s}

    def embed_crops(self, x_BCT: Tensor, onset_BH: Tensor) -> Tensor:
        embedding_BD: Tensor = self(x_BCT)
        return embedding_BD[:, None]

    def forward(self, window_BCT: Tensor) -> Tensor:
        if window_BCT.shape[-1] != self.n_times:
            c = self.config
            raise ValueError(
                f"FlatMlp: window of {window_BCT.shape[-1]} samples, needs {self.n_times} ({c.window_s:g} s at "
                f"{c.sfreq:g} Hz); cut it to that or build the network with its length as window_s"
            )
        x = self.flat(window_BCT.flatten(1))
        embedding_BD: Tensor = self.project(self.norm(x + self.residual(x)))
        return embedding_BD
