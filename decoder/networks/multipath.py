"""Three paths for one signal: raw, band power, learned wavelets.

Shape suffixes: B streams, C channels, S sources, T samples, H hops, F features.
"""

import math

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Positives, Size
from decoder.layers.band_power import EPS, LogBandPower, centre_frequencies
from decoder.layers.conv import CausalMean
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.stems import SourceConv
from decoder.streaming import State, Streaming, append_history, prefixed, substate

PATHS = ("raw", "spectral", "wavelet")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MultipathConfig(EncoderConfig):
    """Configuration of a Multipath."""

    paths: tuple[str, ...] = PATHS  # whose features are concatenated
    n_sources: Size = 16  # spatial filters of the raw and of the wavelet path
    raw_features: Size = 4  # temporal filters of each source
    raw_kernel_s: Positive = 0.125
    power_bands: Size = 9  # log-spaced
    power_sources: Size = 4  # spatial filters per band
    power_windows_s: Positives = (0.5, 2.0)  # trailing
    band_hz: tuple[Positive, Positive] = (4.0, 40.0)  # first and last centre, of powers and wavelets
    n_wavelets: Size = 6  # log-spaced, of each source
    wavelet_kernel_s: Positive = 0.5
    wavelet_window_s: Positive = 0.25  # trailing


class WaveletPath(Streaming):
    """Log amplitude of each source under a bank of learned wavelets, over a trailing window.

    float32[B, C, T] to float32[B, S * n_wavelets, T / hop]. The bank starts as cosine and sine pairs of a few
    cycles, so that a fast rhythm has a shorter delay than a slow one; it and the spatial filters are learned.

    State: past    float32[B, S, kernel - 1]  # sources before the bank
           mean.*  # see CausalMean
    """

    def __init__(self, config: MultipathConfig):
        super().__init__()
        c = config
        self.hop, self.n_sources = c.hop_samples, c.n_sources
        self.spatial = nn.Conv1d(c.n_channels, c.n_sources, 1, bias=False)
        kernel = max(3, round(c.wavelet_kernel_s * c.sfreq))
        self.bank = nn.Parameter(wavelet_bank(c.n_wavelets, kernel, c.sfreq, c.band_hz))
        self.n_features = c.n_sources * c.n_wavelets
        self.mean = CausalMean(self.n_features, max(2, round(c.wavelet_window_s * c.sfreq / c.hop_samples)))
        self.receptive_field = kernel - 1 + self.mean.window * self.hop

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.n_sources, self.bank.shape[-1] - 1)} | super().init_state(batch)

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if self.steps(x_BCT.shape[-1]) == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], self.n_features, 0), state
        extended, past = append_history(state["past"], self.spatial(x_BCT))
        pairs = F.conv1d(extended.flatten(0, 1)[:, None], self.bank.flatten(0, 1)[:, None]).unflatten(1, (-1, 2))
        power = F.avg_pool1d(pairs.square().sum(2), self.hop).unflatten(0, (-1, self.n_sources)).flatten(1, 2)
        mean, layer_state = self.mean(power, substate(state, "mean"))
        return 0.5 * torch.log(EPS + mean), {"past": past} | prefixed("mean", layer_state)


class Multipath(FeatureEncoder):
    """Convolution of the raw signal, log band power, and learned wavelets; normalised and concatenated.

    See StreamingNetwork for what goes in and out.

    State: <path>.*   # see SourceConv, LogBandPower, WaveletPath
           readout.*  # see Readout
    """

    config: MultipathConfig
    learns_whitening = True

    def __init__(self, config: MultipathConfig):
        c = config
        unknown = [path for path in c.paths if path not in PATHS]
        if unknown or not c.paths or len(set(c.paths)) != len(c.paths):
            raise ValueError(f"MultipathConfig: paths {c.paths}, needs one or more of {', '.join(PATHS)}, each once")
        widths = {
            "raw": c.n_sources * c.raw_features,
            "spectral": c.power_bands * c.power_sources * len(c.power_windows_s),
            "wavelet": c.n_sources * c.n_wavelets,
        }
        n_features = sum(widths[path] for path in c.paths)
        super().__init__(c, n_features)
        if "raw" in c.paths:
            kernel = max(2, round(c.raw_kernel_s * c.sfreq))
            self.raw = SourceConv(c.n_channels, c.n_sources, c.raw_features, kernel, c.hop_samples)
        if "spectral" in c.paths:
            self.spectral = LogBandPower(
                c.n_channels,
                c.sfreq,
                c.hop_samples,
                n_bands=c.power_bands,
                n_sources=c.power_sources,
                windows_s=c.power_windows_s,
                band_hz=c.band_hz,
            )
        if "wavelet" in c.paths:
            self.wavelet = WaveletPath(c)
        self.norm = nn.BatchNorm1d(n_features)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        outputs: list[Tensor] = []
        new: State = {}
        for path in self.config.paths:
            y, layer_state = self.get_submodule(path)(x_BCT, substate(state, path))
            outputs.append(y.transpose(1, 2) if path == "raw" else y)
            new |= prefixed(path, layer_state)
        return self.norm(torch.cat(outputs, dim=1)).transpose(1, 2), new

    def set_whitening(self, matrix_CC: Tensor) -> None:
        """Whiten the spectral path's input with a matrix learned from training data."""
        if "spectral" in self.config.paths:
            self.spectral.whitening.copy_(matrix_CC)


def wavelet_bank(n: int, kernel: int, sfreq: float, band_hz: tuple[float, float], cycles: float = 4.0) -> Tensor:
    """Cosine and sine of `cycles` under a Hann window that ends with the newest sample, float32[n, 2, kernel].

    Centres are log-spaced; a sine of amplitude 1 at a centre frequency gives about cos^2 + sin^2 = 1.
    """
    bank = torch.zeros(n, 2, kernel)
    for i, centre in enumerate(centre_frequencies(n, sfreq, band_hz).tolist()):
        length = min(kernel, max(3, round(cycles * sfreq / centre)))
        phase = 2 * math.pi * centre * torch.arange(length) / sfreq
        window = torch.hann_window(length + 2, periodic=False)[1:-1]
        bank[i, :, kernel - length :] = torch.stack([phase.cos(), phase.sin()]) * window * (2 / window.sum())
    return bank
