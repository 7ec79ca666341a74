"""Several trained networks as one: runs that differ only in their seed make different mistakes."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Amounts
from decoder.layers.encoder import EncoderConfig, StreamingNetwork
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EnsembleConfig(EncoderConfig):
    """Configuration of an Ensemble; JSON can hold it."""

    members: tuple[dict[str, Any], ...]  # {"name": ..., "config": {...}} of each
    join: str = "concat"  # concat: embeddings in different spaces; mean: in one space
    weights: Amounts | None = None  # of each member; None: equal


def member_specs(config: EnsembleConfig) -> dict[str, dict[str, Any]]:
    """The members, as `build_network` takes them: {"0": {"name", "config"}, ...}; ValueError where there is none."""
    if not config.members:
        raise ValueError("EnsembleConfig: 0 members, needs one or more")
    return {str(i): member for i, member in enumerate(config.members)}


class Ensemble(StreamingNetwork):
    """The members' embeddings, each times its weight: concatenated over the root of their number, or averaged.

    See StreamingNetwork for what goes in and out. With label vectors joined by `concat_rows` the dot product is the
    mean of the members', each times its weight. ValueError where the members do not fit together.

    State: members.<i>.*  # of each network
    """

    config: EnsembleConfig

    def __init__(self, config: EnsembleConfig, members: Mapping[str, nn.Module]):
        super().__init__(config)
        self.members = nn.ModuleList(members.values())
        dims = [self._embedding_dim(i, member) for i, member in enumerate(self.members)]
        if config.join not in ("concat", "mean"):
            raise ValueError(f"EnsembleConfig: join {config.join!r}, needs concat or mean")
        joined = [sum(dims)] if config.join == "concat" else sorted(set(dims))
        if joined != [config.embedding_dim]:
            raise ValueError(
                f"EnsembleConfig: members of embedding_dim {', '.join(map(str, dims))} do not {config.join} to "
                f"{config.embedding_dim}, needs members that do"
            )
        self.weights = config.weights or (1.0,) * len(dims)
        if len(self.weights) != len(dims):
            raise ValueError(f"EnsembleConfig: {len(self.weights)} weights, needs one for each of {len(dims)} members")

    def _embedding_dim(self, i: int, member: nn.Module) -> int:
        """`embedding_dim` of member `i`; ValueError where its input is another than the ensemble's."""
        if not isinstance(member, StreamingNetwork):
            raise ValueError(f"EnsembleConfig: member {i} takes whole windows, needs a network that streams")
        for key in ("n_channels", "sfreq", "hop_samples"):
            value, needed = getattr(member.config, key), getattr(self.config, key)
            if value != needed:
                raise ValueError(f"EnsembleConfig: {key} of member {i} is {value}, needs {needed}")
        return member.config.embedding_dim

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        embeddings, new = [], State()
        for i, member in enumerate(self.members):
            y, member_state = member(x_BCT, substate(state, f"members.{i}"), onset_BH, subject=subject)
            embeddings.append(self.weights[i] * y)
            new |= prefixed(f"members.{i}", member_state)
        if self.config.join == "mean":
            return torch.stack(embeddings).mean(dim=0), new
        return concat_rows(embeddings), new


def concat_rows(rows: list[Tensor]) -> Tensor:
    """Vectors [..., D] of each member concatenated, over the root of their number: unit rows stay unit rows."""
    joined: Tensor = torch.cat(rows, dim=-1) / len(rows) ** 0.5
    return joined
