"""The matched filter of evoked activity in coloured noise, in a causal form with an output at every hop.

Shape suffixes: B streams, C channels, T samples, H hops, N trials, W samples of the window, K labels, D embedding.
"""

import numpy as np
import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from decoder.closed_form.base import ClosedForm, ClosedFormConfig, sample_of
from decoder.closed_form.evoked_model import channel_basis, fit_evoked_model, orthonormal_basis
from decoder.closed_form.prewhitening import fit_prewhitening
from decoder.config import STRICT, Positive, Size
from decoder.layers.conv import CausalConv
from decoder.layers.onset import OnsetSum
from decoder.streaming import State, prefixed, substate
from decoder.training_trials import TrainingTrials

ROOT = 2**0.5  # bank rows are shorter than unit vectors by this factor, and embeddings longer
HEADROOM = 4.0  # largest energy that a row can have, relative to the strongest activity in training
RIDGES = tuple(10.0**power for power in range(-3, 7))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MatchedFilterConfig(ClosedFormConfig):
    """Configuration of a MatchedFilter; JSON can hold it."""

    order: Size = 8  # samples of the past that predict the noise
    template_hz: Positive = 15.0  # low-pass of the templates of labels without given vectors: evoked activity is smooth


class MatchedFilter(ClosedForm):
    """Log-likelihood of every label given all samples since onset.

    The noise is a vector autoregression, so the innovation of each sample is white, and log-likelihoods add up sample
    by sample: they are exact before the window is complete. This is linear discriminant analysis in its sequential
    form; noise model as Bijma et al., NeuroImage, 2003.

    Labels without given vectors have one template and one embedding axis each. With given vectors the evoked activity
    is linear in the vector, see decoder.closed_form.evoked_model. The embedding is then the gradient of the
    log-likelihood, the energy so far, and a zero; a bank's row is the vector, minus half the energy of its evoked
    activity, and a number that gives the row unit length. So the size of the evoked activity favours no label.

    State: innovations.past  float32[B, C, order]  # see CausalConv
           evidence.*                              # sum of log-likelihoods, see OnsetSum; an old name in saved sessions
    """

    config: MatchedFilterConfig
    templates: Tensor
    offsets: Tensor
    centre: Tensor

    def __init__(self, config: MatchedFilterConfig):
        super().__init__(config)
        c, self.n_times = config, round(config.window_s * config.sfreq)
        self.innovations = CausalConv(c.n_channels, c.n_channels, c.order + 1, bias=False)
        self.evidence = OnsetSum(c.embedding_dim, leak=0.0, normalisation="nothing")
        # The last row is for samples outside the window.
        self.register_buffer("templates", torch.zeros(self.n_times + 1, c.embedding_dim, c.n_channels))
        self.register_buffer("offsets", torch.zeros(self.n_times + 1, c.embedding_dim))
        self.register_buffer("centre", torch.zeros(c.embedding_dim))  # of given vectors, for `bank_rows`

    @classmethod
    def embedding_dim_for(cls, n_labels: int, target_dim: int | None, default: int) -> int:
        return n_labels if target_dim is None else target_dim + 2

    @torch.no_grad()
    def bank_rows(self, vectors_KD: Tensor) -> Tensor:
        unit = F.normalize(vectors_KD, dim=1)
        difference = (unit - self.centre[:-2]).double()
        template = (self.templates[:-1, :-2] / ROOT).transpose(0, 1).flatten(1).double()
        energy = 0.5 * (difference @ (template @ template.T) * difference).sum(1).float()
        max_energy = -self.offsets[:, -2].sum() / ROOT
        share = (energy / max_energy.clamp(min=1e-12)).clamp(max=1.0)[:, None]
        return torch.cat([unit, -share, (1 - share.square()).sqrt()], dim=1) / ROOT

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        innovation_BCT, innovations = self.innovations(x_BCT, substate(state, "innovations"))
        sample_BT = sample_of(onset_BH, self.hop, self.config.sfreq, self.n_times)
        score_BTD = (self.templates[sample_BT] @ innovation_BCT.transpose(1, 2)[..., None]).squeeze(-1)
        score_BTD = score_BTD - self.offsets[sample_BT]
        per_hop = score_BTD.unflatten(1, (-1, self.hop)).sum(2)
        embedding_BHD, sums = self.evidence(per_hop, substate(state, "evidence"), onset_BH)
        return embedding_BHD, prefixed("innovations", innovations) | prefixed("evidence", sums)

    @torch.no_grad()
    def fit(self, trials: TrainingTrials) -> None:
        # With the mean evoked activity in the noise model, 38,120 simulated trials lost 8 points of top-5. Labels
        # without given vectors use the signals as they are, which did best on minutes of real recordings.
        signals = trials.signals if trials.prototypes else trials.residual_signals(self.n_times)
        self.innovations.conv.weight.copy_(torch.as_tensor(fit_prewhitening(signals, self.config.order)))
        fit = self.fit_labels if trials.prototypes else self.fit_vectors
        fit(trials)

    def prewhiten(self, signal: np.ndarray) -> np.ndarray:
        """Innovation of each sample of a signal (C, n_times)."""
        innovation_BCT: Tensor = self.innovations(torch.as_tensor(signal)[None])[0]
        whitened: np.ndarray = innovation_BCT[0].numpy()
        return whitened

    def fit_labels(self, trials: TrainingTrials) -> None:
        """A template for each label, without given vectors."""
        windows_NCW, labels = trials.windows([self.prewhiten(signal) for signal in trials.signals], self.n_times)
        vectors = torch.as_tensor(trials.vectors, dtype=torch.float64)
        vectors_ND = vectors[labels]
        centre = vectors_ND.mean(0)
        weights_DF = ridge(vectors_ND - centre, (windows_NCW - windows_NCW.mean(0)).flatten(1))
        evoked_DCW = torch.as_tensor(self.smooth(weights_DF.unflatten(1, windows_NCW.shape[1:]).numpy()))
        template = evoked_DCW.permute(2, 0, 1)
        self.templates[:-1] = template.float()
        # The score of the mean activity, so that scores are relative to the average label, and half the energy of each
        # template, so that a large template is not favoured.
        offset = torch.einsum("wdc,cw->wd", template, windows_NCW.mean(0)) + 0.5 * template.square().sum(2)
        self.offsets[:-1] = offset.float()

    def fit_vectors(self, trials: TrainingTrials) -> None:
        """Templates linear in the label's vector; trials are summed in batches, since there may be many."""
        c = self.config
        if trials.vectors.shape[1] + 2 != c.embedding_dim:
            raise ValueError(
                f"embedding_dim is {c.embedding_dim}, needs {trials.vectors.shape[1] + 2}, two more than the label "
                "vectors have numbers; build it so"
            )
        vectors = F.normalize(torch.as_tensor(trials.vectors, dtype=torch.float64), dim=1).numpy()
        filtered, _ = self.innovations(torch.as_tensor(channel_basis(c.n_channels, self.n_times, c.sfreq)))
        axes, gain = orthonormal_basis(filtered.flatten(1).numpy())
        to_axes = torch.as_tensor(axes)
        sums = torch.zeros(len(vectors), axes.shape[1], dtype=torch.float64)
        n_of_label, energy = torch.zeros(len(vectors)), 0.0
        total_CW = torch.zeros(filtered.shape[1:], dtype=torch.float64)
        for windows_NCW, labels in trials.windows_in_batches(map(self.prewhiten, trials.signals), self.n_times):
            on_axes = windows_NCW.double().flatten(1) @ to_axes
            sums.index_add_(0, labels, on_axes)
            n_of_label += torch.bincount(labels, minlength=len(vectors))
            energy += float(on_axes.square().sum())
            total_CW += windows_NCW.sum(0)
        model = fit_evoked_model(sums.numpy(), n_of_label.double().numpy(), energy, vectors, gain, c.n_channels)
        self.innovations.conv.weight /= model.noise
        mean_CW = total_CW / n_of_label.sum() / model.noise

        def in_time(weights: np.ndarray) -> Tensor:
            template_WDC: Tensor = torch.as_tensor(weights @ axes.T).unflatten(1, filtered.shape[1:]).permute(2, 0, 1)
            return template_WDC

        template = in_time(model.weights)
        typical_W = in_time(model.typical).square().sum((1, 2))
        max_energy = 0.5 * HEADROOM * model.strongest
        self.centre[:-2] = torch.as_tensor(model.centre)
        self.templates[:-1, :-2] = ROOT * template
        self.offsets[:-1, :-2] = ROOT * torch.einsum("wdc,cw->wd", template, mean_CW)
        # The energy up to a sample is an average over directions; at the end of the window it is exact.
        self.offsets[:-1, -2] = -ROOT * max_energy * typical_W / typical_W.sum().clamp(min=1e-12)

    def smooth(self, evoked_DCW: np.ndarray) -> np.ndarray:
        """Low-passed templates: faster activity is noise."""
        c = self.config
        if c.template_hz >= 0.45 * c.sfreq or self.n_times < 20:
            return evoked_DCW
        smooth: np.ndarray = sosfiltfilt(butter(2, c.template_hz, fs=c.sfreq, output="sos"), evoked_DCW, axis=-1)
        return smooth.copy()


def ridge(x_ND: Tensor, y_NF: Tensor) -> Tensor:
    """Weights [D, F] from x to y; the ridge is chosen by generalised cross-validation (Golub et al., 1979)."""
    values, vectors = torch.linalg.eigh(x_ND.T @ x_ND)
    values = values.clamp(min=0)
    projected = vectors.T @ (x_ND.T @ y_NF)  # [D, F]
    energy, n = projected.square().sum(1), len(x_ND)
    best, chosen = torch.inf, RIDGES[0]
    for value in RIDGES:
        gain = 1 / (values + value)
        residual = y_NF.square().sum() - (energy * gain * (2 - values * gain)).sum()
        score = residual / (n - (values * gain).sum()) ** 2
        if score < best:
            best, chosen = score, value
    weights: Tensor = vectors @ (projected / (values + chosen)[:, None])
    return weights
