"""The matched filter of an evoked response in coloured noise, made causal and answering at every moment.

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

ROOT = 2**0.5  # rows are this much too short for unit vectors and embeddings as much longer
HEADROOM = 4.0  # a row holds the energy of responses up to so many times as strong as the strongest in training
RIDGES = tuple(10.0**power for power in range(-3, 7))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MatchedFilterConfig(ClosedFormConfig):
    """What a MatchedFilter is made from; JSON can hold it."""

    order: Size = 8  # samples of the past that predict the noise
    template_hz: Positive = 15.0  # responses are smooth: templates of labels without given vectors are low-passed here


class MatchedFilter(ClosedForm):
    """Log-likelihood of every label given all samples since onset.

    The noise is a vector autoregression, so what is new in each sample is white, and evidence for a response adds up
    sample by sample: no window has to be complete, and what was left out later loses nothing earlier. Linear
    discriminant analysis in its sequential form; noise model as Bijma et al., NeuroImage, 2003.

    Labels that stand for themselves have one template and one embedding axis each. Where labels are given by vectors
    the response is linear in the vector, see decoder.closed_form.evoked_model: the embedding is the
    gradient of the log-likelihood, the energy gathered so far, and a zero, which meet in a bank's row the vector, minus
    half its response's energy, and what fills the row up to unit length. A strong response must not win by its size,
    nor a weak one by its silence.

    State: innovations.past  float32[B, C, order]  # see CausalConv
           evidence.*                              # see SinceOnset
    """

    config: MatchedFilterConfig
    templates: Tensor
    offsets: Tensor
    centre: Tensor

    def __init__(self, config: MatchedFilterConfig):
        super().__init__(config)
        c, self.n_times = config, round(config.window_s * config.sfreq)
        self.innovations = CausalConv(c.n_channels, c.n_channels, c.order + 1, bias=False)
        self.evidence = OnsetSum(c.embedding_dim, leak=0.0, divide="nothing")
        # The last row stands for samples outside the window.
        self.register_buffer("templates", torch.zeros(self.n_times + 1, c.embedding_dim, c.n_channels))
        self.register_buffer("offsets", torch.zeros(self.n_times + 1, c.embedding_dim))
        self.register_buffer("centre", torch.zeros(c.embedding_dim))  # of given vectors: rows are made with it

    @classmethod
    def embedding_dim_for(cls, n_labels: int, target_dim: int | None, default: int) -> int:
        return n_labels if target_dim is None else target_dim + 2

    @torch.no_grad()
    def bank_rows(self, vectors_KD: Tensor) -> Tensor:
        unit = F.normalize(vectors_KD, dim=1)
        apart = (unit - self.centre[:-2]).double()
        template = (self.templates[:-1, :-2] / ROOT).transpose(0, 1).flatten(1).double()
        energy = 0.5 * (apart @ (template @ template.T) * apart).sum(1).float()
        most = -self.offsets[:, -2].sum() / ROOT
        share = (energy / most.clamp(min=1e-12)).clamp(max=1.0)[:, None]
        return torch.cat([unit, -share, (1 - share.square()).sqrt()], dim=1) / ROOT

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        new_BCT, inner = self.innovations(x_BCT, substate(state, "innovations"))
        new = prefixed("innovations", inner)
        at_BT = sample_of(onset_BH, self.hop, self.config.sfreq, self.n_times)
        evidence_BTD = (self.templates[at_BT] @ new_BCT.transpose(1, 2)[..., None]).squeeze(-1) - self.offsets[at_BT]
        per_hop = evidence_BTD.unflatten(1, (-1, self.hop)).sum(2)
        embedding, inner = self.evidence(per_hop, substate(state, "evidence"), onset_BH)
        return embedding, new | prefixed("evidence", inner)

    @torch.no_grad()
    def fit(self, trials: TrainingTrials) -> None:
        # The mean response of 38,120 simulated trials, taken for noise, cost 8 points of top-5. Labels without given
        # vectors keep what was tuned on minutes of real recordings.
        signals = trials.signals if trials.prototypes else trials.residual_signals(self.n_times)
        self.innovations.conv.weight.copy_(torch.as_tensor(fit_prewhitening(signals, self.config.order)))
        fit = self.fit_labels if trials.prototypes else self.fit_vectors
        fit(trials)

    def new(self, signal: np.ndarray) -> np.ndarray:
        """What is new in each sample of a signal (C, n_times)."""
        whitened: np.ndarray = self.innovations(torch.as_tensor(signal)[None])[0][0].numpy()
        return whitened

    def fit_labels(self, trials: TrainingTrials) -> None:
        """A template of each label that stands for itself."""
        windows_NCW, labels = trials.windows([self.new(signal) for signal in trials.signals], self.n_times)
        vectors = torch.as_tensor(trials.vectors, dtype=torch.float64)
        seen = vectors[labels]
        centre = seen.mean(0)
        response = ridge(seen - centre, (windows_NCW - windows_NCW.mean(0)).flatten(1))
        response = torch.as_tensor(self.smooth(response.unflatten(1, windows_NCW.shape[1:]).numpy()))  # [D, C, W]
        template = response.permute(2, 0, 1)
        self.templates[:-1] = template.float()
        # What the mean response gives, so that evidence is for more than the average label, and half the energy of each
        # template: a strong response must not win by its size.
        offset = torch.einsum("wdc,cw->wd", template, windows_NCW.mean(0)) + 0.5 * template.square().sum(2)
        self.offsets[:-1] = offset.float()

    def fit_vectors(self, trials: TrainingTrials) -> None:
        """Templates linear in the label's vector; trials are summed up as they come, since there may be many."""
        c = self.config
        if trials.vectors.shape[1] + 2 != c.embedding_dim:
            raise ValueError(
                f"embedding_dim is {c.embedding_dim}, needs {trials.vectors.shape[1] + 2}, two more than the label "
                "vectors have numbers; build it so"
            )
        vectors = F.normalize(torch.as_tensor(trials.vectors, dtype=torch.float64), dim=1).numpy()
        heard, _ = self.innovations(torch.as_tensor(channel_basis(c.n_channels, self.n_times, c.sfreq)))
        axes, gain = orthonormal_basis(heard.flatten(1).numpy())
        to_axes = torch.as_tensor(axes)
        sums = torch.zeros(len(vectors), axes.shape[1], dtype=torch.float64)
        counts, energy, total_CW = torch.zeros(len(vectors)), 0.0, torch.zeros(heard.shape[1:], dtype=torch.float64)
        for windows_NCW, labels in trials.windows_in_batches(map(self.new, trials.signals), self.n_times):
            on_axes = windows_NCW.double().flatten(1) @ to_axes
            sums.index_add_(0, labels, on_axes)
            counts += torch.bincount(labels, minlength=len(vectors))
            energy += float(on_axes.square().sum())
            total_CW += windows_NCW.sum(0)
        found = fit_evoked_model(sums.numpy(), counts.double().numpy(), energy, vectors, gain, c.n_channels)
        self.innovations.conv.weight /= found.noise
        mean_CW = total_CW / counts.sum() / found.noise

        def in_time(weights: np.ndarray) -> Tensor:
            weights_DCW: Tensor = torch.as_tensor(weights @ axes.T).unflatten(1, heard.shape[1:])
            return weights_DCW.permute(2, 0, 1)

        template = in_time(found.weights)
        typical_W = in_time(found.typical).square().sum((1, 2))
        most = 0.5 * HEADROOM * found.strongest
        self.centre[:-2] = torch.as_tensor(found.centre)
        self.templates[:-1, :-2] = ROOT * template
        self.offsets[:-1, :-2] = ROOT * torch.einsum("wdc,cw->wd", template, mean_CW)
        # The energy gathered by a time is known on average alone; from its end on it is exact.
        self.offsets[:-1, -2] = -ROOT * most * typical_W / typical_W.sum().clamp(min=1e-12)

    def smooth(self, response_DCW: np.ndarray) -> np.ndarray:
        """Templates without what is faster than an evoked response."""
        c = self.config
        if c.template_hz >= 0.45 * c.sfreq or self.n_times < 20:
            return response_DCW
        smoothed = sosfiltfilt(butter(2, c.template_hz, fs=c.sfreq, output="sos"), response_DCW, axis=-1)
        return np.ascontiguousarray(smoothed)


def ridge(x_ND: Tensor, y_NF: Tensor) -> Tensor:
    """Weights [D, F] from x to y, their ridge chosen by generalised cross-validation (Golub et al., 1979)."""
    values, vectors = torch.linalg.eigh(x_ND.T @ x_ND)
    values = values.clamp(min=0)
    projected = vectors.T @ (x_ND.T @ y_NF)  # [D, F]
    energy, n = projected.square().sum(1), len(x_ND)
    best, chosen = torch.inf, RIDGES[0]
    for value in RIDGES:
        kept = 1 / (values + value)
        residual = y_NF.square().sum() - (energy * kept * (2 - values * kept)).sum()
        score = residual / (n - (values * kept).sum()) ** 2
        if score < best:
            best, chosen = score, value
    solution: Tensor = vectors @ (projected / (values + chosen)[:, None])
    return solution
