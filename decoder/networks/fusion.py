"""Two networks, one a modality, fused: EEG and MEG together, or either alone.

Shape suffixes: B streams, C channels, T samples, H hops, M the two modalities, W width of what each brings.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from decoder.checked import Share
from decoder.closed_form.base import ClosedForm
from decoder.layers.encoder import EncoderConfig, StreamingNetwork
from decoder.layers.fusion import RULES, ModalityFusion
from decoder.streaming import State, Streaming, prefixed, substate

MODALITIES = ("first", "second")
SHARED = ("sfreq", "hop_samples", "n_subjects", "dropout", "onset_features", "leak_s")  # of both networks, unless told


@dataclass(frozen=True, kw_only=True)
class FusionConfig(EncoderConfig):
    """What a FusionNetwork is made from; the signal's channels are those of the first modality, then the second's."""

    n_first: int  # channels of the first modality
    n_second: int | None = None  # channels of the second; None: all others
    first: str = "gat_transformer"  # a name from decoder.networks
    second: str = "gat_transformer"
    first_options: dict[str, Any] | None = None  # fields of that network's config
    second_options: dict[str, Any] | None = None
    rule: str = "gated"  # add, concat_half, mean_normalised, gated or cross_attention
    modality_dropout: Share = 0.3  # share of a training batch's streams that lose one modality, either as often
    width: int = 32  # of a token, with cross_attention
    n_heads: int = 4  # of the same
    window: int = 32  # hops, of the same
    only: str | None = None  # first or second: the signal holds that modality's channels and nothing else


class FusionNetwork(StreamingNetwork):
    """Embeddings from two modalities; a modality whose hop is exactly zero in every channel counts as absent there.

    See StreamingNetwork for what goes in and out. Presence is a matter of the hop alone, so a modality may come and
    go in mid-stream; its network hears silence meanwhile. In training, modality dropout takes one of the two from some
    streams. See Fusion for the rules.

    State: fusion.*                           # see Fusion
           members.first.*, members.second.*  # of the two networks
    """

    config: FusionConfig

    def __init__(self, config: FusionConfig):
        from decoder.networks import build_network  # which lists this network, too

        super().__init__(config)
        c = config
        self.sizes = sizes_of(c)
        self.fusion = ModalityFusion(c.rule, c.embedding_dim, c.width, c.n_heads, c.window)
        self.members = nn.ModuleDict()
        shared = {key: getattr(c, key) for key in SHARED}
        for side, rows in self.rows().items():
            options = {
                "n_channels": rows.stop - rows.start,
                "positions": None if c.positions is None else c.positions[rows],
                "embedding_dim": self.fusion.width,
                **shared,
                **(getattr(c, f"{side}_options") or {}),
            }
            made = build_network(getattr(c, side), **options)
            if not isinstance(made, Streaming) or isinstance(made, ClosedForm):
                raise ValueError(
                    f"FusionConfig: {side} {getattr(c, side)!r}, needs a network that streams and is trained"
                )
            self.members[side] = made

    def rows(self) -> dict[str, slice]:
        """The channels of the signal that belong to each modality it holds."""
        if self.config.only:
            return {self.config.only: slice(0, self.config.n_channels)}
        n_first, n_second = self.sizes
        return {"first": slice(0, n_first), "second": slice(n_first, n_first + n_second)}

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        rows, new, n_hops = self.rows(), State(), onset_BH.shape[1]
        said, heard = [], []
        for side in MODALITIES:
            if side not in rows:
                said.append(x_BCT.new_zeros(x_BCT.shape[0], n_hops, self.fusion.width))
                heard.append(torch.zeros_like(said[-1][..., 0], dtype=torch.bool))
                continue
            part_BCT, name = x_BCT[:, rows[side]], f"members.{side}"
            one_BHW, inner = self.members[side](part_BCT, substate(state, name), onset_BH, subject=subject)
            new |= prefixed(name, inner)
            said.append(one_BHW)
            heard.append(part_BCT.unflatten(-1, (n_hops, self.hop)).abs().amax(dim=(1, 3)) > 0)
        present_BHM = self.drop(torch.stack(heard, dim=-1))
        y, inner = self.fusion(torch.stack(said, dim=2), present_BHM, substate(state, "fusion"))
        return y, new | prefixed("fusion", inner)

    def drop(self, present_BHM: Tensor) -> Tensor:
        """In training, some streams lose one modality for good; a stream that has only one keeps it."""
        if not self.training or self.config.only or not self.config.modality_dropout:
            return present_BHM
        draw_B2 = torch.rand(present_BHM.shape[0], 2, device=present_BHM.device)
        lost_BM = (draw_B2[:, :1] < self.config.modality_dropout) & torch.stack(
            [draw_B2[:, 1] < 0.5, draw_B2[:, 1] >= 0.5], dim=1
        )
        both_BH1 = present_BHM.all(dim=-1, keepdim=True)
        return present_BHM & ~(lost_BM[:, None] & both_BH1)

    def alone(self, side: str) -> "FusionNetwork":
        """A copy for signals of the `first` or the `second` modality's channels only, with the weights of this one."""
        if side not in MODALITIES or self.config.only not in (None, side):
            raise ValueError(f"FusionNetwork: no modality {side!r}, needs {self.config.only or 'first or second'}")
        c, n = self.config, self.sizes[MODALITIES.index(side)]
        positions = None if c.positions is None else c.positions[self.rows()[side]]
        config = dataclasses.replace(
            c, n_channels=n, n_first=self.sizes[0], n_second=self.sizes[1], positions=positions, only=side
        )
        made = FusionNetwork(config).to(self._like.device)
        kept = made.state_dict()
        made.load_state_dict({key: value for key, value in self.state_dict().items() if key in kept})
        return made.train(self.training)

    def set_whitening(self, matrix_CC: Tensor) -> None:
        """Each network's own whitening, from the covariance of its channels that the matrix over all of them undoes."""
        covariance_CC = torch.linalg.inv(matrix_CC.double() @ matrix_CC.double())
        for side, rows in self.rows().items():
            if whiten := getattr(self.members[side], "set_whitening", None):
                values, vectors = torch.linalg.eigh(covariance_CC[rows, rows])
                whiten((vectors * values.rsqrt() @ vectors.T).to(matrix_CC.dtype))


def sizes_of(config: FusionConfig) -> tuple[int, int]:
    """Channels of each modality; ValueError where the numbers do not fit."""
    c = config
    if c.rule not in RULES:
        raise ValueError(f"FusionConfig: rule {c.rule!r}, needs one of {', '.join(RULES)}")
    if c.only not in (None, *MODALITIES):
        raise ValueError(f"FusionConfig: only {c.only!r}, needs first, second or nothing")
    n_second = c.n_channels - c.n_first if c.n_second is None else c.n_second
    wanted = {None: c.n_first + n_second, "first": c.n_first, "second": n_second}[c.only]
    if min(c.n_first, n_second) < 1 or wanted != c.n_channels:
        raise ValueError(
            f"FusionConfig: n_first {c.n_first} and n_second {n_second} of {c.n_channels} channels, needs one channel "
            f"or more of each{f' and {c.n_channels} of the {c.only}' if c.only else ', together all of them'}"
        )
    return c.n_first, n_second
