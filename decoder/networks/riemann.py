"""The Riemannian pipeline for evoked activity, in a causal form: Xdawn, running covariance, tangent space, linear head.

Shape suffixes: B streams, C channels, T samples, H hops, N trials, W samples of the window, S sources, R rows of the
extended signal, F tangent features, J heads, D embedding.
"""

import math

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor

from decoder.closed_form.base import ClosedForm, ClosedFormConfig, sample_of
from decoder.closed_form.tangent_space import tangent_vector
from decoder.config import STRICT, Positive, Size
from decoder.layers.onset import OnsetSum
from decoder.linalg import inverse_sqrt
from decoder.streaming import State, prefixed, substate
from decoder.training_trials import TrainingTrials

TOTAL_SHRINKAGE = 0.05  # of the total covariance in Xdawn


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RiemannConfig(ClosedFormConfig):
    """Configuration of a Riemann network; JSON can hold it."""

    sources: Size = 3  # spatial filters
    templates: Size = 2  # mean evoked activity, and differences of labels from it
    shrinkage: Positive = 0.05  # of covariances towards the diagonal of their mean
    moments: Size = 4  # times in the window for which a head is fitted; heads are interpolated between
    penalty: Positive = 1.0  # on the squared weights of a head


class Riemann(ClosedForm):
    """Logits of the labels from the tangent vector of a running covariance since onset.

    The Xdawn-filtered signal is stacked under templates of the evoked activity, so that the covariance contains the
    power of the sources and their correlation with each template. Each hop's mean covariance is mapped to the tangent
    space at the training trials' mean at that time. Rivet et al., IEEE TBME, 2009; Barachant and Congedo, 2014,
    https://arxiv.org/abs/1409.0107.

    State: running.*  # see OnsetSum
    """

    config: RiemannConfig
    filters: Tensor
    patterns: Tensor
    diagonal: Tensor
    whitening: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, config: RiemannConfig):
        super().__init__(config)
        c = config
        if c.templates < 1 or c.sources < 1:
            raise ValueError(f"RiemannConfig: sources {c.sources} and templates {c.templates}, needs 1 or more of each")
        self.n_times = round(c.window_s * c.sfreq)
        self.n_hops = max(1, self.n_times // self.hop)  # of the window
        n_sources = min(c.sources, c.n_channels)
        n_rows = n_sources * (1 + c.templates)
        n_features = n_rows * (n_rows + 1) // 2
        self.register_buffer("filters", torch.zeros(n_sources, c.n_channels))
        self.register_buffer("patterns", torch.zeros(self.n_times + 1, n_rows - n_sources))  # last row: outside
        self.register_buffer("diagonal", torch.ones(n_rows))
        self.register_buffer("whitening", torch.eye(n_rows).repeat(self.n_hops, 1, 1))
        self.n_heads = c.moments
        self.register_buffer("weight", torch.zeros(self.n_heads, n_features, c.embedding_dim))
        self.register_buffer("bias", torch.zeros(self.n_heads, c.embedding_dim))
        self.running = OnsetSum(n_rows**2, leak=0.0, normalisation="count")

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        features_BHF, running = self.features(x_BCT, substate(state, "running"), onset_BH)
        blend_BHJ = self.blend(onset_BH).to(x_BCT.dtype)
        logits_BHJD = torch.einsum("bhf,jfd->bhjd", features_BHF, self.weight) + self.bias
        return (logits_BHJD * blend_BHJ[..., None]).sum(2), prefixed("running", running)

    def features(self, x_BCT: Tensor, state: State, onset_BH: Tensor) -> tuple[Tensor, State]:
        """Tangent vectors of each hop, float32[B, H, F]."""
        covariance_BHRR, state = self.covariances(x_BCT, state, onset_BH)
        nearest = (onset_BH * self.config.sfreq / self.hop).round().long() - 1
        return tangent_vector(covariance_BHRR, self.whitening[nearest.clamp(0, self.n_hops - 1)]), state

    def covariances(self, x_BCT: Tensor, state: State, onset_BH: Tensor) -> tuple[Tensor, State]:
        """Mean over the samples since onset of the extended signal's products, shrunk, float32[B, H, R, R]."""
        source_BST = self.filters @ x_BCT
        sample_BT = sample_of(onset_BH, self.hop, self.config.sfreq, self.n_times)
        rows = torch.cat([self.patterns[sample_BT].transpose(1, 2), source_BST], dim=1)
        rows_BHRT = rows.unflatten(-1, (onset_BH.shape[1], self.hop)).transpose(1, 2)
        products = rows_BHRT @ rows_BHRT.transpose(-1, -2) / self.hop
        mean, state = self.running(products.flatten(2), state, onset_BH)
        share = self.config.shrinkage
        return (1 - share) * mean.unflatten(-1, products.shape[2:]) + share * torch.diag(self.diagonal), state

    def blend(self, onset_BH: Tensor) -> Tensor:
        """Weight of each head at each hop, [B, H, J]: linear interpolation between two heads, 0 without an onset."""
        n = self.n_heads
        position = (onset_BH / self.config.window_s * n - 1).clamp(0, n - 1)
        near = (1 - (position[..., None] - torch.arange(n, device=onset_BH.device)).abs()).clamp(min=0)
        return torch.where(onset_BH[..., None] >= 0, near, 0.0)

    @torch.no_grad()
    def fit(self, trials: TrainingTrials) -> None:
        c = self.config
        if not trials.prototypes:
            raise ValueError("classifies trained labels, but the targets are vectors; choose another network")
        windows_NCW, labels = trials.windows(trials.signals, self.n_hops * self.hop)
        filters, patterns = xdawn(windows_NCW, labels, len(self.filters), c.templates)
        self.filters.copy_(filters)
        self.patterns.zero_()
        self.patterns[: patterns.shape[1]] = patterns.T
        onset_NH = (torch.arange(1, self.n_hops + 1) * self.hop / c.sfreq).repeat(len(labels), 1)
        x = windows_NCW.float()
        self.diagonal.zero_()
        unshrunk, _ = self.covariances(x, self.running.init_state(len(x)), onset_NH)
        self.diagonal.copy_(unshrunk[:, -1].mean(0).diagonal() / (1 - c.shrinkage))
        covariance, _ = self.covariances(x, self.running.init_state(len(x)), onset_NH)
        self.whitening.copy_(inverse_sqrt(covariance.double().mean(0), 0.0))
        features_NHF, _ = self.features(x, self.running.init_state(len(x)), onset_NH)
        vectors = torch.as_tensor(trials.vectors, dtype=torch.float64)
        for j in range(self.n_heads):
            hop = max(1, round((j + 1) / self.n_heads * self.n_hops)) - 1
            weight, bias = logistic(features_NHF[:, hop].double(), labels, len(vectors), c.penalty)
            self.weight[j], self.bias[j] = weight @ vectors, bias @ vectors


def xdawn(windows_NCW: Tensor, labels: Tensor, n_sources: int, n_templates: int) -> tuple[Tensor, Tensor]:
    """Filters [S, C] with the largest ratio of evoked to total power, and filtered templates [S * n_templates, W].

    The first templates are the mean activity, the others the principal components of the differences between labels.
    """
    shown = labels.unique()
    means = torch.stack([windows_NCW[labels == label].mean(0) for label in shown])
    flat = windows_NCW.transpose(0, 1).flatten(1)
    total = flat @ flat.T / flat.shape[1]
    root = inverse_sqrt(total, TOTAL_SHRINKAGE)
    evoked_CC = torch.einsum("kcw,kdw->cd", means, means)
    _, vectors = torch.linalg.eigh(root @ evoked_CC @ root)
    filters = vectors.flip(1)[:, :n_sources].T @ root
    evoked_KSW = filters @ means
    mean = evoked_KSW.mean(0)
    _, sizes, components = torch.linalg.svd((evoked_KSW - mean).flatten(1), full_matrices=False)
    templates = [mean]
    for i in range(n_templates - 1):
        exists = i < min(len(sizes), len(shown) - 1)
        scale = sizes[i] * math.sqrt(2 / len(shown)) if exists else 0.0
        templates.append((scale * components[min(i, len(components) - 1)]).unflatten(0, mean.shape))
    return filters.float(), torch.cat(templates).float()


def logistic(x_NF: Tensor, labels: Tensor, n_labels: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights [F, K] and bias [K] of a multinomial logistic regression without a penalty on the bias."""
    weight = torch.zeros(x_NF.shape[1], n_labels, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(n_labels, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([weight, bias], max_iter=300, line_search_fn="strong_wolfe", tolerance_change=1e-8)

    def loss() -> Tensor:
        descent.zero_grad()
        with torch.enable_grad():
            value = F.cross_entropy(x_NF @ weight + bias, labels, reduction="sum") + penalty * weight.square().sum()
            value.backward()
        return value

    descent.step(loss)
    return weight.detach(), bias.detach()
