"""The matched filter of an evoked response in coloured noise, made causal and answering at every moment.

Shape suffixes: B streams, C channels, T samples, H hops, N trials, W samples of the window, K labels, D embedding.
"""

from dataclasses import dataclass

import torch
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from decoder.closed_form import ClosedForm, ClosedFormConfig, Trials, sample_of
from decoder.conv import CausalConv
from decoder.innovations import innovation_filter
from decoder.since_onset import SinceOnset
from decoder.streaming import State, nest, take

RIDGES = tuple(10.0**power for power in range(-3, 7))


@dataclass(frozen=True, kw_only=True)
class MatchedFilterConfig(ClosedFormConfig):
    """What a MatchedFilter is made from; JSON can hold it."""

    order: int = 8  # samples of the past that predict the noise
    template_hz: float = 15.0  # responses are smooth: templates are low-passed here


class MatchedFilter(ClosedForm):
    """The log-likelihood gradient of the label's vector given all samples since onset.

    The noise is a vector autoregression, so what is new in each sample is white, and evidence for a response adds up
    sample by sample: no window has to be complete, and what was left out later loses nothing earlier. The response is
    linear in the label's vector (one trained template per label where the vectors are the labels themselves). Linear
    discriminant analysis in its sequential form; noise model as Bijma et al., NeuroImage, 2003.

    State: innovations.past  float32[B, C, order]  # see CausalConv
           evidence.*                              # see SinceOnset
    """

    config: MatchedFilterConfig
    templates: Tensor
    offsets: Tensor

    def __init__(self, config: MatchedFilterConfig):
        super().__init__()
        c = self.config = config
        self.hop, self.n_times = c.hop_samples, round(c.window_s * c.sfreq)
        self.innovations = CausalConv(c.n_channels, c.n_channels, c.order + 1, bias=False)
        self.evidence = SinceOnset(c.embedding_dim, leak=0.0, divide="nothing")
        # The last row stands for samples outside the window.
        self.register_buffer("templates", torch.zeros(self.n_times + 1, c.embedding_dim, c.n_channels))
        self.register_buffer("offsets", torch.zeros(self.n_times + 1, c.embedding_dim))

    def forward(
        self,
        x_BCT: Tensor,
        state: State | None = None,
        onset_BH: Tensor | None = None,
        subject: Tensor | int = 0,
    ) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        n_hops = self.steps(x_BCT.shape[-1])
        if n_hops == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], 0, self.config.embedding_dim), state
        if onset_BH is None:
            onset_BH = x_BCT.new_full((x_BCT.shape[0], n_hops), -1.0)
        new_BCT, inner = self.innovations(x_BCT, take(state, "innovations"))
        new = nest("innovations", inner)
        at_BT = sample_of(onset_BH, self.hop, self.config.sfreq, self.n_times)
        evidence_BTD = (self.templates[at_BT] @ new_BCT.transpose(1, 2)[..., None]).squeeze(-1) - self.offsets[at_BT]
        per_hop = evidence_BTD.unflatten(1, (n_hops, self.hop)).sum(2)
        embedding, inner = self.evidence(per_hop, take(state, "evidence"), onset_BH)
        return embedding, new | nest("evidence", inner)

    @torch.no_grad()
    def fit(self, trials: Trials) -> None:
        c = self.config
        taps = innovation_filter(trials.signals, c.order)
        self.innovations.conv.weight.copy_(torch.as_tensor(taps))
        white = []
        for signal in trials.signals:
            new, _ = self.innovations(torch.as_tensor(signal)[None])
            white.append(new[0].numpy())
        windows_NCW, labels = trials.windows(white, self.n_times)
        vectors = torch.as_tensor(trials.vectors, dtype=torch.float64)
        seen = vectors[labels]
        centre = seen.mean(0)
        response = ridge(seen - centre, (windows_NCW - windows_NCW.mean(0)).flatten(1))
        response = torch.as_tensor(self.smooth(response.unflatten(1, windows_NCW.shape[1:]).numpy()))  # [D, C, W]
        template = response.permute(2, 0, 1)
        self.templates[:-1] = template.float()
        # What the mean response gives, so that evidence is for more than the average label; and, for labels that stand
        # for themselves, half the energy of each template: a strong response must not win by its size.
        offset = torch.einsum("wdc,cw->wd", template, windows_NCW.mean(0))
        if trials.prototypes:
            offset = offset + 0.5 * template.square().sum(2)
        self.offsets[:-1] = offset.float()

    def smooth(self, response_DCW):  # noqa: ANN001, ANN201
        """Templates without what is faster than an evoked response."""
        c = self.config
        if c.template_hz >= 0.45 * c.sfreq or self.n_times < 20:
            return response_DCW
        return sosfiltfilt(butter(2, c.template_hz, fs=c.sfreq, output="sos"), response_DCW, axis=-1).copy()


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
    return vectors @ (projected / (values + chosen)[:, None])
