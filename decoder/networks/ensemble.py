"""Several trained networks as one: runs that differ in their seed agree on what is there and not on their mistakes."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from decoder.checked import Amount
from decoder.layers.encoder import EncoderConfig, StreamingNetwork
from decoder.streaming import State, Streaming, prefixed, substate


@dataclass(frozen=True, kw_only=True)
class EnsembleConfig(EncoderConfig):
    """What an Ensemble is made from; JSON can hold it."""

    members: tuple[dict[str, Any], ...]  # {"name": ..., "config": {...}} of each
    join: str = "concat"  # of embeddings in spaces of their own; mean: in one space
    weights: tuple[Amount, ...] | None = None  # of each member; None: alike


class Ensemble(StreamingNetwork):
    """The members' embeddings, each times its weight: side by side over the root of their number, or their mean.

    See StreamingNetwork for what goes in and out. With label vectors joined by `join_rows` the inner product is the
    mean of the members', each times its weight. ValueError where the members do not fit together.

    State: members.<i>.*  # of each network
    """

    config: EnsembleConfig

    def __init__(self, config: EnsembleConfig):
        from decoder.networks import build_network  # which lists this network, too

        super().__init__(config)
        if not config.members:
            raise ValueError("EnsembleConfig: 0 members, needs one or more")
        self.members = nn.ModuleList(
            build_network(member.get("name", ""), **member.get("config", {})) for member in config.members
        )
        widths: list[int] = []
        for i, member in enumerate(self.members):
            if not isinstance(member, Streaming):
                raise ValueError(f"EnsembleConfig: member {i} takes whole windows, needs a network that streams")
            given: Any = member.config
            widths.append(given.embedding_dim)
            for key in ("n_channels", "sfreq", "hop_samples"):
                found, needed = getattr(given, key), getattr(config, key)
                if found != needed:
                    raise ValueError(f"EnsembleConfig: {key} of member {i} is {found}, needs {needed}")
        if config.join not in ("concat", "mean"):
            raise ValueError(f"EnsembleConfig: join {config.join!r}, needs concat or mean")
        joined = [sum(widths)] if config.join == "concat" else sorted(set(widths))
        if joined != [config.embedding_dim]:
            raise ValueError(
                f"EnsembleConfig: members of embedding_dim {', '.join(map(str, widths))} do not {config.join} to "
                f"{config.embedding_dim}, needs members that do"
            )
        weights = config.weights or (1.0,) * len(config.members)
        if len(weights) != len(config.members):
            raise ValueError(f"EnsembleConfig: {len(weights)} weights, needs one for each of {len(widths)} members")
        self.weights = weights

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        parts, new = [], State()
        for i, member in enumerate(self.members):
            y, inner = member(x_BCT, substate(state, f"members.{i}"), onset_BH, subject=subject)
            parts.append(self.weights[i] * y)
            new |= prefixed(f"members.{i}", inner)
        joined = torch.stack(parts).mean(dim=0) if self.config.join == "mean" else concat_rows(parts)
        return joined, new


def concat_rows(parts: list[Tensor]) -> Tensor:
    """Vectors [..., D] of each member side by side over the root of their number: unit rows give a unit row."""
    return torch.cat(parts, dim=-1) / len(parts) ** 0.5
