"""Log band power of learned sources.

Shape suffixes: B streams, C channels, S sources (all bands), T samples, H hops, K filter taps.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.layers.conv import CausalMean
from decoder.streaming import State, Streaming, append_history, prefixed, substate

EPS = 1e-4  # in units of the input squared; keeps the log of zero power finite
MAX_BAND_SHARE = 0.45  # of the rate: the signal has no power above


class LogBandPower(Streaming):
    """Log band power of learned sources over several trailing windows.

    float32[B, C, T] to float32[B, n_features, T / hop], n_features = n_bands * n_sources * len(windows_s). A fixed
    whitening (buffer, identity unless set), spatial filters per band, a bank of quadrature filters shared by the
    sources of a band, square, log of trailing means. Filter-bank CSP (Ang et al., 2008) with every step learned.
    ValueError where the rate is too low for the kernel, a window or the band.

    State: past  float32[B, S, kernel - 1]  # sources before the temporal filters
           means.<i>.*                      # see CausalMean, one per window
    """

    whitening: Tensor

    def __init__(
        self,
        n_channels: int,
        sfreq: float,
        hop: int,
        n_bands: int = 9,
        n_sources: int = 4,
        windows_s: tuple[float, ...] = (0.5, 2.0),
        kernel_s: float = 0.5,
        band_hz: tuple[float, float] = (4.0, 40.0),
    ):
        super().__init__()
        self.hop, self.n_sources = hop, n_sources
        self.kernel = round(kernel_s * sfreq)
        windows = [round(seconds * sfreq / hop) for seconds in windows_s]
        if self.kernel < 1 or min(windows) < 2:
            raise ValueError(
                f"LogBandPower: kernel_s {kernel_s:g} holds {self.kernel} samples and windows_s {windows_s} hold "
                f"{windows} hops at {sfreq:g} Hz, needs 1 sample or more and 2 hops or more"
            )
        self.n_features = n_bands * n_sources * len(windows)
        self.receptive_field = self.kernel - 1 + max(windows) * hop
        self.register_buffer("whitening", torch.eye(n_channels))
        self.spatial = nn.Parameter(torch.empty(n_bands, n_sources, n_channels))
        for band in self.spatial:
            nn.init.orthogonal_(band)
        self.bank = nn.Parameter(gabor_bank(n_bands, self.kernel, sfreq, band_hz))
        self.means = nn.ModuleList(CausalMean(n_bands * n_sources, window) for window in windows)

    def init_state(self, batch: int) -> State:
        n_all = self.spatial.shape[0] * self.n_sources
        return {"past": self.zeros(batch, n_all, self.kernel - 1)} | super().init_state(batch)

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        n_steps = self.steps(x_BCT.shape[-1])
        if n_steps == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], self.n_features, 0), state
        # Spatial and temporal filters are linear and commute: space first leaves fewer rows to filter in time.
        source_BST = F.conv1d(x_BCT, (self.spatial.flatten(0, 1) @ self.whitening)[..., None])
        extended, past = append_history(state["past"], source_BST)
        taps = self.bank.repeat_interleave(self.n_sources, dim=0).flatten(0, 1)[:, None]  # [S * 2, 1, K]
        pairs = F.conv1d(extended, taps, groups=extended.shape[1])
        power_BSH = pairs.square().unflatten(1, (-1, 2)).sum(2).unflatten(-1, (n_steps, self.hop)).mean(-1)
        features, new = [], {"past": past}
        for i, mean in enumerate(self.means):
            y, layer_state = mean(power_BSH, substate(state, f"means.{i}"))
            features.append(torch.log(EPS + y))
            new |= prefixed(f"means.{i}", layer_state)
        return torch.cat(features, dim=1), new


def centre_frequencies(n: int, sfreq: float, band_hz: tuple[float, float]) -> Tensor:
    """Log-spaced frequencies in Hz from first to last of `band_hz`, as far as the rate reaches, float32[n]."""
    low, high = band_hz[0], min(band_hz[1], MAX_BAND_SHARE * sfreq)
    if low > high:
        raise ValueError(
            f"band_hz {band_hz} at {sfreq:g} Hz, needs a rising pair that begins below {MAX_BAND_SHARE * sfreq:g}"
        )
    return torch.logspace(math.log10(low), math.log10(high), n)


def gabor_bank(n_bands: int, kernel: int, sfreq: float, band_hz: tuple[float, float]) -> Tensor:
    """Windowed cosine and sine pairs with log-spaced centres, float32[n_bands, 2, kernel].

    A sine of amplitude 1 at a centre frequency gives cos^2 + sin^2 = 1.
    """
    centre_hz = centre_frequencies(n_bands, sfreq, band_hz)
    time_s = (torch.arange(kernel) - (kernel - 1) / 2) / sfreq
    phase = 2 * math.pi * centre_hz[:, None] * time_s
    window = torch.hann_window(kernel + 2)[1:-1]  # no tap starts at zero
    return torch.stack([phase.cos(), phase.sin()], dim=1) * window * (2 / window.sum())
