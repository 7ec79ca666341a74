"""A network for two modalities, EEG and MEG say, with a network for each: decodes both together or either alone.

Shape suffixes: B streams, C channels, T samples, H hops, M the two modalities, W features of each modality.
"""

import dataclasses
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Share, Size
from decoder.layers.encoder import EncoderConfig, Network, StreamingNetwork
from decoder.layers.fusion import RULES, ModalityFusion, modality_width
from decoder.streaming import State, prefixed, substate

MODALITIES = ("first", "second")
SHARED = ("sfreq", "hop_samples", "n_subjects", "dropout", "onset_features", "leak_s")  # also of both networks


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FusionConfig(EncoderConfig):
    """Configuration of a FusionNetwork; the channels are those of the first modality, then those of the second."""

    n_first: Size  # channels of the first modality
    n_second: Size | None = None  # channels of the second; None: all others
    first: str = "gat_transformer"  # a name from decoder.networks
    second: str = "gat_transformer"
    first_options: dict[str, Any] | None = None  # fields of that network's config
    second_options: dict[str, Any] | None = None
    rule: str = "gated"  # add, concat_half, mean_normalised, gated or cross_attention
    modality_dropout: Share = 0.3  # share of a training batch's streams that lose one modality, each equally often
    width: Size = 32  # of a token, with cross_attention
    n_heads: Size = 4  # with cross_attention
    window: Size = 32  # hops, with cross_attention
    only: str | None = None  # first or second: the signal holds that modality's channels and no others


def member_specs(config: FusionConfig) -> dict[str, dict[str, Any]]:
    """The network of each modality, as `build_network` takes it; ValueError where the config's numbers do not fit."""
    shared = {key: getattr(config, key) for key in SHARED}
    specs = {}
    for modality, channels in channel_slices(config).items():
        settings = {
            "n_channels": channels.stop - channels.start,
            "positions": None if config.positions is None else config.positions[channels],
            "embedding_dim": modality_width(config.rule, config.embedding_dim, config.width),
            **shared,
            **(getattr(config, f"{modality}_options") or {}),
        }
        specs[modality] = {"name": getattr(config, modality), "config": settings}
    return specs


