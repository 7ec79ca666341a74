"""Differential entropy of the bands of each sensor, as a stream.

Shape suffixes: B streams, C channels, T samples, H hops, K filter taps.
"""

import math

import torch
import torch.nn.functional as F
from scipy.signal import firwin
from torch import Tensor

from decoder.layers.band_power import EPS, MAX_BAND_SHARE
from decoder.layers.conv import CausalMean
from decoder.streaming import State, Streaming, append_history, prefixed, substate

BANDS_HZ = ((1.0, 3.0), (4.0, 7.0), (8.0, 13.0), (14.0, 30.0), (31.0, 45.0))  # delta, theta, alpha, beta, gamma


class BandEntropy(Streaming):
    """Differential entropy of each channel in each band, for a Gaussian signal: 0.5 ln(2 pi e variance).

    float32[B, C, T] to float32[B, T / hop, C * n_bands], the bands of a channel next to each other. Fixed causal
    band-pass filters of `kernel_s` (their delay is half of it), variance over the last `window_s`. `bands_hz` None:
    delta to gamma, without those that do not fit below 0.45 of the rate.

    State: past    float32[B, C, kernel - 1]  # samples before the filters
           mean.*  # see CausalMean
    """

    bank: Tensor

    def __init__(
        self,
        n_channels: int,
        sfreq: float,
        hop: int,
        bands_hz: tuple[tuple[float, float], ...] | None = None,
        window_s: float = 1.0,
        kernel_s: float = 0.5,
    ):
        super().__init__()
        top = MAX_BAND_SHARE * sfreq
        bands = bands_hz or tuple((low, min(high, top)) for low, high in BANDS_HZ if low < 0.9 * top)
        if not bands:
            raise ValueError(f"BandEntropy: no rhythm from delta to gamma fits below {top:g} Hz, needs a higher rate")
        for low, high in bands:
            if not 0 < low < high <= top:
                raise ValueError(f"BandEntropy: band {low} to {high} Hz, needs a rising pair between 0 and {top:g} Hz")
        self.hop, self.n_channels, self.n_bands = hop, n_channels, len(bands)
        self.kernel = max(3, round(kernel_s * sfreq)) // 2 * 2 + 1  # odd: the delay is a whole number of samples
        taps = [firwin(self.kernel, band, pass_zero=False, fs=sfreq) for band in bands]
        self.register_buffer("bank", torch.stack([torch.tensor(tap, dtype=torch.float32) for tap in taps])[:, None])
        self.mean = CausalMean(n_channels * self.n_bands, max(2, round(window_s * sfreq / hop)))
        self.receptive_field = self.kernel - 1 + self.mean.window * hop

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.n_channels, self.kernel - 1)} | super().init_state(batch)

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if self.steps(x_BCT.shape[-1]) == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], 0, self.n_channels * self.n_bands), state
        extended, past = append_history(state["past"], x_BCT)
        band = F.conv1d(extended.flatten(0, 1)[:, None], self.bank)  # [B * C, n_bands, T]
        power = F.avg_pool1d(band.square(), self.hop).unflatten(0, (-1, self.n_channels)).flatten(1, 2)
        variance, layer_state = self.mean(power, substate(state, "mean"))
        entropy = 0.5 * torch.log(2 * math.pi * math.e * (EPS + variance))
        return entropy.transpose(1, 2), {"past": past} | prefixed("mean", layer_state)