class FusionNetwork(StreamingNetwork):
    """Embeddings from two modalities; a modality is absent in a hop that is exactly zero in all its channels.

    See StreamingNetwork for what goes in and out. Presence depends on the hop alone, so a modality may come and go in
    mid-stream; its network receives zeros meanwhile. In training, modality dropout removes one of the two from some
    streams. See ModalityFusion for the rules. `members` holds a network for each modality that the signal has.

    State: fusion.*                           # see ModalityFusion
           members.first.*, members.second.*  # of the two networks
    """

    config: FusionConfig
    learns_whitening = True

    def __init__(self, config: FusionConfig, members: Mapping[str, nn.Module]):
        super().__init__(config)
        c = config
        self.channels = channel_slices(c)
        self.fusion = ModalityFusion(c.rule, c.embedding_dim, c.width, c.n_heads, c.window)
        self.members = nn.ModuleDict(members)
        for modality, member in members.items():
            if not isinstance(member, StreamingNetwork) or member.fit_method != "gradient_descent":
                raise ValueError(
                    f"FusionConfig: {modality} {getattr(c, modality)!r}, needs a network that streams and is trained"
                )

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        new, n_hops = State(), onset_BH.shape[1]
        features, present = [], []
        for modality in MODALITIES:
            if modality not in self.channels:
                features.append(x_BCT.new_zeros(x_BCT.shape[0], n_hops, self.fusion.width))
                present.append(torch.zeros_like(features[-1][..., 0], dtype=torch.bool))
                continue
            signal_BCT, name = x_BCT[:, self.channels[modality]], f"members.{modality}"
            y_BHW, member_state = self.members[modality](signal_BCT, substate(state, name), onset_BH, subject=subject)
            new |= prefixed(name, member_state)
            features.append(y_BHW)
            hops_BCHT = signal_BCT.reshape(*signal_BCT.shape[:2], n_hops, self.hop)
            present.append(hops_BCHT.abs().amax(dim=(1, 3)) > 0)
        present_BHM = self.modality_dropout(torch.stack(present, dim=-1))
        y, fusion_state = self.fusion(torch.stack(features, dim=2), present_BHM, substate(state, "fusion"))
        return y, new | prefixed("fusion", fusion_state)

    def modality_dropout(self, present_BHM: Tensor) -> Tensor:
        """In training, `present_BHM` with one modality missing from some streams; a stream's only one stays."""
        if not self.training or self.config.only or not self.config.modality_dropout:
            return present_BHM
        draw_B2 = torch.rand(present_BHM.shape[0], 2, device=present_BHM.device)
        lost_BM = (draw_B2[:, :1] < self.config.modality_dropout) & torch.stack(
            [draw_B2[:, 1] < 0.5, draw_B2[:, 1] >= 0.5], dim=1
        )
        both_BH1 = present_BHM.all(dim=-1, keepdim=True)
        return present_BHM & ~(lost_BM[:, None] & both_BH1)

    def single_modality(self, modality: str) -> "FusionNetwork":
        """A copy with the same weights for signals of the channels of the `first` or the `second` modality only."""
        if modality not in self.channels:
            raise ValueError(f"FusionNetwork: no modality {modality!r}, needs {self.config.only or 'first or second'}")
        c, n_channels = self.config, modality_sizes(self.config)
        channels = self.channels[modality]
        config = dataclasses.replace(
            c,
            n_channels=channels.stop - channels.start,
            n_first=n_channels[0],
            n_second=n_channels[1],
            positions=None if c.positions is None else c.positions[channels],
            only=modality,
        )
        network = FusionNetwork(config, {modality: deepcopy(self.members[modality])})
        network.fusion = deepcopy(self.fusion)
        return network.to(self._like.device).train(self.training)

    def set_whitening(self, matrix_CC: Tensor) -> None:
        """Each network's own whitening, from the covariance of its channels that the matrix over all of them undoes."""
        covariance_CC = torch.linalg.inv(matrix_CC.double() @ matrix_CC.double())
        for modality, channels in self.channels.items():
            member = self.members[modality]
            if isinstance(member, Network) and member.learns_whitening:
                values, vectors = torch.linalg.eigh(covariance_CC[channels, channels])
                member.set_whitening((vectors * values.rsqrt() @ vectors.T).to(matrix_CC.dtype))


def channel_slices(config: FusionConfig) -> dict[str, slice]:
    """The channels of the signal that belong to each modality it holds; ValueError where the numbers do not fit."""
    n_first, n_second = modality_sizes(config)
    if config.only:
        return {config.only: slice(0, config.n_channels)}
    return {"first": slice(0, n_first), "second": slice(n_first, n_first + n_second)}


def modality_sizes(config: FusionConfig) -> tuple[int, int]:
    """Channels of each modality; ValueError where the numbers do not fit."""
    c = config
    if c.rule not in RULES:
        raise ValueError(f"FusionConfig: rule {c.rule!r}, needs one of {', '.join(RULES)}")
    if c.only not in (None, *MODALITIES):
        raise ValueError(f"FusionConfig: only {c.only!r}, needs first, second or nothing")
    n_second = c.n_channels - c.n_first if c.n_second is None else c.n_second
    needed = {None: c.n_first + n_second, "first": c.n_first, "second": n_second}[c.only]
    if min(c.n_first, n_second) < 1 or needed != c.n_channels:
        raise ValueError(
            f"FusionConfig: n_first {c.n_first} and n_second {n_second} of {c.n_channels} channels, needs one channel "
            f"or more of each{f' and {c.n_channels} of the {c.only}' if c.only else ', together all of them'}"
        )
    return c.n_first, n_second
